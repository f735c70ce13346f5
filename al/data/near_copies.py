"""Samples of test and validation that nearly are training samples, by an encoder's vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from al.contracts import DataLoader, Split, Splits
from al.data.encoding import encoder_of

#: Similarity from which on two samples are near copies, by what they are; `benchmarks.near_copies`
#: shows what these find.
LEVELS = {"images": 0.85, "texts": 0.95}
#: Numbers that a vector needs for its neighbours to be few by chance.
WIDTH = 64
#: Similarities that are computed at most; of these at a time, in 64 MB; training samples.
MOST, AT_ONCE, BLOCK = 200_000_000, 2**24, 8192


class Pair(NamedTuple):
    """A held-out sample and the training sample that is most like it."""

    split: Split
    id: str
    train_id: str
    similarity: float


@dataclass(frozen=True)
class NearCopies:
    """What was found.

    Attributes:
        pairs: the most alike first.
        looked, held: held-out samples that were looked at, and that there are.
    """

    pairs: Sequence[Pair]
    looked: int
    held: int

    def line(self) -> str:
        """What to say of it; "" where there is nothing to say."""
        if not self.pairs:
            return ""
        first = self.pairs[0]
        of = {split: sum(p.split == split for p in self.pairs) for split in ("test", "val")}
        counts = " and ".join(
            f"{count} of {name}"
            for name, count in (("test", of["test"]), ("validation", of["val"]))
            if count
        )
        some = f" ({self.looked} of {self.held} were looked at)" * (self.looked < self.held)
        return (
            f"{counts} nearly are training samples{some}, {first.id!r} is like {first.train_id!r} "
            f"({first.similarity:.3f}) first, which flatters the figures: put both of a pair into "
            "one split, or take one out"
        )


def near_copies(data: DataLoader, splits: Splits) -> NearCopies | None:
    """Find them; None where no encoder reads the samples, or its vectors tell too little.

    Held-out samples that people have yet to be asked about are looked at too.

    Vectors are centred by the mean of the training samples, so that unlike ones have a similarity
    of 0 whatever the encoder, and compared by cosine. Of too many held-out samples every so
    manieth is looked at; all samples are embedded where they are not yet.
    """
    encoder, train = encoder_of(data.spec), data.ids("train")
    if encoder is None or encoder.width < WIDTH or not train:
        return None
    held: list[tuple[Split, str]] = [
        *(("test", id) for id in splits.test), *(("val", id) for id in splits.val)
    ]  # fmt: skip
    if not held:
        return None
    some = held[:: -(-len(held) * len(train) // MOST)]
    vectors = data.features([id for _, id in some])
    middle = np.zeros(vectors.shape[1])
    for block in _blocks(train, BLOCK):
        middle += data.features(block).sum(axis=0, dtype=np.float64)
    middle /= len(train)
    own = _directions(vectors, middle)
    best, nearest = np.full(len(some), -1.0), np.zeros(len(some), np.int64)
    start = 0
    for block in _blocks(train, min(BLOCK, max(1, AT_ONCE // len(some)))):
        alike = own @ _directions(data.features(block), middle).T
        rows = alike.argmax(axis=1)
        found = alike[np.arange(len(some)), rows]
        nearest = np.where(found > best, start + rows, nearest)
        best = np.maximum(found, best)
        start += len(block)
    order = np.argsort(-best, kind="stable")
    order = order[best[order] >= LEVELS[encoder.takes]]
    pairs = [
        Pair(split, id, train[nearest[row]], float(best[row]))
        for row in order.tolist()
        for split, id in [some[row]]
    ]
    return NearCopies(pairs, len(some), len(held))


def _blocks(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _directions(vectors: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Vectors from the middle, of length 1, float32."""
    found = vectors - middle.astype(np.float32)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    found /= np.maximum(length, np.finfo(np.float32).tiny)
    return found
