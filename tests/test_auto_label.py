"""The model labels the rest where a fresh draw allows it: real campaigns, real answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from al.errors import ConfigError, ExportError, RegistryError
from al.tracking import Run
from tests.sizes import SIZES, answer, sizes
from tests.stores import runs, table

Make = Callable[..., Any]

#: A promise that is easy to keep.
LOOSE = {"error": 0.2, "draw": 60}


def truth_of(campaign: Any, ids: Any) -> list[str]:
    with campaign._looked_into() as session:
        return list(session.data.truth(list(ids)))


def asked_by(client: Any, step: str, **tags: str) -> set[str]:
    name = {"auto-label": "drawn.parquet", "select-data": "query.parquet"}[step]
    return {id for run in runs(client, step=step, **tags) for id in table(client, run, name)["id"]}


@pytest.mark.slow
def test_what_a_fresh_draw_allows_is_labelled_and_the_answers_are_labels_from_the_next_cycle_on(
    campaign: Make, client: Any, folder: Path
) -> None:
    sizes(folder / "sizes.csv")
    one = campaign(campaign="c", **SIZES)
    one.run()
    before = set(one.labels()["id"])
    where = one.auto_label(**LOOSE)
    assert where == Path("auto-labels-c-1")
    found = pd.read_parquet(where / "labels.parquet").set_index("id")
    accepted = found[found["accepted"]]
    assert len(accepted) > 100
    assert (accepted["label"] != truth_of(one, accepted.index)).mean() <= 0.2
    assert set(accepted["annotator"]) == {"model v1"}
    guarantee = json.loads((where / "guarantee.json").read_text())
    (tested,) = guarantee["tested"]
    assert tested["bound"] <= 0.2
    assert tested["labelled"] == len(accepted) == tested["region"] - tested["asked"]
    # The draw was asked about for nothing else before, and its answers are people's.
    drawn = asked_by(client, "auto-label")
    assert len(drawn) == tested["asked"]
    assert not drawn & (before | set(found.index))
    labels = one.labels().set_index("id")
    assert set(labels.index) == before | drawn
    assert set(labels.loc[sorted(drawn), "strategy"]) == {"auto-label"}
    assert set(labels.loc[sorted(drawn), "annotator"]) == {"oracle"}
    # Said again it is the same, and nobody is asked.
    again = one.auto_label(**LOOSE, to="again", format="csv")
    csv = pd.read_csv(again / "labels.csv", keep_default_na=False)
    assert list(csv["label"]) == list(found["label"])
    assert len(runs(client, step="auto-label")) == 1
    # They leave where it can be seen whose they are, and enter as nobody's labels.
    mixed = pd.read_parquet(one.export("parquet", "mixed", auto="on") / "labels.parquet")
    by_model = mixed[mixed["annotator"] == "model v1"].set_index("id")["label"]
    assert by_model.to_dict() == accepted["label"].to_dict()
    assert len(mixed) == len(labels) + len(accepted)
    tasks = json.loads((one.export("label-studio", "studio", auto="on") / "tasks.json").read_text())
    tasks = {task["data"]["item_id"]: task for task in tasks}
    assert set(tasks) == set(labels.index) | set(accepted.index)
    for id, task in tasks.items():
        assert ("annotations" in task) == (id in labels.index)  # a model annotates nothing
    for id, row in accepted.iterrows():
        (guarantee,) = tasks[str(id)]["predictions"]
        assert guarantee["model_version"] == "models:/c/1"
        assert guarantee["score"] == pytest.approx(row["confidence"])
        assert guarantee["result"][0]["value"]["choices"] == [row["label"]]
    with pytest.raises(ExportError, match="format 'folder' does not say who gave a label"):
        one.export("folder", auto="on")
    other = campaign(campaign="other", **SIZES, labels_from="mixed")
    other.step("select-data")
    assert not set(other.labels()["id"]) & set(accepted.index)
    # The next cycle learns from the answers, and asks about none of them.
    campaign(campaign="c", **SIZES | {"cycles": 2}).run()
    (cycle,) = runs(client, role="cycle", cycle="2")
    labels = table(client, cycle, "state/labels.parquet").set_index("id")
    assert len(labels) == len(before) + len(drawn) + 10
    assert set(labels.loc[sorted(drawn), "collected"]) == {2}
    (train,) = runs(client, step="train", cycle="2")
    assert train.data.params["labels"] == str(len(labels))
    assert not asked_by(client, "select-data", cycle="2") & drawn
    # Another model is another look, by a draw of its own, at a level of its own.
    if one.auto_label(**LOOSE) is not None:
        _, second = runs(client, step="auto-label")
        assert not set(table(client, second, "drawn.parquet")["id"]) & (drawn | set(labels.index))


class People:
    """People at spreadsheets, a draw that they answer while a cycle is open, and that cycle's end.

    Attributes:
        written, kept: what the model labelled, and the labels of the cycle that was open.
    """

    def __init__(self, campaign: Make, client: Any, name: str) -> None:
        self.campaign, self.client, self.name = campaign, client, name
        self.parameters = {**SIZES, "campaign": name, "annotator": "files", "initial_size": 10,
                           "cold_start": "random"}  # fmt: skip
        self.one = campaign(**self.parameters)
        self.one.run()
        answer(self.sheet(1))
        self.one.run()
        campaign(**self.parameters | {"cycles": 2}).step("select-data")

    def sheet(self, number: int) -> Path:
        return Path(f"annotate/{self.name}/query-{number:02d}/query.csv")

    def end(self, where: Path) -> None:
        self.written = pd.read_parquet(where / "labels.parquet").drop(columns="annotator")
        last = self.campaign(**self.parameters | {"cycles": 2})
        last.run()
        answer(self.sheet(3))
        last.run()
        self.drawn = asked_by(self.client, "auto-label", campaign=self.name)
        assert self.drawn <= set(last.labels()["id"])
        assert not self.drawn & asked_by(self.client, "select-data", campaign=self.name)
        (cycle,) = runs(self.client, role="cycle", campaign=self.name, cycle="2")
        self.kept = table(self.client, cycle, "state/labels.parquet").drop(
            columns=["answered_at", "model"]
        )


def in_one_go(people: People, caplog: pytest.LogCaptureFixture) -> People:
    sheet = people.sheet(2)
    assert people.one.auto_label(**LOOSE) is None
    left = answer(sheet, most=5)
    assert people.one.auto_label(**LOOSE) is None
    assert f"waiting: 5 of {left + 5} answered" in caplog.text
    with pytest.raises(ConfigError, match="look 1 of auto-label is not decided yet: give"):
        people.one.auto_label(error=0.3)
    answer(sheet)
    people.end(people.one.auto_label(**LOOSE))
    return people


def test_people_answer_the_draw_and_what_they_say_is_learned_from_later(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sizes(folder / "sizes.csv", labelled=160)
    people = in_one_go(People(campaign, client, "c"), caplog)
    # The cycle was open when the draw was decided: its labels are those that it began with.
    assert not people.drawn & set(people.kept["id"])


@pytest.mark.slow
def test_wherever_it_is_cut_off_the_same_command_goes_on_to_the_same_end(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    caplog.set_level(logging.INFO)
    sizes(folder / "sizes.csv", labelled=160)
    whole = in_one_go(People(campaign, client, "whole"), caplog)
    cut = People(campaign, client, "cut")
    cut.end(_cut_off_everywhere(cut.one, cut.sheet(2), monkeypatch))
    pd.testing.assert_frame_equal(cut.written, whole.written)
    pd.testing.assert_frame_equal(cut.kept, whole.kept)
    assert len(runs(client, step="auto-label", campaign="cut")) == 1


def _cut_off_everywhere(one: Any, sheet: Path, monkeypatch: Any) -> Path:
    """Cut the command off at its first change of the store, then at its second, and so on."""
    for at in range(100):
        left = at

        def or_cut_off(change: Any) -> Any:
            def changing(*args: Any, **kwargs: Any) -> Any:
                nonlocal left
                left -= 1
                if left < 0:
                    raise KeyboardInterrupt
                return change(*args, **kwargs)

            return changing

        with monkeypatch.context() as patch:
            for name in ("save", "set_tags", "log_metrics", "finish"):
                patch.setattr(Run, name, or_cut_off(getattr(Run, name)))
            try:
                where: Path | None = one.auto_label(**LOOSE)
            except KeyboardInterrupt:
                continue
        if where is not None:
            return where
        answer(sheet)
    raise AssertionError("it never came to its end")


def test_too_many_errors_label_nothing_and_say_what_they_would_take(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    # Validation is as it should be; of the rest nobody agrees with the model.
    sizes(folder / "sizes.csv", labelled=160)
    one = campaign(**SIZES | {"campaign": "c", "annotator": "files", "initial_size": 10})
    one.run()
    answer(Path("annotate/c/query-01/query.csv"))
    one.run()
    assert one.auto_label(**LOOSE) is None
    sheet = Path("annotate/c/query-02/query.csv")
    text = sheet.read_text("utf-8-sig").splitlines()
    sheet.write_text("\n".join([text[0], *(line + "small" for line in text[1:])]))
    assert one.auto_label(**LOOSE) is None
    assert "none is labelled; as many errors take" in caplog.text
    assert not list(Path().glob("auto-labels-*"))
    (run,) = runs(client, step="auto-label")
    assert run.data.metrics["auto_label/labelled"] == 0
    # The errors are known now, so that nobody is asked in vain again.
    assert one.auto_label(**LOOSE) is None
    assert "look 2 is not worth its answers" in caplog.text
    assert len(runs(client, step="auto-label")) == 1


@pytest.mark.slow
def test_each_class_has_a_draw_of_its_own_and_what_is_no_promise_is_one_line(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sizes(folder / "sizes.csv", odd=0.0)
    with pytest.raises(ConfigError, match="no campaign"):
        campaign(campaign="c", **SIZES).auto_label()
    one = campaign(campaign="c", **SIZES)
    one.step("select-data")
    with pytest.raises(RegistryError, match="no version of c is in Production"):
        one.auto_label()
    one.run()
    for how, line in (
        ({"error": 0}, "error=0: give a share between 0 and 1"),
        ({"confidence": "much"}, "confidence='much' is not a number"),
        ({"per_class": "yes"}, "per_class='yes': give on or off"),
        ({"draw": 0.5}, r"draw=0.5: give a whole number from 1"),
        ({"draw": 100}, r"draw=100 is too small .* takes at least 2\d\d answers .*, 1\d\d more"),
        ({"error": 0.001, "draw": 9999}, "without a label, too few to show error=0.001"),
        ({"error": 0.2, "format": "xls"}, "format='xls': give parquet or csv"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=line):
            one.auto_label(**how)
    Path("full").mkdir()
    Path("full/x").touch()
    with pytest.raises(ExportError, match="full is there already: give another folder"):
        one.auto_label(error=0.2, draw=60, to="full")
    assert [path.name for path in Path("full").iterdir()] == ["x"]


def test_per_class_every_class_has_a_draw_and_a_test_of_its_own(
    campaign: Make, client: Any, folder: Path
) -> None:
    sizes(folder / "sizes.csv", odd=0.0)
    one = campaign(campaign="c", **SIZES)
    one.run()
    where = one.auto_label(error=0.3, draw=60, per_class="on")
    guarantee = json.loads((where / "guarantee.json").read_text())
    found = pd.read_parquet(where / "labels.parquet")
    passed = {part["name"] for part in guarantee["tested"] if part["labelled"]}
    assert set(found["label"][found["accepted"]]) == passed
    assert len(passed) > 1
    assert guarantee["look"]["alpha"] == pytest.approx(0.05 / 2 / 3)
    (run,) = runs(client, step="auto-label")
    scored = table(client, run, "scored.parquet")
    drawn = scored.groupby("label")["drawn"].sum()
    assert (drawn[sorted(passed)] >= 14).all()  # log(0.05 / 6) / log(0.7)


def test_labels_that_are_no_classes_are_refused(campaign: Make, client: Any) -> None:
    numbers = {"task": "tests.kinds:Numbers", "validation_size": 20, "cycles": 1, "epochs": 1}
    one = campaign(campaign="n", **numbers)
    one.run()
    with pytest.raises(ConfigError, match="auto-label counts wrong labels, and where labels are"):
        one.auto_label()
