"""What labels buy with an encoder's maps of features: masks and boxes by number of labels.

Each learner is that of a task with and without an encoder, trained as in a campaign but without
a validation split: a fixed number of epochs. A seed draws the test split, a fourth of the labelled
images and 150 at most, and the order in which the others are labelled, for all learners alike.
Intervals are 95 % t intervals of the mean over seeds.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zipfile import ZipFile

import click
import numpy as np
from PIL import Image

from al.agents import Examples, Schedule, SupervisedAgent
from al.catalog import make_task
from al.contracts import DataLoader, Graph, Task
from al.data.places import find
from al.randomness import seeded, torch_seed
from benchmarks.common import Row, report
from benchmarks.encoders import shown

BUDGETS = (10, 25, 50, 100)
#: Share of the labelled images that is the test, and the most of them.
TEST, MOST = 4, 150
ENCODER = "efficientnet-lite0"


class Tried(NamedTuple):
    """A data set: its task and parameters, and its learners, by name, as parameters."""

    task: str
    given: Mapping[str, Any]
    learners: Mapping[str, Mapping[str, Any]]


def pets3(folder: Path) -> Tried:
    """600 photographs of three breeds, with trimaps: the pet against the background."""
    _unpack("pets3/pets3.zip", folder)
    means = {"classes": "1=pet,2=ground", "background": "ground", "ignore": "3"}
    learners = {f"{ENCODER}, 160 px": {"encoder": ENCODER}, "U-Net, 80 px": _none(80)}
    return Tried("mask-folder", means, learners)


def nuclei(folder: Path) -> Tried:
    """334 micrographs of 256 pixels: nuclei against the background."""
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    with ZipFile(find("nuclei", folder=True) / "nuclei_dsb2018_256.zip") as archive:
        for name in archive.namelist():
            place, _, file = name.partition("/")
            if place == "images":
                (folder / name).write_bytes(archive.read(name))
            elif place == "labels":
                numbered = np.asarray(Image.open(io.BytesIO(archive.read(name))))
                mask = Image.fromarray((numbered > 0).astype(np.uint8))
                mask.save(folder / "masks" / file)
    means = {"classes": "0=background,1=nucleus", "background": "background"}
    learners = {
        f"{ENCODER}, 160 px": {"encoder": ENCODER},
        f"{ENCODER}, 256 px": {"encoder": ENCODER, "image_size": 256},
        "U-Net, 64 px": _none(64),
    }
    return Tried("mask-folder", means, learners)


def bccd(folder: Path) -> Tried:
    """364 photographs of blood: boxes around cells of three types."""
    _unpack("bccd/bccd_voc.zip", folder)
    learners = {
        f"{ENCODER}, 160 px": {"encoder": ENCODER},
        f"{ENCODER}, 320 px": {"encoder": ENCODER, "image_size": 320},
        "small detector, 128 px": _none(128),
    }
    return Tried("voc", {}, learners)


DATA: Mapping[str, Callable[[Path], Tried]] = {"pets3": pets3, "nuclei": nuclei, "bccd": bccd}


def _none(size: int) -> dict[str, Any]:
    return {"encoder": "none", "image_size": size}


def _unpack(archive: str, folder: Path) -> None:
    with ZipFile(find(archive, folder=False)) as members:
        members.extractall(folder)


def order_of(data: DataLoader, seed: int) -> tuple[list[str], list[str]]:
    """The test of a seed, and the other labelled images in the order that it draws."""
    labelled = [id for split in ("train", "val", "test") for id in data.ids(split)]  # type: ignore[arg-type]
    order = np.random.default_rng([seed, 2]).permutation(sorted(labelled)).tolist()
    held = min(len(order) // TEST, MOST)
    return order[:held], order[held:]


def fitted(task: Task, data: DataLoader, ids: Sequence[str], seed: int, epochs: int) -> Graph:
    """What is learned from some images, from the weights of the seed on."""
    with seeded(torch_seed(seed, 1, "init", 0)):
        graph = task.graph(data.spec)
    graph.prepare_training(lr=0.003, epochs=epochs)
    train = Examples(tuple(ids), tuple(data.truth(ids)))
    schedule = Schedule(epochs, epochs, 1, 32, (seed, 1, 0))
    agent = SupervisedAgent(
        graph, data, train=train, val=train, schedule=schedule, criterion=None, recorder=None
    )  # type: ignore[arg-type]
    for epoch in range(1, epochs + 1):
        agent.train(epoch)
    return graph


def scored(graph: Graph, data: DataLoader, test: Sequence[str]) -> dict[str, float]:
    """The metrics on the test."""
    return graph.evaluate(data.batches(test, data.truth(test), batch_size=64))


def curve(
    task: Task, data: DataLoader, metric: str, seed: int, budgets: Sequence[int], epochs: int
) -> list[float]:
    """The metric on the test after training on so many labels."""
    test, pool = order_of(data, seed)
    return [
        scored(fitted(task, data, pool[:budget], seed, epochs), data, test)[metric]
        for budget in budgets
    ]


@click.command()
@click.option("--data", type=click.Choice(list(DATA)), required=True)
@click.option("--learner", multiple=True, help="Beginnings of their names; all where none is.")
@click.option("--budget", "budgets", multiple=True, type=int, default=BUDGETS)
@click.option("--seeds", default=5, show_default=True)
@click.option("--epochs", default=30, show_default=True)
@click.option("--name", default="grids", show_default=True, help="Of the file of results.")
def main(
    data: str, learner: Sequence[str], budgets: Sequence[int], seeds: int, epochs: int, name: str
) -> None:
    """Train on each number of labels and print the metric on the test."""
    rows: list[Row] = []
    with TemporaryDirectory() as place:
        tried = DATA[data](Path(place))
        metric = "map50" if tried.task == "voc" else "mean_iou"
        for label, parameters in tried.learners.items():
            if learner and not label.startswith(tuple(learner)):
                continue
            given = {"data": place, **tried.given, **parameters}
            task: Task = make_task(tried.task, given)
            loader, begun = task.data(), time.monotonic()
            found = np.empty((seeds, len(budgets)))
            for seed in range(seeds):
                found[seed] = curve(task, loader, metric, seed, budgets, epochs)
                click.echo(f"{data}, {label}, seed {seed}: {np.round(found[seed], 3).tolist()}")
            seconds = (time.monotonic() - begun) / seeds
            columns = {str(b): shown(found[:, at]) for at, b in enumerate(budgets)}
            rows.append({"learner": label, "seeds": seeds, **columns, "seconds a seed": seconds})
    title = f"{data}: {metric} by number of labels, {epochs} epochs"
    report(f"{name}_{data}", {title: rows}, epochs=epochs)


if __name__ == "__main__":
    main()
