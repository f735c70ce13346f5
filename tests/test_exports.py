"""Labels that leave come back as they were, read by tools of their own."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from al.annotators.label_studio.project import form_of
from al.catalog import formats
from al.contracts import Answer, Answers, Query
from al.data.entities.conll import read_conll
from al.errors import ExportError, UnknownName
from al.exports import Guess, Labels, export, table_of
from al.masks import decode_mask
from al.state import LabelTable
from tests.studios import HEIGHT, KINDS, SHOWN, WIDTH, Samples


def labels_of(data: Any, count: int = 12) -> Labels:
    """Labels of the first samples, as a campaign has them after a query."""
    ids = data.ids("train")[:count]
    query = Query(
        ids=tuple(ids),
        scores=tuple(float(n) for n in range(count)),
        reasons=("margin",) * count,
        propensities=(None,) * count,
        strategy="margin",
        model="models:/c/1",
    )
    answered = tuple(
        Answer(id, label, "ann", "2026-01-01T00:00:00+00:00", 1.5, "")
        for id, label in zip(ids, data.truth(ids), strict=True)
    )
    table = LabelTable().with_answers(Answers(answered, (), ()), query, 1)
    return Labels("c", data, table_of(table))


def samples(kind: str, shown: str = "image") -> Any:
    data = Samples(kind, shown)
    data.freeze(data.propose_splits(10, 0))
    return data


def written(tmp_path: Path, labels: Labels, name: str) -> Path:
    assert export(labels, name, tmp_path / "out") == len(labels.ids)
    return tmp_path / "out"


@pytest.mark.parametrize("name", formats.names())
@pytest.mark.parametrize("kind", KINDS)
def test_a_format_holds_a_kind_whole_or_names_those_that_do(
    tmp_path: Path, name: str, kind: str
) -> None:
    labels = labels_of(samples(kind))
    wanted = formats.get(name)
    if wanted.forms is None or labels.kind.form in wanted.forms:
        assert any(written(tmp_path, labels, name).rglob("*.*"))
    else:
        with pytest.raises(ExportError, match=f"cannot hold {labels.kind.labels_are}: take .*csv"):
            export(labels, name, tmp_path / "out")
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_holds_every_label_with_where_it_came_from(tmp_path: Path, kind: str) -> None:
    labels = labels_of(samples(kind))
    for name in ("csv", "parquet", "jsonl"):
        export(labels, name, tmp_path / name)
    parquet = pd.read_parquet(tmp_path / "parquet" / "labels.parquet")
    csv = pd.read_csv(tmp_path / "csv" / "labels.csv")
    for table in (parquet, csv):
        assert tuple(table["id"]) == labels.ids
        assert [labels.kind.read(str(cell)) for cell in table["label"]] == list(labels.values)
        assert set(table["annotator"]) == {"ann"}
        assert list(table["score"]) == list(range(12))
    lines = (tmp_path / "jsonl" / "labels.jsonl").read_text().splitlines()
    assert [json.loads(line)["label"] for line in lines] == list(labels.values)
    assert json.loads(lines[0])["propensity"] is None


def test_a_text_that_looks_like_a_formula_is_none_in_a_spreadsheet(tmp_path: Path) -> None:
    labels = labels_of(samples("class"))
    frame = labels.frame.assign(annotator="=HYPERLINK(1)")
    folder = written(tmp_path, replace(labels, frame=frame), "csv")
    assert set(pd.read_csv(folder / "labels.csv")["annotator"]) == {"'=HYPERLINK(1)"}


def test_masks_as_pictures_are_the_masks(tmp_path: Path) -> None:
    labels = labels_of(samples("mask"))
    folder = written(tmp_path, labels, "png")
    assert json.loads((folder / "classes.json").read_text()) == list(labels.classes)
    for id, stem, label in labels:
        mask = np.asarray(Image.open(folder / "masks" / f"{stem}.png"))
        assert (mask == decode_mask(label, 3)).all()
        image = np.asarray(Image.open(folder / "images" / f"{stem}.png"))
        assert (image == labels.image(id)).all()


def test_masks_and_boxes_come_back_from_coco_by_its_own_reader(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    masks, boxes = labels_of(samples("mask")), labels_of(samples("boxes"))
    export(masks, "coco", tmp_path / "masks")
    export(replace(boxes, pictures=False), "coco", tmp_path / "boxes")
    assert not (tmp_path / "boxes" / "images").exists()
    read = coco.COCO(str(tmp_path / "masks" / "annotations.json"))
    assert {c["id"]: c["name"] for c in read.loadCats(read.getCatIds())} == {1: "cell", 2: "dirt"}
    for number, label in zip(read.getImgIds(), masks.values, strict=True):
        mask = np.zeros((HEIGHT, WIDTH), int)
        for found in read.loadAnns(read.getAnnIds(number)):
            own = read.annToMask(found).astype(bool)
            assert own.sum() == found["area"]
            mask[own] = found["category_id"]
        assert (mask == decode_mask(label, 3)).all()
    read = coco.COCO(str(tmp_path / "boxes" / "annotations.json"))
    names = {c["id"]: c["name"] for c in read.loadCats(read.getCatIds())}
    for number, label in zip(read.getImgIds(), boxes.values, strict=True):
        found = read.loadAnns(read.getAnnIds(number))
        assert [{"label": names[a["category_id"]], "box": a["bbox"]} for a in found] == label


def test_boxes_come_back_from_voc_and_yolo_by_another_reader(tmp_path: Path) -> None:
    from supervision import DetectionDataset

    labels = labels_of(samples("boxes"))
    voc, yolo = tmp_path / "voc", tmp_path / "yolo"
    export(labels, "voc", voc)
    export(labels, "yolo", yolo)
    pictures = voc / "JPEGImages", yolo / "images"
    read = (
        DetectionDataset.from_pascal_voc(str(pictures[0]), str(voc / "Annotations")),
        DetectionDataset.from_yolo(str(pictures[1]), str(yolo / "labels"), str(yolo / "data.yaml")),
    )
    for folder, found in zip(pictures, read, strict=True):
        assert len(found) == len(labels.ids)
        for _, stem, label in labels:
            (picture,) = folder.glob(f"{stem}.*")
            boxes = found.annotations[str(picture)]
            names = [found.classes[place] for place in boxes.class_id]
            assert names == [one["label"] for one in label]
            corners = [(x, y, x + w, y + h) for x, y, w, h in (one["box"] for one in label)]
            assert np.allclose(boxes.xyxy, np.array(corners).reshape(-1, 4), atol=1e-4)


@pytest.mark.parametrize("shown", ["image", "text"])
def test_classes_as_folders_hold_each_sample_once(tmp_path: Path, shown: str) -> None:
    labels = labels_of(samples("class", shown))
    folder = written(tmp_path, labels, "folder")
    assert sorted(path.name for path in folder.iterdir()) == sorted(labels.classes)
    for id, stem, label in labels:
        if shown == "text":
            assert (folder / label / f"{stem}.txt").read_text() == labels.text(id)
        else:
            image = np.asarray(Image.open(folder / label / f"{stem}.png"))
            assert (image == labels.image(id)).all()


def test_a_sample_that_is_a_file_is_copied_as_it_is(tmp_path: Path) -> None:
    data = samples("class")
    own = tmp_path / "photograph.JPG"
    own.write_bytes(b"as it is")
    data.urls = {data.ids("train")[0]: str(own)}
    labels = labels_of(data)
    folder = written(tmp_path, labels, "folder")
    path = folder / next(labels.values) / f"{labels.stems[0]}.jpg"
    assert path.read_bytes() == b"as it is"


def test_entities_leave_in_columns_that_conll_has_and_come_back_from_them(tmp_path: Path) -> None:
    labels = labels_of(samples("entities"))
    folder = written(tmp_path, labels, "conll")
    lines = (folder / "labels.conll").read_text().split("\n\n")
    assert lines.pop() == ""
    read = read_conll(folder / "labels.conll", "\n\n".join(lines), "text", "entities")
    assert len(read) == len(labels.ids)
    for row, (id, _, label) in zip(read, labels, strict=True):
        text, marks = labels.text(id), [(e["label"], e["start"], e["end"]) for e in row["entities"]]
        assert "".join(row["text"].split()) == "".join(text.split())  # of spaces nothing is said
        found = [(name, "".join(row["text"][start:end].split())) for name, start, end in marks]
        assert found == [(e["label"], text[e["start"] : e["end"]]) for e in label]


@pytest.mark.parametrize("shown", ["image", "text"])
def test_the_datasets_format_is_read_by_that_library(
    tmp_path: Path, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    import datasets

    labels = labels_of(samples("labels", shown))
    folder = written(tmp_path, labels, "datasets")
    if shown == "image":
        rows = datasets.load_dataset("imagefolder", data_dir=str(folder), split="train")
    else:
        rows = datasets.load_dataset("json", data_files=str(folder / "data.jsonl"), split="train")
    assert list(rows["label"]) == list(labels.values)
    assert list(rows["id"]) == list(labels.ids)
    for row in rows:
        if shown == "text":
            assert row["text"] == labels.text(row["id"])
        else:
            assert (np.asarray(row["image"]) == labels.image(row["id"])).all()


@pytest.mark.parametrize("kind", KINDS)
def test_label_studio_gets_the_labels_that_it_would_give(tmp_path: Path, kind: str) -> None:
    labels = labels_of(samples(kind))
    folder = written(tmp_path, labels, "label-studio")
    shown = SHOWN.get(kind, "image")
    form = form_of((folder / "config.xml").read_text(), labels.data.spec, shown)
    tasks = json.loads((folder / "tasks.json").read_text())
    for task, label in zip(tasks, labels.values, strict=True):
        text = task["data"][shown]
        if shown == "image":
            assert text.startswith("data:image/png;base64,")
        (annotation,) = task["annotations"]
        found = form.label(annotation["result"], (HEIGHT, WIDTH) if shown == "image" else text)
        if kind == "boxes":
            assert [box["label"] for box in found] == [box["label"] for box in label]
            boxes = zip(found, label, strict=True)
            assert all(np.allclose(a["box"], b["box"], atol=0.01) for a, b in boxes)
        elif kind == "mask":
            assert (decode_mask(found, 3) == decode_mask(label, 3)).all()
        else:
            assert found == label


@pytest.mark.parametrize("kind", KINDS)
def test_label_studio_gets_what_a_model_said_as_a_prediction(tmp_path: Path, kind: str) -> None:
    data = samples(kind)
    labels = labels_of(data, 3)
    one, two, _ = labels.ids
    given = labels.frame.assign(strategy=["margin", "model", "margin"])
    guesses = {id: Guess("models:/c/1", data.truth([id])[0], 0.75) for id in (one, two)}
    folder = written(tmp_path, replace(labels, frame=given, guesses=guesses), "label-studio")
    tasks = json.loads((folder / "tasks.json").read_text())
    assert ["annotations" in task for task in tasks] == [True, False, True]
    assert ["predictions" in task for task in tasks] == [True, True, False]
    (guess,) = tasks[0]["predictions"]
    assert guess["result"] == tasks[0]["annotations"][0]["result"]
    assert (guess["model_version"], guess["score"]) == ("models:/c/1", 0.75)


@pytest.mark.label_studio
@pytest.mark.parametrize("kind", KINDS)
def test_label_studio_itself_takes_the_export_and_gives_its_labels_back(
    tmp_path: Path, real_studio: Any, kind: str
) -> None:
    labels = labels_of(samples(kind))
    folder = written(tmp_path, labels, "label-studio")
    text = (folder / "config.xml").read_text()
    tasks = json.loads((folder / "tasks.json").read_text())

    def call(path: str, content: Any = None) -> Any:
        head = {"Authorization": f"Token {real_studio.token}", "Content-Type": "application/json"}
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{real_studio.url}/api/projects{path}", body, head)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    project = call("", {"title": f"export of {kind}", "label_config": text})["id"]
    call(f"/{project}/import", tasks)
    shown = SHOWN.get(kind, "image")
    given = {task["data"][shown]: task["annotations"] for task in tasks}
    form = form_of(text, labels.data.spec, shown)
    exported = call(f"/{project}/export?exportType=JSON")
    assert len(exported) == len(tasks)
    for task in exported:
        (theirs,), (ours,) = task["annotations"], given[task["data"][shown]]
        ground = (HEIGHT, WIDTH) if shown == "image" else task["data"][shown]
        read, meant = (form.label(one["result"], ground) for one in (theirs, ours))
        assert read == meant


def test_what_cannot_be_written_is_a_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = labels_of(samples("class"))
    with pytest.raises(UnknownName, match="unknown format 'cvs': did you mean 'csv'"):
        export(labels, "cvs", tmp_path / "out")
    with pytest.raises(ExportError, match="has no label yet"):
        export(replace(labels, frame=labels.frame[:0]), "csv", tmp_path / "out")
    with pytest.raises(ExportError, match="cannot hold a row: take csv, "):
        export(labels_of(samples("class", "row")), "folder", tmp_path / "out")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()
    with pytest.raises(ExportError, match="there is there already"):
        export(labels, "csv", tmp_path / "there")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(OSError, match="No space left"):
        export(labels, "csv", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_labels_whose_samples_have_vanished_leave_in_tables_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = samples("class")
    labels = labels_of(data)
    labels.frame.loc[0, "id"] = "gone"
    assert export(labels, "csv", tmp_path / "table") == 12
    assert export(labels_with(labels), "folder", tmp_path / "folder") == 11
    assert "1 labels are left out, whose samples have vanished" in caplog.text


def labels_with(labels: Labels) -> Labels:
    """The same, with nothing worked out yet."""
    return Labels(labels.campaign, labels.data, labels.frame)


@given(st.lists(st.text(min_size=1, max_size=100), min_size=1, max_size=8, unique=True))
def test_every_sample_has_a_file_name_of_its_own(ids: list[str]) -> None:
    frame = pd.DataFrame({"id": ids})
    stems = Labels("c", None, frame).stems  # type: ignore[arg-type]
    folded = {stem.casefold() for stem in stems}
    assert len(folded) == len(ids)
    for stem in stems:
        assert stem
        assert "/" not in stem
        assert "\0" not in stem
        assert len(stem.encode("utf-8", "surrogatepass")) < 250 or len(stem) > 60


def test_a_campaign_gives_its_labels_and_queries_at_any_time(
    campaign: Callable[..., Any], folder: Path, client: Any
) -> None:
    one = campaign(campaign="c", cycles=1)
    one.run()
    one.step("select-data")
    one.step("annotate")
    table, queries = one.labels(), one.queries()
    assert len(table) == 40
    assert set(table["cycle"]) == {1, 2}
    assert list(queries["id"]) == list(table["id"])
    assert set(queries.columns) >= {"cycle", "rank", "score", "strategy"}
    assert one.export() == Path("labels-c-csv")
    assert len(pd.read_csv("labels-c-csv/labels.csv")) == 40
    # What the model said when it chose stands beside what was answered.
    tasks = json.loads((one.export("label-studio") / "tasks.json").read_text())
    predictions = {t["data"]["item_id"]: t["predictions"] for t in tasks if "predictions" in t}
    second = queries[queries["cycle"] == 2].set_index("id")
    assert set(predictions) == set(second.index)
    for id, ((guess,), row) in ((id, (predictions[id], second.loc[id])) for id in predictions):
        assert (guess["model_version"], guess["score"]) == (row["model"], row["confidence"])
        assert guess["result"][0]["value"]["choices"] == [row["predicted"]], id
    Path("file").touch()
    with pytest.raises(ExportError, match="file/x cannot be written"):
        one.export(to="file/x")
