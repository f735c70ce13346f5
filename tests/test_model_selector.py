from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from al.contracts import Candidate
from al.errors import ConfigError, StepOrder, UnknownName
from al.model_selector import criterion, elect

NAMES = ["val/accuracy", "val/loss"]


def candidate(number: int, epoch: int, accuracy: float, loss: float = 1.0) -> Candidate:
    metrics = {"val/accuracy": accuracy, "val/loss": loss}
    return Candidate(f"m-{number}-{epoch}", number, epoch, metrics)


def champion_metrics(accuracy: float) -> Mapping[str, float]:
    return {"val/accuracy": accuracy, "val/loss": 0.1}


BEST = criterion("max:val/accuracy", NAMES)


def test_the_best_checkpoint_over_all_candidates_wins() -> None:
    stands = [candidate(0, 5, 0.8), candidate(0, 10, 0.7), candidate(1, 5, 0.9)]
    election = elect(stands, None, BEST)
    assert election.winner is stands[2]
    assert election.promoted
    assert "no champion" in election.why


def test_a_criterion_may_ask_for_the_least() -> None:
    stands = [candidate(0, 5, 0.9, loss=0.5), candidate(0, 10, 0.7, loss=0.4)]
    assert elect(stands, None, criterion("min:val/loss", NAMES)).winner is stands[1]


def test_equals_are_told_apart_by_loss_then_by_the_earlier_epoch_then_by_the_lower_number() -> None:
    stands = [candidate(1, 5, 0.9), candidate(0, 9, 0.9), candidate(0, 5, 0.9)]
    assert elect(stands, None, BEST).winner is stands[2]
    better = candidate(3, 50, 0.9, loss=0.2)
    assert elect([*stands, better], None, BEST).winner is better


def test_something_worse_never_replaces_the_champion() -> None:
    election = elect([candidate(0, 5, 0.79)], champion_metrics(0.8), BEST)
    assert not election.promoted
    assert "0.7900 against the champion's 0.8000: the champion stays" in election.why


@pytest.mark.parametrize("accuracy", [0.8, 0.81])
def test_something_as_good_replaces_the_champion(accuracy: float) -> None:
    assert elect([candidate(0, 5, accuracy)], champion_metrics(0.8), BEST).promoted


def test_always_promotes_the_best_of_the_cycle() -> None:
    assert elect([candidate(0, 5, 0.1)], champion_metrics(0.8), BEST, always=True).promoted


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("broken", [(NAN, 1.0), (0.9, NAN), (NAN, NAN)])
def test_what_is_not_a_number_never_wins_whoever_stands_first(
    broken: tuple[float, float], first: bool
) -> None:
    sound, nan = candidate(0, 5, 0.4), candidate(1, 5, *broken)
    election = elect([nan, sound] if first else [sound, nan], None, BEST)
    assert election.winner is sound
    assert election.promoted


@pytest.mark.parametrize("always", [True, False])
@pytest.mark.parametrize("standing", [None, 0.2])
def test_a_training_that_came_to_no_numbers_is_not_promoted(
    standing: float | None, always: bool
) -> None:
    before = None if standing is None else champion_metrics(standing)
    election = elect([candidate(0, 5, 0.9, loss=NAN)], before, BEST, always=always)
    assert not election.promoted
    assert "lower lr" in election.why


def test_a_champion_that_is_not_a_number_is_replaced_by_any_that_is() -> None:
    assert elect([candidate(0, 5, 0.1)], champion_metrics(NAN), BEST).promoted


def test_an_epoch_that_is_not_a_number_ranks_below_any_that_is() -> None:
    sound, broken = ({"val/accuracy": 0.1, "val/loss": 9.0}, {"val/accuracy": NAN, "val/loss": NAN})
    assert BEST.rank(sound) > BEST.rank(broken)  # as early stopping asks, whichever came first
    assert not BEST.rank(broken) > BEST.rank(sound)


def test_an_infinite_loss_is_a_number() -> None:
    least = criterion("min:val/loss", NAMES)
    assert elect([candidate(0, 5, 0.9, loss=INF)], None, least).promoted


def test_nothing_to_elect_is_an_error() -> None:
    with pytest.raises(StepOrder, match="run train first"):
        elect([], None, BEST)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("max:val/acuracy", UnknownName, "did you mean 'val/accuracy'"),
        ("mx:val/accuracy", UnknownName, "unknown criterion 'mx': did you mean 'max'"),
        ("val/accuracy", ConfigError, "write max:METRIC"),
        ("max:", ConfigError, "write max:METRIC"),
        ("", ConfigError, "write max:METRIC"),
    ],
)
def test_a_wrong_criterion_is_reported(text: str, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        criterion(text, NAMES)


def test_a_criterion_of_ones_own_is_found_by_name(folder: Path) -> None:
    (folder / "my_code.py").write_text(
        "from al.contracts import Criterion\n"
        "class Square(Criterion):\n"
        "    def __init__(self, metric): self.metric = metric\n"
        "    def __call__(self, metrics): return metrics[self.metric] ** 2\n"
    )
    mine = criterion("my_code:Square:val/loss", NAMES)
    assert mine({"val/loss": 3.0}) == 9.0
