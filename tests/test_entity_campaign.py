"""Campaigns on texts with entities: people fill in JSON lines, and what comes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from al.annotators.files import Files
from al.annotators.json_lines import read_lines
from al.annotators.label_studio import LabelStudio
from al.catalog import make_task
from al.contracts import Query
from al.errors import ConfigError, DataError, LabelError
from tests.entity_texts import drawn, json_lines
from tests.stores import production, runs

Make = Callable[..., Any]
TINY: dict[str, Any] = {
    "task": "text-entities", "campaign": "c", "encoder": "none", "validation_size": 20,
    "initial_size": 12, "query_size": 8, "cycles": 2, "baseline": "none", "epochs": 40,
    "report": "on",
}  # fmt: skip
TRUTH = dict(drawn(120))


def triples(text: str) -> list[Any]:
    return [[one["start"], one["end"], one["label"]] for one in TRUTH[text]][::-1]


def fill(path: Path, answer: Callable[[str], Any], key: str = "entities") -> None:
    """Say something of each text of a query, by another program than ours."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        assert row.pop("entities") is None
        row[key] = answer(row["text"])
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.slow
def test_people_mark_entities_in_json_lines_and_the_version_finds_them(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import mlflow

    path = str(json_lines(folder / "texts.jsonl", 120, unlabelled=60))
    even = {"class_weights": "balanced", "calibrate": "on"}
    people = campaign(**TINY, **even, data=path, annotator="files")
    people.run()
    first = folder / "annotate/c/query-01/query.jsonl"
    fill(first, TRUTH.__getitem__)
    people.run()
    second = folder / "annotate/c/query-02/query.jsonl"
    fill(second, triples, "label")  # as doccano exports them
    result = people.run()
    assert result.metric == "entity_f1"
    assert "chosen again" not in caplog.text
    assert result.curve["entity_f1"].iloc[-1] > 0.8
    assert production(client, "c") == [result.version]
    labels = people.labels()
    assert len(labels) >= 20
    data = make_task("text-entities", {"data": path, "encoder": "none"}).data()
    for id, label in zip(labels["id"], labels["label"], strict=True):
        assert json.loads(label) == TRUTH[data.preview(id).text]

    query = runs(client, step="select-data", campaign="c")[-1]
    assert query.data.tags["al.strategy"] == "entropy"
    page = Path(client.download_artifacts(query.info.run_id, "query.html")).read_text()
    assert "<mark " in page
    report = runs(client, role="campaign", campaign="c")[0]
    shown = Path(client.download_artifacts(report.info.run_id, "report.html")).read_text()
    assert "<mark " in shown
    assert "entities in all; evenness" in shown

    model = mlflow.pyfunc.load_model("models:/c/Production")
    asked = pd.DataFrame(
        {"text": ["🎉 Anna Berg lives in Köln .", "", "Nobody ."]}, index=[7, 8, 9]
    )
    answer = model.predict(asked)
    assert list(answer.index) == [7, 8, 9]
    assert answer["error"].tolist() == ["", "it is empty", ""]
    found = [(e["text"], e["label"]) for e in json.loads(answer["entities"][7])]
    assert ("Köln", "LOC") in found

    predicted = pd.read_parquet(people.predict(to="predicted", samples="all"))
    assert {json.loads(cell)[0]["label"] for cell in predicted["label"] if cell != "[]"} <= {
        "PER", "LOC", "ORG"
    }  # fmt: skip
    for name in ("conll", "jsonl", "csv", "datasets", "label-studio"):
        assert any(Path(people.export(to=name, format=name)).iterdir())
    other = {**TINY, "campaign": "d", "cycles": 1, "epochs": 1, "report": "off"}
    campaign(**other, data=path, labels_from="jsonl").run()
    assert f"begins with {len(labels)} labels of jsonl/labels.jsonl" in caplog.text
    with pytest.raises(ConfigError, match="where labels are entities none is simply right or wro"):
        people.auto_label()


@pytest.fixture
def desk(folder: Path) -> Files:
    path = json_lines(folder / "texts.jsonl", 40)
    data = make_task("text-entities", {"data": str(path), "encoder": "none"}).data()
    data.freeze(data.propose_splits(5, 0))
    ids = data.ids("train")[:3]
    made = Files(data, "c")
    made.request(asked(*ids))
    return made


def asked(*ids: str, why: str = "margin") -> Query:
    return Query(
        ids, (0.0,) * len(ids), (why,) * len(ids), (None,) * len(ids), "margin", "models:/m/1"
    )


LINES = Path("annotate/c/query-01/query.jsonl")


def rows() -> list[dict[str, Any]]:
    """The lines, by whatever program they were saved."""
    text = LINES.read_text("utf-8-sig")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def say(answer: Mapping[int, Any]) -> None:
    lines = [json.dumps({**row, "entities": answer.get(n)}) for n, row in enumerate(rows())]
    LINES.write_bytes(("\ufeff" + "\r\n\r\n".join(lines)).encode())


def test_a_query_is_lines_with_the_very_text_and_what_is_said_comes_back(desk: Files) -> None:
    assert [list(row) for row in rows()] == [["nr", "id", "text", "entities"]] * 3
    assert all(row["text"] == desk.data.preview(row["id"]).text for row in rows())
    ids = tuple(row["id"] for row in rows())
    query = asked(*ids)
    assert desk.collect(query).waiting == ids
    before = LINES.read_bytes()
    desk.request(query)
    assert LINES.read_bytes() == before
    label = desk.data.truth(ids[:1])[0] or [{"start": 0, "end": 3, "label": "PER"}]
    lower = [{**one, "label": one["label"].lower()} for one in label]
    say({0: lower[::-1], 1: "Skip"})
    found = desk.collect(query)
    assert [(a.id, a.label) for a in found.answered] == [(ids[0], label)]
    assert (found.skipped, found.waiting) == (ids[1:2], ids[2:])
    say({0: [], 2: []})
    found = desk.collect(query)
    assert [a.label for a in found.answered] == [[], []]  # that there is none is an answer
    assert [a.label for a in desk.revised({ids[0]: label})] == [[]]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([[0, 3, "PRE"]], "'PRE' is not a class: did you mean 'PER'"),
        ([[0, 3, "PER"], [2, 5, "LOC"]], "entities at 0–3 and 2–5 overlap"),
        ([[0, 999, "PER"]], "reaches beyond its text"),
        ([[0, 3]], "entities are "),
        ("Anna", "'Anna' is not a list of entities: write "),
        (7, "'7' is not a list of entities|entities are "),
        ([["a", "b", "PER"]], "entities are "),
    ],
)
def test_what_is_no_label_names_its_line_and_sample(desk: Files, answer: Any, says: str) -> None:
    say({1: answer})
    ids = [row["id"] for row in rows()]
    with pytest.raises(LabelError, match=rf"query.jsonl: line 3 \(id '{ids[1]}'\): .*({says})"):
        desk.collect(asked(*ids))


