"""What the tasks of this project make of their files, and what they say of damaged ones."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image

from al.catalog import make_task, tasks
from al.errors import ConfigError, DataError
from al.graphs.grids import GridBoxes, GridMasks
from al.graphs.small_detector import detector_trunk
from al.masks import decode_mask
from al.tasks import bccd, bike_sharing, nuclei
from al.tasks.nuclei_boundary import boundary


def held(folder: str) -> Path:
    """The folder of a data set, where it is at hand."""
    path = Path(os.environ.get("AL_DATA_DIR", "nowhere")) / folder
    if not path.is_dir():
        pytest.skip(f"AL_DATA_DIR holds no {folder}")
    return path


def png(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(array).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def micrographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a file of micrographs that passes for the published one."""

    def write(**members: bytes) -> None:
        path = tmp_path / "nuclei" / "nuclei_dsb2018_256.zip"
        path.parent.mkdir(exist_ok=True)
        with ZipFile(path, "w") as file:
            for name, content in members.items():
                file.writestr(name.replace("__", "/") + ".png", content)
        monkeypatch.setattr(nuclei, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())

    monkeypatch.setenv("AL_DATA_DIR", str(tmp_path))
    return write


IMAGE = np.full((256, 256), 30, np.uint8)
NUMBERED = np.zeros((256, 256), np.uint16)
NUMBERED[40:80, 40:80], NUMBERED[40:80, 80:120] = 1, 2


def test_a_mask_of_another_size_than_its_image_is_reported_with_its_file(micrographs: Any) -> None:
    micrographs(images__a=png(IMAGE), labels__a=png(NUMBERED[:200]))
    with pytest.raises(DataError, match=r"labels/a\.png .* is 256 × 200, its image 256 × 256"):
        nuclei.Nuclei().data()


def test_an_image_that_is_missing_or_none_is_reported_with_its_file(micrographs: Any) -> None:
    micrographs(images__a=png(IMAGE))
    with pytest.raises(DataError, match=r"labels/a\.png in .* is missing or no image"):
        nuclei.Nuclei().data()
    micrographs(images__a=b"rubbish", labels__a=png(NUMBERED))
    with pytest.raises(DataError, match=r"images/a\.png in .* is missing or no image"):
        nuclei.Nuclei().data()
    micrographs(images__a=png(IMAGE)[:80], labels__a=png(NUMBERED))
    with pytest.raises(DataError, match=r"images/a\.png in .* is missing or no image"):
        nuclei.Nuclei().data()


def test_two_tasks_see_the_same_images_and_other_masks(micrographs: Any) -> None:
    from al.tasks.nuclei_boundary import NucleiBoundary

    micrographs(images__a=png(IMAGE), labels__a=png(NUMBERED))
    one, two = nuclei.Nuclei().data(), NucleiBoundary().data()
    assert np.array_equal(one._inputs, two._inputs)
    masks = one._targets[0], two._targets[0]
    assert np.array_equal(masks[0] > 0, masks[1] > 0)
    assert set(np.unique(masks[1])) == {0, 1, 2}
    assert type(nuclei.Nuclei().graph(one.spec)).loss is type(NucleiBoundary().graph(two.spec)).loss


