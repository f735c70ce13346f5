"""A folder of images: what is labelled, what is pool, and a campaign on it without any code."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from al.catalog import make_task
from al.contracts import Annotator, Answer, Answers, Query, Splits
from al.data import ImageFolderLoader
from al.data import images as reading
from al.errors import ConfigError, DataError
from tests.own_data import coloured_folder
from tests.stores import production, runs, table

Make = Callable[..., Any]


class People(Annotator):
    """Answers by colour, as a person would who looks at the picture."""

    where = "the studio"

    def request(self, query: Query) -> None:
        """They are there."""

    def collect(self, query: Query) -> Answers:
        """What is seen in the middle of the picture."""
        answers = []
        for id in query.ids:
            image = self.data.preview(id).image
            assert image is not None
            name = ("red", "green", "blue")[int(image.mean(axis=(0, 1)).argmax())]
            answers.append(Answer(id, name, "me", "2026-01-01T00:00:00+00:00"))
        return Answers(tuple(answers))


@pytest.fixture
def images(folder: Path) -> Path:
    return coloured_folder(folder / "photos")


@pytest.fixture
def parameters(images: Path) -> dict[str, Any]:
    return {
        "task": "image-folder", "data": str(images), "image_size": 12, "encoder": "none",
        "validation_size": 9, "initial_size": 6, "query_size": 6,
    }  # fmt: skip


def test_folders_say_what_is_labelled_and_paths_are_ids(images: Path) -> None:
    for split in ("val", "test"):
        (images / split / "red").mkdir(parents=True)
        Image.new("RGB", (4, 4), "red").save(images / split / "red" / "r.jpg")
    (images / "train" / "notes.txt").write_text("no image")
    (images / "train" / "loose.png").write_bytes((images / "heap" / "060.png").read_bytes())
    (images / ".hidden").mkdir()
    (images / ".hidden" / "x.png").write_bytes((images / "heap" / "060.png").read_bytes())
    (images / "train" / "yellow").mkdir()  # a class without a sample yet
    data = ImageFolderLoader(str(images), 12)
    assert data.spec.classes == ("blue", "green", "red", "yellow")
    assert data.ids("val") == ("val/red/r.jpg",)
    assert data.ids("test") == ("test/red/r.jpg",)
    given = data.given() or {}
    assert given["train/red/000.png"] == "red"
    assert set(data.ids("train")) - set(given) == {
        "train/loose.png", *(f"heap/{n:03d}.png" for n in range(60, 80))
    }  # fmt: skip
    assert data.source("train/red/000.png") == str(images / "train/red/000.png")
    image = data.preview("train/red/000.png").image
    assert image is not None
    assert image.shape == (12, 10, 3)
    seen = data.metadata(["train/red/000.png"]).iloc[0]
    assert (seen["path"], seen["folder"]) == ("train/red/000.png", "train/red")
    assert 60 < seen["mean"] < 130


def test_damaged_images_are_counted_named_and_left_out_once(
    images: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (images / "heap" / "a-empty.png").write_bytes(b"")
    (images / "heap" / "b-rubbish.jpg").write_bytes(b"rubbish")
    for number in range(3):
        (images / "heap" / f"c{number}.webp").write_bytes(b"more")
    data = ImageFolderLoader(str(images), 12)
    data.refresh()
    out = caplog.text
    assert out == (
        "5 of 85 images cannot be read and are left out: heap/a-empty.png (empty file), "
        "heap/b-rubbish.jpg (no image), heap/c0.webp (no image) and 2 more\n"
    )
    assert len(data.ids("train")) == 80
    assert data.skipped["heap/c2.webp"] == "no image"


def test_files_that_come_and_go_are_seen(images: Path) -> None:
    data = ImageFolderLoader(str(images), 12)
    (images / "heap" / "060.png").unlink()
    (images / "heap" / "061.png").write_bytes(b"")
    Image.new("RGB", (4, 4), "blue").save(images / "heap" / "new.png")
    data.refresh()
    data.freeze(data.propose_splits(9, 0))
    ids = data.ids("train")
    assert data.missing(["heap/060.png", "heap/061.png", "heap/062.png"]) == [
        "heap/060.png",
        "heap/061.png",
    ]
    assert "heap/new.png" in ids
    (batch,) = data.batches(["heap/new.png"], batch_size=4)
    assert (np.asarray(batch.inputs)[0] == [0, 0, 255]).all()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: shutil.rmtree(f), "data=.*: there is no folder .*: check the path"),
        (lambda f: [p.unlink() for p in f.rglob("*.png")], "no images found in"),
        (lambda f: shutil.rmtree(f / "train"), "no image in .* has a class: name the classes"),
        (lambda f: [p.write_bytes(b"") for p in f.rglob("*.png")], "none of the 80 images"),
        (lambda f: [shutil.rmtree(f / "train" / n) for n in ("red", "blue")], "has one class"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_used_is_one_line(
    images: Path, spoil: Callable[[Path], Any], says: str
) -> None:
    spoil(images)
    with pytest.raises(DataError, match=says) as caught:
        ImageFolderLoader(str(images), 12)
    assert "\n" not in str(caught.value)


def test_a_relative_path_is_looked_for_here_and_below_the_data_directory(
    images: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert len(ImageFolderLoader("photos", 12).ids("train")) == 80
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("AL_DATA_DIR", str(images.parent))
    assert len(ImageFolderLoader("photos", 12).ids("train")) == 80
    with pytest.raises(DataError, match=r"data=nowhere: there is no folder .* nor .*/nowhere"):
        ImageFolderLoader("nowhere", 12)
    with pytest.raises(DataError, match="data is empty: give a path"):
        ImageFolderLoader(" ", 12)
    with pytest.raises(DataError, match="is a file: give a folder"):
        ImageFolderLoader(str(images / "heap" / "060.png"), 12)


# -- campaigns ---------------------------------------------------------------------------


def test_the_oracle_runs_a_campaign_over_the_labelled_part(
    campaign: Make, client: Any, parameters: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    import mlflow
    import pandas as pd

    result = campaign(**parameters).run()
    out = caplog.text
    assert "20 of 59 training samples have no label and stay out of the pool" in out
    assert result.campaign.startswith("image-folder-photos-auto-seed0")
    assert list(result.curve["labels"]) == [6, 12]
    (first, second) = runs(client, step="select-data")
    assert [r.data.metrics["pool/size"] for r in (first, second)] == [39, 33]
    for run in (first, second):
        assert table(client, run, "query.parquet")["id"].str.startswith("train/").all()
    served = mlflow.pyfunc.load_model(f"models:/{result.model}/Production")
    content = (Path(parameters["data"]) / "heap" / "060.png").read_bytes()
    answer = served.predict(pd.DataFrame({"image": [content, content]}))
    assert list(answer.columns) == ["label", "probability", "p_blue", "p_green", "p_red"]
    assert set(answer["label"]) <= {"red", "green", "blue"}
    assert production(client, result.model)


def test_labels_that_are_there_are_learned_from_and_people_are_asked_about_the_rest(
    campaign: Make, client: Any, parameters: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    people = {**parameters, "annotator": "tests.test_image_folder:People", "campaign": "c"}
    campaign(**people).run()
    assert "39 of 59 training samples have a label already" in caplog.text
    for run in runs(client, step="select-data"):
        assert table(client, run, "query.parquet")["id"].str.startswith("heap/").all()
    last = runs(client, role="cycle")[-1]
    labels = table(client, last, "state/labels.parquet")
    assert labels["annotator"].value_counts().to_dict() == {"given": 39, "me": 12}
    assert labels["id"].is_unique
    trained = [r.data.params["labels"] for r in runs(client, step="train")]
    assert trained == ["45", "51"]
    # A label that somebody adds to the folder later is learned from as well.
    path = Path(parameters["data"])
    Image.new("RGB", (5, 5), "red").save(path / "train" / "red" / "later.png")
    campaign(**{**people, "cycles": 3}).run()
    labels = table(client, runs(client, role="cycle")[-1], "state/labels.parquet")
    assert labels["annotator"].value_counts().to_dict() == {"given": 40, "me": 18}


def test_a_campaign_goes_on_where_the_folder_lies_elsewhere_and_refuses_another(
    campaign: Make, client: Any, parameters: dict[str, Any], folder: Path
) -> None:
    campaign(**parameters, campaign="c").run()
    moved = folder / "other disk" / "photos"
    moved.parent.mkdir()
    shutil.move(parameters["data"], moved)
    with pytest.raises(DataError, match="there is no folder"):
        campaign(**{**parameters, "campaign": "c", "cycles": 3}).run()
    campaign(**{**parameters, "campaign": "c", "cycles": 3, "data": str(moved)}).run()
    assert len(runs(client, role="cycle", campaign="c")) == 3
    splits = runs(client, role="campaign")[0]
    kept = Path(client.download_artifacts(splits.info.run_id, "campaign.json"))
    first = sorted(json.loads(kept.read_text())["splits"]["val"])[0]
    Image.new("RGB", (9, 9), "white").save(moved / first)
    with pytest.raises(DataError, match=f"1 of 9 samples are not what they were .*'{first}'"):
        campaign(**{**parameters, "campaign": "c", "cycles": 4, "data": str(moved)}).run()


def test_an_oracle_without_labels_to_tell_is_refused(
    campaign: Make, parameters: dict[str, Any]
) -> None:
    data = Path(parameters["data"])
    for path in sorted(data.glob("train/*/*.png")):
        split = "val" if int(path.stem) % 2 else "test"
        (data / split / path.parent.name).mkdir(parents=True, exist_ok=True)
        path.rename(data / split / path.parent.name / path.name)
    with pytest.raises(ConfigError, match="no training sample has one: pass annotator=files"):
        campaign(**parameters).run()


def test_parameters_that_a_task_does_not_take_or_needs_are_reported(
    campaign: Make, parameters: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match="task 'image-folder' takes no text: leave it out"):
        campaign(**parameters, text="words").run()
    with pytest.raises(ConfigError, match="task 'image-folder' needs data: pass data="):
        campaign(task="image-folder").run()
    with pytest.raises(ConfigError, match="task 'digits' takes no data"):
        campaign(task="digits", data="x").run()
    assert make_task("image-folder", {"data": "x", "image_size": 3})


def test_what_lies_in_a_folder_and_is_not_used_is_counted_and_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = coloured_folder(tmp_path / "photos", labelled=12, unlabelled=2)
    one = folder / "train" / "red" / "000.png"
    for name in ("a.JXL", "other.jxl", "new\nline.png", "Screenshot 9.41\u202fAM.png"):
        (one.parent / name).write_bytes(one.read_bytes())
    (folder / "valid" / "red").mkdir(parents=True)
    (folder / "valid" / "red" / "a.png").write_bytes(one.read_bytes())
    (tmp_path / "elsewhere").mkdir()
    (folder / "train" / "violet").symlink_to(tmp_path / "elsewhere")
    data = ImageFolderLoader(str(folder), 12)
    assert "train/red/Screenshot 9.41\u202fAM.png" in data.samples.ids
    assert "2 images of type .jxl are left out, 'train/red/a.JXL' first: save them" in caplog.text
    assert (
        "1 images with characters in their names that are not valid text are left out"
        in caplog.text
    )
    assert "1 folders are links and not looked into, 'train/violet' first" in caplog.text
    assert "valid/ is taken for val/ (1 images)" in data.summary()


def test_heic_is_left_out_with_the_way_to_have_it_read_where_that_is_not_installed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = coloured_folder(tmp_path / "photos", labelled=12, unlabelled=2)
    (folder / "heap" / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    monkeypatch.setattr(reading, "_heif", lambda: False)
    ImageFolderLoader(str(folder), 12)
    assert "1 images of type .heic are left out, 'heap/IMG_1.HEIC' first: pip" in caplog.text
    with pytest.raises(DataError, match="HEIC: pip install"):
        reading.decode(b"\0\0\0\x18ftypheic", 8)


def test_of_an_animation_the_first_picture_is_used_and_that_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = coloured_folder(tmp_path / "photos", labelled=12, unlabelled=2)
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    frames[0].save(folder / "heap" / "moves.gif", save_all=True, append_images=frames[1:])
    frames[0].save(folder / "heap" / "still.gif")
    for _ in range(2):  # decoded, then remembered
        data = ImageFolderLoader(str(folder), 12)
    (batch,) = data.batches(["heap/moves.gif"], batch_size=1)
    assert batch.inputs[0, 6, 6].tolist() == [255, 0, 0]
    assert "1 images hold several pictures, 'heap/moves.gif' first: of each" in caplog.text


def laid_out(folder: Path, *names: str) -> list[str]:
    """What is made of files of these names: classes, given labels, and what is told of it."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (number, 90, 0)).save(folder / name)
    data = ImageFolderLoader(str(folder), 12)
    return [*sorted(f"{id}={label}" for id, label in (data.given() or {}).items()), *data.summary()]


