from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from al.config import Config
from al.errors import ConfigError
from al.pipeline.stopping import Standing, rules_of, why_to_stop
from al.pipeline.stopping.deadline import deadline_of
from al.pipeline.stopping.stable import Stable, stop_set
from al.state import ChampionRecord, LabelTable, State
from tests.conftest import SMALL
from tests.stores import runs

HOUR = 3600.0


def why(
    history: Sequence[Mapping[str, float]],
    *,
    pool: int = 100,
    now: float = 0.0,
    lower: bool = False,
    **config: Any,
) -> str:
    given = Config(**{"cycles": 1000, **config})
    standing = Standing(given, history, pool, 100, 0.0, now, "accuracy", lower)
    return why_to_stop(rules_of(given.stop), standing)


def curve(*values: float) -> list[dict[str, float]]:
    return [{"answers": 10 * place, "val_accuracy": value} for place, value in enumerate(values, 1)]


def test_a_campaign_without_rules_goes_on() -> None:
    assert why([]) == ""
    assert why(curve(0.5, 0.5, 0.5, 0.5)) == ""


def test_a_campaign_ends_after_its_cycles() -> None:
    assert why(curve(0.5), cycles=2) == ""
    assert why(curve(0.5, 0.6), cycles=2) == "cycles=2 are done"


def test_a_campaign_ends_when_its_pool_is_empty() -> None:
    assert "every sample" in why(curve(0.5), pool=0)


def test_a_campaign_ends_when_its_labels_are_used_up() -> None:
    assert why(curve(0.5, 0.6), label_budget=21) == ""
    assert why(curve(0.5, 0.6), label_budget=20) == "label_budget=20 is used up"


def test_a_campaign_ends_when_the_goal_is_reached_on_validation() -> None:
    assert why(curve(0.5), goal="0.6") == ""
    assert why(curve(0.5, 0.6), goal="0.6") == "val/accuracy 0.6000 has reached goal=0.6"


def test_a_gain_within_the_noise_is_none() -> None:
    # √(0.8 · 0.2 / 100) = 0.04
    assert "within the noise of 0.0400" in why(curve(0.7, 0.8, 0.82, 0.83), plateau=2)
    assert why(curve(0.7, 0.8, 0.82, 0.85), plateau=2) == ""
    assert why(curve(0.8, 0.81), plateau=2) == ""  # too early to say


def test_figures_of_other_labels_of_validation_tell_of_no_plateau() -> None:
    low = curve(0.9, 0.9, 0.5, 0.6, 0.7)  # some labels were wrong until the third cycle
    assert "gained" in why(low, plateau=2)
    low[2]["measured_again"] = 1.0
    assert why(low, plateau=2) == ""
    low += curve(0.7, 0.7)
    assert "gained +0.0000" in why(low, plateau=2)
    low[-2]["measured_again"] = 1.0
    assert why(low, plateau=2) == ""


def test_with_folds_a_plateau_is_what_elections_on_shared_labels_have_gained() -> None:
    # Figures fall as labels grow harder; what counts is what each champion gained on the last.
    falling = curve(0.8, 0.7, 0.6)
    for cycle, gain in zip(falling[1:], (0.05, 0.02), strict=True):
        cycle["gain_accuracy"] = gain
    assert why(falling, plateau=2, validation="folds") == ""
    assert "gained -0.1000" in why(falling, plateau=2)
    falling[2]["gain_accuracy"] = -0.02
    assert "gained +0.0300" in why(falling, plateau=2, validation="folds")
    del falling[2]["gain_accuracy"]
    assert why(falling, plateau=2, validation="folds") == ""  # too early to say


def test_an_error_has_no_noise_of_a_share() -> None:
    falling, flat = curve(0.5, 0.4, 0.39, 0.38), curve(0.5, 0.4, 0.41, 0.4)
    assert why(falling, plateau=2, lower=True) == ""  # of an accuracy it would be within 0.05
    assert "noise of 0.0000" in why(flat, plateau=2, lower=True)
    assert why(curve(5.0, 6.0, 6.01), plateau=1) == ""  # no metric from 0 to 1


def test_predictions_that_hardly_change_end_a_campaign() -> None:
    records = [{"answers": 10.0}, *({"kappa": kappa} for kappa in (0.5, 0.99, 0.99, 0.99))]
    assert "kappa 0.9900 over the last 3 champions" in why(records, stable=0.99)
    assert why(records[:-1], stable=0.99) == ""
    assert why(records[2:], stable=0.98) != ""
    assert why(records[3:], stable=0.98) == ""  # two comparisons are too few
    assert why(records) == ""