def test_lines_that_are_no_objects_are_refused_by_their_number(tmp_path: Path) -> None:
    path = tmp_path / "query.jsonl"
    for text in ("[1]\n", "{\n", '{"nr": 1}\n', "3\n"):
        path.write_text("\n" + text)
        with pytest.raises(DataError, match="line 2 is not a JSON object with an id"):
            read_lines(path)
    path.write_bytes(b'{"id": "\xff"}')
    with pytest.raises(DataError, match="is not UTF-8"):
        read_lines(path)


def test_what_has_no_meaning_for_entities_is_refused_before_anything_starts(
    campaign: Make, client: Any, folder: Path
) -> None:
    data = str(json_lines(folder / "texts.jsonl", 60))
    for given, says in [
        ({"strategy": "badge"}, "labels are entities: choose entropy"),
        ({"encoder": "tests.encoders:Counting"}, "takes images, and the task has texts"),
        ({"encoder": "tests.test_entity_vectors:Whole"}, "makes one vector of a text"),
        ({"metric": "accuracy"}, "accuracy"),
    ]:
        with pytest.raises(Exception, match=says):
            campaign(**{**TINY, "data": data, **given}).run()
    assert runs(client, campaign="c") == []


@pytest.mark.slow
def test_people_mark_entities_in_label_studio_and_the_campaign_goes_on(
    studio: Any, campaign: Make, client: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_URL", studio.server.url)
    path = str(json_lines(folder / "texts.jsonl", 120, unlabelled=60))
    name = f"entities-{time.time_ns()}"
    given = {**TINY, "campaign": name, "report": "off", "epochs": 10, "annotator": "label-studio"}
    people = campaign(**given, data=path, annotator_options="prelabel=on")
    data = make_task("text-entities", {"data": path, "encoder": "none"}).data()
    asked: list[str] = []
    for _ in range(2):
        people.run()
        annotator = studio.again(LabelStudio(data, name, {"url": studio.server.url}))
        annotator._find()
        crowd = studio.crowd(annotator)
        crowd.truth = lambda sample: TRUTH[data.preview(sample).text]
        asked += [task["data"]["item_id"] for task in crowd.tasks()]
        crowd.work()
    result = people.run()
    assert result.metric == "entity_f1"
    labels = people.labels().set_index("id")["label"]
    assert len(set(asked)) == 20
    for id in set(asked):
        assert json.loads(labels[id]) == TRUTH[data.preview(id).text]
