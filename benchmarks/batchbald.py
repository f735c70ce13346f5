"""BatchBALD's experiment on MNIST and on repeated, noisy MNIST, by this selector and learner.

Kirsch, van Amersfoort and Gal (2019), BatchBALD: 20 labels to start, 2 of each class, 1,024
validation labels (3,072 on the repeated set: each image twice, noise of σ 0.1 added to the
standardised pixels), trained from scratch after each query, nothing augmented, copies kept apart.
Published figures are computed from the authors' logs, 6 seeds; where they have a range, it is that
of their runs of the same setting.

All acquisitions of a seed share validation, pool and first query. What was measured is kept query
by query, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import click
import numpy as np

from al.contracts import DataLoader
from al.data import ArrayLoader
from al.data_selector import select
from al.graphs import TorchGraph
from al.randomness import generator, torch_seed
from al.strategies import ArrayView, build
from al.tasks.mnist import Mnist
from benchmarks.common import RESULTS, Row, command, report
from benchmarks.training import Rows, trained

START, PASSES, TEST = 20, 20, 10_000
#: Strategy and size of a query.
ACQUISITIONS = {
    "random, 10": ("random", 10),
    "BALD, 1": ("bald", 1),
    "BALD, 10": ("bald", 10),
    "BatchBALD, 10": ("batch_bald", 10),
}
#: Published: median labels to 90 % and 95 %, mean accuracy at 100 and at 200.
PUBLISHED = {
    "plain": {
        "BALD, 1": ("89–99", "199–217", ".89", ".94–.95"),
        "BALD, 10": ("155", "260", ".857", ".919"),
        "BatchBALD, 10": ("105", "225", ".892", ".945"),
    },
    "repeated": {
        "random, 10": ("170", "–", ".853", ".908"),
        "BALD, 10": ("175", "–", ".823", ".900"),
        "BatchBALD, 10": ("100", "–", ".897", ".937"),
    },
}
VALIDATION = {"plain": 1024, "repeated": 3072}


def repeated(data: ArrayLoader) -> ArrayLoader:
    """Each training image twice, each time with noise of its own; test images as they are."""
    train, test = data.ids("train"), data.ids("test")
    rng = np.random.default_rng(0)
    clean = data.inputs(data.rows(train)).numpy()
    noisy = [clean + rng.normal(0, 0.1 * 0.3081 * 255, clean.shape) for _ in range(2)]
    inputs = np.concatenate([*noisy, data.inputs(data.rows(test)).numpy()]).astype(np.float32)
    names = data.spec.classes
    targets = [names.index(str(label)) for label in (*data.truth(train) * 2, *data.truth(test))]
    ids = [*(f"{id}-{copy}" for copy in "ab" for id in train), *test]
    return ArrayLoader(ids, inputs, np.array(targets), names, test)


def first(data: DataLoader, pool: Sequence[str], seed: int) -> list[str]:
    """Two samples of each class, drawn at random."""
    order = generator(seed, 1, "select-data").permutation(len(pool))
    labels = np.array(data.truth(pool))[order]
    places = [np.flatnonzero(labels == name)[: START // 10] for name in np.unique(labels)]
    return [pool[order[place]] for place in np.concatenate(places)]


def asked(
    graph: TorchGraph,
    data: DataLoader,
    pool: list[str],
    name: str,
    size: int,
    draw: tuple[int, int],
) -> list[str]:
    """The next query out of the pool."""
    seed = torch_seed(*draw, "passes") % 2**31
    parts = [
        graph.infer(batch, ["samples"], samples=PASSES, seed=seed)["samples"]
        for batch in (data.batches(pool, batch_size=4096) if name != "random" else ())
    ]
    samples = {"samples": np.concatenate(parts)} if parts else {}
    view = ArrayView(pool, cycle=draw[1], **samples)
    rng = generator(*draw, "select-data")
    return list(select(build(name), view, size, rng, name=name, model="none").ids)


def run(
    data: DataLoader, rows: Rows, which: str, acquisition: str, seed: int,
    *, pool_size: int, labels: int, epochs: int, patience: int,
) -> None:  # fmt: skip
    """One campaign; each cycle's accuracy on the test and its next query are kept."""
    name, size = ACQUISITIONS[acquisition]
    order = generator(seed, 0, "split").permutation(len(data.ids("train")))
    train = [data.ids("train")[row] for row in order]
    val, rest = train[: VALIDATION[which]], train[VALIDATION[which] :][: pool_size or None]
    test = data.ids("test")
    known, cycle = first(data, rest, seed), 1
    while len(known) <= labels:
        key = (which, acquisition, pool_size, epochs, seed, len(known))
        if key not in rows.found:
            graph = trained(
                Mnist(), data, known, val, epochs=epochs, patience=patience, draw=(seed, cycle, 0)
            )
            batches = data.batches(test, data.truth(test), batch_size=1000)
            accuracy = float(graph.evaluate(batches)["accuracy"])
            taken = set(known)
            left = sorted(id for id in rest if id not in taken)
            rows.keep(key, (accuracy, asked(graph, data, left, name, size, (seed, cycle + 1))))
            click.echo(f"{key}: {accuracy:.3f}", err=True)
        known, cycle = known + rows.found[key][1], cycle + 1


