"""Texts with entities as they stand in files: what is read, refused, left out and told."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al.catalog import make_task
from al.contracts import Batch
from al.data import delimited
from al.data.entities import entities_given
from al.data.entities.conll import read_conll
from al.errors import ConfigError, DataError, LabelError
from tests.entity_texts import columns, drawn, json_lines


@pytest.fixture(autouse=True)
def nothing_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(delimited, "_logged", set())
    caplog.set_level(logging.INFO, "al")


def loader(path: Path, **more: Any) -> Any:
    return make_task("text-entities", {"data": str(path), "encoder": "none", **more}).data()


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def span(start: int, end: int, label: str = "PER") -> dict[str, Any]:
    return {"start": start, "end": end, "label": label}


ANNA = {"text": "Anna lives in Köln 🎉", "entities": [span(0, 4), span(14, 18, "LOC")]}


def test_json_lines_and_columns_hold_the_same_texts_and_entities(tmp_path: Path) -> None:
    one = loader(json_lines(tmp_path / "texts.jsonl", 60, unlabelled=10))
    two = loader(columns(tmp_path / "texts.conll", 60, unlabelled=10))
    assert one.spec == two.spec
    assert one.spec.classes == ("LOC", "ORG", "PER")
    expected = dict(drawn(60)[:50])
    for data in (one, two):
        found = {data.preview(id).text: label for id, label in data.given().items()}
        assert found == expected
        assert len(data.ids("train")) == 60
    assert sorted(one.ids("train")) == sorted(two.ids("train"))  # known by what they hold


@pytest.mark.parametrize(
    ("tags", "entities"),
    [
        (["B-PER", "I-PER", "O", "B-LOC"], [(0, 5, "PER"), (8, 10, "LOC")]),  # BIO
        (["I-PER", "I-PER", "O", "I-LOC"], [(0, 5, "PER"), (8, 10, "LOC")]),  # IOB1
        (["I-PER", "B-PER", "O", "O"], [(0, 2, "PER"), (3, 5, "PER")]),  # IOB1, side by side
        (["B-PER", "E-PER", "O", "S-LOC"], [(0, 5, "PER"), (8, 10, "LOC")]),  # BIOES
        (["U-PER", "U-PER", "B-LOC", "L-LOC"], [(0, 2, "PER"), (3, 5, "PER"), (6, 10, "LOC")]),
        (["B-PER", "E-PER", "I-PER", "O"], [(0, 5, "PER"), (6, 7, "PER")]),  # E ends it
        (["B-PER", "I-LOC", "I-LOC", "O"], [(0, 2, "PER"), (3, 7, "LOC")]),
        (["O", "O", "O", "O"], []),
        (["_", "_", "_", "_"], None),
    ],
)
def test_tags_of_every_scheme_become_entities(tags: list[str], entities: Any) -> None:
    words = ["Jo", "Li", "x", "東京"]
    text = "".join(f"{word} NN {tag}\n" for word, tag in zip(words, tags, strict=True))
    (row,) = read_conll(Path("f"), text, "text", "entities")
    assert row["text"] == "Jo Li x 東京"
    wanted = None if entities is None else [span(*one) for one in entities]
    assert row["entities"] == wanted


def test_comments_counted_tokens_and_files_without_tags_are_read() -> None:
    text = "-DOCSTART- O\n\n# sent_id = 1\n1\tAnna\tB-PER\n2\t#\tO\n\n"
    text += "# a remark\n#\tB-LOC\n\nJust\nwords\n"
    rows = read_conll(Path("f"), text.replace("\n", "\r\n"), "t", "e")
    assert [(row["t"], row["line"]) for row in rows] == [
        ("Anna #", 4),
        ("#", 8),
        ("Just words", 10),
    ]
    assert [row["e"] for row in rows] == [[span(0, 4)], [span(0, 1, "LOC")], None]


def test_words_that_a_token_of_conllu_is_taken_apart_into_are_read_once() -> None:
    text = "1\tJo\tB-PER\n2-3\tvámonos\t_\n2\tvamos\tO\n3\tnos\tB-PER\n3.1\tya\t_\n4-5\tdel\tO\n"
    text += "4\tde\tO\n5\tel\tB-LOC\n6\tRío\tI-LOC\n\n3-4 x B-N\nmen x O\n"
    rows = read_conll(Path("f"), text, "t", "e")
    assert [row["t"] for row in rows] == ["Jo vamos nos de el Río", "3-4 men"]
    assert rows[0]["e"] == [span(0, 2), span(9, 12), span(16, 22, "LOC")]
    assert rows[1]["e"] == [span(0, 3, "N")]  # of lines that are not counted, it is the token


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1\ta\tO\n2-3\tdel\tB-LOC\n2\tde\tO\n3\tel\tO\n", "line 2: 2-3 has a tag.*: move it"),
        ("1-2\tdel\t_\n1\tde\tO\n2\tel\t_\n", "line 3: '_' is not a tag"),
        ("Anna PER\n", "line 1: 'PER' is not a tag: write O, B-CLASS or I-CLASS"),
        ("a O\n\nb O\nc _\n", "line 4: '_' is not a tag"),
    ],
)
def test_what_is_no_tag_names_its_line(text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_conll(Path("f"), text, "t", "e")


def test_triples_ids_splits_and_other_keys_of_json_lines_are_taken(tmp_path: Path) -> None:
    rows = [
        {"id": 7, "text": " Anna ", "label": [[1, 5, "PER"]], "split": "test", "from": "a"},
        {"id": "b", "text": "Bo in Ulm", "label": [[6, 9, "LOC"], [0, 2, "PER"]], "more": {"x": 1}},
        {"id": "c", "text": "Nobody", "label": []},
        {"id": "d", "text": "Who knows"},
        {"id": "e", "text": "", "label": []},
    ]
    data = loader(lines(tmp_path / "t.jsonl", *rows), target="label")
    assert data.truth(["7"]) == [[span(1, 5)]]
    assert data.preview("7").text == " Anna "  # counted from its first character
    assert data.given() == {"b": [span(0, 2), span(6, 9, "LOC")], "c": []}
    assert data.ids("train") == ("b", "c", "d")
    assert data.ids("test") == ("7",)
    meta = data.metadata(["7", "b"])
    assert meta["from"].tolist()[0] == "a"
    assert "more" not in meta
    assert data.source("b").endswith("t.jsonl#2")
    found = "\n".join(data.summary())
    assert "3 entities of 2 classes in 3 of 4 texts: 'LOC' 1, 'PER' 2" in found
    assert "1 texts are labelled as without an entity" in found


def test_a_folder_holds_splits_by_the_names_of_its_files(tmp_path: Path) -> None:
    for seed, (name, count) in enumerate([("eng.train", 40), ("eng.testa", 12), ("eng.testb", 10)]):
        columns(tmp_path / f"{name}.txt", count, seed=seed)
    data = loader(tmp_path)
    splits = data.propose_splits(100, 0)
    assert (len(splits.val), len(splits.test), len(data.ids("train"))) == (12, 10, 40)


def test_texts_whose_entities_cannot_be_used_count_as_unlabelled_and_are_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = [
        ([span(0, 4), span(2, 6)], "entities at 0–4 and 2–6 overlap"),
        ([span(0, 99)], "reaches beyond its text of 4 characters"),
        ([span(2, 2)], "holds no character"),
        ("Anna", "entities are"),
        ([{"start": 0, "end": 1, "label": 3}], "3 is not a name of a class"),
        ([span(0, 1, " ")], "' ' is not a name of a class"),
    ]
    for message, why in bad:
        delimited._logged.clear()
        caplog.clear()
        row = {"text": "Anna", "entities": message}
        data = loader(
            lines(tmp_path / "t.jsonl", ANNA, row, {"text": "Bo ", "entities": [span(0, 3)]})
        )
        assert len(data.given()) == 2
        assert "1 texts have entities that cannot be used, and count as unlabelled" in caplog.text
        assert why in caplog.text
        assert "t.jsonl line 2" in caplog.text
        assert "1 texts have entities with space around them" in caplog.text
        assert [span(0, 2)] in data.given().values()


@pytest.mark.parametrize(
    ("rows", "more", "error", "says"),
    [
        ([{"text": "a", "label": []}], {}, DataError, "no key 'entities', which target= can name"),
        ([{"txt": "a", "entities": []}], {}, DataError, "no key 'text'.*did you mean 'txt'"),
        ([{"text": 3, "entities": []}], {}, DataError, "line 1: 'text' is not a text"),
        ([[1]], {}, DataError, "line 1 is not a JSON object"),
        (
            [{"text": "a", "entities": []}],
            {},
            DataError,
            "holds no entity",
        ),
        ([ANNA], {"classes": "PRE"}, ConfigError, "'PRE' is not a class: did you mean 'PER'"),
    ],
)
def test_files_that_say_nothing_are_refused_in_a_line(
    tmp_path: Path, rows: Any, more: Any, error: Any, says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        loader(lines(tmp_path / "t.jsonl", *rows), **more)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_format_and_a_folder_without_any_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,entities\n")
    with pytest.raises(DataError, match=r"neither JSON lines .* nor columns of CoNLL"):
        loader(tmp_path / "t.csv")
    with pytest.raises(DataError, match=r"holds no \.jsonl, "):
        loader(tmp_path)
    with pytest.raises(DataError, match=r"there is no file .*gone\.jsonl"):
        loader(tmp_path / "gone.jsonl")


def test_some_classes_alone_are_learned_and_the_others_are_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = loader(json_lines(tmp_path / "t.jsonl", 60), classes="PER,ORG")
    assert data.spec.classes == ("PER", "ORG")
    assert {one["label"] for label in data.given().values() for one in label} == {"PER", "ORG"}
    assert "entities of class 'LOC' are left out, as classes does not name it" in caplog.text


def test_entities_inside_words_and_rare_classes_are_odd(tmp_path: Path) -> None:
    rows = [ANNA, {"text": "Donaudampfer", "entities": [span(0, 5, "LOC")]}]
    found = loader(lines(tmp_path / "t.jsonl", *rows)).oddities()
    assert "1 texts have entities that begin or end inside a word, where none is found " in found[0]
    assert "t.jsonl line 2" in found[0]
    assert "class 'PER' has one entity: it is trained on at most" in found


def test_a_file_that_is_written_into_is_read_again_and_longer_texts_are_whole(
    tmp_path: Path,
) -> None:
    path = json_lines(tmp_path / "t.jsonl", 60)
    data = loader(path)
    splits = data.propose_splits(10, 0)
    data.freeze(splits)
    length = data.spec.input_shape[0]
    words = " ".join(["word"] * 90) + " Anna"
    row = {"text": words, "entities": [span(len(words) - 4, len(words))]}
    path.write_text(path.read_text() + json.dumps(row) + "\n")
    os.utime(path, ns=(1, 1))
    data.refresh()
    data.freeze(splits)
    id = next(id for id in data.ids("train") if data.preview(id).text == words)
    (batch,) = data.batches([id], data.truth([id]), batch_size=1)
    assert batch.inputs.shape[1] == 91 > length
    graph = make_task("text-entities", {"data": str(path), "encoder": "none"}).graph(data.spec)
    assert np.isfinite(graph.evaluate([batch])["loss"])
    other = data.ids("train")[0] if data.ids("train")[0] != id else data.ids("train")[1]
    both = [Batch(*batch), *data.batches([other], data.truth([other]), batch_size=1)]
    assert set(graph.evaluate(both)) == set(graph.metrics)  # though they are of two lengths


def test_answers_are_brought_to_the_words_and_refused_beyond_the_text(tmp_path: Path) -> None:
    data = loader(lines(tmp_path / "t.jsonl", {**ANNA, "id": "a"}))
    assert data.from_picture("a", [span(0, 5), span(13, 19, "LOC")]) == ANNA["entities"]
    with pytest.raises(LabelError, match="an entity at 14–25 reaches beyond its text of 20 char"):
        data.from_picture("a", [span(14, 25)])
    with pytest.raises(LabelError, match="an entity at 4–5 holds spaces alone"):
        data.from_picture("a", [span(4, 5)])
    assert data.from_picture("gone", [span(0, 5)]) == [span(0, 5)]


def test_a_served_version_gives_the_entities_of_each_text_with_its_words(tmp_path: Path) -> None:
    data = loader(json_lines(tmp_path / "t.jsonl", 60))
    found = pd.DataFrame(
        {"sample": [2, 2], "label": ["PER", "LOC"], "start": [2, 9], "end": [6, 12],
         "score": [0.98765, 0.5]}
    )  # fmt: skip
    given = pd.DataFrame({"text": ["a", "b", "🎉 Anna, Ulm"]})
    table = entities_given(given, data.spec, found)
    assert table["count"].tolist() == [0, 0, 2]
    assert json.loads(table["entities"][0]) == []
    assert json.loads(table["entities"][2]) == [
        {**span(2, 6), "score": 0.9877, "text": "Anna"},
        {**span(9, 12, "LOC"), "score": 0.5, "text": "lm"},
    ]
    assert entities_given(["a"], data.spec, found) is found


def test_an_untagged_hashtag_and_a_space_that_does_not_break_stay_in_their_tokens() -> None:
    text = "#Berlin\t_\nis\t_\n\n10\u00a0000 B-N\nmen O\n"
    texts = [row["text"] for row in read_conll(Path("a.conll"), text, "text", "entities")]
    assert texts == ["#Berlin is", "10\u00a0000 men"]