def test_a_boundary_parts_nuclei_that_touch() -> None:
    found = boundary(NUMBERED)
    assert found[60, 60] == 1  # inside
    assert found[60, 79] == found[60, 80] == 2  # where the two touch
    assert found[60, 40] == 2
    assert found[60, 39] == 0  # the background stays background


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The BCCD files with some of their boxes changed."""
    source = held("bccd")
    (tmp_path / "bccd").mkdir()
    (tmp_path / "bccd" / "bccd_voc.zip").symlink_to(source / "bccd_voc.zip")
    known = json.loads((source / "bccd_coco.json").read_text())

    def write(**changes: Any) -> None:
        known["annotations"][0].update(changes)
        path = tmp_path / "bccd" / "bccd_coco.json"
        path.write_text(json.dumps(known))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setitem(bccd.FILES, "bccd_coco.json", sha256)

    monkeypatch.setenv("AL_DATA_DIR", str(tmp_path))
    return write


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bbox": [600, 10, 100, 20]}, r"'BloodImage_00000': the box \[.*\] is outside its image"),
        ({"bbox": [10, 10, 0, 20]}, r"'BloodImage_00000': the box \[.*\] has no area"),
        ({"bbox": None}, "is damaged"),
        ({"category_id": 9}, "is damaged"),
    ],
)
def test_boxes_that_are_none_are_reported_with_their_photograph(
    cells: Any, changes: dict[str, Any], says: str
) -> None:
    cells(**changes)
    with pytest.raises(DataError, match=says) as caught:
        bccd.Bccd().data()
    assert "\n" not in str(caught.value)


def test_light_and_stain_of_a_photograph_do_not_matter() -> None:
    torch.manual_seed(0)
    trunk = detector_trunk()
    photograph = torch.rand(2, 48, 64, 3)
    with torch.inference_mode():
        seen, darker = trunk(photograph), trunk(photograph * torch.tensor([0.5, 0.6, 0.9]) + 0.05)
    assert seen.std() > 0.1
    assert torch.allclose(seen, darker, atol=5e-3)


def test_the_blood_cells_are_whole() -> None:
    held("bccd")
    data = bccd.Bccd().data()
    assert len(data.ids("train")) + len(data.ids("test")) == 364
    assert len(data.ids("test")) == 72
    names = [box["label"] for boxes in data.truth([*data.ids("train"), *data.ids("test")])
             for box in boxes]  # fmt: skip
    assert [names.count(name) for name in bccd.CLASSES] == [4153, 372, 361]


def test_rentals_do_not_hold_what_adds_up_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = held("bike-sharing") / "hour.csv"
    data = bike_sharing.BikeSharing().data()
    names = set(data.preview(data.ids("train")[0]).row or {})
    assert not {"casual", "registered", "cnt"} & names
    assert {"temp", "hr 17"} <= names
    inputs = data._inputs[: len(data._inputs)]
    targets = np.array(data._targets)
    alike = [abs(np.corrcoef(column, targets)[0, 1]) for column in inputs.T if column.std()]
    assert max(alike) < 0.7
    (tmp_path / "bike-sharing").mkdir()
    path = tmp_path / "bike-sharing" / "hour.csv"
    path.write_text(source.read_text().replace("windspeed", "wind", 1))
    monkeypatch.setenv("AL_DATA_DIR", str(tmp_path))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(bike_sharing, "SHA256", sha256)
    with pytest.raises(DataError, match="lacks the column 'windspeed'"):
        bike_sharing.BikeSharing().data()


def test_hours_of_one_day_are_on_one_side() -> None:
    import pandas as pd

    days = pd.read_csv(held("bike-sharing") / "hour.csv").set_index("instant")["dteday"]
    data = bike_sharing.BikeSharing().data()
    sides = [{days[int(id[5:])] for id in data.ids(split)} for split in ("train", "test")]  # type: ignore[arg-type]
    assert not sides[0] & sides[1]


@pytest.mark.parametrize("name", ["nuclei", "nuclei-boundary", "bccd"])
def test_an_encoder_that_is_named_reads_the_images_and_a_head_learns_on_its_maps(name: str) -> None:
    held(name.partition("-")[0])
    pytest.importorskip("efficientnet_lite_pytorch")
    assert not tasks.get(name).encodes({})  # published figures are of none
    task = make_task(name, {"encoder": "efficientnet-lite0"})
    data = task.data()
    data.embed_by(None, lambda here: here)  # those alone that are asked for
    ids = data.ids("test")[:4]
    (batch,) = data.batches(ids, data.truth(ids), batch_size=4)
    graph = task.graph(data.spec)
    assert isinstance(graph, GridBoxes if name == "bccd" else GridMasks)
    graph.prepare_training(lr=0.003, epochs=30)
    losses = [float(graph.train_batch(batch)) for _ in range(30)]
    assert losses[-1] < 0.7 * losses[0]
    images = data._inputs[data.rows(ids)]
    assert images.shape == (4, 160, 160, 3)
    served = graph.predict(task.inputs(data.spec, images))
    assert np.array_equal(np.asarray(served), np.asarray(graph.predict(np.asarray(batch.inputs))))


def test_labels_of_images_that_an_encoder_reads_are_in_their_pixels() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    held("nuclei"), held("bccd")
    plain, mapped = (make_task("bccd", e).data() for e in ({}, {"encoder": "efficientnet-lite0"}))
    id = plain.ids("test")[0]
    for one, two in zip(plain.truth([id])[0], mapped.truth([id])[0], strict=True):
        x, y, width, height = (side * 1.25 for side in one["box"])  # 128 × 96 → 160 × 120
        assert two["box"] == pytest.approx([x, y + 20, width, height], abs=0.2)  # in the middle
    plain, mapped = (make_task("nuclei", e).data() for e in ({}, {"encoder": "efficientnet-lite0"}))
    ids = plain.ids("test")[:20]
    shares = [[decode_mask(m, 2).mean() for m in d.truth(ids)] for d in (plain, mapped)]
    assert np.allclose(*shares, atol=0.03)
    assert decode_mask(mapped.truth(ids[:1])[0], 2).shape == (160, 160)


@pytest.mark.parametrize("name", ["nuclei", "bccd"])
def test_a_size_without_an_encoder_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="image_size=96: without an encoder this task's images"):
        make_task(name, {"image_size": 96})
