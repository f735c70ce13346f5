"""A linear head alone, and an encoder that is trained with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from al.agents import Agent, Examples, Schedule
from al.catalog import make_task
from al.data import encoding
from al.model_selector import criterion
from al.randomness import seeded
from tests.encoders import image_model, text_model
from tests.own_data import coloured_folder, sentences
from tests.test_agents import FolderRecorder

Of = Callable[..., dict[str, Any]]


def of_images(folder: Path, kind: str = "dinov2") -> dict[str, Any]:
    encoder = image_model(folder / "model", kind)
    data = coloured_folder(folder / "photos")
    return {"task": "image-folder", "data": str(data), "encoder": str(encoder)}


def of_texts(folder: Path) -> dict[str, Any]:
    encoder, data = text_model(folder / "model"), sentences(folder / "s.csv")
    columns = {"text": "sentence", "target": "about"}
    return {"task": "text", "data": str(data), "encoder": str(encoder), **columns}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AL_CACHE_DIR", str(tmp_path / "cache"))


def agent(given: dict[str, Any], recorder: FolderRecorder | None = None, epochs: int = 4) -> Agent:
    """Who trains on 24 labels; the learning rate is large, as the encoder is a random one."""
    task = make_task(given["task"], {n: v for n, v in given.items() if n != "task"})
    data = task.data()
    data.freeze(data.propose_splits(12, seed=0))
    with seeded(4):
        graph = task.graph(data.spec)
    graph.prepare_training(lr=0.003, epochs=epochs)
    known = [id for id in data.ids("train") if id in data.given()][:24]
    val = data.ids("val")
    made: Agent = task.agent(
        graph,
        data,
        train=Examples(tuple(known), tuple(data.truth(known))),
        val=Examples(val, tuple(data.truth(val))),
        schedule=Schedule(epochs, epochs, 2, 8, (0, 1, 0)),
        criterion=criterion("max:val/accuracy", ["val/accuracy"]),
        recorder=recorder,
    )
    return made


@pytest.mark.parametrize("given", [of_images, of_texts])
def test_the_first_epoch_is_the_head_on_kept_vectors_and_the_others_train_the_encoder(
    tmp_path: Path, given: Of
) -> None:
    parameters = given(tmp_path)
    alone = agent(parameters)
    alone.train(1)
    both = agent({**parameters, "finetune": "on"})
    before = {name: tensor.clone() for name, tensor in both.graph.network.state_dict().items()}
    ids = alone.data.ids("test")

    def probabilities_of(of: Agent) -> np.ndarray:
        (batch,) = of.data.batches(ids, batch_size=512)
        return of.graph.infer(batch, ("probabilities",), samples=1, seed=0)["probabilities"]

    figures = both.train(1)
    assert np.allclose(probabilities_of(both), probabilities_of(alone), atol=1e-4)
    moved = {
        name for name, tensor in both.graph.network.state_dict().items()
        if not torch.equal(tensor, before[name])
    }  # fmt: skip
    assert moved == {"head.1.weight", "head.1.bias"}
    assert figures["train/loss"] > 0
    both.train(2)
    after = both.graph.network.state_dict()
    changed = [name for name in before if "attention" in name and "weight" in name]
    assert changed
    assert not any(torch.equal(after[name], before[name]) for name in changed)
    assert not np.allclose(probabilities_of(both), probabilities_of(alone), atol=1e-3)


@pytest.mark.parametrize("die_at", [1, 2, 3, 4])
def test_a_training_of_an_encoder_that_was_cut_off_ends_with_the_same_weights(
    tmp_path: Path, die_at: int
) -> None:
    given = {**of_images(tmp_path), "finetune": "on", "augment": "flips"}
    whole = agent(given, straight := FolderRecorder(tmp_path / "straight"))
    whole.fit()
    with pytest.raises(KeyboardInterrupt):
        agent(given, cut := FolderRecorder(tmp_path / "cut", die_at)).fit()
    torch.rand(3)  # whatever else draws from torch in between
    resumed = agent(given, again := FolderRecorder(tmp_path / "cut"))
    resumed.fit()
    assert {**cut.epochs, **again.epochs} == straight.epochs
    assert len(again.epochs) == (4 if die_at <= 2 else 2)
    ended = resumed.graph.network.state_dict()
    for name, tensor in whole.graph.network.state_dict().items():
        assert torch.equal(tensor, ended[name]), name


@pytest.mark.parametrize("kind", ["dinov2", "clip", "siglip", "convnext", "bert"])
def test_gradients_go_through_what_an_encoder_makes(tmp_path: Path, kind: str) -> None:
    given = of_texts(tmp_path) if kind == "bert" else of_images(tmp_path, kind)
    takes = "texts" if kind == "bert" else "images"
    encoder = encoding.encoder_named(given["encoder"], takes)
    assert encoder is not None
    samples = ["rain and storm", "soup"] if kind == "bert" else _squares(encoder.size)
    module = encoder.module()
    vectors = module(torch.from_numpy(encoder.raw(samples)).float())
    assert np.allclose(vectors.detach().numpy(), encoder(samples), atol=1e-5)
    vectors.square().sum().backward()
    slopes = [p.grad for p in module.parameters() if p.grad is not None]
    assert sum(float(slope.abs().sum()) for slope in slopes) > 0
    with torch.no_grad():
        for p in module.parameters():
            p.zero_()
    assert np.abs(encoder(samples)).sum() > 0  # the encoder's own weights are others


def test_means_of_batch_normalisation_stay_those_of_the_pretraining() -> None:
    if encoding.encoders.get("efficientnet-lite0").missing():
        pytest.skip("the extra vision is not installed")
    encoder = encoding.encoder_named("efficientnet-lite0", "images", 64)
    assert encoder is not None
    module = encoder.module()
    before = {name: tensor.clone() for name, tensor in module.named_buffers()}
    inputs = torch.from_numpy(encoder.raw(_squares(64))).float()
    assert np.allclose(module(inputs).detach().numpy(), encoder(_squares(64)), atol=1e-4)
    module.train()(inputs).sum().backward()
    assert all(p.grad is not None for p in module.network._blocks.parameters())
    assert before
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.named_buffers())


def _squares(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
