"""What approximates, beside the exact method: what is reached, and in which time.

On 20,000 samples, where strategies are exact; the approximation is what they do with more,
with its limits at a quarter, as on 80,000: 5,000 candidates and a reference set of 2,500.
What is reached is told as the exact method counts it: for `facility_location` and `k_means` the
mean squared distance to the nearest pick, for `prob_cover` the share that balls of one radius
cover, for `max_herding` the kernel's coverage, for `batch_bald` what the answers of the picks
tell of the passes, in nats, for `epig` its own scores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import numpy as np
import torch

from al.strategies import (
    ArrayView,
    batch_bald,
    build,
    clusters,
    condensing,
    coverage,
    epig,
    prob_cover,
    submodular,
)
from al.strategies.geometry import nearest
from benchmarks import yardsticks
from benchmarks.common import Row, report
from benchmarks.selection import DECAYING, MODERN, Work, view_of

RADIUS = 0.8


@contextmanager
def set_to(*values: tuple[Any, str, Any]) -> Iterator[None]:
    """Constants of modules, for as long as this is open."""
    before = [(module, name, getattr(module, name)) for module, name, _ in values]
    try:
        for module, name, value in values:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


def distances(view: ArrayView, positions: np.ndarray) -> torch.Tensor:
    """From each sample to the nearest pick or labelled one."""
    points, known = (torch.from_numpy(part.embeddings) for part in (view, view.labelled))
    return nearest(points, torch.cat([points[positions], known]))[0][:, 0]


def squared(view: ArrayView, positions: np.ndarray) -> float:
    return float(distances(view, positions).square().mean())


def covered(view: ArrayView, positions: np.ndarray) -> float:
    return float((distances(view, positions) < RADIUS).float().mean())


def kernel(view: ArrayView, positions: np.ndarray) -> float:
    points, known = (
        coverage.on_the_sphere(torch.from_numpy(part.embeddings)) for part in (view, view.labelled)
    )
    near = nearest(points, torch.cat([points[positions], known]))[0][:, 0]
    return float(torch.exp(-near.square()).mean())


def told(view: ArrayView, positions: np.ndarray) -> float:
    """What the picks' answers tell of the passes, by 1,024 drawn joint answers."""
    joint, rng = batch_bald._JointAnswers(view.samples.shape[1]), np.random.default_rng(1)
    for position in positions:
        joint.extend(view.samples[position], rng)
    return float(np.log(view.samples.shape[1])) - joint.left()


def informed(view: ArrayView, positions: np.ndarray) -> float:
    with set_to((condensing, "SPARE", 0.0)):
        return float(build("epig").score(view)[positions].mean())


#: Strategy as it is exact, what makes it approximate, what it reaches.
Case = tuple[str, str, list[tuple[Any, str, Any]], Callable[[ArrayView, np.ndarray], float]]
FEWER = [(submodular, "EXACT", 5_000), (submodular, "REFERENCE", 2_500)]
CASES: list[Case] = [
    ("facility_location", "facility_location", FEWER, squared),
    ("max_herding", "max_herding", FEWER, kernel),
    (f"prob_cover(radius={RADIUS})", f"prob_cover(radius={RADIUS})",
     [(prob_cover, "EXACT", 5_000)], covered),
    ("k_means", "k_means", [(clusters, "_MANY", 100)], squared),
    ("batch_bald(share=1.0)", "batch_bald", [], told),
    ("epig", "epig", [], informed),
]  # fmt: skip
#: What makes the exact side exact where the default approximates.
EXACTLY: dict[str, list[tuple[Any, str, Any]]] = {
    "epig": [(condensing, "SPARE", 0.0), (epig, "_AHEAD", 10**9)],
    "batch_bald(share=1.0)": [(condensing, "SPARE", 0.0)],
}


def chosen(text: str, view: ArrayView, query: int) -> tuple[np.ndarray, float, float]:
    """Picks, and the seconds of the clock and of the processor that they took."""
    start, cpu = time.perf_counter(), time.process_time()
    positions = build(text)(view, query, np.random.default_rng(0)).positions
    return positions, time.perf_counter() - start, time.process_time() - cpu


@click.command(context_settings={"show_default": True})
@click.option("--pool", default=20_000, type=click.IntRange(min=100))
@click.option("--query", default=500, type=click.IntRange(min=1))
@click.option("--threads", default=1, type=click.IntRange(min=1), help="Of torch.")
def main(pool: int, query: int, threads: int) -> None:
    """Compare what approximates with what is exact."""
    torch.set_num_threads(threads)
    made = MODERN if yardsticks.there("workloads") else DECAYING
    if made != MODERN:
        click.echo(f"{yardsticks.FOLDER}/workloads.py is not there: {made} clusters", err=True)
    work = Work(pool, query, 128, 500, 20, 20, made=made)
    view = view_of(work, ("embeddings", "probabilities", "samples"))
    rows: list[Row] = []
    for exact, near, limits, reached in CASES:
        with set_to(*EXACTLY.get(exact, [])):
            best, clock, cpu = chosen(exact, view, query)
        with set_to(*limits):
            picks, near_clock, near_cpu = chosen(near, view, query)
        values = [reached(view, positions) for positions in (best, picks)]
        drawn = np.random.default_rng(2).choice(pool, query, replace=False)
        rows.append(
            {
                "strategy": near,
                "reaches": reached.__name__,
                "exact": f"{values[0]:.4f}",
                "approximate": f"{values[1]:.4f}",
                "a random query": f"{reached(view, drawn):.4f}",
                "exact cpu s": cpu,
                "approximate cpu s": near_cpu,
                "exact s": clock,
                "approximate s": near_clock,
            }
        )
        click.echo(f"{near}: {values[0]:.4f} and {values[1]:.4f}", err=True)
    report("approximate", {f"{work}, {threads} thread(s), seed 0": rows}, threads=threads)


if __name__ == "__main__":
    main()
