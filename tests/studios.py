"""What tests of Label Studio share: samples of every kind, queries, and a server of each sort."""

from __future__ import annotations

import itertools
import math
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from al.annotators import label_studio
from al.annotators.label_studio import LabelStudio
from al.contracts import DataLoader, Label, Preview, Query
from al.data import ArrayLoader
from al.masks import encode_mask
from tests.crowd import Crowd

HEIGHT, WIDTH = 31, 47
CLASSES: dict[str, tuple[str, ...]] = {
    "class": ("yes", 'no & "never" <so>', "perhaps"),
    "labels": ("red", "green", "blue, or so"),
    "mask": ("nothing", "cell", "dirt"),
    "boxes": ("cell", "dirt"),
    "number": (),
    "entities": ("place", 'no & "one" <so>'),
}
KINDS: list[str] = ["class", "labels", "mask", "boxes", "number", "entities"]
#: What people see where labels are of a kind, and it is not an image.
SHOWN = {"entities": "text"}


class Samples(ArrayLoader):
    """Forty random samples of a kind, shown as an image, a text or a row."""

    def __init__(self, kind: str = "class", shown: str = "image", count: int = 40) -> None:
        shown = SHOWN.get(kind, shown)
        self._rng = np.random.default_rng(0)
        images = self._rng.integers(0, 256, (count, HEIGHT, WIDTH), dtype=np.uint8)
        ids = [f"s{number:03d}" for number in range(count)]
        super().__init__(ids, images, np.zeros(count, int), ["x"], ids[-2:])
        self.spec = replace(self.spec, kind=kind, classes=CLASSES[kind])
        self.shown = shown
        self.labels = {id: self._label(id) for id in ids}
        self.urls: dict[str, str] = {}

    def preview(self, id: str) -> Preview:
        if self.shown == "text":
            return Preview(text=f"<b>text</b> & more of {id}, 😀 and 👩🏾‍🚒 in Köln 𝒟 \n& there")
        if self.shown == "row":
            return Preview(row={"name": id, "length": np.float32(3.5), "weight": math.nan, 7: None})
        return super().preview(id)

    def source(self, id: str) -> str | None:
        return self.urls.get(id)

    def truth(self, ids: Sequence[str]) -> list[Label]:
        return [self.labels[id] for id in ids]

    def check_label(self, label: Label) -> None: ...

    def _label(self, id: str) -> Label:
        """A label drawn at random, as the contracts have it."""
        rng, classes = self._rng, self.spec.classes
        if self.spec.kind == "class":
            return str(rng.choice(classes))
        if self.spec.kind == "labels":
            return sorted(name for name in classes if rng.random() < 0.5)
        if self.spec.kind == "number":
            return round(float(rng.normal()), 3)
        if self.spec.kind == "entities":
            words = [match.span() for match in re.finditer(r"\S+", str(self.preview(id).text))]
            return [
                {"start": start, "end": end, "label": str(rng.choice(classes))}
                for start, end in words
                if rng.random() < 0.4
            ]
        if self.spec.kind == "mask":
            return encode_mask(rng.choice(3, size=(HEIGHT, WIDTH), p=[0.8, 0.15, 0.05]))
        return [
            {"label": str(rng.choice(classes)), "box": [x, y, w, h]}
            for x, y, w, h in zip(*(rng.uniform(1, 15, 3).round(2) for _ in range(4)), strict=True)
        ]


_campaigns = itertools.count()


@dataclass
class Studio:
    """A server, real or not, and campaigns on it that no other test uses."""

    server: Any
    real: bool

    def annotator(self, data: DataLoader, campaign: str = "", **options: str) -> LabelStudio:
        name = campaign or f"c{next(_campaigns)}-{uuid.uuid4().hex[:8]}"
        return LabelStudio(data, name, {"url": self.server.url, **options})

    def again(self, annotator: LabelStudio, **options: str) -> LabelStudio:
        """The annotator as another process makes it, which knows nothing."""
        label_studio.annotator._known.clear()
        return self.annotator(annotator.data, annotator.campaign, **options)

    def crowd(self, annotator: LabelStudio, **how: Any) -> Crowd:
        def truth(id: str) -> Label:
            return annotator.data.truth([id])[0]

        return Crowd(self.server.url, self.server.token, annotator, truth, **how)


def query_of(data: DataLoader, count: int = 6, **more: Any) -> Query:
    """A query for samples in an order that is not that of their ids."""
    ids = data.ids("train")[:count][::-1]
    scores = tuple(1.0 - row / 10 for row in range(len(ids)))
    return Query(
        ids, scores, ("margin",) * len(ids), (None,) * len(ids), "margin", "models:/m/3",
        cycle=2, **more,
    )  # fmt: skip
