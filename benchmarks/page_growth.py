"""Whether the page's server answers as quickly once much was answered.

python -m benchmarks.page_growth

A page has asked about N samples, half of which two people have answered. One answers ten more:
the time from an answer's arrival to the next sample, with the line safe on disk, without network.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from al.annotators.page import Page
from al.annotators.page.desk import Desk
from al.contracts import Query
from al.data import ArrayLoader


def desk_of(folder: Path, asked: int) -> Desk:
    """A page's desk at which half of what is asked is answered."""
    ids = [f"sample-{number:06d}" for number in range(asked + 1)]
    count = asked + 1
    data = ArrayLoader(ids, np.ones((count, 3)), np.zeros(count, int), ["a", "b"], ids[-1:])
    page = Page(data, "c", {"folder": str(folder), "overlap": "2"})
    none = (None,) * asked
    page.request(
        Query(tuple(ids[:-1]), (0.0,) * asked, ("margin",) * asked, none, "margin", "none")
    )
    said = {"again": False, "label": "a", "at": "2026-01-01T00:00:00+00:00", "seconds": 1.0}
    with open(folder / "answers.jsonl", "w", encoding="utf-8") as file:
        for id in ids[: asked // 2]:
            for who in ("anna", "ben"):
                file.write(json.dumps({"id": id, "annotator": who, **said}) + "\n")
    return Desk(data, "c", page.log, rule=page.rule)


def turn(desk: Desk, times: int = 10) -> float:
    """Median milliseconds from an answer to the next sample."""
    state, took = desk.state("anna", "tab"), []
    for _ in range(times):
        begun = time.perf_counter()
        desk.answer({"place": state["item"]["place"], "label": "b", "name": "anna"})
        state = desk.state("anna", "tab")
        took.append(1000 * (time.perf_counter() - begun))
    return statistics.median(took)


@click.command()
def main() -> None:
    print("| asked | answers | ms from an answer to the next sample | ratio |\n|---|---|---|---|")
    first = None
    for asked in (100, 1000, 10_000, 30_000):
        with tempfile.TemporaryDirectory() as folder:
            found = turn(desk_of(Path(folder), asked))
        first = first or found
        print(f"| {asked:,} | {asked:,} | {found:.1f} | {found / first:.1f} |")


if __name__ == "__main__":
    main()
