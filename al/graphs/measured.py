"""What graphs share that measure by what a kind of problem says: metrics by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from al.contracts import Batch, DataSpec, Graph
from al.errors import UnknownName, did_you_mean
from al.graphs.comparing import Compared, OfArrays, metrics_of, on_rows, together
from al.kinds import kind_of

if TYPE_CHECKING:
    from torchmetrics import Metric


class MeasuredGraph(Graph):
    """Metrics of its kind of problem, by name, beside those that its own meters measure.

    `compared` says what of each batch they are made of.
    """

    spec: DataSpec
    device = torch.device("cpu")
    in_parts: ClassVar[bool] = True

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        parts = self.compared(batches)
        assert parts is not None  # what is measured compares
        return self.measured(parts)

    def meters(self) -> dict[str, Metric]:
        """New torchmetrics objects by name, of metrics of its own; fed answers and targets."""
        return {}

    def measure(self, names: Sequence[str]) -> None:
        if not self.in_parts:
            raise NotImplementedError
        known, own = kind_of(self.spec).metrics, self.meters()
        able = [*own, *(name for name, metric in known.items() if metric.of or metric.each)]
        for name in names:
            if name in self.metrics:
                continue
            if name not in able:
                have = [*dict.fromkeys([*self.metrics, *able])]
                raise UnknownName(f"metric {name!r}: {did_you_mean(name, have)}")
            self.metrics = (*(n for n in self.metrics if n != "loss"), name, "loss")  # type: ignore[misc]
            if name not in own and known[name].lower:
                self.lower = self.lower | {name}  # type: ignore[misc]  # a graph's own

    def _of_kind(self) -> dict[str, OfArrays]:
        """What measures the metrics that are of the kind and not of its own meters."""
        own, known = self.meters(), kind_of(self.spec).metrics
        return {
            name: partial(known[name], spec=self.spec)
            for name in self.metrics
            if name in known and name not in own
        }

    def measured(self, parts: Iterable[Compared]) -> dict[str, float]:
        return metrics_of(parts, self.meters(), self.device, self._of_kind())

    def each(self, batches: Iterable[Batch], metric: str) -> np.ndarray | None:
        known = kind_of(self.spec).metrics.get(metric)
        if known is None or known.each is None or metric not in self._of_kind():
            return None
        parts = self.compared(batches)
        assert parts is not None
        return np.concatenate([known.each(part.answers, part.targets) for part in parts])

    def on_some(
        self, parts: Iterable[Compared], metric: str
    ) -> Callable[[np.ndarray], float] | None:
        if metric in self.meters():
            return on_rows(parts, lambda: self.meters()[metric])
        measure = self._of_kind().get(metric)
        if measure is None:
            return None
        answers, targets = together(parts)
        return lambda rows: measure(answers[rows], targets[rows])
