"""A user's own masks, boxes and rows in Label Studio: shown and answered in their own pixels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from al.catalog import make_task
from al.contracts import Label
from al.masks import VOID, decode_mask, encode_mask
from tests.entity_texts import json_lines
from tests.own_data import boxes_folder, fruit_table, masks_folder
from tests.studios import query_of

MASKS = {"classes": "1=thing,2=ground", "ignore": "3", "image_size": 8, "encoder": "none"}
TASKS = ["mask", "scene", "coco", "voc", "yolo", "table", "text-entities"]


def made(task: str, folder: Path) -> Any:
    """A Data Loader that learns from squares smaller than its images, which are 24 × 16."""
    if task == "table":
        data = make_task("table", {"data": str(fruit_table(folder / "rows.csv")), "target": "kind"})
    elif task == "text-entities":
        data = make_task(task, {"data": str(json_lines(folder / "t.jsonl", 40)), "encoder": "none"})
    elif task in ("mask", "scene"):
        more = {"background": "ground" if task == "mask" else "none"}
        path = str(masks_folder(folder / "things", labelled=20, unlabelled=2))
        data = make_task("mask-folder", {"data": path, **MASKS, **more})
    else:
        path = str(boxes_folder(folder / "things", task, labelled=20, unlabelled=2))
        data = make_task(task, {"data": path, "image_size": 8, "encoder": "none"})
    found = data.data()
    found.freeze(found.propose_splits(3, 0))
    return found


@pytest.mark.parametrize("task", TASKS)
def test_labels_of_ones_own_data_come_back_to_the_pixel(
    studio: Any, folder: Path, task: str
) -> None:
    data = made(task, folder)
    annotator = studio.annotator(data)
    query = query_of(data, 4)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    kept = {id: label for id, label in data.given().items() if id in query.ids}
    drawn = {id: data.on_picture(id, label) for id, label in kept.items()}
    if task == "mask":  # what nobody paints is of the background
        drawn = {id: _known(label) for id, label in drawn.items()}
    crowd.truth = drawn.__getitem__
    for one in crowd.tasks():
        if one["data"]["item_id"] in drawn:
            crowd.answer(one, "ann")
    found = {answer.id: answer.label for answer in annotator.collect(query).answered}
    assert found.keys() == kept.keys()
    assert len(found) > 1
    for id, label in found.items():
        data.check_label(label)
        back = data.on_picture(id, label)
        if task in ("coco", "voc", "yolo"):
            assert [one["label"] for one in back] == [one["label"] for one in drawn[id]]
            for one, two in zip(back, drawn[id], strict=True):
                assert one["box"] == pytest.approx(two["box"], abs=0.001)
        else:
            assert back == drawn[id]
    if task not in ("table", "text-entities"):
        url = studio.server.url + crowd.tasks()[0]["data"]["image"]
        reply = requests.get(
            url, headers={"Authorization": f"Token {studio.server.token}"}, timeout=10
        )
        assert Image.open(io.BytesIO(reply.content)).size == (24, 16)


def _known(label: Label) -> Label:
    mask = decode_mask(label, 2, void=True)
    return encode_mask(np.where(mask == VOID, 0, mask))


def test_a_prediction_is_shown_in_the_pixels_of_the_image(studio: Any, folder: Path) -> None:
    data = made("coco", folder)
    ids = data.ids("train")[:4][::-1]
    guess = [{"label": "dim", "box": [2.0, 2.0, 2.0, 2.0]}]  # a square of 8 holds 24 × 16 as 8 × 5
    query = query_of(data, 4, predicted=(guess,) * 4, confidence=(0.5,) * 4)
    assert query.ids == ids
    annotator = studio.annotator(data, prelabel="on")
    annotator.request(query)
    (shown,) = studio.crowd(annotator).tasks()[0]["predictions"][0]["result"]
    assert (shown["original_width"], shown["original_height"]) == (24, 16)
    value = shown["value"]
    assert value["x"] == pytest.approx(100 * 6 / 24)
    assert value["y"] == pytest.approx(100 * data.place(0).back([0, 2.0, 0, 0])[1] / 16)
    assert value["height"] == pytest.approx(100 * 2 / 5, abs=0.1)
