"""Labels that people draw on the page: what is kept of them, and what the campaign is given."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from al.annotators.page import Page
from al.annotators.page.drawing import LOSSLESS, collected, heard, pens, picture, shown, thumbnail
from al.contracts import DataLoader, DataSpec
from al.data import ArrayLoader
from al.errors import LabelError
from al.kinds import kind_of
from al.masks import VOID, decode_mask, encode_mask
from al.tasks.image_folder import ImageFolder
from tests.page_process import boxes, entities, masks, page

#: Height and width of the pictures.
SIZE = (16, 24)


@pytest.fixture(scope="module")
def of_masks(tmp_path_factory: pytest.TempPathFactory) -> DataLoader:
    return masks(tmp_path_factory.mktemp("masks") / "things")


@pytest.fixture(scope="module")
def of_boxes(tmp_path_factory: pytest.TempPathFactory) -> DataLoader:
    return boxes(tmp_path_factory.mktemp("boxes") / "things")


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), coarse=st.booleans())
def test_a_mask_comes_back_to_the_pixel_through_answers_and_campaign(
    seed: int, coarse: bool, of_masks: DataLoader
) -> None:
    rng, id = np.random.default_rng(seed), of_masks.ids("train")[-1]
    values = np.array([0, 1, VOID], np.uint8)
    mask = values[rng.integers(0, 3, SIZE)]
    if coarse:
        mask = mask[::4, ::4].repeat(4, axis=0).repeat(4, axis=1)
    form = json.loads(json.dumps(encode_mask(mask)))
    kept = heard(of_masks, id, form)
    learned = collected(of_masks, id, json.loads(json.dumps(kept)))
    of_masks.check_label(learned)
    back = shown(of_masks, id, learned)
    assert (decode_mask(back, 2, void=True) == mask).all()
    assert heard(of_masks, id, back) == kept


@settings(max_examples=40, deadline=None)
@given(
    sides=st.lists(
        st.tuples(st.integers(0, 229), st.integers(0, 149), st.integers(1, 90), st.integers(1, 90)),
        max_size=6,
    )
)
def test_boxes_come_back_to_a_hundredth_of_a_pixel(
    sides: list[tuple[int, int, int, int]], of_boxes: DataLoader
) -> None:
    id = of_boxes.ids("train")[-1]
    form = [
        {"label": of_boxes.spec.classes[n % 2],
         "box": [x / 10, y / 10, min(w, 240 - x) / 10, min(h, 160 - y) / 10]}
        for n, (x, y, w, h) in enumerate(sides)
    ]  # fmt: skip
    kept = heard(of_boxes, id, json.loads(json.dumps(form)))
    assert kept == form
    learned = collected(of_boxes, id, kept)
    of_boxes.check_label(learned)
    back = shown(of_boxes, id, learned)
    assert [one["label"] for one in back] == [one["label"] for one in form]
    assert [one["box"] for one in back] == [pytest.approx(one["box"], abs=0.01) for one in form]


@pytest.mark.parametrize(
    "form",
    [
        None, "", 5, [], {}, {"size": [16, 24]}, {"size": [16, 24], "runs": [0, 383]},
        {"size": [16, 24], "runs": [0, 384, 7]}, {"size": [16, 24], "runs": [7, 384]},
        {"size": [16, 24], "runs": [0, 10**400]}, {"size": [10**400, 1], "runs": [0, 384]},
        {"size": [16, 24], "runs": [0, 2**62, 1, 2**62, 0, 2**62, 1, 2**62, 0, 384]},
        {"size": [10**6, 10**6], "runs": [0, 10**12]}, {"size": [16, 16], "runs": [0, 256]},
        {"size": "ab", "runs": "cd"}, {"size": [16, 24], "runs": [[[0]], "x"]},
        {"size": [24, 16], "runs": [0, 384]}, {"size": [1e999, 24], "runs": [0, 384]},
    ],
)  # fmt: skip
def test_what_is_no_mask_of_its_picture_is_refused_in_a_line(
    form: Any, of_masks: DataLoader
) -> None:
    with pytest.raises(LabelError):
        heard(of_masks, of_masks.ids("train")[-1], form)


@pytest.mark.parametrize(
    "form",
    [
        None, "", "boxes", 5, {}, {"label": "0"}, [5], [{}], [{"label": "bright"}],
        [{"label": "no such", "box": [1, 1, 2, 2]}], [{"label": ["a"], "box": [1, 1, 2, 2]}],
        [{"label": "C0", "box": [1, 1, 2]}], [{"label": "C0", "box": [1, 1, 0, 2]}],
        [{"label": "C0", "box": [1, 12, 2, 5]}], [{"label": "C0", "box": [20, 1, 5, 2]}],
        [{"label": "C0", "box": [1, 1, 10**400, 2]}], [{"label": "C0", "box": [1e999, 1, 2, 2]}],
        [{"label": "C0", "box": [float("nan"), 1, 2, 2]}], [{"label": "C0", "box": "12345"}],
    ],
)  # fmt: skip
def test_what_is_no_boxes_on_their_picture_is_refused_in_a_line(
    form: Any, of_boxes: DataLoader
) -> None:
    if isinstance(form, list):  # a class that there is, so that the box is what is wrong
        name = of_boxes.spec.classes[0]
        form = [
            {**one, "label": name} if isinstance(one, dict) and one.get("label") == "C0" else one
            for one in form
        ]
    with pytest.raises(LabelError):
        heard(of_boxes, of_boxes.ids("train")[-1], form)


def test_nothing_but_the_label_is_kept_of_what_the_page_says(of_boxes: DataLoader) -> None:
    name = of_boxes.spec.classes[0]
    form = [{"label": name, "box": [1, 2, 3, 4], "more": "x" * 1000}]
    assert heard(of_boxes, of_boxes.ids("train")[-1], form) == [
        {"label": name, "box": [1.0, 2.0, 3.0, 4.0]}
    ]


def test_answers_keep_what_was_drawn_and_the_campaign_is_given_the_square(tmp_path: Path) -> None:
    found, query = page(str(tmp_path), "masks")
    id, mask = query.ids[0], np.zeros(SIZE, np.uint8)
    mask[3:7, 5:14] = 1
    found.log.answer((id, False), encode_mask(mask), "anna", 1.0, skip=False)
    found.log.answer((id, False), encode_mask(mask), "bob", 1.0, skip=False)
    heard_now = found.collect(query)
    kept = heard_now.answered[0].label
    assert kept == heard_now.votes[1].label == found.data.from_picture(id, encode_mask(mask))
    assert kept["size"] == [16, 16]
    assert (decode_mask(found.data.on_picture(id, kept), 2, void=True) == mask).all()
    assert found.revised({id: kept}) == ()
    other = found.data.from_picture(id, encode_mask(1 - mask))
    assert [answer.label for answer in found.revised({id: other})] == [kept]


def test_a_picture_that_changed_its_size_since_is_named(tmp_path: Path) -> None:
    found, query = page(str(tmp_path), "masks")
    label = encode_mask(np.zeros((5, 6), np.uint8))
    found.log.answer((query.ids[0], False), label, "anna", 1.0, skip=False)
    with pytest.raises(LabelError, match=f"sample '{query.ids[0]}', answered on the page: a mask"):
        found.collect(query)


def test_a_pixel_of_the_picture_is_a_pixel_of_the_label(of_masks: DataLoader) -> None:
    mimetype, content = picture(of_masks, of_masks.ids("train")[0])
    image = Image.open(io.BytesIO(content))
    assert (mimetype, image.size) == ("image/png", (24, 16))
    assert (np.asarray(image) == of_masks.picture(of_masks.ids("train")[0])).all()


def test_a_large_picture_keeps_its_size_and_looks_the_same() -> None:
    side = 1 + int(LOSSLESS**0.5)
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8))
    images = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))[None]
    data = ArrayLoader(["one"], images, np.zeros(1, int), ["x", "y"], [])
    mimetype, content = picture(data, "one")
    there = np.asarray(Image.open(io.BytesIO(content)), int)
    assert mimetype == "image/jpeg"
    assert there.shape == images[0].shape
    assert np.abs(there - images[0]).mean() < 3


@pytest.mark.parametrize(
    ("spec", "form"),
    [
        (DataSpec(("ground", "a"), (4, 4), "u1", "mask"), (1, 0, None)),
        (DataSpec(("ground", "a"), (4, 4), "u1", "mask", {"void": True}), (1, 0, VOID)),
        (DataSpec(("a", "b"), (4, 4), "u1", "scene"), (0, VOID, VOID)),
        (DataSpec(("a", "b"), (4, 4), "u1", "boxes"), (0, 0, None)),
    ],
)
def test_pens_say_what_is_drawn_and_what_stays_where_nobody_drew(
    spec: DataSpec, form: tuple[Any, ...]
) -> None:
    found = pens(spec)
    assert (found["first"], found["blank"], found["unknown"]) == form
    assert spec.classes[found["first"] :] == kind_of(spec).drawable


def test_the_page_names_the_pictures_that_come_next_and_takes_what_is_drawn(tmp_path: Path) -> None:
    def places(state: Any) -> list[int]:
        return [int(address.partition("?")[0].removeprefix("image/")) for address in state["next"]]

    found, query = page(str(tmp_path), "masks")
    with found.attending():
        url = found.where
        task = requests.get(f"{url}task", timeout=9).json()
        assert (task["form"], task["pens"]["unknown"]) == ("regions", VOID)
        state = requests.get(f"{url}state?name=anna", timeout=9).json()
        assert (state["item"]["place"], places(state)) == (0, [1, 2, 3])
        mask = np.zeros(SIZE, np.uint8)
        mask[:, ::2] = 1
        body = {"place": 0, "name": "anna", "seconds": 1, "label": encode_mask(mask)}
        state = requests.post(f"{url}answer", json=body, timeout=9).json()
        assert (state["item"]["place"], places(state)) == (1, [2, 3, 4])
        body |= {"place": 1, "label": {"size": [16, 24], "runs": [0, 5]}}
        refused = requests.post(f"{url}answer", json=body, timeout=9)
        assert (refused.status_code, "fill 5 of 16 × 24" in refused.json()["error"]) == (422, True)
    again, _ = page(str(tmp_path), "masks")
    assert isinstance(again, Page)
    assert again.collect(query).answered[0].id == query.ids[0]


def test_entities_are_kept_as_words_within_their_text(tmp_path: Path) -> None:
    data = entities(tmp_path)
    id = data.ids("train")[0]
    text = str(data.preview(id).text)
    place = {"start": text.index(" met"), "end": text.index(" met") + 5, "label": "LOC"}
    bare = {**place, "start": place["start"] + 1, "end": place["end"] - 1}
    assert heard(data, id, [place]) == [bare]
    assert collected(data, id, [bare]) == [bare]
    with pytest.raises(LabelError, match="reaches beyond its text"):
        heard(data, id, [{**place, "end": 999}])
    with pytest.raises(LabelError, match="overlap"):
        heard(data, id, [place, {**place, "start": place["end"] - 2, "end": place["end"]}])
    assert set(pens(data.spec)) == {"colours"}


def test_who_looks_closer_at_a_photograph_sees_more_than_a_preview(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "train" / name).mkdir(parents=True)
        coarse = Image.fromarray(rng.integers(0, 255, (30, 40, 3), dtype=np.uint8))
        coarse.resize((3000, 2250)).save(tmp_path / "train" / name / "0.jpg")
    data = ImageFolder(str(tmp_path), image_size=8, encoder="none").data()
    id = data.ids("train")[0]
    sizes = []
    for mimetype, content in (picture(data, id), thumbnail(data, id)):
        sizes.append((mimetype, Image.open(io.BytesIO(content)).size))
    assert sizes == [("image/jpeg", (2048, 1536)), ("image/png", (320, 240))]


@pytest.mark.parametrize("kind", ["masks", "boxes"])
def test_a_persons_own_drawing_is_listed_on_its_picture(kind: str, tmp_path: Path) -> None:
    found, query = page(str(tmp_path), kind)
    name, id = found.data.spec.classes[1], query.ids[0]
    mask = np.zeros(SIZE, np.uint8)
    mask[:, 12:] = 1
    label = encode_mask(mask) if kind == "masks" else [{"label": name, "box": [12, 0, 12, 16]}]
    found.log.answer((id, False), label, "änna & co", 1.0, skip=False)
    with found.attending():
        url = found.where
        asked = {"name": "änna & co"}
        (one,) = requests.get(f"{url}history", asked, timeout=9).json()["listed"]
        content = requests.get(url + one["image"], timeout=9).content
    own = np.asarray(Image.open(io.BytesIO(content)), int)
    bare = Image.fromarray(found.data.picture(id)).resize((320, 213), Image.Resampling.BICUBIC)
    changed = np.abs(own - np.asarray(bare, int)).sum(axis=2) > 30
    assert own.shape == (213, 320, 3)
    assert changed[:, 170:].sum() > 500
    assert not changed[:, :150].any()
