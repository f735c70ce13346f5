"""A model over many samples: each batch is a piece of work that any engine may take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

import numpy as np

from al.contracts import Batch, Calibration, DataLoader, Engine, Graph, Label
from al.engine.local import LocalEngine
from al.engine.spreading import spread
from al.errors import EngineError

M = TypeVar("M")
S = TypeVar("S")
R = TypeVar("R")


class Made(NamedTuple):
    """A model and the data that it runs over."""

    graph: Graph
    data: DataLoader


#: What makes the two wherever some work is done: small, and it can be pickled.
Recipe = Callable[[], Made]


@dataclass(frozen=True)
class Here:
    """The recipe of a model and its data that are here, for engines that stay here."""

    made: Made

    def __call__(self) -> Made:
        return self.made

    def __reduce__(self) -> NoReturn:
        raise EngineError(
            "this model is known to this process alone: use engine=local, or give it a recipe"
        )


@dataclass(frozen=True)
class WorkerOf(Generic[M, S, R]):
    """Makes a worker that does something with what a recipe makes.

    Args:
        do: a module's function of what was made and of a piece of work, or a partial of one.
    """

    recipe: Callable[[], M]
    do: Callable[[M, S], R]

    def __call__(self) -> Callable[[S], R]:
        return partial(self.do, self.recipe())


class Piece(NamedTuple):
    """Some samples, and their labels where these are not the data's own truth."""

    number: int
    ids: Sequence[str]
    labels: Sequence[Label] | None


class Runner:
    """A model that runs over many samples through an engine.

    A batch is the same whoever takes it, and what is made of batches is put together here in
    their order, so that no bit depends on the engine.

    Args:
        graph: the model, in this process.
        recipe: makes the two elsewhere; without one they stay here.
        batch: samples of a batch.
    """

    def __init__(
        self,
        graph: Graph,
        data: DataLoader,
        engine: Engine | None = None,
        recipe: Recipe | None = None,
        *,
        batch: int = 512,
    ) -> None:
        self.graph, self.data = graph, data
        self._engine, self._batch = engine or LocalEngine(), batch
        self.recipe = recipe or Here(Made(graph, data))

    def infer(
        self, ids: Sequence[str], wants: Sequence[str], *, samples: int = 1, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """What `Graph.infer` says of the samples, [len(ids), …] by name."""
        do = partial(_inferred, wants=tuple(wants), samples=samples, seed=seed)
        parts = list(self._batches(do, ids))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def guesses(self, ids: Sequence[str]) -> tuple[list[Label], np.ndarray]:
        """The best guess of each sample as a label, and how sure each is, [len(ids)]."""
        parts = list(self._batches(_guessed, ids))
        labels = [label for part, _ in parts for label in part]
        return labels, np.concatenate([sure for _, sure in parts])

    def evaluate(
        self, ids: Sequence[str], labels: Sequence[Label] | None = None
    ) -> dict[str, float]:
        """The metrics on labelled samples; the labels are the data's truth where none are given."""
        if not self.graph.in_parts:
            return self._at_once(_evaluated, ids, labels)
        parts = self._batches(_compared, ids, labels)
        return self.graph.measured(part for of_batch in parts for part in of_batch)

    def each(self, ids: Sequence[str], labels: Sequence[Label], metric: str) -> np.ndarray | None:
        """The metric of each sample alone, [len(ids)]; see `Graph.each`."""
        found = list(self._batches(partial(_each, metric=metric), ids, labels))
        known = [values for values in found if values is not None]
        return np.concatenate(known) if known else None

    def on_some(
        self, ids: Sequence[str], labels: Sequence[Label], metric: str
    ) -> Callable[[np.ndarray], float]:
        """The metric on any of these samples, by row, which may repeat; see `Graph.on_some`."""
        parts = self._batches(_compared, ids, labels)
        measured = self.graph.on_some((part for of_batch in parts for part in of_batch), metric)
        if measured is not None:
            return measured

        def measure(rows: np.ndarray) -> float:
            some = [ids[row] for row in rows], [labels[row] for row in rows]
            return self.evaluate(*some)[metric]

        return measure

    def calibrate(self, ids: Sequence[str]) -> Calibration:
        """The temperature that fits the samples' truth best; see `Graph.calibrate`."""
        found: Calibration = self._at_once(_calibrated, ids)
        return found

    def _batches(
        self,
        do: Callable[[Made, Piece], R],
        ids: Sequence[str],
        labels: Sequence[Label] | None = None,
    ) -> Iterator[R]:
        """What is done with each batch, in their order, as soon as it is their turn."""
        cuts = [slice(start, start + self._batch) for start in range(0, len(ids), self._batch)]
        work = [
            Piece(number, ids[cut], None if labels is None else labels[cut])
            for number, cut in enumerate(cuts)
        ]
        early: dict[int, R] = {}
        turn = 0
        for piece, found in self._spread(do, work):
            early[piece.number] = found
            while turn in early:
                yield early.pop(turn)
                turn += 1

    def _at_once(
        self, do: Callable[..., R], ids: Sequence[str], labels: Sequence[Label] | None = None
    ) -> R:
        """What is done with all samples as one piece of work."""
        do = partial(do, batch=self._batch)
        return next(found for _, found in self._spread(do, [Piece(0, ids, labels)]))

    def _spread(
        self, do: Callable[[Made, Piece], R], work: Sequence[Piece]
    ) -> Iterator[tuple[Piece, R]]:
        return spread(self._engine, WorkerOf(self.recipe, do), work)


# -- what is done, wherever that is --------------------------------------------------------------


def _inferred(
    made: Made, piece: Piece, *, wants: Sequence[str], samples: int, seed: int
) -> dict[str, np.ndarray]:
    (batch,) = made.data.batches(piece.ids, batch_size=len(piece.ids))
    return made.graph.infer(batch, wants, samples=samples, seed=seed)


def _guessed(made: Made, piece: Piece) -> tuple[list[Label], np.ndarray]:
    (batch,) = made.data.batches(piece.ids, batch_size=len(piece.ids))
    return made.graph.guesses(batch, made.data.spec)


def _labelled(data: DataLoader, piece: Piece, batch: int = 0) -> Iterator[Batch]:
    labels = data.truth(piece.ids) if piece.labels is None else piece.labels
    return data.batches(piece.ids, labels, batch_size=batch or len(piece.ids))


def _compared(made: Made, piece: Piece) -> list[Any]:
    return list(made.graph.compared(_labelled(made.data, piece)) or ())


def _each(made: Made, piece: Piece, *, metric: str) -> np.ndarray | None:
    return made.graph.each(_labelled(made.data, piece), metric)


def _evaluated(made: Made, piece: Piece, *, batch: int) -> dict[str, float]:
    return made.graph.evaluate(_labelled(made.data, piece, batch))


def _calibrated(made: Made, piece: Piece, *, batch: int) -> Calibration:
    return made.graph.calibrate(_labelled(made.data, piece, batch))
