"""A model's copies that judge labels: each has learned from all parts of them but one.

What a copy says of its own part is said of labels that it has not seen, so all labels together
tell how good the model is, and none has to be put aside: cross-validation (Stone 1974,
Cross-validatory choice and assessment of statistical predictions).
"""

from __future__ import annotations

import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from al.contracts import Batch, Calibration, DataLoader, Graph, Label

#: Parts of the labels.
FOLDS = 5
_FILE, _FOLDER = "folds.json", "folds"
_BATCH = 512


def parted(
    ids: Sequence[str], contents: Sequence[str], classes: Sequence[str], seed: int
) -> dict[str, int]:
    """The part of each label, {} where there are too few contents for two.

    One after the other goes where its class is rarest, then where there are fewest, then by
    chance. So parts hold the classes evenly, and a label keeps its part when others follow.

    Args:
        contents: identity of what each sample holds; copies go into one part.
        classes: of each label, "" where labels are none.
        seed: of that chance.
    """
    folds = min(FOLDS, len(set(contents)))
    if folds < 2:
        return {}
    of_class: defaultdict[str, Counter[int]] = defaultdict(Counter)
    total: Counter[int] = Counter()
    taken: dict[str, int] = {}
    for content, label in zip(contents, classes, strict=True):
        if content not in taken:
            chance = [zlib.crc32(f"{seed} {content} {fold}".encode()) for fold in range(folds)]
            fold = min(range(folds), key=lambda f: (of_class[label][f], total[f], chance[f]))
            taken[content] = fold
            of_class[label][fold] += 1
            total[fold] += 1
    return {id: taken[content] for id, content in zip(ids, contents, strict=True)}


class _Held(NamedTuple):
    """A copy beside the samples that it judges, by row."""

    graph: Graph
    rows: list[int]


class Crossed:
    """The copies of a model.

    Args:
        graphs: one a part.
        part: of each label that the model has learned, by id.
    """

    def __init__(self, graphs: Sequence[Graph], part: Mapping[str, int]) -> None:
        self.graphs, self.part = tuple(graphs), part

    def evaluate(
        self, data: DataLoader, ids: Sequence[str], labels: Sequence[Label]
    ) -> dict[str, float]:
        """The metrics on labels, each judged by the copy that has not seen it.

        Where a metric is not made of parts (see `Graph.in_parts`) it is the mean over copies,
        weighed by samples.
        """
        first, held = self.graphs[0], self._held(ids)
        if first.in_parts:
            return first.measured(
                part
                for one in held
                for part in one.graph.compared(_batches(data, ids, labels, one.rows)) or ()
            )
        found = [(one.graph.evaluate(_batches(data, ids, labels, one.rows)), len(one.rows))
                 for one in held]  # fmt: skip
        total = sum(count for _, count in found)
        return {
            name: sum(metrics[name] * count for metrics, count in found) / total
            for name in first.metrics
        }

    def calibrate(
        self, data: DataLoader, ids: Sequence[str], labels: Sequence[Label]
    ) -> Calibration:
        """The temperature that fits what all copies say together; see `Graph.calibrate`."""
        return self.graphs[0].calibrated(
            part
            for one in self._held(ids)
            for part in one.graph.logits(_batches(data, ids, labels, one.rows))
        )

    def scaled(self, temperature: float) -> Crossed:
        """The copies with their logits divided; see `Graph.scaled`."""
        return Crossed([graph.scaled(temperature) for graph in self.graphs], self.part)

    def probabilities(self, data: DataLoader, ids: Sequence[str]) -> np.ndarray:
        """Of each sample by the copy that has not seen it, [len(ids), C]."""
        held = self._held(ids)
        parts = [
            graph.infer(batch, ("probabilities",), samples=1, seed=0)["probabilities"]
            for graph, rows in held
            for batch in _batches(data, ids, None, rows)
        ]
        order = np.argsort([row for _, rows in held for row in rows])
        found: np.ndarray = np.concatenate(parts)[order]
        return found

    def guesses(self, data: DataLoader, ids: Sequence[str]) -> tuple[list[Label], np.ndarray]:
        """The best guess of each sample as a label, and how sure it is; see `Graph.guesses`."""
        labels: list[Label] = [None] * len(ids)
        sure = np.empty(len(ids))
        for graph, rows in self._held(ids):
            places = iter(rows)
            for batch in _batches(data, ids, None, rows):
                for label, how in zip(*graph.guesses(batch, data.spec), strict=True):
                    row = next(places)
                    labels[row], sure[row] = label, how
        return labels, sure

    def _held(self, ids: Sequence[str]) -> list[_Held]:
        """The copies that judge some of these samples."""
        rows: defaultdict[int, list[int]] = defaultdict(list)
        for row, id in enumerate(ids):
            rows[self.part[id]].append(row)
        return [_Held(self.graphs[fold], rows[fold]) for fold in sorted(rows)]

    # -- beside the model's own weights ------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the copies' weights, and which part each label is in, beside the model's."""
        for fold, graph in enumerate(self.graphs):
            graph.save_weights(folder / _FOLDER / str(fold))
        (folder / _FILE).write_text(json.dumps(dict(self.part)))

    @classmethod
    def load(cls, folder: Path, new_graph: Callable[[], Graph]) -> Crossed | None:
        """What `save` wrote; None where nothing was.

        Raises:
            DataError: weights are missing, corrupt or of another network.
        """
        if not (folder / _FILE).exists():
            return None
        part: dict[str, int] = json.loads((folder / _FILE).read_text())
        graphs = []
        for fold in range(max(part.values()) + 1):
            graphs.append(new_graph())
            graphs[-1].load_weights(folder / _FOLDER / str(fold))
        return cls(graphs, part)


def _batches(
    data: DataLoader, ids: Sequence[str], labels: Sequence[Label] | None, rows: Sequence[int]
) -> Iterator[Batch]:
    some = None if labels is None else [labels[row] for row in rows]
    return data.batches([ids[row] for row in rows], some, batch_size=_BATCH)
