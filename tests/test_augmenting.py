from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch.nn.functional import interpolate

from al.config import CHOICES
from al.contracts import Batch, DataSpec
from al.errors import ConfigError
from al.graphs import small_cnn
from al.graphs.augmenting import AUGMENTS, Crops
from al.randomness import seeded
from al.tasks.fashion_mnist import FashionMnist
from al.tasks.image_folder import ImageFolder
from al.tasks.mnist import Mnist

GREY = DataSpec(tuple("0123456789"), (28, 28), "uint8")


def ramp(side: int = 16) -> torch.Tensor:
    """An image that says at each pixel where that lies, across and down: [1, S, S, 2]."""
    at = torch.linspace(-1 + 1 / side, 1 - 1 / side, side)
    return torch.stack(torch.meshgrid(at, at, indexing="xy"), dim=-1)[None]


def test_a_crop_is_a_part_of_the_image_of_its_shape_and_at_least_the_area_that_is_said() -> None:
    with seeded(1):
        moved = Crops(least=0.5)(ramp().repeat(400, 1, 1, 1))
    inner = moved[:, 1:-1, 1:-1]  # the border repeats where a crop ends between pixels
    steps = [inner.diff(dim=2)[..., 0], inner.diff(dim=1)[..., 1]]
    sides = torch.stack([step.mean(dim=(1, 2)) * 8 for step in steps])  # of the image's
    assert torch.allclose(sides[0], sides[1], atol=1e-4)  # nothing is stretched
    assert sides.min() == pytest.approx(0.5**0.5, abs=0.02)
    assert sides.max() == pytest.approx(1, abs=0.02)
    assert moved.abs().max() <= 1  # nothing but what was in the image


def test_every_other_image_is_mirrored_left_to_right_and_none_upside_down() -> None:
    with seeded(2):
        moved = Crops(flips=True)(ramp().repeat(400, 1, 1, 1))
    across = moved.diff(dim=2)[..., 0].mean(dim=(1, 2))
    assert 0.4 < (across < 0).float().mean() < 0.6
    assert (moved.diff(dim=1)[..., 1].mean(dim=(1, 2)) > 0).all()


def test_the_whole_image_as_a_crop_is_the_image_with_channels_and_without() -> None:
    images = torch.rand(3, 9, 9, 3)
    assert torch.allclose(Crops(least=1)(images), images, atol=1e-5)
    assert torch.allclose(Crops(least=1)(images[..., 0]), images[..., 0], atol=1e-5)


def test_channels_move_together() -> None:
    grey = interpolate(torch.rand(5, 1, 4, 4), (12, 12)).squeeze(1)
    with seeded(3):
        alone = Crops(flips=True)(grey)
    with seeded(3):
        three = Crops(flips=True)(grey.unsqueeze(-1).expand(-1, -1, -1, 3))
    for channel in range(3):
        assert torch.allclose(three[..., channel], alone, atol=1e-6)


def test_training_moves_images_and_evaluating_does_not() -> None:
    spec = DataSpec(("a", "b"), (8, 8, 3), "uint8")
    with seeded(0):
        graph = small_cnn(spec)
    seen = []
    graph.augment = lambda images: seen.append(images.shape) or images  # type: ignore[func-returns-value]
    graph.prepare_training(lr=0.01, epochs=1)
    images = torch.randint(0, 256, (4, 8, 8, 3), dtype=torch.uint8)
    batch = Batch(tuple("wxyz"), images, torch.tensor([0, 1, 0, 1]))
    graph.train_batch(batch)
    assert seen == [torch.Size([4, 8, 8, 3])]
    graph.evaluate([batch])
    graph.infer(batch, ["probabilities", "embeddings"])
    graph.predict(images.numpy())
    assert len(seen) == 1


@pytest.mark.parametrize("task", [Mnist, FashionMnist, partial(ImageFolder, "x", encoder="none")])
def test_a_task_moves_images_as_it_is_asked_to_and_else_leaves_them(task: Any) -> None:
    spec = GREY if task in (Mnist, FashionMnist) else DataSpec(("a", "b"), (8, 8, 3), "uint8")
    assert task().graph(spec).augment is None  # as in what was published on mnist
    assert task(augment="off").graph(spec).augment is None
    assert task(augment="crops").graph(spec).augment == Crops()
    assert task(augment="flips").graph(spec).augment == Crops(flips=True)


def test_what_augment_may_be_is_what_there_is() -> None:
    assert CHOICES["augment"] == tuple(AUGMENTS)


def test_moving_images_that_an_encoder_reads_once_is_refused_with_what_to_do() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    with pytest.raises(ConfigError, match=r"augment=crops moves images .*: leave augment out, or"):
        ImageFolder("nowhere", encoder="efficientnet-lite0", augment="crops").encoder()
    assert ImageFolder("nowhere", encoder="none", augment="crops").encoder() is None
    assert ImageFolder("nowhere", encoder="efficientnet-lite0", augment="off").encoder()
