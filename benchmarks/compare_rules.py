"""How often each rule of Compare retrains needlessly, or fails to when it should.

    python -m benchmarks.compare_rules

A pool of which a champion gets a known share right; a strategy that asks for what it gets
wrong more often than not; the project's own estimators and rule. One repetition is one
cycle's query, or several cycles' that are judged together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click
import numpy as np

from al.compare import Sample, compare
from al.contracts import AUDIT
from al.data_selector import select
from al.engine import Runner
from al.strategies import ArrayView, build
from benchmarks.common import Row, report

KPI = 0.9
#: The champion's true value less the KPI.
MARGINS = (-0.05, -0.02, 0.0, 0.02, 0.05, 0.08)
#: Name, strategy, rule, share of audit, cycles judged together.
RULES = (
    ("plain, margin", "margin", "plain", 0.0, 1),
    ("plain, random", "random", "plain", 0.0, 1),
    ("audit, margin, 1 cycle", "margin", "interval", 0.2, 1),
    ("audit, margin, 5 cycles", "margin", "interval", 0.2, 5),
    ("weighted, power(margin), 1 cycle", "power(margin)", "interval", 0.2, 1),
    ("weighted, power(margin), 5 cycles", "power(margin)", "interval", 0.2, 5),
    ("weighted, random, 1 cycle", "random", "interval", 0.2, 1),
)


class Known:
    """A champion and a pool of which it is known what the champion gets right."""

    lower: frozenset[str] = frozenset()  # more of its metric is better

    def __init__(self, size: int, value: float, rng: np.random.Generator) -> None:
        # Confidence of two classes; where it is low the champion errs more often.
        confidence = 0.5 + 0.5 * rng.beta(4, 1, size)
        error = 1 - confidence
        error *= (1 - value) / error.mean()
        self.right = rng.random(size) >= error
        self.probabilities = np.stack([confidence, 1 - confidence], axis=1)
        self.ids = [f"{number:06d}" for number in range(size)]
        self.truth = float(self.right.mean())

    def batches(self, ids: Sequence[str], *_: Any, **__: Any) -> Iterator[Sequence[str]]:
        yield ids

    def each(self, batches: Iterator[Sequence[str]], metric: str) -> np.ndarray:
        return np.array([self.right[int(id)] for ids in batches for id in ids], dtype=float)


def asked(
    pool: Known, left: np.ndarray, text: str, size: int, audit: float, cycle: int, seed: int
) -> list[Sample]:
    """A cycle's query, answered."""
    view = ArrayView([pool.ids[row] for row in left], probabilities=pool.probabilities[left])
    rng = np.random.default_rng((seed, cycle))
    query = select(build(text), view, size, rng, name=text, model="m", audit=audit)
    return [
        Sample(id, "", cycle, why == AUDIT, chance if query.covers and why != AUDIT else None)
        for id, why, chance in zip(query.ids, query.reasons, query.propensities, strict=True)
    ]


def retrains(
    rule: tuple[str, str, str, float, int], value: float, size: int, query: int, seed: int
) -> bool:
    """Whether the rule retrains a champion of this value."""
    _, text, name, audit, cycles = rule
    rng = np.random.default_rng(seed)
    pool = Known(size, value, rng)
    left = np.arange(size)
    samples: list[Sample] = []
    for cycle in range(cycles):
        samples += asked(pool, left, text, query, audit, cycle, seed)
        gone = {int(sample.id) for sample in samples}
        left = np.array([row for row in range(size) if row not in gone])
    known: Any = pool
    champion = Runner(known, known)
    return compare(champion, samples, metric="accuracy", kpi=KPI, rule=name, rng=rng).retrain


@click.command()
@click.option("--repeats", default=400, show_default=True, help="Repetitions of each cell.")
@click.option("--pool", "size", default=4000, show_default=True, help="Samples in the pool.")
@click.option("--query", default=100, show_default=True, help="Samples asked about in a cycle.")
def main(repeats: int, size: int, query: int) -> None:
    """Print how often each rule retrains, by how good the champion is."""
    rows: list[Row] = []
    for rule in RULES:
        row: Row = {"rule": rule[0]}
        for margin in MARGINS:
            found = [retrains(rule, KPI + margin, size, query, seed) for seed in range(repeats)]
            row[f"KPI {margin:+.2f}"] = f"{100 * np.mean(found):.0f} %"
        rows.append(row)
    title = f"share of {repeats} cycles that retrain, by the champion's value (KPI {KPI:g})"
    report("compare_rules", {title: rows}, repeats=repeats, pool=size, query=query)


if __name__ == "__main__":
    main()
