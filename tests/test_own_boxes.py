"""Boxes of one's own in the formats of the field: read alike, odd ones told, served, exported."""

from __future__ import annotations

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
from al.data.boxes import BoxLoader
from al.data.placing import place_of
from al.errors import ConfigError, DataError
from al.exports import export
from al.pipeline.data_check import data_lines
from tests.own_data import boxes_folder
from tests.test_exports import labels_of

Make = Callable[..., Any]
FORMS = ("coco", "voc", "yolo")


def loaded(form: str, folder: Path, size: int = 24, **more: str) -> BoxLoader:
    data: BoxLoader = make_task(
        form, {"data": str(folder), "image_size": size, "encoder": "none", **more}
    ).data()
    return data


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def things(folder: Path, form: str) -> Path:
    return boxes_folder(folder / "things", form, labelled=21, unlabelled=3)


def entry(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a COCO file."""
    path = folder / "annotations.json"
    known = json.loads(path.read_text())
    change(known)
    path.write_text(json.dumps(known))


def test_every_format_says_the_same_boxes_and_the_rest_is_the_pool(
    things: Path, form: str, tmp_path: Path
) -> None:
    data = loaded(form, things)
    assert data.spec.classes == ("bright", "dim")
    given = data.given() or {}
    assert len(given) == 21
    assert len(data.ids("train")) == 24
    assert given["images/007.png"] == []
    other = loaded("coco", boxes_folder(tmp_path / "again", "coco", labelled=21, unlabelled=3))
    assert given == other.given()
    one, two = given["images/004.png"]
    assert (one["label"], two["label"]) == ("bright", "dim")
    image = data.preview("images/004.png").image
    assert image is not None
    x, y, width, height = (round(side) for side in one["box"])
    assert (image[y : y + height, x : x + width] == 220).all()
    assert image[y - 1, x : x + width].max() < 60


@pytest.mark.parametrize("size", [24, 16, 48])
def test_boxes_lie_in_the_square_of_their_image(things: Path, form: str, size: int) -> None:
    data = loaded(form, things, size)
    box = (data.given() or {})["images/004.png"][0]["box"]
    plain = (loaded(form, things).given() or {})["images/004.png"][0]["box"]
    own = place_of(24, 16, 24).back(plain)
    assert place_of(24, 16, size).into(own) == pytest.approx(box, abs=0.02)


def test_what_is_exported_is_read_back_as_it_was(things: Path, form: str, tmp_path: Path) -> None:
    data = loaded(form, things, 16)
    data.freeze(data.propose_splits(2, 0))
    labels = labels_of(data, 12)
    export(labels, form, tmp_path / "out")
    back = loaded(form, tmp_path / "out", 16).given() or {}
    assert len(back) == 12
    for (id, stem, label), kept in zip(labels, data.truth(labels.ids), strict=True):
        sides = [side for one in label for side in one["box"]]
        assert sides == [round(side) for side in sides], id  # in the image's own pixels
        assert data.from_picture(id, label) == kept
        (found,) = (value for key, value in back.items() if Path(key).stem == stem)
        assert [one["label"] for one in found] == [one["label"] for one in kept], id
        for one, two in zip(found, kept, strict=True):
            assert one["box"] == pytest.approx(two["box"], abs=1e-5)
    with Image.open(next((tmp_path / "out").rglob("*.png"))) as image:
        assert image.size == (24, 16)


# -- what is odd -------------------------------------------------------------------------


def _set(**box: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda known: known["annotations"][0].update(box)


@pytest.mark.parametrize(
    ("change", "says", "boxes"),
    [
        (_set(bbox=[3, 3, 0, 5]), "1 boxes have no area and are left out (annotations.json: im", 1),
        (_set(bbox=[3, 3, 50, 5]), "1 boxes reach beyond their image and are cut at its edges", 2),
        (_set(bbox=[30, 3, 5, 5]), "1 boxes are outside their image and left out", 1),
        (_set(bbox=[3, 3, 1, 5]), "1 boxes are less than 2 pixels wide or high in the square", 2),
        (_set(iscrowd=1), "1 annotations are of crowds and left out (annotations.json annot", 1),
        (_set(bbox=[]), "1 annotations hold no box and are left out", 1),
        (_set(image_id=99), "1 annotations are of no image that their file lists", 1),
        (_set(category_id=9), "1 entries cannot be used, and their images count as unlabelled (an"
         "notations.json: images/001.png: category 9, which is not listed)", None),
        (lambda k: k["images"][1].update(width=48), "images/001.png: 48 × 16 pixels, its image 24 "
         "× 16)", None),
        (lambda k: k["images"].append({"id": 77, "file_name": "gone.png"}), "1 images are listed "
         "that are not there, or that several fit (annotations.json: gone.png)", 2),
    ],
    ids=["no area", "beyond", "beside", "small", "crowd", "no box", "no image", "no class",
         "another size", "gone"],
)  # fmt: skip
def test_what_is_odd_is_counted_and_named(
    folder: Path, caplog: pytest.LogCaptureFixture, change: Any, says: str, boxes: int | None
) -> None:
    things = boxes_folder(folder / "things", "coco", labelled=21, unlabelled=3)
    entry(things, change)
    given = loaded("coco", things).given() or {}
    assert says in caplog.text
    found = given.get("images/001.png")
    assert found is None if boxes is None else len(found or ()) == boxes


def test_a_box_is_cut_at_the_edges_of_its_image(folder: Path) -> None:
    things = boxes_folder(folder / "things", "coco", labelled=21, unlabelled=3)
    entry(things, _set(bbox=[-4, 3, 50, 5]))
    assert (loaded("coco", things).given() or {})["images/001.png"][0]["box"] == [0, 7, 24, 5]


def test_outlines_without_a_box_have_the_one_around_them(folder: Path) -> None:
    things = boxes_folder(folder / "things", "coco", labelled=21, unlabelled=3)
    entry(things, _set(bbox=None, segmentation=[[2, 3, 9, 3, 9, 8, 2, 5]]))
    assert (loaded("coco", things).given() or {})["images/001.png"][0]["box"] == [2, 7, 7, 5]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("7 0.5 0.5 0.1 0.1", "labels/001.txt: line 1: class 7, which has no name"),
        ("0 0.5 0.5 0.1", "labels/001.txt: line 1: 4 numbers, not 5"),
        ("cat 0.5 0.5 0.1 0.1", "labels/001.txt: could not convert string to float: 'cat'"),
    ],
)
def test_a_text_file_that_is_wrong_is_named_with_its_line(
    folder: Path, caplog: pytest.LogCaptureFixture, line: str, says: str
) -> None:
    things = boxes_folder(folder / "things", "yolo", labelled=21, unlabelled=3)
    (things / "labels" / "001.txt").write_text(line)
    assert "images/001.png" not in (loaded("yolo", things).given() or {})
    assert f"1 entries cannot be used, and their images count as unlabelled ({says}" in caplog.text


def test_outlines_of_yolo_have_the_box_around_them(folder: Path) -> None:
    things = boxes_folder(folder / "things", "yolo", labelled=21, unlabelled=3)
    (things / "labels" / "001.txt").write_text("1 0.25 0.25 0.5 0.25 0.5 0.75\n\n")
    found = (loaded("yolo", things).given() or {})["images/001.png"]
    assert found == [{"label": "dim", "box": [6, 8, 6, 8]}]


def test_files_of_pascal_voc_that_are_damaged_or_of_no_image_are_named(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    things = boxes_folder(folder / "things", "voc", labelled=21, unlabelled=3)
    (things / "Annotations" / "001.xml").write_text("<annotation>")
    (things / "Annotations" / "x.xml").write_text("<annotation/>")
    (things / "Annotations" / "other.xml").write_text("<other/>")
    text = (things / "Annotations" / "002.xml").read_text()
    (things / "Annotations" / "002.xml").write_text(text.replace("<xmin>", "<xmin>a"))
    given = loaded("voc", things).given() or {}
    assert len(given) == 19
    assert "1 files are not XML and left out (Annotations/001.xml: no element found" in caplog.text
    assert "1 files are of images that are not there, or that several fit (Annotations/x.xml)" in (
        caplog.text
    )
    assert "(Annotations/002.xml: could not convert string to float: 'a" in caplog.text


def test_classes_may_be_chosen(things: Path, form: str, caplog: pytest.LogCaptureFixture) -> None:
    data = loaded(form, things, classes="dim")
    assert data.spec.classes == ("dim",)
    assert [one["label"] for one in (data.given() or {})["images/004.png"]] == ["dim"]
    assert "18 boxes of class 'bright' are left out, as classes does not name it" in caplog.text
    with pytest.raises(ConfigError, match="classes: 'dimm' is not a class: did you mean 'dim'"):
        loaded(form, things, classes="dimm")


def test_a_campaign_that_goes_on_keeps_its_classes(folder: Path) -> None:
    things = boxes_folder(folder / "things", "coco", labelled=21, unlabelled=3)
    spec = loaded("coco", things).spec
    entry(things, lambda k: k["categories"].insert(0, {"id": 1, "name": "new"}))
    entry(things, _set(category_id=1))
    data = loaded("coco", things)
    assert data.spec.classes == ("new", "bright", "dim")
    data.new_classes = "grow"  # as where a campaign goes on
    data.adopt(spec)
    given = data.given() or {}
    assert data.spec.classes == ("bright", "dim")
    assert "images/001.png" not in given
    assert len(given) == 20


# -- where things lie --------------------------------------------------------------------


def test_boxes_are_read_where_new_classes_may_come(things: Path, form: str) -> None:
    data, again = loaded(form, things), loaded(form, things)
    again.expect("grow")
    again.adopt(data.spec)
    assert again.given() == data.given()


def test_folders_of_roboflow_say_the_split(folder: Path) -> None:
    things = boxes_folder(folder / "things", "coco", labelled=21, unlabelled=0)
    known = json.loads((things / "annotations.json").read_text())
    for place, rows in (("train", range(14)), ("valid", range(14, 17)), ("test", range(17, 21))):
        (things / place).mkdir()
        own = {**known, "images": [known["images"][row] for row in rows]}
        own["annotations"] = [a for a in known["annotations"] if a["image_id"] in rows]
        (things / place / "_annotations.coco.json").write_text(json.dumps(own))
        for row in rows:
            shutil.move(things / "images" / f"{row:03d}.png", things / place / f"{row:03d}.png")
    (things / "annotations.json").unlink()
    data = loaded("coco", things)
    assert [len(data.ids(split)) for split in ("train", "val", "test")] == [14, 3, 4]


def test_a_coco_file_is_found_in_its_folder_or_named(folder: Path) -> None:
    things = boxes_folder(folder / "things", "coco", labelled=21, unlabelled=3)
    (things / "annotations").mkdir()
    path = things / "annotations" / "instances_train2017.json"
    shutil.move(things / "annotations.json", path)
    (things / "annotations" / "captions_train2017.json").write_text("{}")
    assert len(loaded("coco", things).given() or {}) == 21
    assert len(loaded("coco", path).given() or {}) == 21
    path.write_text("{")
    with pytest.raises(DataError, match=r"instances_train2017\.json is no JSON \(.*\): restore it"):
        loaded("coco", path)
    path.write_text('{"images": [{}], "annotations": [], "categories": []}')
    with pytest.raises(DataError, match="is no COCO file of instances"):
        loaded("coco", path)


def test_splits_of_yolo_are_those_of_its_yaml_file(folder: Path) -> None:
    things = boxes_folder(folder / "things", "yolo", labelled=21, unlabelled=3)
    for kind, suffix in (("images", "png"), ("labels", "txt")):
        (things / "valid" / kind).mkdir(parents=True)
        for row in (3, 4):
            shutil.move(things / kind / f"{row:03d}.{suffix}", things / "valid" / kind)
    message = "names: {0: bright, 1: dim}\ntrain: ../images\nval: ../valid/images\n"
    (things / "data.yaml").write_text(message)
    data = loaded("yolo", things)
    assert data.ids("val") == ("valid/images/003.png", "valid/images/004.png")
    (things / "data.yaml").unlink()
    with pytest.raises(DataError, match=r"data\.yaml names no classes: write names: \[a, b\]"):
        loaded("yolo", things)
    (things / "classes.txt").write_text("bright\ndim\n")
    assert loaded("yolo", things).ids("val") == data.ids("val")


def test_splits_of_pascal_voc_are_those_of_its_image_sets(folder: Path) -> None:
    things = boxes_folder(folder / "things", "voc", labelled=21, unlabelled=3)
    sets = things / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    (sets / "test.txt").write_text("003\n005 1\n")
    data = loaded("voc", things)
    assert data.ids("test") == ("images/003.png", "images/005.png")


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("coco", "holds no COCO file, a .json with images, annotations and categories: put one"),
        ("voc", "holds no XML file of Pascal VOC: put them into Annotations"),
        ("yolo", "no image in .* has a text file of boxes: put labels/1.txt beside"),
    ],
)
def test_a_folder_without_annotations_is_one_line(tmp_path: Path, form: str, says: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")
    (tmp_path / "data.yaml").write_text("names: [a]")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(DataError, match=says):
        loaded(form, tmp_path)


def test_a_size_that_does_not_fit_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="image_size=30: give a multiple of 4 for boxes"):
        loaded("coco", tmp_path, 30)


def test_what_is_made_of_boxes_is_reported_before_a_label_is_paid_for(folder: Path) -> None:
    things = boxes_folder(folder / "things", "coco", labelled=21, unlabelled=3)
    entry(things, lambda k: k["categories"].append({"id": 9, "name": "rare"}))
    shutil.copyfile(things / "images" / "001.png", things / "images" / "000.png")
    given = {"task": "coco", "data": str(things), "validation_size": 3, "encoder": "none"}
    lines = list(data_lines({**given, "initial_size": 5, "query_size": 5}))
    assert lines[:4] == [
        "task coco: labels are boxes",
        "annotations.json: 21 images",
        "36 boxes of 3 classes in 21 of 24 images: 'bright' 18, 'dim' 18, 'rare' 0",
        "3 images are labelled as without a box",
    ]
    assert "! classes without a box: 'rare'" in lines
    assert (
        "! 1 sample has copies with another label, images/000.png (0 boxes) and images/001.png "
        "(2 boxes) first: all are used; correct or remove what is wrong"
    ) in lines


# -- campaigns ---------------------------------------------------------------------------


class Drawers(Annotator):
    """Draw a box around what is bright, as a person would."""

    where = "the studio"
    forms = frozenset({"rectangles"})

    def request(self, query: Query) -> None:
        """They are there."""

    def collect(self, query: Query) -> Answers:
        """Everything bright in one box."""
        answers = []
        for id in query.ids:
            image = self.data.preview(id).image
            assert image is not None
            rows, columns = np.nonzero(image.mean(axis=2) > 180)
            box = [int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1,
                   int(np.ptp(rows)) + 1] if len(rows) else []  # fmt: skip
            label = [{"label": "bright", "box": box}] if box else []
            answers.append(Answer(id, label, "me", "2026-01-01T00:00:00+00:00"))
        return Answers(tuple(answers))


def test_people_draw_the_rest_and_the_version_answers_in_pixels_of_the_image(
    campaign: Make, folder: Path
) -> None:
    import mlflow
    import pandas as pd

    things = boxes_folder(folder / "things", "yolo", labelled=40, unlabelled=14)
    made = campaign(
        task="yolo", data=str(things), image_size=24, epochs=4, query_size=5, initial_size=5,
        encoder="none",
        validation_size=8, annotator="tests.test_own_boxes:Drawers", campaign="c",
    )  # fmt: skip
    result = made.run()
    labels = made.labels()
    assert labels["annotator"].value_counts().to_dict() == {"given": 24, "me": 10}
    assert (labels[labels["annotator"] == "me"]["id"] >= "images/040.png").all()
    served = mlflow.pyfunc.load_model(f"models:/{result.model}/Production")
    content = (things / "images" / "045.png").read_bytes()
    answer = served.predict(pd.DataFrame({"image": [b"", content]}, index=[5, 2]))
    assert answer.index.tolist() == [5, 2]
    assert answer["error"].tolist() == ["empty file", ""]
    found = json.loads(answer["boxes"][2])
    assert len(found) == answer["count"][2]
    for one in found:
        x, y, width, height = one["box"]
        assert min(x, y) >= 0
        assert x + width <= 24.01
        assert y + height <= 16.01
    none = pd.DataFrame({"image": pd.Series([], dtype=object)})
    assert served.predict(none).shape == (0, 2)
