"""The leaderboard: what each strategy came to in one setting, beside random and the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from al.experiment.plan import RANDOM
from al.experiment.statistics import Difference, Interval, area, differences, labels_to, mean_of
from al.experiment.statistics import saving as saved
from al.experiment.trial import Point


@dataclass(frozen=True)
class Curves:
    """The curves of a setting, on the labels that all of them reach.

    Attributes:
        labels: answers at each point, [points].
        values: the metric by strategy, [seeds, points] each.
        seconds: of choosing in a cycle, and of a whole trial, by strategy; means.
    """

    labels: np.ndarray
    values: Mapping[str, np.ndarray]
    seconds: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, trials: Mapping[str, Sequence[Sequence[Point]]], metric: str) -> Curves:
        """From the trials of each strategy, one a seed.

        Where queries have other sizes (costs, copies), curves are interpolated between points.
        """
        every = [points for several in trials.values() for points in several]
        low, high = max(t[0].labels for t in every), min(t[-1].labels for t in every)
        labels = np.unique([p.labels for t in every for p in t if low <= p.labels <= high])
        if not len(labels):  # one trial ended before another began
            labels = np.array([high])

        def curve(points: Sequence[Point]) -> np.ndarray:
            at, value = [p.labels for p in points], [p.test[metric] for p in points]
            return np.interp(labels, at, value)

        values = {name: np.stack([curve(t) for t in several]) for name, several in trials.items()}
        return cls(labels, values, {name: _seconds(several) for name, several in trials.items()})


def _seconds(trials: Sequence[Sequence[Point]]) -> tuple[float, float]:
    later = [p.choosing for t in trials for p in t[1:]] or [0.0]
    return float(np.mean(later)), float(np.mean([_total(t) for t in trials]))


def _total(points: Sequence[Point]) -> float:
    return sum(point.choosing + point.training for point in points)


@dataclass(frozen=True)
class Row:
    """A strategy's line.

    Attributes:
        area: mean metric over the range of labels.
        final: the metric at the end.
        against_random, against_best: of the areas; None for random, and for the best, itself.
        labels: to the level, the median over seeds; inf where most never reach it.
        reached: seeds that reach it.
        saving: share of the labels to the level that is saved against random.
        choosing, total: seconds of a query, and of a trial.
    """

    strategy: str
    area: Interval
    final: Interval
    against_random: Difference | None
    against_best: Difference | None
    labels: float
    reached: int
    saving: Interval | None
    choosing: float
    total: float


@dataclass(frozen=True)
class Leaderboard:
    """All strategies of a setting, the best first.

    Attributes:
        level: of the metric, to which labels are counted.
        lower: less of the metric is better.
    """

    metric: str
    lower: bool
    level: float
    seeds: int
    curves: Curves
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, curves: Curves, metric: str, *, lower: bool, level: float | None) -> Leaderboard:
        """Compare.

        Args:
            level: None for what random has in the end.
        """
        values, labels = curves.values, curves.labels
        at = float(values[RANDOM][:, -1].mean()) if level is None else level
        areas = {name: area(labels, found) for name, found in values.items()}
        sign = 1 if lower else -1
        order = sorted(values, key=lambda name: (sign * areas[name].mean(), name))
        best = order[0]
        others = [name for name in order if name != RANDOM]
        behind = [name for name in order if name != best]
        to_random = _against(areas, others, RANDOM, lower=lower)
        to_best = _against(areas, behind, best, lower=lower)
        needed = {n: labels_to(at, labels, found, lower=lower) for n, found in values.items()}
        rows = tuple(
            Row(
                strategy=name,
                area=mean_of(areas[name]),
                final=mean_of(values[name][:, -1]),
                against_random=to_random.get(name),
                against_best=to_best.get(name),
                labels=float(np.quantile(needed[name], 0.5, method="inverted_cdf")),
                reached=int(np.isfinite(needed[name]).sum()),
                saving=None
                if name == RANDOM
                else saved(needed[name], needed[RANDOM], float(labels[-1])),
                choosing=curves.seconds[name][0],
                total=curves.seconds[name][1],
            )
            for name in order
        )
        return cls(metric, lower, at, len(values[RANDOM]), curves, rows)

    def sentence(self) -> str:
        """What to make of it, and how sure that is."""
        better = [r for r in self.rows if r.against_random and r.against_random.verdict == "better"]
        if not better:
            more = [
                r.against_random.more
                for r in self.rows
                if r.against_random and r.against_random.more and self._leads(r)
            ]
            tail = f"; that would take about {self.seeds + min(more)} seeds" if more else ""
            return f"no strategy is distinguishably better than random in {self.seeds} seeds{tail}"
        first = better[0]
        gain = first.against_random
        assert gain is not None
        words = [
            f"{first.strategy} is better than random: mean {self.metric} over the curve "
            f"{gain.mean.text(sign=True)}"
        ]
        if first.saving is not None and first.saving.low > 0:
            s = first.saving
            words.append(
                f"it saves {s.value:.0%} ({s.low:.0%} to {s.high:.0%}) of the labels to "
                f"{self.metric} {self.level:.3g}"
            )
        alike = [
            row.strategy
            for row in better[1:]
            if row.against_best and row.against_best.verdict == "not told apart"
        ]
        if alike:
            words.append(f"not told apart from it: {', '.join(alike)}")
        return "; ".join(words)

    def _leads(self, row: Row) -> bool:
        assert row.against_random is not None
        return (row.against_random.mean.value < 0) == self.lower

    def table(self) -> pd.DataFrame:
        """The lines as texts, for terminals, pages and notebooks."""
        return pd.DataFrame([self._texts(row) for row in self.rows])

    def _texts(self, row: Row) -> dict[str, str]:
        gain, s = row.against_random, row.saving
        return {
            "strategy": row.strategy,
            f"mean {self.metric}": row.area.text(),
            f"at {self.curves.labels[-1]:g} labels": row.final.text(),
            "minus random": "" if gain is None else gain.mean.text(sign=True),
            "p": "" if gain is None else "< 0.001" if gain.p < 0.001 else f"{gain.p:.3f}",
            "than random": "" if gain is None else gain.verdict,
            f"labels to {self.level:.3g}": self._to_level(row),
            "saved": "" if s is None else f"{s.value:.0%} ({s.low:.0%} … {s.high:.0%})",
            "seconds a query": f"{row.choosing:.2f}",
        }

    def _to_level(self, row: Row) -> str:
        if not row.reached:
            return "never"
        text = "most never" if math.isinf(row.labels) else f"{row.labels:.0f}"
        return text if row.reached == self.seeds else f"{text} ({row.reached} of {self.seeds})"

    def figures(self) -> pd.DataFrame:
        """The lines as numbers, for files."""
        return pd.DataFrame([_numbers(row) for row in self.rows])


def _against(
    areas: Mapping[str, np.ndarray], names: Sequence[str], other: str, *, lower: bool
) -> dict[str, Difference]:
    found = differences([areas[name] for name in names], areas[other], lower=lower)
    return dict(zip(names, found, strict=True))


def _numbers(row: Row) -> dict[str, object]:
    def spread(name: str, found: Interval | None) -> dict[str, float]:
        value, low, high = found or (math.nan,) * 3
        return {name: value, f"{name}_low": low, f"{name}_high": high}

    def difference(name: str, found: Difference | None) -> dict[str, object]:
        if found is None:
            return {**spread(name, None), f"{name}_p": math.nan, f"{name}_verdict": ""}
        more = math.nan if found.more is None else found.more
        return {
            **spread(name, found.mean),
            f"{name}_p": found.p,
            f"{name}_verdict": found.verdict,
            f"{name}_seeds_more": more,
        }

    return {
        "strategy": row.strategy,
        **spread("area", row.area),
        **spread("final", row.final),
        **difference("less_random", row.against_random),
        **difference("less_best", row.against_best),
        "labels_to_level": row.labels,
        "seeds_that_reach_it": row.reached,
        **spread("saving", row.saving),
        "seconds_a_query": row.choosing,
        "seconds_a_trial": row.total,
    }
