"""A tiny task of each kind of problem, made up, for what must hold for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from al.contracts import DataSpec, Task
from al.data import ArrayLoader
from al.data.entities import FEATURES, HASHED, EntityLoader, entities_given, entity_inputs
from al.data_selector import Model, View
from al.engine import LocalEngine
from al.graphs import (
    ClassificationGraph,
    DetectionGraph,
    EntityGraph,
    MultiLabelGraph,
    RegressionGraph,
    SegmentationGraph,
    UNet,
    token_tagger,
)
from al.randomness import seeded
from tests.entity_texts import drawn

#: Samples, of which the last ones are test; side of an image.
COUNT, TEST, SIDE = 90, 20, 16
IDS = [f"s{number:03d}" for number in range(COUNT)]


def squares() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Images with up to three bright or middling squares, their masks and their boxes."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 40, (COUNT, SIDE, SIDE), dtype=np.uint8)
    masks = np.zeros((COUNT, SIDE, SIDE), np.uint8)
    boxes = []
    for image, mask in zip(images, masks, strict=True):
        rows = []
        for number in range(rng.integers(0, 4)):
            x, y = (int(v) for v in rng.integers(0, SIDE - 5, 2))
            side, kind = int(rng.integers(3, 6)), number % 2
            if mask[y : y + side, x : x + side].any():
                continue
            image[y : y + side, x : x + side] = 220 - 100 * kind
            mask[y : y + side, x : x + side] = kind + 1
            rows.append([kind, x, y, side, side])
        boxes.append(np.array(rows, np.float32).reshape(-1, 5))
    return images, masks, boxes


class _Image(nn.Module):
    """[N, H, W] → [N, 1, H, W]."""

    def forward(self, images: Any) -> Any:
        return images[:, None]


def _trunk(width: int) -> nn.Sequential:
    return nn.Sequential(_Image(), nn.Conv2d(1, width, 3, padding=1), nn.ReLU())


class Classes(Task):
    """Which half of the image is brighter."""

    metric = "accuracy"

    def data(self) -> ArrayLoader:
        images = squares()[0]
        sides = (images[:, :, 8:].mean((1, 2)) > images[:, :, :8].mean((1, 2))).astype(int)
        return ArrayLoader(IDS, images, sides, ("left", "right"), IDS[-TEST:])

    def graph(self, spec: DataSpec) -> ClassificationGraph:
        trunk = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 16), nn.ReLU())
        head = nn.Sequential(nn.Dropout(0.3), nn.Linear(16, 2))
        return ClassificationGraph(trunk, head, spec, scale=255.0)


class Labels(Task):
    """Which kinds of square there are."""

    metric = "macro_f1"

    def data(self) -> ArrayLoader:
        images, masks, _ = squares()
        there = np.stack([(masks == kind).any((1, 2)) for kind in (1, 2)], axis=1)
        return ArrayLoader(IDS, images, there, ("bright", "dim"), IDS[-TEST:], "labels")

    def graph(self, spec: DataSpec) -> MultiLabelGraph:
        trunk = nn.Sequential(_trunk(8), nn.AdaptiveMaxPool2d(2), nn.Flatten())
        head = nn.Sequential(nn.Dropout(0.3), nn.Linear(32, 2))
        return MultiLabelGraph(trunk, head, spec, scale=255.0)


class Masks(Task):
    """Which pixels are of a square, and of which kind."""

    metric = "mean_iou"

    def data(self) -> ArrayLoader:
        images, masks, _ = squares()
        return ArrayLoader(IDS, images, masks, ("nothing", "bright", "dim"), IDS[-TEST:], "mask")

    def graph(self, spec: DataSpec) -> SegmentationGraph:
        head = nn.Sequential(nn.Dropout2d(0.3), nn.Conv2d(8, 3, 1))
        return SegmentationGraph(UNet(1, 8, 2), head, spec, scale=255.0)


class Boxes(Task):
    """Where the squares are."""

    metric = "map50"

    def data(self) -> ArrayLoader:
        images, _, boxes = squares()
        return ArrayLoader(IDS, images, boxes, ("bright", "dim"), IDS[-TEST:], "boxes")

    def graph(self, spec: DataSpec) -> DetectionGraph:
        trunk = nn.Sequential(_trunk(16), nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.ReLU())
        head = nn.Sequential(nn.Dropout2d(0.2), nn.Conv2d(16, 6, 3, padding=1))
        return DetectionGraph(trunk, head, spec, scale=255.0, stride=2, size=4.0)


class Numbers(Task):
    """How bright the image is."""

    metric = "rmse"

    def data(self) -> ArrayLoader:
        images = squares()[0]
        means = images.mean((1, 2), dtype=np.float64)
        return ArrayLoader(IDS, images, means, (), IDS[-TEST:], "number")

    def graph(self, spec: DataSpec) -> RegressionGraph:
        trunk = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 16), nn.ReLU())
        head = nn.Sequential(nn.Dropout(0.2), nn.Linear(16, 2))
        return RegressionGraph(trunk, head, spec, scale=255.0, middle=30.0, unit=12.0)


class Entities(Task):
    """Who and what is named in a text."""

    metric = "entity_f1"

    def data(self) -> EntityLoader:
        frame = pd.DataFrame(drawn(COUNT), columns=["text", "entities"]).assign(id=IDS)
        frame["split"] = ["test" if row >= COUNT - TEST else "train" for row in range(COUNT)]
        return EntityLoader(
            frame, "text", "entities", place=IDS.__getitem__, what="texts", published=True
        )

    def graph(self, spec: DataSpec) -> EntityGraph:
        return token_tagger(spec, HASHED, FEATURES)

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return entity_inputs(given, spec)

    def answers(self, spec: DataSpec, given: Any, predicted: Any) -> Any:
        return entities_given(given, spec, predicted)


KINDS: dict[str, type[Task]] = {
    "class": Classes,
    "labels": Labels,
    "mask": Masks,
    "boxes": Boxes,
    "number": Numbers,
    "entities": Entities,
}


def made(kind: str, seed: int = 0, epochs: int = 0) -> tuple[ArrayLoader, Any]:
    """The data of a kind and a graph, trained for so many epochs on forty samples."""
    task = KINDS[kind]()
    data: Any = task.data()
    data.freeze(data.propose_splits(20, 0))
    with seeded(seed):
        graph: Any = task.graph(data.spec)
        graph.learn_losses()
        graph.prepare_training(lr=0.01, epochs=max(epochs, 1))
        ids = data.ids("train")[:40]
        for _ in range(epochs):
            for batch in data.batches(ids, data.truth(ids), batch_size=20):
                graph.train_batch(batch)
            graph.scheduler.step()
    return data, graph


def view_of(kind: str, *, members: int = 3, epochs: int = 1, **more: Any) -> View:
    """A view of such a task's pool, with ten samples labelled, a champion and a committee."""
    data, graph = made(kind, epochs=epochs)
    train = data.ids("train")
    models = [Model(made(kind, seed)[1], f"member-{seed}", seed) for seed in range(members)]
    return View(
        train[10:],
        train[:10],
        data.truth(train[:10]),
        data=data,
        champion_model=Model(graph, "champion", seed=1),
        committee=lambda: models,
        **{"engine": LocalEngine(), "passes": 4, **more},
    )
