"""Brush strokes, polygons, boxes and votes: exact to the pixel."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from al.annotators.label_studio.forms import Form
from al.annotators.label_studio.shapes import decode_brush, encode_brush, fill_polygon, hull
from al.annotators.votes import label_of
from al.contracts import Answer, DataSpec
from al.errors import LabelError
from al.kinds import Kind, kind_of
from al.masks import decode_mask, encode_mask
from tests.label_studio_server import VENV, is_there

MASKS = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(lambda shape: arrays(bool, shape))


@given(MASKS)
def test_a_stroke_paints_its_mask_to_the_pixel(mask: np.ndarray) -> None:
    rle = json.loads(json.dumps(encode_brush(mask)))
    assert np.array_equal(decode_brush(rle, *mask.shape), mask)


@pytest.mark.parametrize("shape", [(1080, 1920), (1, 70_000), (300, 300)])
def test_long_runs_are_said_in_parts(shape: tuple[int, int]) -> None:
    mask = np.zeros(shape, bool)
    mask[shape[0] // 3 :, 5:-7] = True
    assert np.array_equal(decode_brush(encode_brush(mask), *shape), mask)


def _packed(words: np.ndarray, lengths: tuple[int, ...], rng: np.random.Generator) -> list[int]:
    """Words packed with runs and loose words at random, as other writers do."""
    bits = f"{len(words):032b}{7:05b}" + "".join(f"{length - 1:04b}" for length in lengths)
    at = 0
    while at < len(words):
        kind = int(rng.integers(4))
        count = int(rng.integers(1, min(len(words) - at, 1 << lengths[kind]) + 1))
        same = int((words[at : at + count] == words[at]).argmin()) or count
        run = bool(rng.random() < 0.5) or same == count
        count = same if run else count
        bits += f"{int(run)}{kind:02b}{count - 1:0{lengths[kind]}b}"
        bits += "".join(f"{word:08b}" for word in words[at : at + (1 if run else count)])
        at += count
    bits += "0" * (-len(bits) % 8)
    return [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]


@given(MASKS, st.integers(0, 2**32), st.tuples(*[st.integers(1, 16)] * 4))
def test_strokes_of_any_writer_are_read(
    mask: np.ndarray, seed: int, lengths: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (*mask.shape, 4), dtype=np.uint8)
    pixels[..., 3] = np.where(mask, rng.integers(128, 256), rng.integers(0, 128))  # antialiased
    rle = _packed(pixels.ravel(), lengths, rng)
    assert np.array_equal(decode_brush(rle, *mask.shape), mask)


@pytest.mark.parametrize("damage", ["short", "empty", "size", "text", "numbers"])
def test_a_damaged_stroke_is_reported(damage: str) -> None:
    rle: Any = encode_brush(np.eye(8, dtype=bool))
    rle = {
        "short": rle[:-4], "empty": [], "size": encode_brush(np.eye(7, dtype=bool)),
        "text": "abc", "numbers": [999, *rle],
    }[damage]  # fmt: skip
    with pytest.raises(LabelError):
        decode_brush(rle, 8, 8)


@pytest.mark.label_studio
@pytest.mark.skipif(not is_there(), reason="no .venv-label-studio: make label-studio")
def test_label_studios_own_code_reads_and_writes_the_same() -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((61, 83)) < 0.5
    mask[20:40] = True
    script = (
        "import sys, json, numpy as np\n"
        "from label_studio_sdk.converter import brush\n"
        "sent = json.load(sys.stdin)\n"
        "image = brush.decode_rle(sent['rle']).reshape(61, 83, 4)[:, :, 3]\n"
        "mask = np.array(sent['mask'], dtype=np.uint8) * 255\n"
        "print(json.dumps([image.tolist(), [int(v) for v in brush.mask2rle(mask)]]))\n"
    )
    done = subprocess.run(
        [VENV / "bin" / "python", "-c", script],
        input=json.dumps({"rle": encode_brush(mask), "mask": mask.astype(int).tolist()}),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    image, rle = json.loads(done.stdout)
    assert np.array_equal(np.array(image) > 127, mask)
    assert np.array_equal(decode_brush(rle, 61, 83), mask)


# -- polygons and boxes --------------------------------------------------------------------


def _inside(points: np.ndarray, x: float, y: float) -> bool:
    """Even-odd rule for one point, as textbooks have it."""
    inside = False
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            inside = not inside
    return inside


@given(
    st.lists(
        st.tuples(st.floats(-3, 15, width=32), st.floats(-3, 15, width=32)), min_size=3, max_size=9
    )
)
def test_a_polygon_paints_the_pixels_whose_centre_it_holds(corners: Any) -> None:
    points = np.array(corners, np.float64) + 1 / 1024  # a centre on an edge belongs to neither
    found = fill_polygon(points, 11, 12)
    wanted = [[_inside(points, x + 0.5, y + 0.5) for x in range(12)] for y in range(11)]
    assert np.array_equal(found, np.array(wanted))


@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.just(0)),
       st.data())  # fmt: skip
def test_an_outline_in_percent_paints_the_pixels_that_it_was_drawn_around(
    mask: np.ndarray, data: Any
) -> None:
    height, width = mask.shape
    heights = data.draw(st.lists(st.integers(0, height), min_size=width, max_size=width))
    for column, top in enumerate(heights):
        mask[top:, column] = 1
    # Once around the columns, along the edges of pixels.
    outline = [(0.0, float(height))]
    for column, top in enumerate(heights):
        outline += [(float(column), float(top)), (column + 1.0, float(top))]
    outline.append((float(width), float(height)))
    value = {
        "points": [[x / width * 100, y / height * 100] for x, y in outline],
        "polygonlabels": ["cell"],
    }
    result = {"from_name": "polygon", "type": "polygonlabels", "value": value}
    form = Form(_kind("mask", "nothing", "cell"), "sample", "image", {"polygon": "PolygonLabels"})
    assert np.array_equal(decode_mask(form.label([result], (height, width)), 2), mask)


def test_what_is_painted_later_lies_above() -> None:
    form = Form(_kind("mask", "nothing", "cell", "dirt"), "s", "image", {"b": "BrushLabels",
                "r": "RectangleLabels"})  # fmt: skip
    cell = np.zeros((4, 5), bool)
    cell[:3, :3] = True
    brush = {
        "from_name": "b", "type": "brushlabels", "original_height": 4, "original_width": 5,
        "value": {"format": "rle", "rle": encode_brush(cell), "brushlabels": ["cell"]},
    }  # fmt: skip
    box = {"x": 40, "y": 25, "width": 40, "height": 50, "rectanglelabels": ["dirt"]}
    rectangle = {"from_name": "r", "type": "rectanglelabels", "value": box}
    mask = decode_mask(form.label([brush, rectangle], (4, 5)), 3)
    assert mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 2, 2, 0], [1, 1, 2, 2, 0], [0] * 5]
    mask = decode_mask(form.label([rectangle, brush], (4, 5)), 3)
    assert mask[1].tolist() == [1, 1, 1, 2, 0]
    with pytest.raises(LabelError, match="drawn on an image of 4 × 5"):
        form.label([brush], (8, 10))


def _kind(name: str, *classes: str) -> Kind:
    return kind_of(DataSpec(classes, (4, 4), "uint8", name))


BOX = st.tuples(*[st.floats(0, 100).map(lambda v: round(v, 3))] * 4).map(list)


@given(st.lists(BOX, max_size=4), st.integers(1, 4000), st.integers(1, 4000))
def test_boxes_come_back_from_percent(boxes: list[Any], height: int, width: int) -> None:
    form = Form(_kind("boxes", "cell"), "s", "image", {"r": "RectangleLabels"})
    label = [{"label": "cell", "box": box} for box in boxes]
    results = json.loads(json.dumps(form.results(label, (height, width))))
    assert form.label(results, (height, width)) == label


def test_a_box_that_is_turned_becomes_the_upright_one_around_it() -> None:
    assert hull([10, 20, 4, 2], 90) == pytest.approx([8, 20, 2, 4])
    side = 2**0.5
    assert hull([0, 0, 2, 2], 45) == pytest.approx([-side, 0, 2 * side, 2 * side])


# -- votes ---------------------------------------------------------------------------------


def _vote(kind: Any, *labels: Any, rule: str = "majority", classes: Any = ("a", "b", "c")) -> Any:
    votes = [Answer("s", label, f"p{n}", f"t{n}", 1.0) for n, label in enumerate(labels)]
    return label_of(votes, rule, _kind(kind, *classes))


def test_a_majority_is_found_for_every_kind() -> None:
    assert _vote("class", "a", "b", "b").label == "b"
    assert _vote("class", "c", "b").label == "c"  # a tie goes to who was first
    assert _vote("class", "c", "b", rule="first").label == "c"
    assert _vote("class", "c", "b", rule="reviewer:p1").label == "b"
    assert _vote("labels", ["a"], ["a", "b"], ["a", "b"]).label == ["a", "b"]
    assert _vote("number", 1.0, 9.0, 2.0).label == 2.0
    masks = [np.array([[0, 1, 2]]), np.array([[1, 1, 0]]), np.array([[1, 0, 1]])]
    vote = _vote("mask", *(encode_mask(mask) for mask in masks))
    assert decode_mask(vote.label, 3).tolist() == [[1, 1, 2]]
    assert vote.annotator == "p0, p1, p2"
    near = [{"label": "a", "box": [0, 0, 10, 10]}]
    also = [{"label": "a", "box": [1, 0, 10, 10]}]
    far = [{"label": "a", "box": [50, 50, 10, 10]}, {"label": "b", "box": [0, 0, 10, 10]}]
    assert _vote("boxes", far, near, also).label == near
    assert _vote("boxes", far, [], []).label == []