def test_folders_without_splits_are_the_classes(tmp_path: Path) -> None:
    names = ("cat/1.png", "dog/2.png", "loose.png", "Unlabelled/3.png")
    (tmp_path / "bird").mkdir()
    labels = laid_out(tmp_path, *names)
    assert labels[:2] == ["cat/1.png=cat", "dog/2.png=dog"]
    assert labels[2].startswith(
        "there is no folder train/: folders are the classes ('cat' 1, 'dog' 1); put images "
    )
    assert ImageFolderLoader(str(tmp_path), 12).spec.classes == ("cat", "dog", "bird")


def test_a_folder_around_all_and_what_archives_leave_are_looked_through(tmp_path: Path) -> None:
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "x.png").write_bytes(b"no image")
    labels = laid_out(tmp_path, "my data/Train/cat/1.png", "my data/Train/dog/2.png",
                      "my data/Validation/cat/4.png", "my data/rest/5.png")  # fmt: skip
    assert labels == [
        "my data/Train/cat/1.png=cat",
        "my data/Train/dog/2.png=dog",
        "everything is in my data/, whose folders are looked at",
        "Train/ is taken for train/ (2 images)",
        "Validation/ is taken for val/ (1 images)",
    ]
    data = ImageFolderLoader(str(tmp_path), 12)
    assert data.ids("val") == ("my data/Validation/cat/4.png",)
    assert "my data/rest/5.png" in data.ids("train")


def test_folders_inside_those_of_classes_are_reported(tmp_path: Path) -> None:
    labels = laid_out(tmp_path, "train/pet/cat/1.png", "train/pet/dog/2.png", "train/car/3.png")
    assert labels[1] == "train/pet/cat/1.png=pet"
    assert labels[3].startswith("2 images are in folders inside that of their class, 'train/pet/")


def test_a_campaign_that_began_before_takes_folders_as_it_did(tmp_path: Path) -> None:
    laid_out(tmp_path, "train/cat/1.png", "train/dog/2.png", "valid/cat/3.png")
    data = ImageFolderLoader(str(tmp_path), 12)
    assert data.ids("val") == ("valid/cat/3.png",)
    details = {name: value for name, value in data.spec.details.items() if name != "layout"}
    data.adopt(dataclasses.replace(data.spec, details=details))
    data.freeze(Splits((), ()))
    assert data.given() == {"train/cat/1.png": "cat", "train/dog/2.png": "dog"}
    assert data.ids("train") == ("train/cat/1.png", "train/dog/2.png", "valid/cat/3.png")
