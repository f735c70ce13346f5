"""The catalog of stop rules, and rules of one's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from al.catalog import stop_rules
from al.config import Config
from al.errors import AlError, ConfigError
from al.pipeline.stopping import Standing, StopRule, rules_of
from al.pipeline.stopping.rules import BUILT_IN
from tests.stores import runs
from tests.test_stopping import curve, why

NUMBER = 3600.0


def settled(standing: Standing, answers: int = 40) -> str:
    """A function of one's own."""
    return "that will do" if standing.labels >= answers else ""


def silent(standing: Standing) -> None:
    """A function that says nothing."""


def broken(standing: Standing) -> str:
    """A function that fails."""
    return str(1 / standing.labels)


class Surprise(StopRule):
    """A rule with a figure of its own."""

    def why(self, standing: Standing) -> str:
        shares = standing.every("surprise")
        return f"surprise is down to {shares[-1]:.2f}" if len(shares) > 1 else ""

    def figures(self, cycle: Any, state: Any) -> Mapping[str, float]:
        return {"surprise": 1 / cycle.number}


class NoRule:
    """Neither a function nor a rule."""


@pytest.mark.parametrize("name", stop_rules.names())
def test_a_rule_of_the_catalog_has_a_file_of_its_name_and_says_what_it_is(name: str) -> None:
    assert stop_rules.get(name).__module__ == f"al.pipeline.stopping.{name}"
    assert len(stop_rules.summary(name)) > 15


@pytest.mark.parametrize("name", sorted({*BUILT_IN} - {"pool"}))
def test_a_built_in_rule_is_set_by_the_free_parameter_of_its_name(name: str) -> None:
    (parameter,) = (p for p in dataclasses.fields(Config) if p.name == name)
    assert parameter.metadata["free"]


def test_the_hours_that_people_spent_end_a_campaign() -> None:
    spent = [{"annotation_seconds": 3600.0 * hours} for hours in (3, 7.9)]
    assert why(spent, stop="annotation_hours(8)") == ""
    message = "people have spent 7.9 of 7.5 hours on answers"
    assert why(spent, stop="annotation_hours(7.5)") == message


def test_a_function_is_a_rule_with_arguments_beside_others() -> None:
    own = f"{__name__}:settled"
    assert why(curve(0.5, 0.6), stop=own) == ""
    assert why(curve(0.5, 0.6), stop=f"annotation_hours(8), {own}(20)") == "that will do"
    assert why(curve(0.5, 0.6), stop=f"{own}( 20 )", goal="0.6").startswith("val/accuracy")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "stop='' cannot be read at ''"),
        ("annotation_hours(8", r"cannot be read at 'annotation_hours\("),
        ("annotation_hours(8),", "cannot be read at ''"),
        ("annotation_hour(8)", "unknown stop rule 'annotation_hour': did you mean"),
        ("annotation_hours", "takes other arguments .missing"),
        ("annotation_hours(1, 2)", "takes other arguments .too many"),
        ("annotation_hours(x)", "give numbers, or texts in quotes"),
        ("plateau", "asked in every campaign: leave it out of stop"),
        (f"{__name__}:nothing", "has no 'nothing'"),
        (f"{__name__}:NoRule", "is neither a function nor a StopRule"),
        (f"{__name__}:NUMBER", "is neither a function nor a StopRule"),
        (f"{__name__}:settled(1, 2)", "takes other arguments after the standing"),
    ],
)
def test_what_stop_cannot_mean_is_one_line(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        rules_of(text)
    assert "\n" not in str(caught.value)


@example(".:1")
@given(st.text(st.sampled_from("ab_(),:1 .\"'\n"), max_size=30))
def test_any_text_is_one_line_where_it_names_no_rule(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules_of(text)
    assert "\n" not in str(caught.value)


# -- in campaigns -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"stop": f"{__name__}:silent"}, "returned None, which is not a text"),
        ({"stop": f"{__name__}:broken"}, r"failed .ZeroDivisionError: division by zero.: mend it"),
        ({"stop": "annotation_hours(0)"}, "give a number of hours above 0"),
        ({"stop": "annotation_hours('x')"}, "give a number of hours above 0"),
        ({"deadline": "tomorrow"}, "is not a time"),
    ],
)
def test_a_rule_that_cannot_be_is_reported_before_anything_starts(
    campaign: Callable[..., Any], client: Any, given: dict[str, str], says: str
) -> None:
    with pytest.raises(AlError, match=says):
        campaign(campaign="c", **given).run()
    assert not runs(client)


def test_a_rule_of_ones_own_has_figures_on_record_that_another_process_goes_by(
    campaign: Callable[..., Any], client: Any, caplog: Any
) -> None:
    given = {"campaign": "c", "cycles": 9, "epochs": 1, "stop": f"{__name__}:Surprise"}
    campaign(**given).cycle()
    campaign(**given).run()  # which reads what the one before left
    assert "campaign c ends: surprise is down to 0.50" in caplog.text
    closed = runs(client, role="cycle")
    assert [run.data.metrics["cycle/surprise"] for run in closed] == [1, 0.5]
    campaign(**{**given, "stop": "none", "cycles": 3}).run()  # stop may change
    assert len(runs(client, role="cycle")) == 3
