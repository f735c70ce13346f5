"""What the label table costs by how many labels it holds: adding a query, saving and loading it.

The table is as a campaign makes it, one row a label; a query of 100 is asked and answered. Adding
is what `annotate` does with it: the new table, what has changed, and the ids that were ever asked
about. Saving is a whole state, its digests among it. Seconds of CPU.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import pandas as pd

from al.contracts import Answer, Answers, Query
from al.processor import processor_of
from al.state import LabelTable, State
from benchmarks.common import Row, command, report

SIZES = (10_000, 31_600, 100_000, 316_000, 1_000_000)
QUERY = 100


def table(labels: int) -> LabelTable:
    """So many labels of ten classes."""
    rows = np.arange(labels)
    frame = pd.DataFrame(
        {"id": [f"row-{n:012x}" for n in rows], "label": [f'"{n % 10}"' for n in rows]}
    )
    return LabelTable.begun_with(frame)


def asked(number: int) -> tuple[Query, Answers]:
    """A query and its answers."""
    ids = tuple(f"query-{number}-{place}" for place in range(QUERY))
    query = Query(
        ids=ids, scores=(0.5,) * QUERY, reasons=("margin",) * QUERY,
        propensities=(None,) * QUERY, strategy="margin", model="models:/name/1",
    )  # fmt: skip
    return query, Answers(tuple(Answer(id, "3", "oracle", "2026-01-01T00:00:00") for id in ids))


@contextmanager
def clocked(into: list[float]) -> Iterator[None]:
    """Enter the seconds of CPU that something takes."""
    start = time.process_time()
    yield
    into.append(time.process_time() - start)


def measured(labels: int, repeats: int) -> Row:
    """Medians for a table of that many labels."""
    before = table(labels)
    took: dict[str, list[float]] = {n: [] for n in ("add", "changed", "ids", "save", "load")}
    with TemporaryDirectory() as scratch:
        for number in range(repeats):
            query, answers = asked(number)
            with clocked(took["add"]):
                after = before.with_answers(answers, query, number + 1)
            with clocked(took["changed"]):
                after.since(before)
            with clocked(took["ids"]):
                assert len(after.asked) == len(after)
            folder = Path(scratch) / str(number)
            folder.mkdir()
            with clocked(took["save"]):
                State("campaign", number, after).save(folder)
            with clocked(took["load"]):
                loaded = State.load(folder)
            assert loaded.labels.digest == after.digest
            before = after
    return {"labels": labels, **{f"{n} s": statistics.median(each) for n, each in took.items()}}


@click.command(context_settings={"show_default": True})
@click.option("--labels", multiple=True, default=SIZES, type=click.IntRange(min=1))
@click.option("--repeats", default=5, type=click.IntRange(min=1))
def main(labels: tuple[int, ...], repeats: int) -> None:
    """Measure label tables of these sizes."""
    rows = [measured(count, repeats) for count in labels]
    report(
        "label_table",
        {"CPU seconds": rows},
        query=QUERY,
        repeats=repeats,
        command=command(),
        processor=processor_of("cpu"),
        date=f"{date.today()}",
    )


if __name__ == "__main__":
    main()
