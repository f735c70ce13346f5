"""A folder of images and masks: what is labelled, what is known, and a campaign on it."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from al.catalog import make_task
from al.contracts import Annotator, Answer, Answers, Query
from al.data import MaskFolderLoader, decode_mask
from al.errors import ConfigError, DataError
from al.masks import VOID, encode_mask
from al.pipeline.data_check import data_lines
from al.pipeline.labels_in import _of_file
from tests.own_data import masks_folder

Make = Callable[..., Any]
NAMED = {"classes": "1=thing,2=ground", "background": "ground", "ignore": "3"}


def loaded(folder: Path, size: int = 24, **more: str) -> MaskFolderLoader:
    return MaskFolderLoader(str(folder), size, **{**NAMED, **more})


def mask_of(data: MaskFolderLoader, id: str) -> np.ndarray:
    return decode_mask(data.truth([id])[0], len(data.spec.classes), void=True)


@pytest.fixture
def things(folder: Path) -> Path:
    return masks_folder(folder / "things", labelled=12, unlabelled=3)


LAYOUTS: dict[str, tuple[str, str]] = {
    "masks": ("images/{}.png", "masks/{}.png"),
    "labels": ("images/{}.png", "labels/{}.png"),
    "trimaps": ("images/{}.png", "annotations/trimaps/{}.png"),
    "beside": ("{}.png", "{}_mask.png"),
    "in a folder of masks": ("JPEGImages/{}.png", "SegmentationClass/{}_mask.png"),
    "deep": ("images/a/{}.png", "masks/a/{}.png"),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_mask_is_found_by_the_name_of_its_image(
    things: Path, tmp_path: Path, layout: tuple[str, str]
) -> None:
    root = tmp_path / "root"
    for kind, pattern in zip(("images", "masks"), layout, strict=True):
        for path in (things / kind).iterdir():
            to = root / pattern.format(path.stem)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
    data = loaded(root)
    given = data.given() or {}
    assert len(given) == 12
    assert len(data.ids("train")) == 15
    plain = loaded(things)
    first = layout[0].format("004")
    assert given[first] == plain.truth(["images/004.png"])[0]


@pytest.mark.parametrize("layout", ["{split}/{kind}", "{kind}/{split}"])
def test_folders_of_splits_say_the_split(things: Path, tmp_path: Path, layout: str) -> None:
    root = tmp_path / "root"
    for kind in ("images", "masks"):
        for path in (things / kind).iterdir():
            number = int(path.stem)
            split = "val" if number < 2 else "test" if number < 5 else "train"
            to = root / layout.format(split=split, kind=kind) / path.name
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
    data = loaded(root)
    assert [len(data.ids(split)) for split in ("train", "val", "test")] == [10, 2, 3]
    assert len(data.given() or {}) == 7


def test_a_mask_lies_in_the_square_of_its_image_and_is_not_known_beside_it(things: Path) -> None:
    data = loaded(things)
    mask, image = mask_of(data, "images/003.png"), data.preview("images/003.png").image
    assert image is not None
    with Image.open(things / "masks" / "003.png") as file:
        values = np.asarray(file)
    assert data.spec.classes == ("ground", "thing")
    assert np.array_equal(mask[4:20], np.array([9, 1, 0, VOID])[values])
    assert (mask[:4] == VOID).all()
    assert (mask[20:] == VOID).all()
    assert image[mask == 1].mean() > 150 > image[mask == 0].mean()
    (batch,) = data.batches(["images/003.png"], batch_size=1)
    assert (
        np.array_equal(batch.inputs[0, ..., 3].numpy() == 255, np.arange(24) // 4 % 5 != 0)
        or (batch.inputs[0, 4:20, :, 3] == 255).all()
    )
    assert not batch.inputs[0, :4].any()
    # As large as the image it is what its file says, however coarse the square.
    coarse = loaded(things, 8)
    whole = coarse.on_picture("images/003.png", coarse.truth(["images/003.png"])[0])
    assert np.array_equal(decode_mask(whole, 2, void=True), np.array([9, 1, 0, VOID])[values])
    # Whatever people say of what lies beside the image.
    painted = encode_mask(np.ones((24, 24), np.uint8))
    (batch,) = data.batches(["images/003.png"], [painted], batch_size=1)
    assert np.unique(batch.targets[0, :4]).tolist() == [VOID]
    assert np.unique(batch.targets[0, 4:20]).tolist() == [1]


def test_grey_and_16_bit_and_black_and_white_masks_are_read(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    half = np.zeros((8, 8), np.uint8)
    half[4:] = 255
    masks = {
        "grey": Image.fromarray(half),
        "rgb": Image.fromarray(np.repeat(half[..., None], 3, axis=2)),
        "alpha": Image.fromarray(half).convert("LA"),
        "long": Image.fromarray(half.astype(np.uint16)),
    }
    for name, mask in masks.items():
        Image.new("RGB", (8, 8), "red").save(tmp_path / "images" / f"{name}.jpg")
        mask.save(tmp_path / "masks" / f"{name}.png")
    data = MaskFolderLoader(str(tmp_path), 8)
    assert data.spec.classes == ("0", "255")
    assert data.spec.kind == "scene"
    for name in masks:
        assert np.array_equal(mask_of(data, f"images/{name}.jpg"), half // 255)
    Image.fromarray(half > 0).save(tmp_path / "masks" / "grey.png")  # one bit: 0 and 1
    with pytest.raises(DataError, match=r"no mask .* can be used, masks/.* \(holds"):
        MaskFolderLoader(str(tmp_path), 8, classes="2=a,3=b")


def _noise(masks: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (16, 24, 3), dtype=np.uint8)
    Image.fromarray(noise).save(masks / "001.png")


def _turned(masks: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (masks.parent / "images" / "001.png").unlink()
    Image.new("RGB", (24, 16)).save(masks.parent / "images" / "001.jpg", exif=exif)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda m: Image.new("L", (5, 5), 1).save(m / "001.png"), "5 × 5 pixels, its image 24 × "),
        (lambda m: Image.new("L", (24, 16), 9).save(m / "001.png"), "holds 9, which is not one of"),
        (lambda m: (m / "001.png").write_bytes(b"rubbish"), "no image"),
        (_noise, "in 384 colours (#"),
        (_turned, "24 × 16 pixels, its image 16 × 24, turned by its EXIF"),
    ],
    ids=["another size", "another value", "rubbish", "colours", "turned"],
)
def test_a_mask_that_cannot_be_used_is_named_and_its_image_is_of_the_pool(
    things: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], Any], why: str
) -> None:
    spoil(things / "masks")
    data = loaded(things)
    assert f"{things}: 1 masks cannot be used, and their images count as unlabelled" in caplog.text
    assert f"(masks/001.png: {why}" in caplog.text
    assert len(data.given() or {}) == 11
    assert len(data.ids("train")) == 15


def test_masks_without_an_image_and_of_lossy_types_are_counted_and_named(
    things: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Image.new("L", (24, 16), 1).save(things / "masks" / "alone.png")
    for name in ("012", "013", "014", "x"):
        Image.new("L", (24, 16), 1).save(things / "masks" / f"{name}.jpg")
    assert len(loaded(things).given() or {}) == 12
    assert "1 masks have no image and are left out (masks/alone.png): name each" in caplog.text
    assert "4 masks are of a type that changes values and are left out (masks/012.jpg, " in (
        caplog.text
    )


def test_what_fits_twice_is_refused(things: Path) -> None:
    shutil.copyfile(things / "images" / "000.png", things / "000.png")
    with pytest.raises(DataError, match=r"masks/000\.png is the mask of 000\.png or images/000"):
        loaded(things)
    (things / "000.png").unlink()
    shutil.copyfile(things / "masks" / "000.png", things / "images" / "000_mask.png")
    with pytest.raises(DataError, match="are masks of one image: remove one"):
        loaded(things)


def test_a_folder_without_masks_and_a_size_that_does_not_fit_are_reported(things: Path) -> None:
    with pytest.raises(ConfigError, match="image_size=20: give a multiple of 8 for masks"):
        loaded(things, 20)
    shutil.rmtree(things / "masks")
    with pytest.raises(DataError, match="has a mask: name the classes"):
        MaskFolderLoader(str(things), 24)


def test_what_is_made_of_masks_is_reported_before_a_label_is_paid_for(things: Path) -> None:
    given = {"task": "mask-folder", "data": str(things), "validation_size": 3, "encoder": "none"}
    given |= {"initial_size": 5, "query_size": 5}
    lines = list(data_lines(given))
    assert lines[:3] == [
        "task mask-folder: labels are masks without a background",
        "masks hold 3 classes, by their values; classes=… names them: '1' (1), '2' (2), '3' (3)",
        "no class is the background, so all count; background=… says which is one",
    ]
    lines = list(data_lines({**given, **NAMED}))
    assert lines[:4] == [
        "task mask-folder: labels are masks",
        "masks hold 2 classes, as classes says: 'ground' (2), 'thing' (1)",
        "class 'ground' is the background",
        "pixels of value 3 are left out of loss and metrics; 12 masks hold some",
    ]
    assert "train: 10 samples, 7 of them labelled; 'ground' 7, 'thing' 7" in lines


def test_a_mask_that_is_added_while_it_is_asked_for_is_a_label(things: Path) -> None:
    data = loaded(things)
    assert data.written(["images/012.png"]) == [None]
    shutil.copyfile(things / "masks" / "000.png", things / "masks" / "012.png")
    data.refresh()
    (label,) = data.written(["images/012.png"])
    data.check_label(label)
    assert label == data.truth(["images/000.png"])[0]


def test_masks_are_read_where_new_classes_may_come(things: Path) -> None:
    data, again = loaded(things), loaded(things)
    again.expect("grow")
    again.adopt(data.spec)
    assert again.given() == data.given()


def test_a_campaign_that_goes_on_keeps_its_classes(things: Path) -> None:
    spec = loaded(things).spec
    Image.new("L", (24, 16), 7).save(things / "masks" / "013.png")
    data = MaskFolderLoader(str(things), 24)  # as if nothing was said of values
    assert len(data.spec.classes) == 4
    data.new_classes = "grow"  # as where a campaign goes on
    data.adopt(spec)
    assert data.spec.classes == ("ground", "thing")
    assert len(data.given() or {}) == 12
    assert np.unique(mask_of(data, "images/003.png")).tolist() == [0, 1, VOID]


# -- campaigns ---------------------------------------------------------------------------


class Painters(Annotator):
    """Paint what is bright, as a person would."""

    where = "the studio"
    forms = frozenset({"regions"})

    def request(self, query: Query) -> None:
        """They are there."""

    def collect(self, query: Query) -> Answers:
        """Whatever is bright is a thing, the rest nobody touches."""
        answers = []
        for id in query.ids:
            image = self.data.preview(id).image
            assert image is not None
            label = encode_mask((image.mean(axis=2) > 110).astype(np.uint8))
            answers.append(Answer(id, label, "me", "2026-01-01T00:00:00+00:00"))
        return Answers(tuple(answers))


@pytest.mark.slow
def test_people_paint_the_rest_and_the_version_answers_in_the_size_of_the_image(
    campaign: Make, folder: Path, tmp_path: Path
) -> None:
    import mlflow
    import pandas as pd

    things = masks_folder(folder / "things", labelled=30, unlabelled=20)
    made = campaign(
        task="mask-folder", data=str(things), image_size=16, **NAMED, epochs=12, query_size=5,
        encoder="none",
        initial_size=5, validation_size=6, annotator="tests.test_mask_folder:Painters",
        campaign="c",
    )  # fmt: skip
    result = made.run()
    labels = made.labels()
    assert labels["annotator"].value_counts().to_dict() == {"given": 18, "me": 10}
    asked = labels[labels["annotator"] == "me"]["id"]
    assert (asked >= "images/030.png").all()
    served = mlflow.pyfunc.load_model(f"models:/{result.model}/Production")
    content = (things / "images" / "040.png").read_bytes()
    answer = served.predict(pd.DataFrame({"image": [content, b"rubbish"]}, index=[7, 3]))
    assert answer.index.tolist() == [7, 3]
    mask = np.asarray(Image.open(io.BytesIO(answer["mask"][7])))
    assert mask.shape == (16, 24)
    shares = answer.loc[7, ["share_ground", "share_thing"]].astype(float)
    assert shares.sum() == pytest.approx(1)
    image = np.asarray(Image.open(io.BytesIO(content))).mean(axis=2)
    assert ((mask == 1) == (image > 110)).mean() > 0.8
    assert answer["error"].tolist() == ["", "no image"]
    predicted = pd.read_parquet(made.predict(str(tmp_path / "said")))
    sizes = {tuple(json.loads(label)["size"]) for label in predicted["label"]}
    assert sizes == {(16, 24)}
    # What is exported is read back as it was, as a list of labels too.
    lines = made.export("jsonl", str(tmp_path / "list")) / "labels.jsonl"
    data = loaded(things, 16)
    listed = _of_file(lines, data).frame
    assert listed["id"].tolist() == labels["id"].tolist()
    exported = [json.loads(line)["label"] for line in lines.read_text().splitlines()]
    for (id, label), painted in zip(listed[["id", "label"]].values, exported, strict=True):
        assert json.loads(label)["size"] == [16, 16]
        assert data.on_picture(id, json.loads(label)) == painted
    out = made.export("png", str(tmp_path / "out"))
    again = MaskFolderLoader(str(out), 16, background="ground", ignore="255")
    assert again.spec.classes == ("ground", "thing")
    back = again.given() or {}
    assert len(back) == 28
    within = np.s_[2:13]  # the image in its square of 16 pixels, 11 of them high
    for id, label, by in labels[["id", "label", "annotator"]].itertuples(index=False):
        stem = id.replace("/", "_")
        kept = decode_mask(json.loads(label), 2, void=True)[within]
        assert np.array_equal(mask_of(again, f"images/{stem}.png")[within], kept)
        with Image.open(out / "masks" / f"{stem}.png") as file:
            exported = np.asarray(file)
        assert exported.shape == (16, 24)
        if by == "given":  # to the pixel, whatever the square
            with Image.open(things / "masks" / Path(id).name) as file:
                assert np.array_equal(exported, np.array([9, 1, 0, VOID])[np.asarray(file)])


def test_a_task_keeps_its_parameters_until_the_data_is_there() -> None:
    assert make_task("mask-folder", {"data": "nowhere", "image_size": 16})
