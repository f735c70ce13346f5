"""What fitting a linear head costs: its slopes in closed form against autograd, by turns.

Vectors as encoders give them, 384 wide, are drawn around a centre for each class. Autograd
minimises the loss that the graph itself states, by the same optimiser, so both find the same head.
Seconds are of this process alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any
from unittest.mock import patch

import click
import numpy as np
import torch

from al.contracts import DataSpec
from al.graphs import TorchGraph, fit_head, head_on, linear
from al.processor import processor_of
from benchmarks.common import Row, report

WIDTH = 384
#: Classes and labels: the first queries and a finished campaign, of few classes and of many.
SIZES = ((10, 100), (10, 1000), (77, 300), (77, 3000))


def by_autograd(
    graph: TorchGraph,
    x: torch.Tensor,
    targets: torch.Tensor,
    weights: torch.Tensor,
    shrink: float,
) -> Callable[[Any], tuple[float, Any]]:
    """What `al.graphs.linear.objective` returns, by the graph's own loss and torch's gradient."""
    count = len(graph.spec.classes)

    def value(flat: Any) -> tuple[float, Any]:
        at = torch.from_numpy(flat.copy()).requires_grad_()
        w, b = at[:-count].view(count, -1), at[-count:]
        each = graph.each_loss(x @ w.T + b, targets)
        loss = ((weights * each).sum() + shrink * w.square().sum()) / weights.sum()
        loss.backward()  # type: ignore[no-untyped-call]
        assert at.grad is not None
        return float(loss.detach()), at.grad.numpy()

    return value


def fitted(spec: DataSpec, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, np.ndarray]:
    """Seconds of CPU, and what the head says of the inputs."""
    graph = head_on(spec)
    start = time.process_time()
    fit_head(graph, inputs, targets, torch.ones(len(inputs)))
    return time.process_time() - start, np.asarray(graph.predict(inputs.numpy()))


def measured(count: int, labels: int, repeats: int) -> Row:
    """One size: medians over repeats, each with data of its own."""
    spec = DataSpec(tuple(map(str, range(count))), (WIDTH,), "float32")
    old, new, away = [], [], []
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        classes = rng.integers(count, size=labels)
        vectors = rng.normal(size=(count, WIDTH))[classes] + 2.0 * rng.normal(size=(labels, WIDTH))
        data = torch.from_numpy(vectors.astype(np.float32)), torch.from_numpy(classes)
        seconds, said = fitted(spec, *data)
        with patch.object(linear, "objective", by_autograd):
            before, other = fitted(spec, *data)
        new.append(seconds)
        old.append(before)
        away.append(float(np.abs(said - other).max()))
    ratios = np.array(new) / np.array(old)
    return {
        "classes": count,
        "labels": labels,
        "autograd, ms": 1000 * median(old),
        "closed form, ms": 1000 * median(new),
        "ratio": f"{median(ratios):.2f} ({ratios.min():.2f} … {ratios.max():.2f})",
        "probabilities differ by": f"{max(away):.1g}",
    }


@click.command(context_settings={"show_default": True})
@click.option("--repeats", default=9, type=click.IntRange(min=1))
def main(repeats: int) -> None:
    """Fit heads both ways by turns."""
    torch.set_num_threads(1)
    fitted(DataSpec(("a", "b"), (2,), "float32"), torch.eye(2), torch.arange(2))  # warm
    rows = [measured(*size, repeats) for size in SIZES]
    report("heads", {"Fitting a head": rows}, processor=processor_of("cpu"), repeats=repeats)


if __name__ == "__main__":
    main()