@pytest.mark.parametrize(
    "missing", ["stable", "retrained", "before", "after", "classes", "nothing"]
)
def test_agreement_is_on_record_where_one_champion_followed_another(missing: str) -> None:
    champion_record = ChampionRecord(1, "w")
    before = None if missing == "before" else champion_record
    after = None if missing == "after" else champion_record
    session = SimpleNamespace(
        config=Config(stable=0.0 if missing == "stable" else 0.99),
        state=State("c", 1, LabelTable(), before),
        knows_all=lambda version: missing != "classes",
    )
    state = State("c", 2, LabelTable(), after, retrained=missing != "retrained")
    found = Stable().figures(SimpleNamespace(session=session), state)  # type: ignore[arg-type]
    # the champion stayed, so it agrees with itself
    assert found == ({"kappa": 1.0} if missing == "nothing" else {})


def test_no_cycle_starts_after_the_deadline() -> None:
    assert why([], deadline="2h", now=1.9 * HOUR) == ""
    assert why([], deadline="2h", now=2 * HOUR) == "deadline=2h has passed"


def test_a_deadline_is_a_span_or_a_time() -> None:
    assert deadline_of("off", 0) is None
    assert [deadline_of(text, 10) for text in ("90m", "8h", "2d")] == [5410, 28810, 172810]
    assert deadline_of("1970-01-02", 5) == 24 * HOUR
    assert deadline_of("1970-01-02T01:00+01:00", 5) == 24 * HOUR
    with pytest.raises(ConfigError, match="is not a time: give 90m"):
        deadline_of("tomorrow", 0)


@given(st.lists(st.floats(0, 1), max_size=12), st.integers(1, 4))
def test_a_campaign_that_a_rule_ended_stays_ended_when_nothing_is_added(
    values: list[float], plateau: int
) -> None:
    assert why(curve(*values), plateau=plateau) == why(curve(*values), plateau=plateau)
    if len(values) <= plateau:
        assert why(curve(*values), plateau=plateau) == ""


@given(st.sets(st.text(min_size=1), max_size=30))
def test_the_stop_set_does_not_depend_on_the_order_of_ids(ids: set[str]) -> None:
    assert stop_set(sorted(ids), 0) == stop_set(sorted(ids, reverse=True), 0) == sorted(ids)


def test_the_stop_set_hardly_changes_with_the_pool() -> None:
    ids = [f"{number:05d}" for number in range(5000)]
    before, after = set(stop_set(ids, 0)), set(stop_set(ids[100:], 0))
    assert len(before) == len(after) == 2000
    assert len(before & after) > 1900


# -- in campaigns -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "cycles"),
    [({"label_budget": 45}, 3), ({"goal": "0.0"}, 1), ({"plateau": 1, "stable": 0.9}, 2)],
)
def test_a_rule_ends_a_campaign_and_says_so(
    campaign: Callable[..., Any],
    client: Any,
    caplog: pytest.LogCaptureFixture,
    rule: dict[str, Any],
    cycles: int,
) -> None:
    small = {**SMALL, "cycles": 9, "epochs": 1, "lr": 1e-9}  # which learns nothing
    campaign(campaign="c", **{**small, **rule}).run()
    closed = runs(client, role="cycle")
    assert len(closed) == cycles
    (run,) = runs(client, role="campaign")
    message = f"campaign c ends: {run.data.tags['al.stopped']}"
    assert message in caplog.text
    assert run.info.status == "FINISHED"
    caplog.clear()
    campaign(campaign="c", **{**small, **rule}).run()  # it has ended
    assert message in caplog.text
    assert len(runs(client, role="cycle")) == cycles
    campaign(campaign="c", **{**small, **rule}).cycle()  # unless a cycle is asked for
    assert "which would end main" in caplog.text
    assert len(runs(client, role="cycle")) == cycles + 1


def test_the_label_budget_is_never_exceeded(campaign: Callable[..., Any], client: Any) -> None:
    campaign(campaign="c", cycles=9, label_budget=45).run()
    assert [run.data.metrics["cycle/labels"] for run in runs(client, role="cycle")] == [30, 40, 45]


def test_agreement_of_champions_is_on_record(campaign: Callable[..., Any], client: Any) -> None:
    campaign(campaign="c", cycles=2, stable=0.99).run()
    last = runs(client, role="cycle")[-1]
    assert -1 <= last.data.metrics["cycle/kappa"] <= 1
