"""The two plain criteria: the most or the least of one metric."""

from __future__ import annotations

from collections.abc import Mapping

from al.catalog import criteria
from al.contracts import Criterion


@criteria.register("max")
class Largest(Criterion):
    """The largest value of a metric, as in max:val/accuracy."""

    def __init__(self, metric: str) -> None:
        self.metric = metric

    def __call__(self, metrics: Mapping[str, float]) -> float:
        return metrics[self.metric]


@criteria.register("min")
class Smallest(Criterion):
    """The smallest value of a metric, as in min:val/loss."""

    def __init__(self, metric: str) -> None:
        self.metric = metric

    def __call__(self, metrics: Mapping[str, float]) -> float:
        return -metrics[self.metric]
