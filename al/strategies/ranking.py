"""From a score for each sample to a query: highest first, ties by sample id."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Protocol, overload

import numpy as np

from al.contracts import Picks, PoolView
from al.errors import StrategyError
from al.kinds import Kind, Trait, kind_named
from al.measures import MEASURES, check_over

#: Rows of the pool that a rowwise score sees at a time.
WINDOW = 65_536


def top(scores: np.ndarray, query_size: int) -> np.ndarray:
    """Positions of the highest scores, [query_size], best first, ties by position.

    O(N + k log k) time: everything above the k-th score is taken, then the first of those
    equal to it.
    """
    if query_size >= len(scores):
        return np.argsort(-scores, kind="stable")
    kth = np.partition(scores, len(scores) - query_size)[len(scores) - query_size]
    above = np.flatnonzero(scores > kth)
    equal = np.flatnonzero(scores == kth)[: query_size - len(above)]
    chosen = np.sort(np.concatenate([above, equal]))
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def reads(*names: str) -> Callable[[Any], Any]:
    """Decorator: what of the view a strategy reads, so that one pass of the model gives it all.

    Without it everything works, with a pass for each array when it is first read.
    """
    return _marked("reads", names)


def needs(*traits: Trait) -> Callable[[Any], Any]:
    """Decorator: what the predictions have to be like for a strategy to have a meaning.

    Without it this follows from what it reads: what reads the model's probabilities, samples
    or committee itself needs one distribution over classes, all else suits every kind of
    problem.
    """
    return _marked("needs", traits)


def of_kinds(*names: str) -> Callable[[Any], Any]:
    """Decorator: the kinds of problem that a strategy has a meaning for, and those like them."""
    return _marked("kinds", names)


def _marked(attribute: str, value: tuple[Any, ...]) -> Callable[[Any], Any]:
    def mark(strategy: Any) -> Any:
        setattr(strategy, attribute, value)
        return strategy

    return mark


def by_measure(measure: str) -> Callable[[Any], Any]:
    """Decorator: a strategy that asks the view for a measure, reduced as its `over` says."""

    def mark(strategy: Any) -> Any:
        own = strategy.reads

        def reads_of(*arguments: Any, over: str = "auto", **parameters: Any) -> tuple[str, ...]:
            return (*own, f"{measure}.{over}")

        check = getattr(strategy, "check", lambda *_, **__: None)

        def check_both(*arguments: Any, over: str = "auto", **parameters: Any) -> None:
            check_over(over)
            check(*arguments, **parameters)

        strategy.reads_of, strategy.check = reads_of, check_both
        strategy.measure = MEASURES[measure]
        return strategy

    return mark


def suits(strategy: Any, kind: type[Kind], *arguments: Any, **parameters: Any) -> bool:
    """Whether a strategy has a meaning for a kind of problem."""
    if hasattr(strategy, "kinds"):
        return any(issubclass(kind, kind_named(name)) for name in strategy.kinds)
    if hasattr(strategy, "needs"):
        return kind.traits.issuperset(strategy.needs)
    if hasattr(strategy, "measure"):
        return kind.takes(strategy.measure)
    distributions = {"probabilities", "samples", "committee", "target_samples"}
    read = getattr(strategy, "reads", ())
    if hasattr(strategy, "reads_of"):
        read = strategy.reads_of(*arguments, **parameters)
    return Trait.CLASSES in kind.traits or not distributions & set(read)


class ScoredStrategy(Protocol):
    """A strategy that scores each sample by itself."""

    reads: tuple[str, ...]

    def __call__(
        self, view: PoolView, query_size: int, rng: np.random.Generator, **parameters: Any
    ) -> Picks: ...

    def score(self, view: PoolView, **parameters: Any) -> np.ndarray: ...  # [N]


@overload
def by_score(score: Callable[..., np.ndarray]) -> ScoredStrategy: ...
@overload
def by_score(
    *, reads: Sequence[str] = (), rowwise: bool = False
) -> Callable[[Callable[..., np.ndarray]], ScoredStrategy]: ...
def by_score(
    score: Callable[..., np.ndarray] | None = None,
    *,
    reads: Sequence[str] = (),
    rowwise: bool = False,
) -> Any:
    """Decorator: a function from a view to scores [N], higher = ask sooner, as a strategy.

    The function may take keyword parameters, which a strategy's text can set:
    `density_weighted(beta=2)`. The strategy has the scores themselves as `.score(view)`.

    Args:
        reads: what of the view the function reads; see `reads`.
        rowwise: a sample's score depends on that sample (and the labelled set) alone. Then
            the function is given a window of the pool at a time, and memory does not grow
            with the pool.

    Raises:
        StrategyError: a score is not finite; names the samples.
    """
    if score is None:
        return lambda found: _scored(found, reads, rowwise)
    return _scored(score, reads, rowwise)


def _scored(given: Callable[..., np.ndarray], reads: Sequence[str], rowwise: bool) -> Any:
    name = given.__name__

    def checked(view: PoolView, **parameters: Any) -> np.ndarray:
        scores = np.asarray(given(view, **parameters))
        if scores.dtype.kind != "f":  # whole numbers without a sign cannot be turned around
            scores = scores.astype(np.float64)
        if scores.shape != (len(view.ids),):
            raise StrategyError(
                f"{name} gave scores of shape {scores.shape} for {len(view.ids)} "
                "samples: return one number a sample"
            )
        bad = np.flatnonzero(~np.isfinite(scores))
        if len(bad):
            some = ", ".join(view.ids[i] for i in bad[:3])
            raise StrategyError(
                f"{name} gave {len(bad)} scores that are not finite ({some}): "
                "check these samples and the model"
            )
        return scores

    def scores_of(view: PoolView, **parameters: Any) -> np.ndarray:
        total = len(view.ids)
        if not rowwise or total <= WINDOW:
            return checked(view, **parameters)
        windows = (slice(start, start + WINDOW) for start in range(0, total, WINDOW))
        return np.concatenate([checked(view.narrow(rows), **parameters) for rows in windows])

    @wraps(given)
    def strategy(
        view: PoolView, query_size: int, rng: np.random.Generator, **parameters: Any
    ) -> Picks:
        scores = scores_of(view, **parameters)
        positions = top(scores, query_size)
        return certain(positions, scores[positions])

    more = list(inspect.signature(given).parameters.values())[1:]
    first = list(inspect.signature(strategy, follow_wrapped=False).parameters.values())[:3]
    marks: dict[str, Any] = {
        "score": scores_of,
        "reads": tuple(reads),
        "__signature__": inspect.Signature([*first, *more]),
    }
    for key, value in marks.items():
        setattr(strategy, key, value)
    return strategy


def certain(positions: np.ndarray, scores: np.ndarray, **more: Any) -> Picks:
    """Picks that no draw decided: each has propensity 1."""
    return Picks(positions, scores, propensities=np.ones(len(positions)), **more)
