"""Masks in colours: read where it is said what colours mean, else refused in a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from al.data import MaskFolderLoader, decode_mask
from al.data.colour_map import ColourMap, asked, colour_of, written
from al.data.legend import names_given
from al.errors import ConfigError, DataError
from al.masks import VOID
from tests.own_data import masks_folder

#: Of thing, ground and border.
COLOURS = ((220, 20, 60), (0, 0, 0), (255, 255, 255))
NAMED = "#dc143c=thing,#000000=ground"


def coloured(folder: Path, mode: str = "RGB") -> Path:
    """The masks of `masks_folder` as people's tools paint them."""
    things = masks_folder(folder / "things", labelled=12, unlabelled=3)
    table = np.array([(9, 9, 9), *COLOURS], np.uint8)
    for path in (things / "masks").iterdir():
        with Image.open(path) as mask:
            image = Image.fromarray(table[np.asarray(mask)])
        if mode == "P":
            image = image.quantize(8)
        image.convert(mode).save(path)
    return things


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_masks_in_colours_are_what_the_classes_say(folder: Path, mode: str) -> None:
    plain = MaskFolderLoader(
        str(masks_folder(folder / "plain", labelled=12, unlabelled=3)), 24,
        "1=thing,2=ground", "ground", "3",
    )  # fmt: skip
    data = MaskFolderLoader(str(coloured(folder, mode)), 24, NAMED, "ground", "#ffffff")
    assert data.spec.classes == ("ground", "thing")
    assert data.given() == plain.given()
    assert data.summary() == [
        "masks hold 2 classes, as classes says: 'ground' (#000000), 'thing' (#dc143c)",
        "class 'ground' is the background",
        "pixels of value #ffffff are left out of loss and metrics; 12 masks hold some",
    ]
    other = ",".join(reversed(NAMED.split(",")))  # as where the file of classes has changed
    again = MaskFolderLoader(str(folder / "things"), 24, other, "#000000", "#FFFFFF")
    again.adopt(data.spec)
    assert again.given() == data.given()
    label = data.on_picture("images/003.png", (data.given() or {})["images/003.png"])
    assert np.unique(decode_mask(label, 2, void=True)).tolist() == [0, 1, VOID]


def test_colours_that_nobody_named_are_reported_with_the_way_to_name_them(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    things = str(coloured(folder))
    says = r"in 3 colours \(#000000, #dc143c, #ffffff\): say what they mean, classes=#000000=NAME,"
    with pytest.raises(DataError, match=says):
        MaskFolderLoader(things, 24)
    image = np.zeros((16, 24, 3), np.uint8)
    image[:2] = (1, 2, 3)
    Image.fromarray(image).save(folder / "things" / "masks" / "003.png")
    data = MaskFolderLoader(things, 24, NAMED, "ground", "#ffffff")
    assert len(data.given() or {}) == 11
    assert (
        "masks/003.png: 48 pixels of colours that belong to no class, #010203 first" in caplog.text
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.json", json.dumps({"ground": [0, 0, 0], "thing": [220, 20, 60]})),
        ("classes.json", json.dumps({"#000000": "ground", "#DC143C": "thing"})),
        ("classes.txt", "#000000 ground\n#dc143c thing\n"),
        (
            "labelmap.txt",
            "# label:color_rgb:parts:actions\nground:0,0,0::\nthing:220,20,60::\n",
        ),
    ],
)
def test_files_beside_the_masks_name_their_colours(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    named, file = names_given("none", tmp_path)
    assert file == name
    options = asked(named, "ground", "none")
    assert options.named == {0: "ground", 1: "thing"}
    assert options.colours == ColourMap(("#000000", "#dc143c"))


def test_what_is_no_colour_or_only_in_part_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has the colour #ff0000 and the value 3: give each"):
        asked(names_given("#ff0000=a,3=b", tmp_path)[0], "auto", "none")
    (tmp_path / "classes.json").write_text('{"a": [1, 2]}')
    with pytest.raises(DataError, match=r"classes\.json holds no names of classes"):
        names_given("none", tmp_path)
    assert [colour_of(options) for options in ("red", "12", [0, 0, 256], 7)] == [None] * 4


@given(st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=9, unique=True), st.data())
def test_a_colour_is_read_as_its_place(colours: list[int], data: Any) -> None:
    written_as = tuple(written(colour) for colour in colours)
    found = ColourMap(written_as)
    assert [written(colour_of(text) or 0) for text in written_as] == list(written_as)
    places = data.draw(st.lists(st.integers(0, len(colours) - 1), min_size=1))
    picked = np.array([colours[place] for place in places])
    image = np.stack([picked >> 16, picked >> 8 & 255, picked & 255], axis=1).astype(np.uint8)
    assert found.values(image[None])[0].tolist() == places
    stranger = next(n for n in range(10) if n not in colours)
    with pytest.raises(DataError, match=f"1 pixels of colours .* {written(stranger)} first"):
        found.values(np.array([[[0, 0, stranger]]], np.uint8))
