"""What labels buy with a pretrained encoder: accuracy by number of labels, paired by seed.

Features are embedded once and kept; the linear head learns from the labels alone, without a
validation split. Every strategy of a seed shares the test split and the first query that its
start names. Intervals are 95 % t intervals of the mean over seeds.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from typing import Any

import click
import numpy as np
import torch
from PIL import Image
from scipy import stats

from al.contracts import DataSpec
from al.data.embeddings import Embeddings
from al.data.encoding import encoder_named
from al.data.images import decode, digest
from al.errors import DataError
from al.graphs import fit_head, head_on
from al.strategies import ArrayView, build
from benchmarks.common import Row, photographs, report

BUDGETS = (25, 50, 100, 200, 300)
#: Strategies of the first query and of the later ones.
RUNS = (
    ("random", "random"),
    ("random", "margin"),
    ("random", "badge"),
    ("random", "k_center"),
    ("typiclust", "margin"),
    ("typiclust", "typiclust"),
)
#: Samples of large data sets: the pool and the test split.
MOST = (5000, 2000)


def vectors(what: str, samples: Sequence[Any], contents: Sequence[str]) -> np.ndarray:
    """The vectors of all samples by the catalog's encoder."""
    encoder = encoder_named("auto", what)
    if encoder is None:
        raise click.ClickException("no encoder is installed: make setup")
    pick: Callable[[Sequence[int]], Any] = lambda rows: [samples[row] for row in rows]  # noqa: E731
    if what == "images":
        pick = lambda rows: np.stack([samples[row] for row in rows])  # noqa: E731
    return Embeddings(encoder).of(contents, contents, pick)


def pets3() -> tuple[np.ndarray, np.ndarray]:
    """600 photographs of three breeds."""
    names, files = zip(*photographs(), strict=True)
    breeds = [name.rpartition("_")[0] for name in names]
    images = [decode(content, 160) for content in files]
    found = vectors("images", images, [digest(content) for content in files])
    return found, np.unique(breeds, return_inverse=True)[1]


def fashion_mnist() -> tuple[np.ndarray, np.ndarray]:
    """3,000 of its photographs of clothes, enlarged from 28 to 160 pixels."""
    from al.tasks.fashion_mnist import FashionMnist

    data = FashionMnist().data()
    ids = np.random.default_rng(0).permutation(data.ids("train"))[:3000].tolist()
    small = data.inputs(data.rows(ids)).numpy()
    images, contents = [], []
    for image in small:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "png")
        images.append(decode(file.getvalue(), 160))
        contents.append(digest(file.getvalue()))
    labels = np.unique(data.truth(ids), return_inverse=True)[1]
    return vectors("images", images, contents), labels


def banking77() -> tuple[np.ndarray, np.ndarray]:
    """Questions to a bank in 77 intents."""
    from al.tasks.banking77 import Banking77

    data = Banking77().data()
    ids = np.random.default_rng(0).permutation(data.ids("train"))[: sum(MOST)].tolist()
    texts = [data.preview(id).text for id in ids]
    labels = np.unique(data.truth(ids), return_inverse=True)[1]
    return vectors("texts", texts, data.fingerprints(ids)), labels


DATA = {"pets3": pets3, "fashion-mnist": fashion_mnist, "banking77": banking77}


def curve(
    features: np.ndarray, labels: np.ndarray, seed: int, start: str, strategy: str
) -> list[float]:
    """Accuracy on a third of the samples at each budget."""
    order = np.random.default_rng([seed, 1]).permutation(len(labels))
    held = min(len(labels) // 3, MOST[1])
    test, pool = order[:held], np.sort(order[held:])[: MOST[0]]
    spec = DataSpec(tuple(map(str, range(labels.max() + 1))), (features.shape[1],), "float32")
    chosen = np.zeros(0, np.int64)
    accuracies: list[float] = []
    graph = head_on(spec)
    for budget in BUDGETS:
        left = np.setdiff1d(pool, chosen)
        known = _view(features, chosen, graph if len(chosen) else None)
        view = _view(features, left, graph if len(chosen) else None, known)
        rng = np.random.default_rng([seed, budget])
        picks = build(strategy if len(chosen) else start)(view, budget - len(chosen), rng)
        chosen = np.concatenate([chosen, left[np.asarray(picks.positions)]])
        graph = head_on(spec)
        inputs, targets = torch.from_numpy(features[chosen]), torch.from_numpy(labels[chosen])
        fit_head(graph, graph.trunk(inputs), targets, torch.ones(len(chosen)))
        right = graph.predict(features[test]).argmax(axis=1) == labels[test]
        accuracies.append(float(right.mean()))
    return accuracies


def _view(features: np.ndarray, rows: np.ndarray, graph: Any, labelled: Any = None) -> ArrayView:
    """What a strategy sees; without a model, embeddings are the features."""
    some = features[rows]
    if graph is None:
        return ArrayView([f"{row:06d}" for row in rows], labelled=labelled, features=some,
                         embeddings=some)  # fmt: skip
    with torch.inference_mode():
        embeddings = graph.trunk(torch.from_numpy(some)).numpy()
    p = graph.predict(some) if len(rows) else np.zeros((0, len(graph.spec.classes)))
    return ArrayView([f"{row:06d}" for row in rows], labelled=labelled, features=some,
                     embeddings=embeddings, probabilities=p)  # fmt: skip


def shown(values: np.ndarray, *, sign: bool = False) -> str:
    """A mean over seeds with half its 95 % interval, which one seed alone has not."""
    mean = f"{values.mean():{'+' if sign else ''}.3f}"
    if len(values) == 1:
        return mean
    return f"{mean} ± {stats.t.ppf(0.975, len(values) - 1) * stats.sem(values):.3f}"


@click.command()
@click.option("--data", multiple=True, type=click.Choice(list(DATA)), default=list(DATA))
@click.option("--seeds", default=20, show_default=True)
def main(data: Sequence[str], seeds: int) -> None:
    """Print a table for each data set, and keep it as JSON."""
    tables: dict[str, list[Row]] = {}
    for name in data:
        begun = time.monotonic()
        try:
            features, labels = DATA[name]()
        except DataError as error:
            raise click.ClickException(str(error)) from error
        click.echo(f"{name}: {len(labels)} vectors in {time.monotonic() - begun:.1f} s")
        found = {
            (start, strategy): np.array(
                [curve(features, labels, seed, start, strategy) for seed in range(seeds)]
            )
            for start, strategy in RUNS
        }
        base = found["random", "random"].mean(axis=1)
        tables[f"{name}: accuracy of the linear head, {seeds} seeds"] = [
            {
                "first query": start,
                "then": strategy,
                **{str(b): shown(values[:, at]) for at, b in enumerate(BUDGETS)},
                "mean over the curve, less random": shown(values.mean(axis=1) - base, sign=True),
            }
            for (start, strategy), values in found.items()
        ]
    report("encoders", tables, seeds=seeds)


if __name__ == "__main__":
    main()
