"""The code in docs/add-a-task.md does what the page says."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from al.contracts import Batch, DataSpec
from al.graphs import ClassificationGraph, SegmentationGraph
from al.masks import VOID
from al.randomness import seeded
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "add-a-task.md").read_text()
SPEC = DataSpec(("a", "b", "c"), (4,), "float32")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The answers of the page as one module, in a folder of its own."""
    folder = tmp_path_factory.mktemp("shown")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.partition("## How do I")[2], re.DOTALL)
    (folder / "my_answers.py").write_text("\n\n".join(blocks))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "examples"))
        patch.syspath_prepend(str(folder))
        import my_answers  # type: ignore[import-not-found]

        yield my_answers
    for name in [n for n in sys.modules if n.partition(".")[0] in ("my_answers", "my_task")]:
        del sys.modules[name]


def batch(count: int = 60) -> Batch:
    rng = np.random.default_rng(0)
    inputs = torch.from_numpy(rng.normal(size=(count, 4)).astype(np.float32))
    return Batch(tuple(map(str, range(count))), inputs, inputs[:, :3].argmax(1))


def trained(graph: type[ClassificationGraph], **more: Any) -> ClassificationGraph:
    with seeded(0):
        trunk = nn.Sequential(nn.Linear(4, 16), nn.ReLU())
        made = graph(trunk, nn.Linear(16, 3), SPEC, **more)
        made.prepare_training(lr=0.05, epochs=20)
        before = made.evaluate([batch()])["loss"]
        for _ in range(20):
            made.train_batch(batch())
            if made.scheduler is not None:
                made.scheduler.step()
    assert made.evaluate([batch()])["loss"] < before
    return made


def test_the_optimizer_is_the_one_of_the_page(shown: Any) -> None:
    made = trained(shown.Momentum)
    assert isinstance(made.optimizer, torch.optim.SGD)
    assert made.scheduler is not None
    assert made.scheduler.get_last_lr() == [0.05]
    assert trained(shown.Smoothed).scheduler is None


def test_what_is_augmented_is_another_batch_each_time_and_the_same_by_the_seed(shown: Any) -> None:
    plain, one, two = (trained(g) for g in (ClassificationGraph, shown.Jittered, shown.Jittered))
    assert torch.equal(one.head.weight, two.head.weight)
    assert not torch.equal(one.head.weight, plain.head.weight)


def test_a_frozen_trunk_stays_as_it_was_and_the_head_learns(shown: Any) -> None:
    with seeded(0):
        fresh = nn.Linear(4, 16)
    assert torch.equal(trained(shown.Frozen).trunk[0].weight, fresh.weight)


def test_pretrained_weights_are_there_and_travel(shown: Any) -> None:
    from my_task.flowers import Flowers  # type: ignore[import-not-found]

    weights = Flowers().graph(SPEC).trunk.state_dict()
    save_file(weights, Path(shown.__file__).with_name("trunk.safetensors"))
    graph = shown.Pretrained().graph(SPEC)
    assert torch.equal(graph.trunk[0].weight, weights["0.weight"])
    assert shown.Pretrained.files == ("trunk.safetensors",)


def test_a_metric_of_ones_own_is_measured_by_name(shown: Any) -> None:
    from sklearn.metrics import recall_score

    some = batch()
    made = trained(shown.Weakest, measures=("weakest_recall", "accuracy"))
    found = made.evaluate([some])
    guessed = made.predict(some.inputs.numpy()).argmax(1)
    expected = recall_score(some.targets, guessed, average=None).min()
    assert found["weakest_recall"] == pytest.approx(expected, abs=1e-6)
    later = trained(shown.Weakest)
    later.measure(["weakest_recall", "kappa"])
    assert later.metrics == ("accuracy", "weakest_recall", "kappa", "loss")
    on_some = made.on_some(list(made.compared([some])), "weakest_recall")
    assert on_some is not None
    assert on_some(np.arange(60)) == pytest.approx(expected, abs=1e-6)


def test_a_setting_is_a_subclass(shown: Any) -> None:
    assert shown.WideFlowers().graph(SPEC).trunk[0].out_features == 128


def test_what_is_left_out_of_the_loss_teaches_nothing(shown: Any) -> None:
    made = trained(shown.Sceptical)
    outputs = torch.tensor([[9.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    losses = made.losses(outputs, torch.tensor([1, 1]))
    assert losses[0] == 0.0
    assert losses[1] > 0.0
    assert made.loss(outputs, torch.tensor([1, 1])) == losses.mean()
    made.weigh(np.ones(3))  # it is known for each sample, so classes can be weighed

    spec = DataSpec(("background", "thing"), (2, 2, 3), "uint8", "mask", {"void": True})
    graph = SegmentationGraph(nn.Identity(), nn.Identity(), spec)
    targets = torch.tensor([[[0, 1], [1, VOID]]], dtype=torch.uint8)
    logits = torch.randn(1, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    other = logits.clone()
    other[..., 1, 1] += torch.tensor([5.0, -5.0])[None]
    assert graph.loss(logits, targets) == pytest.approx(float(graph.loss(other, targets)))


def test_a_loader_of_ones_own_tells_given_labels_and_draws_splits(
    shown: Any, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    classes = np.r_[np.arange(60) % 2, np.full(30, -1)]
    np.savez(tmp_path / "readings.npz", values=rng.normal(size=(90, 5)), classes=classes)
    data = shown.Readings(str(tmp_path / "readings.npz"))
    data.freeze(data.propose_splits(10, 0))
    assert [len(data.ids(split)) for split in ("train", "val", "test")] == [68, 10, 12]
    assert len(data.given()) == 38
    (some,) = data.batches(data.ids("val"), data.truth(data.ids("val")), batch_size=10)
    assert some.inputs.shape == (10, 5)
    assert set(some.targets.tolist()) == {0, 1}
    assert list(data.preview("reading-00000").row) == [f"value {n}" for n in range(5)]
    assert data.example().shape == (2, 5)
