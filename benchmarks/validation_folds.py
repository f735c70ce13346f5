"""What validation by folds buys and how far its estimate is off: paired with a set put aside.

A seed draws a test split, a third of the samples where the data has none of its own, and the order
in which others are labelled. Of a budget of labels `set` puts a share aside, by which the epoch is
elected, and learns the rest; `folds` learns all. Labels are drawn by chance at once, or in three
thirds, of which margin chooses the later two. Models are the task's own, trained as in a campaign.
Intervals are 95 % t intervals of the mean over seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import click
import numpy as np
import pandas as pd

from al.agents import Examples
from al.config import Config
from al.contracts import Splits
from al.engine import Runner
from al.experiment.prepared import makings_of, settled
from al.pipeline.making import Makings
from al.processor import processor_of
from al.strategies import ArrayView, build
from benchmarks.common import Row, classified, command, report
from benchmarks.encoders import shown
from benchmarks.table_learners import TABLES

BUDGETS = (30, 60, 120, 300)
#: One label in so many is put aside.
SHARES = {"third": 3, "fifth": 5}
ROUNDS = 3


def pets3(folder: Path) -> Mapping[str, Any]:
    """600 photographs of three breeds, read by the catalog's encoder."""
    return {"task": "image-folder", "data": str(classified(folder))}


def rows(name: str) -> Callable[[Path], Mapping[str, Any]]:
    """A table, as a CSV file."""

    def write(folder: Path) -> Mapping[str, Any]:
        frame, target = TABLES[name]()
        names = {value: f"class {value}" for value in pd.unique(target)}
        frame.assign(label=[names[value] for value in target]).to_csv(folder / "rows.csv")
        columns = {"target": "label", "drop": "Unnamed: 0"}
        return {"task": "table", "data": str(folder / "rows.csv"), **columns}

    return write


DATA: dict[str, Callable[[Path], Mapping[str, Any]]] = {
    "digits": lambda _: {"task": "digits"},
    "pets3": pets3,
    "ionosphere": rows("ionosphere"),
    "breast cancer": rows("breast cancer"),
}


class Outcome(NamedTuple):
    """Accuracy of the elected model: on the test, and as validation has it."""

    test: float
    val: float


def tried(
    makings: Makings, test: Sequence[str], order: Sequence[str], budget: int, aside: int, by: str
) -> Outcome:
    """A model that so many labels have paid for.

    Args:
        order: of the samples that are not test.
        aside: of the budget, put aside for validation.
        by: how the others are chosen.
    """
    data = makings.data
    data.freeze(Splits(tuple(sorted(order[:aside])), tuple(sorted(test))))
    left, labelled = list(order[aside:]), list[str]()
    sizes = [budget - aside]
    if by == "margin":
        sizes = [len(part) for part in np.array_split(range(budget - aside), ROUNDS)]
    for number, size in enumerate(sizes, 1):
        if labelled:
            pool = sorted(left)
            p = runner.infer(pool, ["probabilities"])["probabilities"]  # noqa: F821  # of the last
            picks = build(by)(ArrayView(probabilities=p), size, np.random.default_rng(number))
            taken = [pool[position] for position in picks.positions]
        else:
            taken = left[:size]
        labelled += taken
        left = [id for id in left if id not in set(taken)]
        known = Examples(tuple(labelled), tuple(data.truth(labelled)))
        agent = makings.agent(known, None, cycle=number, number=0, checkpoints=4)
        agent.fit()
        best = max(agent.kept, key=lambda kept: makings.criterion.rank(kept.metrics))
        graph = makings.new_graph()
        graph.put_back(best.weights)
        runner = Runner(graph, data)
    return Outcome(runner.evaluate(test)["accuracy"], best.metrics["val/accuracy"])


def measured(
    name: str, given: Mapping[str, Any], by: str, budgets: Sequence[int], seeds: int
) -> Iterator[tuple[Row, Row]]:
    """A row of accuracy and one of the estimate's error for each budget."""
    config = settled(Config(**given, metric="accuracy", strategy="margin"), telling=False)
    for budget in budgets:
        ways = {f"set of a {share}": budget // of for share, of in SHARES.items()} | {"folds": 0}
        found: dict[str, list[Outcome]] = {way: [] for way in ways}
        for seed in range(seeds):
            for way, aside in ways.items():
                makings = makings_of(
                    config.replace(seed=seed, validation="set" if aside else "folds")
                )
                test, order = drawn(makings, seed)
                if budget > len(order):
                    break
                found[way].append(tried(makings, test, order, budget, aside, by))
        if not found["folds"]:
            continue
        test_by = {way: np.array([one.test for one in each]) for way, each in found.items()}
        off = {way: np.array([one.val - one.test for one in each]) for way, each in found.items()}
        first = {"data": name, "chosen by": by, "labels": budget}
        gain = {
            **first,
            **{way: shown(values) for way, values in test_by.items()},
            **{
                f"folds − {way}": shown(test_by["folds"] - test_by[way], sign=True)
                for way in ways if way != "folds"
            },
        }  # fmt: skip
        error = {
            **first,
            **{f"{way}: bias": shown(values, sign=True) for way, values in off.items()},
            **{f"{way}: RMS error": float(np.sqrt((v**2).mean())) for way, v in off.items()},
        }
        yield gain, error


def drawn(makings: Makings, seed: int) -> tuple[list[str], list[str]]:
    """The test split, and the others in the order of labelling."""
    data, rng = makings.data, np.random.default_rng(seed)
    others = [id for split in ("train", "val") for id in data.ids(split)]  # type: ignore[arg-type]
    test = list(data.ids("test"))
    if data.given() is not None:  # a user's own data, whose test split is a fifth
        mixed = rng.permutation(sorted([*others, *test])).tolist()
        return mixed[: len(mixed) // 3], mixed[len(mixed) // 3 :]
    return test, rng.permutation(sorted(others)).tolist()


@click.command(context_settings={"show_default": True})
@click.option("--data", "names", multiple=True, type=click.Choice(list(DATA)), default=list(DATA))
@click.option("--by", multiple=True, type=click.Choice(["random", "margin"]), default=["random"])
@click.option("--budget", "budgets", multiple=True, type=int, default=BUDGETS)
@click.option("--seeds", default=20)
@click.option("--name", default="validation_folds", help="Of the file of results.")
def main(
    names: Sequence[str], by: Sequence[str], budgets: Sequence[int], seeds: int, name: str
) -> None:
    """Train each way on each budget, and print two tables."""
    gains: list[Row] = []
    errors: list[Row] = []
    for data in names:
        with TemporaryDirectory() as folder:
            given = DATA[data](Path(folder))
            for way in by:
                for gain, error in measured(data, given, way, budgets, seeds):
                    gains.append(gain)
                    errors.append(error)
                    keep(name, gains, errors, seeds)


def keep(name: str, gains: Sequence[Row], errors: Sequence[Row], seeds: int) -> None:
    """Print and write what is there."""
    tables = {
        "test accuracy of the elected model, by labels in all": gains,
        "validation accuracy less test accuracy": errors,
    }
    report(
        name, tables, command=command(), seeds=seeds, processor=processor_of("cpu"),
        date=str(date.today()),
    )  # fmt: skip


if __name__ == "__main__":
    main()
