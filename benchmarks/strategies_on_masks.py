"""Which strategy pays where labels are masks: curves over images of nuclei and of pets.

nnActive (Lüth et al. 2025, arXiv 2411.17382) found that in biomedical segmentation strategies
that look good beside uniform draws often are not better than draws that heed the foreground;
ClaSP PE (2026, arXiv 2601.13677) that power noise shared among the classes is. Both speak of
patches of 3D images and of nnU-Net; here a sample is an image and the learner the small head on
an encoder's kept maps. The bar is random in both senses.

Curves are kept in `benchmarks/results/strategies_on_masks.csv`, which is committed; what it holds
already is not run again, so remove it where budgets, epochs or `SIDE` change. All strategies of a
seed share test split, first query and its model, and each number of labels begins with the same
weights.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import click
import numpy as np
import pandas as pd
import torch
from PIL import Image

from al.catalog import make_task
from al.contracts import DataLoader, Graph, Task
from al.data.places import find
from al.experiment.statistics import area, differences, mean_of
from al.processor import processor_of
from al.strategies import ArrayView, build
from benchmarks.common import RESULTS, Row, report
from benchmarks.grids import ENCODER, Tried, fitted, nuclei, order_of, scored

CURVES = RESULTS / "strategies_on_masks.csv"
COLUMNS = ["data", "seed", "strategy", "labels", "values"]
RANDOM, FOREGROUND = "random", "foreground_random"
STRATEGIES = (RANDOM, FOREGROUND, "entropy", "power(entropy)", "clasp")
BUDGETS = (10, 20, 40)
#: Of an image's square, in pixels: a seventh of the time of 160, for seeds.
SIDE = 64
#: What a pixel on the outline is, which belongs to no class.
VOID = 255
#: What strategies read of a model here.
WANTS = ("probabilities", "entropy.patch", "entropy.mean", "entropy.classes")


def breeds(folder: Path) -> Tried:
    """600 photographs of pets, whose pixels are of one of three breeds or of the background."""
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    with ZipFile(find("pets3/pets3.zip", folder=False)) as archive:
        trimaps = [name for name in archive.namelist() if name.endswith(".png")]
        names = sorted({Path(name).name.rpartition("_")[0] for name in trimaps})
        for name in trimaps:
            stem = Path(name).stem
            (folder / "images" / f"{stem}.jpg").write_bytes(archive.read(f"images/{stem}.jpg"))
            with archive.open(name) as file:
                trimap = np.asarray(Image.open(file))
            mask = np.select(
                [trimap == 1, trimap == 2], [1 + names.index(stem.rpartition("_")[0]), 0], VOID
            )
            Image.fromarray(mask.astype(np.uint8)).save(folder / "masks" / f"{stem}.png")
    classes = ",".join(f"{at}={name}" for at, name in enumerate(["background", *names]))
    means = {"classes": classes, "background": "background", "ignore": str(VOID)}
    return Tried("mask-folder", means, {})


DATA = {"nuclei": nuclei, "pets3, by breed": breeds}


class Trial:
    """What one seed tries on one problem."""

    def __init__(self, task: Task, data: DataLoader, seed: int, epochs: int) -> None:
        self.task, self.data, self.seed, self.epochs = task, data, seed, epochs
        self.test, self.pool = order_of(data, seed)
        self._models: dict[tuple[str, ...], tuple[Graph, float]] = {}

    def curve(self, strategy: str) -> list[float]:
        """The mean IoU on the test at each budget."""
        chosen, values = self.pool[: BUDGETS[0]], list[float]()
        for budget in BUDGETS:
            if budget > len(chosen):
                left = sorted(set(self.pool) - set(chosen))
                rng = np.random.default_rng([self.seed, budget])
                picks = build(strategy)(self._view(left, chosen), budget - len(chosen), rng)
                chosen = [*chosen, *(left[row] for row in picks.positions)]
            values.append(self._model(chosen)[1])
        return values

    def _model(self, chosen: Sequence[str]) -> tuple[Graph, float]:
        key = tuple(chosen)
        if key not in self._models:
            graph = fitted(self.task, self.data, chosen, self.seed, self.epochs)
            self._models[key] = graph, scored(graph, self.data, self.test)["mean_iou"]
        return self._models[key]

    def _view(self, left: Sequence[str], chosen: Sequence[str]) -> ArrayView:
        graph, spec = self._model(chosen)[0], self.data.spec
        parts: list[dict[str, Any]] = [
            graph.infer(batch, WANTS) for batch in self.data.batches(left, batch_size=64)
        ]
        found = {name: np.concatenate([part[name] for part in parts]) for name in WANTS}
        p = found.pop("probabilities")
        return ArrayView(left, kind=spec.kind, classes=spec.classes, probabilities=p,
                         measures=found)  # fmt: skip


def run(names: Sequence[str], seeds: int, epochs: int, minutes: float) -> None:
    """Add what the table lacks, seed by seed, until the minutes of the processor are spent."""
    known = pd.read_csv(CURVES) if CURVES.exists() else pd.DataFrame(columns=COLUMNS)
    done = set(known[COLUMNS[:3]].itertuples(index=False, name=None))
    end = time.process_time() + 60 * minutes
    with TemporaryDirectory() as place:
        made: dict[str, tuple[Task, DataLoader]] = {}
        for seed, name in [(seed, name) for seed in range(seeds) for name in names]:
            left = [by for by in STRATEGIES if (name, seed, by) not in done]
            if not left:
                continue
            if time.process_time() > end:
                click.echo(f"{minutes:g} minutes of the processor are spent: run it again to go on")
                return
            if name not in made:
                folder = Path(place) / str(len(made))
                folder.mkdir()
                tried = DATA[name](folder)
                given = {"data": str(folder), "encoder": ENCODER, "image_size": SIDE}
                task: Task = make_task(tried.task, given | dict(tried.given))
                made[name] = task, task.data()
            trial, begun, rows = Trial(*made[name], seed, epochs), time.process_time(), list[Row]()
            for by in left:
                values = " ".join(f"{value:.4f}" for value in trial.curve(by))
                row = (name, seed, by, " ".join(map(str, BUDGETS)), values)
                rows.append(dict(zip(COLUMNS, row, strict=True)))
            table = pd.DataFrame(rows, columns=COLUMNS)
            table.to_csv(CURVES, mode="a", header=not CURVES.exists(), index=False)
            click.echo(f"{name}, seed {seed}: {time.process_time() - begun:.0f} s of CPU")


def table(known: pd.DataFrame) -> list[Row]:
    """Curves of one data set, each less the two bars; Holm's correction over each bar's column."""
    values = {
        by: np.array([[float(v) for v in text.split()] for text in rows["values"]])
        for by, rows in known.sort_values("seed").groupby("strategy")
    }
    areas = {by: area(np.array(BUDGETS), found) for by, found in values.items()}
    rows = [
        Row(strategy=by)
        | {str(b): f"{values[by][:, at].mean():.3f}" for at, b in enumerate(BUDGETS)}
        | {"area": mean_of(areas[by]).text(4)}
        for by in STRATEGIES
    ]
    for bar in (RANDOM, FOREGROUND):
        others = [by for by in STRATEGIES if by != bar]
        found = differences([areas[by] for by in others], areas[bar])
        rows[STRATEGIES.index(bar)][f"less {bar}"] = ""
        for by, cell in zip(others, found, strict=True):
            rows[STRATEGIES.index(by)][f"less {bar}"] = (
                f"{cell.mean.text(4, sign=True)} {cell.verdict}"
            )
    return rows


@click.command(context_settings={"show_default": True})
@click.option("--data", "names", multiple=True, type=click.Choice(list(DATA)), default=list(DATA))
@click.option("--seeds", default=5, type=click.IntRange(min=2))
@click.option("--epochs", default=20)
@click.option("--minutes", default=1000.0, help="Of the processor, after which it ends.")
def main(names: Sequence[str], seeds: int, epochs: int, minutes: float) -> None:
    """Run what is missing from the curves, then write the tables."""
    torch.set_num_threads(1)
    run(names, seeds, epochs, minutes)
    known = pd.read_csv(CURVES)
    known = known[(known["seed"] < seeds) & known["strategy"].isin(STRATEGIES)]
    whole = {
        name: rows for name in names if (rows := known[known["data"] == name])["seed"].nunique() > 1
    }
    report(
        "strategies_on_masks",
        {f"{name}, {rows['seed'].nunique()} seeds": table(rows) for name, rows in whole.items()},
        command=f"python -m benchmarks.strategies_on_masks --seeds {seeds} --epochs {epochs}",
        seeds={name: sorted(set(rows["seed"].tolist())) for name, rows in whole.items()},
        side=SIDE,
        processor=processor_of("cpu"),
        date=datetime.now(UTC).date().isoformat(),
    )


if __name__ == "__main__":
    main()