def labels_to(level: float, labels: Sequence[int], curve: np.ndarray) -> float:
    """The first count of labels at which the accuracy is reached; inf where it never is."""
    reached = np.flatnonzero(curve >= level)
    return labels[reached[0]] if len(reached) else float("inf")


def row(rows: Rows, which: str, acquisition: str, seeds: int, **size: int) -> Row:
    """Medians and means over the seeds, beside what was published."""
    step, labels = ACQUISITIONS[acquisition][1], size["labels"]
    counts = range(START, labels + 1, step)
    key = (which, acquisition, size["pool_size"], size["epochs"])
    curves = np.array([[rows.found[(*key, s, n)][0] for n in counts] for s in range(seeds)])
    published = PUBLISHED[which].get(acquisition, ("–",) * 4)
    found: Row = {"acquisition": acquisition, "seeds": seeds}
    for level, theirs in zip((0.90, 0.95), published, strict=False):
        median = float(np.median([labels_to(level, counts, curve) for curve in curves]))
        ours = f"{median:g}" if np.isfinite(median) else f"more than {labels}"
        found[f"labels to {level:.0%}"] = ours
        found[f"published, {level:.0%}"] = theirs
    for count, theirs in zip((100, 200), published[2:], strict=True):
        if count <= labels:
            at = curves[:, counts.index(count)]
            found[f"accuracy at {count}"] = f"{at.mean():.3f} ({at.min():.3f} … {at.max():.3f})"
            found[f"published, {count}"] = theirs
    return found


@click.command(context_settings={"show_default": True})
@click.option("--data", "which", type=click.Choice(list(PUBLISHED)), default="plain")
@click.option("--acquisition", "chosen", multiple=True, type=click.Choice(list(ACQUISITIONS)))
@click.option("--seeds", default=6, type=click.IntRange(min=1))
@click.option("--labels", default=300, type=click.IntRange(min=START), help="At the end.")
@click.option("--pool", "pool_size", default=0, help="Samples of the pool; 0 is all, as published.")
@click.option("--epochs", default=60, help="Of 256 samples each.")
@click.option("--patience", default=20)
def main(which: str, chosen: Sequence[str], seeds: int, patience: int, **size: int) -> None:
    """Run what is not kept yet, and print a table."""
    rows = Rows(RESULTS / "batchbald.jsonl")
    data = Mnist().data()
    if which == "repeated":
        data = repeated(data)
    chosen = chosen or list(ACQUISITIONS)
    for seed in range(seeds):
        for acquisition in chosen:
            run(data, rows, which, acquisition, seed, patience=patience, **size)
    table = [row(rows, which, acquisition, seeds, **size) for acquisition in chosen]
    pool = size["pool_size"] or "all"
    title = f"{which} MNIST, {pool} samples in the pool, {VALIDATION[which]} validation labels"
    report(f"batchbald_{which}", {title: table}, command=command(), date=f"{date.today()}")


if __name__ == "__main__":
    main()
