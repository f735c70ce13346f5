"""Laws over the whole catalog: defaults, windows, scores of what a strategy has."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from al.catalog import strategies
from al.errors import ConfigError
from al.measures import MEASURES
from al.strategies import ranking
from tests.test_strategies import WRITTEN, build, view_for

CHECKED = [name for name in strategies.names() if hasattr(strategies.get(name), "check")]
REDUCED = [
    name
    for name in strategies.names()
    if "over" in inspect.signature(strategies.get(name)).parameters
]
SCORED = [name for name in strategies.names() if hasattr(strategies.get(name), "score")]


def defaults(function: Any) -> dict[str, Any]:
    """Of the parameters that are given by name."""
    taken = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in taken if p.kind is p.KEYWORD_ONLY}


@pytest.mark.parametrize("name", CHECKED)
def test_what_is_checked_where_nothing_is_said_is_what_is_done(name: str) -> None:
    strategy = strategies.get(name)
    done = defaults(strategy)
    for beside in ("check", "reads_of"):
        message = defaults(getattr(strategy, beside, lambda: None))
        assert message.items() <= done.items(), beside


@pytest.mark.parametrize("name", sorted({*CHECKED} - {*WRITTEN}))
def test_what_a_strategy_does_by_default_can_be_asked_for(name: str) -> None:
    message = ", ".join(f"{key}={value!r}" for key, value in defaults(strategies.get(name)).items())
    over = view_for(name, 0, 40)
    one, two = (
        build(text)(over, 8, np.random.default_rng(0)) for text in (name, f"{name}({message})")
    )
    assert one.positions.tolist() == two.positions.tolist()
    assert one.scores.tolist() == two.scores.tolist()


@pytest.mark.parametrize("name", REDUCED)
def test_a_strategy_that_takes_a_reduction_says_of_what_and_refuses_what_is_none(name: str) -> None:
    with pytest.raises(ConfigError, match="over='middle': choose one of auto, patch"):
        build(f"{name}(over=middle)")
    declared = [read for read in build(f"{name}(over=max)").reads if read.endswith(".max")]
    assert [read.partition(".")[0] in MEASURES for read in declared] == [True]


@pytest.mark.parametrize("name", SCORED)
def test_a_score_that_depends_on_no_other_sample_is_made_in_windows_of_the_pool(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, strategy = view_for(name, 0, 30), build(name)
    whole = strategy.score(over)
    alone = np.concatenate([strategy.score(over.narrow(slice(n, n + 1))) for n in range(30)])
    windows: list[Any] = []
    monkeypatch.setattr(ranking, "WINDOW", 7)
    narrow = type(over).narrow
    monkeypatch.setattr(
        type(over), "narrow", lambda view, rows: windows.append(rows) or narrow(view, rows)
    )
    assert strategy.score(over) == pytest.approx(whole, abs=1e-6)
    assert windows or not np.allclose(alone, whole, atol=1e-6)
