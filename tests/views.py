"""A pool without a model or data behind it, for strategies."""

from __future__ import annotations

import numpy as np
import pandas as pd

from al.strategies import ArrayView

CLASSES = "abcdefghij"


class NotedView(ArrayView):
    """A view over given arrays; it notes what was read of it, through `narrow` too."""

    def __init__(self, *args: object, read: set[str] | None = None, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self.read = set() if read is None else read

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        return self._arrays

    @property
    def labelled_arrays(self) -> dict[str, np.ndarray]:
        return self.labelled._arrays

    def __getattr__(self, name: str) -> np.ndarray:
        if not name.startswith("_"):
            self.read.add(name)
        return super().__getattr__(name)

    @property
    def target_samples(self) -> np.ndarray:
        self.read.add("target_samples")
        return super().target_samples

    def narrow(self, rows: np.ndarray | slice) -> NotedView:
        part = super().narrow(rows)
        part.__class__ = NotedView
        part.read = self.read  # type: ignore[attr-defined]
        return part  # type: ignore[return-value]


def view(
    seed: int,
    pool: int,
    labelled: int = 5,
    classes: int = 4,
    has_model: bool = True,
    kind: str = "class",
) -> NotedView:
    """A structured pool: clusters, some of its samples doubled."""
    rng = np.random.default_rng(seed)

    def soft(logits: np.ndarray) -> np.ndarray:
        found = np.exp(logits)
        return np.asarray(found / found.sum(-1, keepdims=True), dtype=np.float32)

    def arrays(count: int) -> dict[str, np.ndarray]:
        centres = rng.integers(0, 3, (count, 1)) * 4.0
        embeddings = (centres + rng.normal(size=(count, 6))).astype(np.float32)
        logits = rng.normal(size=(count, 8, classes)) * 2
        committee = rng.normal(size=(count, 3, classes)) * 2
        losses = rng.normal(size=count)
        for array in (embeddings, logits, committee, losses) if count > 3 else ():
            array[1] = array[0]
        samples = soft(logits)
        found = {
            "probabilities": samples.mean(1),
            "samples": samples,
            "embeddings": embeddings,
            "committee": soft(committee),
            "losses": losses.astype(np.float32),
        }
        return (found if has_model else {}) | {"features": np.hstack([embeddings, embeddings])}

    held = arrays(pool), arrays(labelled)
    if kind == "number":  # mean and variance, positive as these are
        for part in held if has_model else ():
            part["probabilities"], part["samples"] = (
                part[name][..., :2] for name in ("probabilities", "samples")
            )
    ids = [f"l{i:03d}" for i in range(labelled)]
    classes_ = CLASSES[:classes]
    labels = rng.choice(list(classes_), labelled).tolist()
    if kind == "number":
        labels = rng.random(labelled).tolist()
    measures = {}
    if kind == "mask" and has_model:  # of images of one pixel
        p = held[0]["probabilities"]
        entropy = -(p * np.log(p)).sum(axis=1)
        measures = {"entropy.mean": entropy, "entropy.classes": entropy[:, None] * p}
    names = [f"s{i:04d}" for i in range(pool)]
    return NotedView(
        names,
        measures=measures,
        labelled=ArrayView(ids, labels=labels, classes=classes_, **held[1]),
        classes=classes_,
        kind=kind,
        target_samples=soft(rng.normal(size=(7, 8, classes)) * 2) if has_model else None,
        metadata=pd.DataFrame({"size": np.arange(pool) % 7}, index=pd.Index(names, name="id")),
        **held[0],
    )
