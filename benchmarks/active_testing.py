"""How often the intervals of an audit slice hold the truth, and how many labels each way saves.

    python -m benchmarks.active_testing

Pools whose truth is known: a simulated champion that is right in a given share of them, whose
confidence says how sure it is of each; and digits, with a champion trained on 100 labels. Four
ways to draw and to count: uniformly or by doubt, by the answers alone or with the champion's
confidence in the whole pool (`al.compare.powered`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import click
import numpy as np

from al.catalog import tasks
from al.compare.estimates import Estimate, effective, estimate
from al.compare.powered import powered
from al.data_selector.modifiers import audited
from al.randomness import seeded
from al.strategies import ArrayView, build
from benchmarks.common import Row, report

VALUES = (0.8, 0.9, 0.95, 0.99)
SIZES = (20, 50, 100, 200)
#: How it is drawn, and whether the champion's confidence counts.
WAYS = (("uniform", False), ("uniform", True), ("doubt", False), ("doubt", True))


def simulated(value: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Confidence and whether the champion is right, of 4,000 samples."""
    sure = 0.5 + 0.5 * rng.beta(4, 1, 4000)
    wrong = np.clip((1 - sure) * (1 - value) / (1 - sure).mean(), 0, 1)
    return sure, (rng.random(4000) >= wrong).astype(float)


def digits(epochs: int) -> tuple[np.ndarray, np.ndarray]:
    """The same of a network trained on 100 digits, over all the others for training."""
    task = tasks.get("digits")()
    data = task.data()
    ids = data.ids("train")
    with seeded(0):
        graph = task.graph(data.spec)
        graph.prepare_training(lr=0.003, epochs=epochs)
        for _ in range(epochs):
            for batch in data.batches(ids[:100], data.truth(ids[:100]), batch_size=32):
                graph.train_batch(batch)
    pool = ids[100:]
    (batch,) = data.batches(pool, data.truth(pool), batch_size=len(pool))
    found = graph.infer(batch, ["probabilities"])["probabilities"]
    right = graph.each([batch], "accuracy")
    assert right is not None
    return found.max(axis=1).astype(float), np.asarray(right, float)


def estimates(
    sure: np.ndarray, right: np.ndarray, size: int, rng: np.random.Generator
) -> Iterator[Estimate]:
    """An estimate by each way."""
    view = ArrayView(
        [f"{row:05d}" for row in range(len(sure))],
        probabilities=np.stack([sure, 1 - sure], axis=1),
    )
    strategy = build("random")
    drawn = {by: audited(strategy, 1.0, by)(view, size, rng) for by in ("uniform", "doubt")}
    for by, confident in WAYS:
        picks = drawn[by]
        rows, chances = picks.positions, np.asarray(picks.propensities)
        weights = effective(chances)
        if confident:
            everywhere = np.full(size, sure.mean()), np.full(size, len(sure))
            yield powered(right[rows], weights, sure[rows], *everywhere, rng)
        else:
            yield estimate(right[rows], weights, rng)


def row_of(name: str, pools: Iterator[tuple[np.ndarray, np.ndarray]], size: int) -> Row:
    """A line of the table: intervals that hold the truth, and their widths to the classical."""
    held, widths, count = np.zeros(len(WAYS)), np.zeros(len(WAYS)), 0
    for seed, (sure, right) in enumerate(pools):
        rng = np.random.default_rng((seed, size))
        truth = right.mean()
        for way, found in enumerate(estimates(sure, right, size, rng)):
            held[way] += found.low <= truth <= found.high
            widths[way] += found.high - found.low
        count += 1
    row: Row = {"champion": name, "answers": size}
    for way, (by, confident) in enumerate(WAYS):
        title = f"{by}{', powered' if confident else ''}"
        row[f"{title}: holds"] = f"{100 * held[way] / count:.1f} %"
        if way:
            saved = 1 - (widths[way] / widths[0]) ** 2
            row[f"{title}: labels saved"] = f"{100 * saved:.0f} %"
    return row


@click.command()
@click.option("--repeats", default=1000, show_default=True, help="Repetitions of each cell.")
def main(repeats: int) -> None:
    """Print coverage of the 95 % intervals, and labels saved against uniform draws."""
    rows = []
    for value in VALUES:
        for size in SIZES:
            pools = (simulated(value, np.random.default_rng(seed)) for seed in range(repeats))
            rows.append(row_of(f"{value:g}, simulated", pools, size))
    for epochs in (10, 40):
        sure, right = digits(epochs)
        for size in SIZES:
            same = ((sure, right) for _ in range(repeats))
            rows.append(row_of(f"{right.mean():.3f}, digits", same, size))
    report(
        "active_testing",
        {f"{repeats} repetitions": rows},
        command=f"python -m benchmarks.active_testing --repeats {repeats}",
        date=datetime.now(UTC).date().isoformat(),
        seeds="(repetition, answers)",
    )


if __name__ == "__main__":
    main()
