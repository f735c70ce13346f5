"""A class that nobody knew of comes in the middle of a campaign."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from al.catalog import make_task
from al.contracts import Answer, Answers
from al.errors import DataError, LabelError
from al.pipeline.growing import check_new, new_in, without_new
from tests.sizes import CLASSES, SIZES, sizes
from tests.spreadsheet import opened, saved
from tests.stores import outcome, production, runs, table

Make = Callable[..., Any]


def answer(path: Path, huge: float = 2.7) -> int:
    """Fill in a query; what is larger than any class that is known is huge."""
    rows, new = opened(path), 0
    for row in rows:
        size = float(row["size"])
        row["label"] = "huge" if size > huge else CLASSES[int(size)]
        new += size > huge
    saved(path, rows)
    return new


def answered(id: str, label: str, by: str = "anna") -> Answer:
    return Answer(id, label, by, "2026-01-01")


def test_who_names_a_new_class_is_waited_for_with_all_votes_of_the_sample() -> None:
    data = make_task("digits", {}).data()
    votes = (answered("a", "eleven"), answered("a", "1", "bert"), answered("b", "2"))
    answers = Answers((answered("a", "1"), answered("b", "2")), waiting=("c",), votes=votes)
    named = new_in((*answers.answered, *answers.votes), data)
    assert {name: [one.id for one in found] for name, found in named.items()} == {"eleven": ["a"]}
    kept = without_new(answers, named)
    assert [one.id for one in kept.answered] == ["b"]
    assert [one.id for one in kept.votes] == ["b"]
    assert kept.waiting == ("c", "a")
    assert without_new(answers, {}) is answers


def test_what_is_done_about_a_new_class_is_what_the_parameter_says() -> None:
    data = make_task("digits", {}).data()
    named = new_in((answered("a", "eleven"),), data)
    check_new(named, "grow", data)
    check_new({}, "refuse", data)
    with pytest.raises(
        LabelError, match=r"anna on sample 'a': 'eleven' is not a class.*=grow to add"
    ):
        check_new(named, "ask", data)
    with pytest.raises(LabelError, match="'eleven' is not a class") as refused:
        check_new(named, "refuse", data)
    assert "grow" not in str(refused.value)


def sheet(number: int, name: str = "c") -> Path:
    return Path(f"annotate/{name}/query-{number:02d}/query.csv")


@pytest.fixture
def people(folder: Path) -> dict[str, Any]:
    sizes(folder / "sizes.csv", rows=400, labelled=160)
    return {**SIZES, "annotator": "files", "initial_size": 40, "folds": 0}


def test_a_new_class_stops_the_cycle_with_both_ways_to_go_on(
    campaign: Make, client: Any, people: dict[str, Any]
) -> None:
    campaign(**people, campaign="c").run()
    assert answer(sheet(1)) > 1
    with pytest.raises(LabelError, match=r"'huge' is not a class.*pass new_classes=grow to take"):
        campaign(**people, campaign="c").run()
    with pytest.raises(LabelError) as refused:
        campaign(**people, campaign="c", new_classes="refuse").run()
    assert "grow" not in str(refused.value)
    assert not runs(client, step="compare")


def grown(campaign: Make, client: Any, people: dict[str, Any], name: str, cycles: int) -> Any:
    """A campaign whose first answers name a new class; what it comes to.

    Where there are three cycles, the second one is done step by step, each in a new session.
    """
    given = {**people, "campaign": name, "new_classes": "grow", "cycles": cycles}
    one = campaign(**given)
    one.run()
    new = answer(sheet(1, name))
    one.run()
    (cycle,) = runs(client, role="cycle", campaign=name, cycle="1")
    first = table(client, cycle, "state/labels.parquet").set_index("id")
    waiting = first.index[first["status"] == "waiting"]
    assert len(waiting) == new > 1
    assert '"huge"' not in set(first["label"])
    # The next cycle begins with the longer list, without a model that does not know it.
    (second,) = runs(client, step="select-data", campaign=name, cycle="2")
    assert second.data.tags["al.model"] == "none"
    answer(sheet(2, name))
    if cycles == 3 and name == "cut":
        for step in ("annotate", "compare", "train", "select-model"):
            campaign(**given).step(step)
    one.run()
    (cycle,) = runs(client, role="cycle", campaign=name, cycle="2")
    labels = table(client, cycle, "state/labels.parquet").set_index("id")
    assert set(labels.loc[waiting, "label"]) == {'"huge"'}
    assert set(labels.loc[waiting, "cycle"]) == {1}
    versions = {int(v.version): v for v in client.search_model_versions(f"name='{name}'")}
    assert [versions[number].tags["al.classes"] for number in (1, 2)] == ["3", "4"]
    if cycles == 3:
        answer(sheet(3, name))
        one.run()
    else:
        assert production(client, name) == [2]
    return one


def test_a_new_class_is_known_from_the_next_cycle_on_and_every_answer_is_kept(
    campaign: Make, client: Any, people: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    import mlflow

    one = grown(campaign, client, people, "c", 2)
    assert "answers name a new class, 'huge': the next cycle knows it" in caplog.text
    assert set(one.labels()["label"]) == {'"huge"', *(f'"{known}"' for known in CLASSES)}
    assert "huge" in (one.export("csv") / "labels.csv").read_text()
    served = mlflow.pyfunc.load_model("models:/c/Production")
    columns = served.predict({"size": [2.9, 0.1], "shade": [0.5, 0.5]}).columns
    assert list(columns) == ["label", "probability", "p_big", "p_middle", "p_small", "p_huge"]


def test_a_class_that_stands_in_the_data_is_known_from_the_next_cycle_on(
    campaign: Make, client: Any, people: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    given = {**people, "campaign": "c", "cycles": 2}
    campaign(**given).run()
    answer(sheet(1), huge=9)
    data = pd.read_csv("sizes.csv")
    data.loc[300:309, "kind"] = "huge"  # labelled meanwhile, not asked about
    data.to_csv("sizes.csv", index=False)
    with pytest.raises(DataError, match=r"sizes.csv row .*'huge' is not a class.*new_classes=grow"):
        campaign(**given).run()
    with pytest.raises(DataError, match=r"'huge' is not a class.*another campaign can have others"):
        campaign(**given, new_classes="refuse").run()
    given["new_classes"] = "grow"
    campaign(**given).run()  # ends the open cycle as it began
    assert "cycle  2: 10 labels in the data name a new class, 'huge'" in caplog.text
    answer(sheet(2), huge=9)
    del given["new_classes"]  # what the cycle knows need not be said again
    one = campaign(**given)
    one.run()
    assert '"huge"' in set(one.labels()["label"])
    first, second = runs(client, role="cycle", campaign="c")
    assert '"huge"' not in set(table(client, first, "state/labels.parquet")["label"])
    labels = table(client, second, "state/labels.parquet")
    new = labels[labels["label"] == '"huge"']
    assert list(new["annotator"]) == ["given"] * len(new)
    assert len(new) == 10
    versions = {int(v.version): v for v in client.search_model_versions("name='c'")}
    assert [versions[number].tags["al.classes"] for number in (1, 2)] == ["3", "4"]
    assert production(client, "c") == [2]


@pytest.mark.slow
def test_a_campaign_that_grew_comes_out_the_same_however_often_it_is_opened(
    campaign: Make, client: Any, people: dict[str, Any]
) -> None:
    found = {}
    for name in ("whole", "cut"):
        grown(campaign, client, people, name, 3)
        found[name] = outcome(client, name)
        found[name]["labels"].pop("model")  # says the campaign's name
        found[name]["weights"] = [version[1] for version in found[name]["versions"].values()]
    for key in ("curve", "labels", "weights"):
        assert found["cut"][key] == found["whole"][key]
