"""What a worker is made from: names, parameters and a URI of weights, never data or a handle.

A recipe hands over what is here as long as it stays in this process. Pickled, it is small, and
makes the same again wherever it comes to: the task by its name, the data set from where the
task finds it, the weights from the tracking server. What was made is kept there for the next
pieces of work.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from al.catalog import make_task
from al.contracts import DataLoader, Engine, Graph, Held, Splits
from al.engine import Made, Runner, WorkerOf, spread
from al.errors import DataError, RegistryError
from al.graphs import Crossed
from al.pipeline.campaign_record import SCHEMA, CampaignRecord
from al.pipeline.growing import GROW
from al.pipeline.making import Makings, criterion_of, device_named, freeze, new_graph
from al.pipeline.measuring import settle
from al.progress import hide
from al.scratch import scratch_folder
from al.state import read_as
from al.tracking import fetch_weights
from al.whole import digest_of

#: Models that a worker keeps: the champion and some of a committee.
KEPT = 8


class CampaignRecipe:
    """The recipe of what a campaign's models are made of.

    Args:
        device: of models elsewhere, where that is another than here.
    """

    def __init__(self, makings: Makings, splits: Splits, device: str = "") -> None:
        self._makings, self._splits = makings, splits
        self._device = device or str(makings.device)

    def __call__(self) -> Makings:
        return self._makings

    def __reduce__(self) -> tuple[Any, ...]:
        there = self._elsewhere
        return type(there), tuple(getattr(there, field.name) for field in fields(there))

    @cached_property
    def _elsewhere(self) -> _Elsewhere:
        made = self._makings
        config, spec = made.config.to_dict(), made.data.spec
        record = json.dumps(asdict(CampaignRecord(SCHEMA, config, spec, self._splits, {})))
        packed = zlib.compress(record.encode())  # ten thousand ids are 100 kB
        held = zlib.compress(json.dumps(asdict(made.data.held)).encode())
        threads, vectors = torch.get_num_threads(), made.data.embedded_on
        return _Elsewhere(packed, held, _seen(made.data), self._device, threads, vectors)


@dataclass(frozen=True)
class _Elsewhere:
    """A campaign's recipe in another process.

    Attributes:
        record: configuration, spec of the data and splits, in JSON and compressed.
        held: what is taken otherwise than the data itself says it, likewise.
        samples: digest of all samples as the campaign's process sees them.
        threads: of torch, as many as there: another number sums in another order.
        vectors: kind of processor that makes an encoder's; see `DataLoader.embedded_on`.
    """

    record: bytes
    held: bytes
    samples: str
    device: str
    threads: int
    vectors: str

    def __call__(self) -> Makings:
        torch.set_num_threads(self.threads)
        hide()
        made = _checked(self.record, self.held, self.device, self.samples)
        made.data.embed_by(None, lambda here: self.vectors)
        return made


@dataclass(frozen=True)
class Weights:
    """Weights on a tracking server, and their digest."""

    server: str
    uri: str
    digest: str


@dataclass(frozen=True)
class ModelRecipe:
    """The recipe of a model of the campaign and its data.

    Attributes:
        temperature: that its logits are divided by.
        here: the model, in the process that has it already.
    """

    campaign: Callable[[], Makings]
    weights: Weights
    temperature: float = 1.0
    here: Graph | None = field(default=None, compare=False, repr=False)

    def __call__(self) -> Made:
        data = self.campaign().data
        if self.here is not None:
            return Made(self.here, data)
        assert isinstance(self.campaign, _Elsewhere)
        graph = _loaded(self.campaign.record, self.campaign.device, self.weights)
        return Made(graph if self.temperature == 1.0 else graph.scaled(self.temperature), data)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "here": None}

    def scaled(self, temperature: float) -> ModelRecipe:
        """The recipe of the same model with its logits divided."""
        here = None if self.here is None else self.here.scaled(temperature)
        return replace(self, temperature=temperature, here=here)


class CampaignModel(Runner):
    """A model of the campaign, to run over many samples.

    Args:
        crossed: its copies that judge labels, with `validation=folds`.
    """

    recipe: ModelRecipe

    def __init__(self, recipe: ModelRecipe, engine: Engine, crossed: Crossed | None = None) -> None:
        super().__init__(*recipe(), engine, recipe)
        self.crossed = crossed

    @property
    def digest(self) -> str:
        """Identity of its weights."""
        return self.recipe.weights.digest


def embed(
    engine: Engine, recipe: Callable[[], Makings], parts: Sequence[Sequence[str]]
) -> Iterator[tuple[Sequence[str], np.ndarray]]:
    """Parts of the samples, each with its vectors as they are kept, made where the engine works."""
    return spread(engine, WorkerOf(recipe, _embedded), parts)


# -- in the worker's process -------------------------------------------------------------------


def _embedded(makings: Makings, ids: Sequence[str]) -> np.ndarray:
    return makings.data.embedded(ids)


def _read(record: bytes) -> CampaignRecord:
    return read_as(CampaignRecord, zlib.decompress(record), "a worker's recipe")


@lru_cache(maxsize=1)
def _made(record: bytes, device: str) -> Makings:
    stored = _read(record)
    config = stored.as_config()
    task = make_task(config.task, config.of_task)
    data = task.data()
    data.expect(GROW)  # what the campaign does not know counts as no label there either
    data.adopt(stored.data)
    settle(config, task, data)
    criterion = criterion_of(config, task, new_graph(task, data, config))
    return Makings(config, task, data, criterion, device_named(device))


@lru_cache(maxsize=1)
def _checked(record: bytes, held: bytes, device: str, samples: str) -> Makings:
    """What was made, on the data as the campaign's process sees it now."""
    made, splits = _made(record, device), _read(record).splits
    seen_there = read_as(Held, zlib.decompress(held), "a worker's recipe")
    for _ in range(2):  # made for an earlier cycle: samples have come or gone
        made.data.hold(seen_there)
        freeze(made.data, splits, made.config.missing, tell=False)
        if _seen(made.data) == samples:
            return made
        made.data.refresh()
    raise DataError(
        f"a worker finds other samples of task {made.config.task!r} than the campaign's "
        "process: let both find the same data"
    )


@lru_cache(maxsize=KEPT)
def _loaded(record: bytes, device: str, weights: Weights) -> Graph:
    with scratch_folder() as scratch:
        folder = fetch_weights(weights.server, weights.uri, Path(scratch) / "weights")
        if digest_of(folder) != weights.digest:
            raise RegistryError(
                f"a worker finds other weights at {weights.uri} than the campaign's process: "
                "restore them, or promote another version"
            )
        graph = _made(record, device).new_graph()
        graph.load_weights(folder)
        return graph


def _seen(data: DataLoader) -> str:
    """Digest of all samples: their ids by split, what lies behind them, and the truth that
    models are measured by."""
    digest = hashlib.sha256()
    for split in ("train", "val", "test"):
        ids = data.ids(split)
        digest.update(repr((split, len(ids))).encode())
        for id, mark in zip(ids, data.fingerprints(ids), strict=True):
            digest.update(repr((id, mark)).encode())
        if split != "train":
            digest.update(repr(data.truth(ids)).encode())
    return digest.hexdigest()
