"""The list of steps: what drives a cycle follows from it, and a step of one's own is a row."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from functools import partial
from typing import Any

import pytest

from al.config import Config
from al.errors import StepOrder, UnknownName
from al.pipeline import Campaign
from al.pipeline.steps import STEPS, Step, step_named
from tests.conftest import ROOT, SMALL
from tests.stores import outcome, runs

COUNT = Step("count", "Count what is labelled so far.", "tests.test_list_of_steps:count")
TWICE = Step("twice", "Count once for each candidate.", f"{__name__}:twice", each="candidates")
broken: set[int] = set()  # numbers of the runs that fail


def count(cycle: Any, step: Step = COUNT) -> bool:
    """The body of a step of one's own."""
    for number in range(step.runs(cycle.session.config)):
        if not cycle.done(step, number):
            with cycle.step(step, number) as run:
                if number in broken:
                    raise UnknownName("the abacus is lost: find it")
                run.log_metrics({"counted": len(cycle.labels.ids)})
                cycle.outcome = f"{len(cycle.labels.ids)} counted"
    return False


twice = partial(count, step=TWICE)


def with_step(step: Step, place: int) -> type[Campaign]:
    """Campaigns that have this step as well, after so many of the others."""

    class Counted(Campaign):
        steps = (*STEPS[:place], step, *STEPS[place:])

    return Counted


def test_the_list_is_read_without_torch_mlflow_and_pandas() -> None:
    code = (
        "import sys, al.pipeline.steps as s\n"
        "assert [step.name for step in s.STEPS]\n"
        "assert not {'torch', 'mlflow', 'pandas', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_pipeline_is_imported_without_what_only_some_campaigns_need() -> None:
    code = (
        "import sys, al.pipeline.campaign\n"
        "later = {'alembic', 'matplotlib', 'sklearn', 'mlflow.store.tracking.sqlalchemy_store'}\n"
        "assert not later & set(sys.modules), later & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_has_a_name_of_its_own_a_line_of_help_and_a_body(step: Step) -> None:
    assert step_named(step.name) is step
    assert len(step.help) > 20
    assert callable(step.load())
    assert step.each in ("", *(parameter.name for parameter in fields(Config)))


def test_an_unknown_step_names_the_nearest(campaign: Any) -> None:
    with pytest.raises(UnknownName, match="unknown step 'trian': did you mean 'train'"):
        campaign(campaign="c").step("trian")


@pytest.mark.parametrize("place", [0, 2, 5], ids=["first", "after annotate", "last"])
def test_a_step_of_ones_own_needs_a_row_in_the_list_and_no_other_edit(
    folder: Any, client: Any, caplog: pytest.LogCaptureFixture, place: int
) -> None:
    kind = with_step(COUNT, place)
    kind(**SMALL, campaign="c").run()
    kind(**SMALL, campaign="c").run()  # it is finished
    found = runs(client, step="count", campaign="c")
    labels = [0, 30] if place < 2 else [30, 40]
    assert [run.data.metrics["counted"] for run in found] == labels
    assert [run.info.status for run in found] == ["FINISHED"] * 2
    assert "cycle  2/2" in caplog.text


def test_a_step_of_ones_own_is_called_alone_in_its_order_and_may_have_several_runs(
    folder: Any, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    kind = with_step(TWICE, 3)
    given = {**SMALL, "campaign": "c", "candidates": 2}
    kind(**given).step("select-data")
    with pytest.raises(StepOrder, match="has no annotate yet: run annotate before twice"):
        kind(**given).step("twice")
    kind(**given).step("annotate")
    kind(**given).step("compare")
    assert "next is twice" in caplog.text
    with pytest.raises(StepOrder, match="has no twice yet: run twice before train"):
        kind(**given).step("train")
    kind(**given).step("twice")
    assert "30 counted; next is train" in caplog.text
    kind(**given).step("twice")
    assert "twice was done before" in caplog.text
    found = runs(client, step="twice", campaign="c")
    assert [run.data.tags["al.candidate"] for run in found] == ["0", "1"]


def test_a_step_of_several_runs_is_not_done_before_the_last_of_them(
    folder: Any, client: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kind = with_step(TWICE, 1)
    given = {**SMALL, "campaign": "c", "candidates": 2}
    kind(**given).step("select-data")
    monkeypatch.setattr(sys.modules[__name__], "broken", {1})
    with pytest.raises(UnknownName, match="abacus"):
        kind(**given).step("twice")
    with pytest.raises(StepOrder, match="has no twice yet: run twice before annotate"):
        kind(**given).step("annotate")
    (first, _) = before = runs(client, step="twice", campaign="c")
    assert [run.info.status for run in before] == ["FINISHED", "FAILED"]
    monkeypatch.setattr(sys.modules[__name__], "broken", set())
    kind(**given).step("twice")
    assert "next is annotate" in caplog.text
    again, second = runs(client, step="twice", campaign="c")
    assert again.info.end_time == first.info.end_time  # it was not run again
    assert second.info.status == "FINISHED"


@pytest.mark.slow
def test_a_campaign_that_a_step_of_ones_own_ended_goes_on_to_the_same_end(
    folder: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = with_step(COUNT, 4)
    kind(**SMALL, campaign="c").run()
    expected = outcome(client, "c")
    monkeypatch.setattr(sys.modules[__name__], "broken", {0})
    with pytest.raises(UnknownName, match="abacus"):
        kind(**SMALL, campaign="d").run()
    monkeypatch.setattr(sys.modules[__name__], "broken", set())
    kind(**SMALL, campaign="d").run()
    assert len(runs(client, step="count", campaign="d")) == 2
    assert repr(outcome(client, "d")).replace("/d/", "/c/") == repr(expected)
