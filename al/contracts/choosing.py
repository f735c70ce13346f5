"""What is asked about: what a strategy sees, what it picks, and the query that comes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from al.contracts.data import Label

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: Reason of a sample that was drawn uniformly to measure the champion on.
AUDIT = "audit"

#: Reason of one that was drawn for that with a greater chance the less sure the champion is.
DOUBTED = "audit-doubted"

#: Reasons of samples that were drawn to measure the champion on.
AUDITS = (AUDIT, DOUBTED)

#: Stands in that place where a model gave a label by itself.
BY_MODEL = "model"

#: Reason of a sample that has a label already and is asked about once more, as it looks wrong.
SECOND = "second opinion"

#: Reasons of samples that are no training samples: people are asked about them to judge models.
HELD_OUT = {"val": "validation", "test": "test"}

#: Classes with their probabilities, the likeliest first.
Likely = tuple[tuple[str, float], ...]
#: What a query says of each sample.
_COLUMNS = (
    "ids", "scores", "reasons", "propensities", "predicted", "confidence", "likely",
)  # fmt: skip

S = TypeVar("S")
R = TypeVar("R")


class LabelledView(Protocol):
    """What a strategy may know of the labelled set, in the order of `ids`."""

    @property
    def ids(self) -> tuple[str, ...]: ...
    @property
    def labels(self) -> tuple[Label, ...]: ...
    @property
    def probabilities(self) -> np.ndarray: ...  # [L, C]
    @property
    def embeddings(self) -> np.ndarray: ...  # [L, D]
    @property
    def features(self) -> np.ndarray: ...  # [L, F]


class PoolView(Protocol):
    """What a strategy may know of the pool, in the order of `ids`, which ascend.

    Nothing is computed before it is read. Labels of the pool are not here. What needs a
    model raises StrategyError where there is none.
    """

    @property
    def ids(self) -> tuple[str, ...]: ...
    @property
    def has_model(self) -> bool: ...
    @property
    def kind(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def cycle(self) -> int: ...
    @property
    def probabilities(self) -> np.ndarray: ...  # [N, C]
    @property
    def samples(self) -> np.ndarray: ...  # [N, T, C], the same T networks for every sample
    @property
    def embeddings(self) -> np.ndarray: ...  # [N, D]
    @property
    def features(self) -> np.ndarray: ...  # [N, F], raw inputs; need no model
    @property
    def committee(self) -> np.ndarray: ...  # [N, M, C], of the latest candidates
    @property
    def losses(self) -> np.ndarray: ...  # [N], as the model predicts its own loss
    @property
    def target_samples(self) -> np.ndarray: ...  # [M, T, C], where the model has to be good
    @property
    def costs(self) -> np.ndarray: ...  # [N], of annotating
    @property
    def metadata(self) -> pd.DataFrame: ...
    @property
    def labelled(self) -> LabelledView: ...
    @property
    def memory(self) -> Mapping[str, Any]: ...  # what Picks.memory was in the cycle before

    def measured(self, measure: str, over: str) -> np.ndarray:  # [N]
        """A measure of `al.measures` on what the model predicts, one number a sample.

        Args:
            over: how the many distributions of a mask, boxes or labels become one number;
                "auto" for what suits the kind. Where a sample has one, it is the number.
        """
        ...

    def prepare(self, names: Sequence[str]) -> None:
        """Compute what will be read of the model, in one pass; optional, it saves passes."""
        ...

    def narrow(self, rows: np.ndarray | slice) -> PoolView:
        """The view of some rows of the pool, which ascend."""
        ...


@dataclass(frozen=True)
class Picks:
    """What a strategy chose, best first.

    Attributes:
        positions: rows of the view, [query_size], distinct.
        scores: how strongly each was wanted when it was picked, higher = ask sooner.
        reasons: why, one text a pick; the strategy's name where empty.
        propensities: probability of being picked, [query_size], 1 = certain; None where the
            strategy draws and does not know it. Where every sample of the pool had a chance,
            Σ value / propensity over the picks is an unbiased estimate of the pool's sum.
        why: a sentence for the cycle's record, where the strategy decided something.
        short: why there are fewer picks than asked for, where there are.
        memory: what the strategy wants to find as `view.memory` in the next cycle; JSON.
        covers: every sample of the view had a chance, and `propensities` are these chances.
    """

    positions: np.ndarray
    scores: np.ndarray
    reasons: tuple[str, ...] = ()
    propensities: np.ndarray | None = None
    why: str = ""
    short: str = ""
    memory: Mapping[str, Any] | None = None
    covers: bool = False


class Strategy(Protocol):
    """How to choose: a plain function."""

    def __call__(self, view: PoolView, query_size: int, rng: np.random.Generator) -> Picks: ...


@dataclass(frozen=True)
class Query:
    """The ids asked about in a cycle, in the order of asking, and why each.

    Attributes:
        predicted, confidence: the champion's best guess, a label, and how sure it is, as in
            `Graph.guesses`; empty where there is no champion.
        likely: the classes that the champion finds likeliest, each with its probability, the
            likeliest first; empty where it may not be shown, or labels name no classes. Of an
            older record it is empty as a whole.
        why, memory, covers: as in `Picks`; of the audit slice `covers` says nothing.
        cycle: in which it is asked; 0 where that does not matter.
    """

    ids: tuple[str, ...]
    scores: tuple[float, ...]
    reasons: tuple[str, ...]
    propensities: tuple[float | None, ...]
    strategy: str
    model: str  # models:/NAME/VERSION, or "none"
    predicted: tuple[Label, ...] = ()
    confidence: tuple[float, ...] = ()
    likely: tuple[Likely, ...] = ()
    why: str = ""
    memory: Mapping[str, Any] | None = None
    covers: bool = False
    cycle: int = 0

    def chance(self, rank: int) -> float | None:
        """The probability that this sample was asked about, where it counts in an estimate of
        the pool; None elsewhere."""
        known = self.covers or self.reasons[rank] in AUDITS
        return self.propensities[rank] if known else None

    def may_show(self, rank: int) -> bool:
        """Whether who answers may see what the champion believes of this sample.

        People accept what they are shown, so an estimate from such answers flatters the
        champion: no sample that counts in one is shown with a guess, and no second opinion.
        """
        reason = self.reasons[rank]
        unbiased = reason in (*AUDITS, SECOND, *HELD_OUT.values()) or self.chance(rank) is not None
        return bool(self.predicted) and not unbiased

    def without(self, ids: Iterable[str]) -> Query:
        """The query less these ids, in its order."""
        gone = frozenset(ids)
        rows = [row for row, id in enumerate(self.ids) if id not in gone]
        kept: dict[str, Any] = {
            name: tuple(values[row] for row in rows)
            for name in _COLUMNS
            if (values := getattr(self, name))
        }
        return replace(self, **kept)


class Engine(ABC):
    """The one place where work leaves the process.

    It starts nothing before `map` is called. Callers go through `al.engine.spread`, which holds
    it to its promise and keeps what workers raise from it.

    Args:
        options: as the user gave them, by name; the names are those of the class's `options`.
    """

    #: What can be given as `engine_options`: name → help line.
    options: ClassVar[Mapping[str, str]] = {}
    #: Whether its workers are other processes, to which it pays to hand out more than models.
    apart: ClassVar[bool] = False
    #: Device of its workers where that is another than this process's, like "cuda".
    device: str = ""

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self.given = dict(options or {})

    def check(self) -> None:
        """See that it can work, before a command changes anything.

        Raises:
            EngineError: it cannot; the line says what to do.
        """
        return

    @property
    def at_work(self) -> str:
        """Who is at work, beside a bar, like "8 workers"."""
        return ""

    def processor(self, here: str) -> str:
        """The kind of processor that models run on, by which what they say is kept.

        Args:
            here: that of this process.
        """
        return here

    @abstractmethod
    def map(
        self, make_worker: Callable[[], Callable[[S], R]], shards: Iterable[S]
    ) -> Iterator[tuple[S, R]]:
        """Run a worker over each shard exactly once; yield shards with results in any order.

        In one process one shard is worked at at a time: torch's own generator is there once.

        Args:
            make_worker: called once wherever some shards are worked at. It is small and can be
                pickled, as shards and results can: a worker elsewhere finds data and weights
                by their names.
        """

    def close(self) -> None:
        """Let go of what is held, like processes; called as a command ends."""
        return
