"""Heads on maps of features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from al.contracts import Batch, DataSpec
from al.data.encoding import detail_of
from al.data.mask_serving import with_places
from al.data.placing import place_of
from al.errors import ConfigError
from al.graphs import TorchGraph, grid_boxes, grid_masks
from al.graphs.grids import Scale
from al.randomness import seeded
from tests.encoders import Mapping
from tests.own_data import masks_folder

#: Two maps behind a vector of three numbers, of images of 16 pixels.
MAPS = ((4, 8), (6, 4))
ROW = 3 + 4 * 64 + 6 * 16


def spec(kind: str = "mask", classes: tuple[str, ...] = ("ground", "thing")) -> DataSpec:
    details = {"encoder": {"width": 3, "maps": MAPS}, "image_shape": [16, 16]}
    return DataSpec(classes, (ROW + 4 * (kind == "mask"),), "float16", kind, details)


def graph(kind: str = "mask") -> Any:
    with seeded(0):
        made = grid_masks(spec()) if kind == "mask" else grid_boxes(spec("boxes"), 6.0)
    made.network.eval()
    return made


def rows(count: int = 5) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, ROW)).astype(np.float16)


@pytest.mark.parametrize(("before", "after"), [(5, 40), (20, 40), (3, 100), (8, 8)])
def test_a_map_is_brought_to_another_side_as_interpolation_does_it(before: int, after: int) -> None:
    maps = torch.randn(2, 3, before, before)
    expected = interpolate(maps, size=(after, after), mode="bilinear", align_corners=False)
    assert torch.allclose(Scale(before, after)(maps), expected, atol=1e-5)


@pytest.mark.parametrize("size", [(30, 20), (20, 31), (9, 9), (1, 200)])
def test_what_lies_beside_an_image_is_the_background_for_certain(size: tuple[int, int]) -> None:
    made = graph()
    made.head.net[1].bias.data[:] = torch.tensor([-5.0, 5.0])  # a thing, wherever the image is
    place = place_of(*size, 16)
    inputs = with_places(rows(1), [place])
    found = made.predict(inputs)
    assert found.shape == (1, 16, 16)
    assert np.array_equal(found[0] == 1, place.covers(16))
    batch = Batch(("a",), torch.from_numpy(inputs), None)
    p = made.network(made.prepare(batch.inputs)).softmax(dim=1)[0, 0].detach().numpy()
    assert p[~place.covers(16)].min(initial=1.0) > 1 - 1e-6


def test_where_an_image_lies_is_no_part_of_its_embedding() -> None:
    wide, high = (with_places(rows(), [place_of(*size, 16)] * 5) for size in ((30, 20), (20, 30)))
    one, other = (
        graph().infer(Batch(tuple("abcde"), torch.from_numpy(inputs), None), ["embeddings"])
        for inputs in (wide, high)
    )
    assert one["embeddings"].shape == (5, 128)
    assert np.array_equal(one["embeddings"], other["embeddings"])
    assert len(np.unique(one["embeddings"].round(4), axis=0)) == 5


def test_channels_of_another_scale_count_alike() -> None:
    """A cell is normalised over its channels, so brightness of all of them changes nothing."""
    made, inputs = graph("boxes"), torch.from_numpy(rows()).float()
    with torch.inference_mode():
        assert torch.allclose(made.network(inputs), made.network(inputs * 8), atol=1e-3)
        assert not torch.allclose(made.network(inputs), made.network(inputs.flip(1)), atol=1e-3)


@pytest.mark.parametrize("kind", ["mask", "boxes"])
def test_of_few_labels_a_few_make_a_batch(kind: str) -> None:
    made: TorchGraph = graph(kind)
    sizes = [made.batch_size(32, samples) for samples in (1, 25, 100, 1000)]
    assert sizes == [4, 4, 12, 32]
    assert made.batch_size(2, 1000) == 2


@pytest.mark.parametrize("kind", ["mask", "boxes"])
def test_a_head_learns_where_things_are(kind: str) -> None:
    """The first channel of the finest map is high where the thing is."""
    made: TorchGraph = graph(kind)
    inputs, targets = rows(16), torch.zeros(16, 16, 16, dtype=torch.uint8)
    corners = np.random.default_rng(1).integers(0, 5, (16, 2))
    for row, (top, left) in enumerate(corners):
        finest = inputs[row, 3 : 3 + 64].reshape(8, 8)
        finest[top : top + 3, left : left + 3] += 9
        targets[row, 2 * top : 2 * top + 6, 2 * left : 2 * left + 6] = 1
    if kind == "boxes":
        boxes = [[1, 2 * left, 2 * top, 6, 6] for top, left in corners]
        targets = torch.tensor(boxes, dtype=torch.float32)[:, None]
    else:
        inputs = with_places(inputs, [place_of(16, 16, 16)] * 16)
    batch = Batch(tuple(f"{row}" for row in range(16)), torch.from_numpy(inputs), targets)
    made.prepare_training(lr=0.01, epochs=60)
    with seeded(0):
        for _ in range(60):
            made.train_batch(batch)
    metric = "mean_iou" if kind == "mask" else "map50"
    assert made.evaluate([batch])[metric] > 0.9


def test_masks_keep_their_side_where_an_encoder_reads_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al.data import MaskFolderLoader

    monkeypatch.setenv("AL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COUNTED", str(tmp_path / "counted"))
    things = masks_folder(tmp_path / "things", labelled=6, unlabelled=2)
    encoder = Mapping()
    data = MaskFolderLoader(str(things), 64, "1=thing,2=ground", "2", "3", encoder)
    assert data.spec.image_shape == (8, 8)
    assert data.spec.input_shape == (3 + 12 + 4,)
    assert {"encoder": data.spec.details["encoder"]} == detail_of(encoder, maps=True)
    ids = data.ids("train")[:2]
    (batch,) = data.batches(ids, data.truth(ids), batch_size=2)
    assert batch.inputs.shape == (2, 19)
    assert batch.inputs[:, -4:].tolist() == [[2, 0, 5, 8]] * 2  # 24 × 16 in a square of 8
    assert batch.targets is not None
    assert batch.targets.shape == (2, 8, 8)
    assert np.array_equal(data.features(ids), batch.inputs[:, :3].numpy())
    plain = MaskFolderLoader(str(things), 8, "1=thing,2=ground", "2", "3")
    assert torch.equal(batch.targets, next(iter(plain.batches(ids, plain.truth(ids),
                                                              batch_size=2))).targets)  # fmt: skip


def test_an_encoder_without_maps_is_refused_in_a_line() -> None:
    from al.catalog import make_task

    for task in ("mask-folder", "coco"):
        made = make_task(task, {"data": "nowhere", "encoder": "tests.encoders:Counting"})
        with pytest.raises(ConfigError, match="makes one vector of an image, and masks and boxes"):
            made.data()
