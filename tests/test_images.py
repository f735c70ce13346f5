"""Image files: decoded whatever they are, once, and damaged ones told."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features
from PIL.PngImagePlugin import PngImageFile

from al.data import images
from al.data import pictures as decoding
from al.data.images import decode, digest, preview
from al.data.mask_pictures import values_in
from al.data.pictures import Pictures, Seen
from al.errors import ConfigError, DataError


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AL_CACHE_DIR", str(tmp_path / "cache"))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


RED = Image.new("RGB", (8, 8), (255, 0, 0))
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_a_colour_comes_through_every_format(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    assert (decode(saved(RED, kind, **options), 4) == [255, 0, 0]).all()


def test_a_jpeg_comes_through_nearly() -> None:
    large = saved(RED.resize((600, 600)), "JPEG")
    assert np.abs(decode(large, 16).astype(int) - [255, 0, 0]).max() < 8


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (4, 4), 100), (100, 100, 100)),
        (Image.new("1", (4, 4), 1), (255, 255, 255)),
        (Image.new("LA", (4, 4), (100, 0)), (255, 255, 255)),
        (Image.new("RGBA", (4, 4), (0, 0, 255, 0)), (255, 255, 255)),
        (Image.new("RGBA", (4, 4), (0, 0, 255, 255)), (0, 0, 255)),
        (RED.convert("P"), (255, 0, 0)),
        (Image.fromarray(np.full((4, 4), 65535, np.uint16)), (255, 255, 255)),
        (Image.fromarray(np.full((4, 4), 32896, np.uint16)), (128, 128, 128)),
    ],
    ids=["grey", "bits", "grey with alpha", "clear", "alpha", "palette", "16 bit", "16 bit, half"],
)  # fmt: skip
def test_every_mode_becomes_the_colours_a_person_sees(image: Image.Image, expected: Any) -> None:
    found = decode(saved(image, "PNG"), 4)
    assert found.dtype == np.uint8
    assert (np.abs(found.astype(int) - expected) <= 1).all()


def test_a_tiff_of_floats_is_stretched() -> None:
    ramp = np.linspace(-3, 5, 64, dtype=np.float32).reshape(8, 8)
    found = decode(saved(Image.fromarray(ramp), "TIFF"), 8)
    assert (found.min(), found.max()) == (0, 255)


def test_an_image_is_turned_as_its_exif_says() -> None:
    half = Image.new("RGB", (8, 8))
    half.paste((255, 255, 255), (0, 0, 8, 4))  # the upper half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees to the right
    found = decode(saved(half, "JPEG", exif=exif, quality=100), 8)
    assert found[:, 5:].mean() > 240
    assert found[:, :3].mean() < 15


def test_an_image_that_is_no_square_is_whole_on_black() -> None:
    found = decode(saved(Image.new("RGB", (20, 10), "white"), "PNG"), 10)
    assert (found[:2] == 0).all()
    assert (found[-2:] == 0).all()
    assert (found[3:7] == 255).all()


def test_a_preview_keeps_its_shape_and_is_bounded() -> None:
    content = saved(Image.new("RGB", (2000, 1000), "white"), "JPEG")
    shape = preview(content, 500).shape
    assert shape == (250, 500, 3)


def test_more_pixels_than_the_limit_are_refused_before_they_are_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(self: Any) -> None:
        raise AssertionError("decoded")

    black = saved(Image.new("1", (10_001, 10_000)), "PNG")  # a few kB
    assert len(black) < 30_000
    more = saved(Image.new("1", (20_000, 10_000)), "PNG")  # Pillow's own limit is passed
    monkeypatch.setattr(PngImageFile, "load", never)
    for content in (black, more):
        for read in (lambda content: decode(content, 8), values_in):
            with pytest.raises(DataError, match="more than 100 million pixels: make"):
                read(content)
    assert images.about(black) == (10_001, 10_000, 1)


@pytest.mark.parametrize("read", [lambda content: decode(content, 8), values_in])
def test_large_images_and_masks_are_decoded_one_at_a_time(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[bytes], Any]
) -> None:
    monkeypatch.setattr(images, "LARGE", 100)
    inside, most = [], []
    load = PngImageFile.load

    def slow(self: Any) -> Any:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.02)
        found = load(self)
        inside.pop()
        return found

    monkeypatch.setattr(PngImageFile, "load", slow)
    content = saved(Image.new("RGB", (11, 11)), "PNG")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: read(content), range(4)))
    assert set(most) == {1}


def test_photographs_of_phones_are_read_with_the_extra() -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    content = saved(RED.resize((64, 48)), "HEIF", quality=95)
    assert ".heic" in images.readable()
    assert (np.abs(decode(content, 64)[32].astype(int) - [255, 0, 0]) < 12).all()
    assert images.about(content) == (64, 48, 1)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_is_read_where_pillow_can() -> None:
    content = saved(RED.resize((64, 64)), "AVIF", quality=95)
    assert ".avif" in images.readable()
    assert (np.abs(decode(content, 8).astype(int) - [255, 0, 0]) < 12).all()


def test_what_a_file_says_of_itself_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert images.about(saved(RED.resize((30, 20)), "JPEG", exif=exif)) == (20, 30, 1)
    frames = [Image.new("L", (5, 4), shade) for shade in (0, 90, 200)]
    many = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert images.about(many) == (5, 4, 3)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty file"),
        (b"no image at all", "no image"),
        (saved(RED.resize((300, 300)), "PNG")[:-100], "truncated|broken|incomplete|end"),
        (saved(NOISE, "JPEG")[:2000], "truncated"),
    ],
)
def test_what_cannot_be_read_says_why_in_a_few_words(content: bytes, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        decode(content, 8)
    assert len(str(caught.value)) <= 80


@pytest.mark.filterwarnings("ignore")  # what Pillow says of odd tags
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_reported_and_nothing_else(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF", "GIF"]))
    content = bytearray(saved(NOISE.crop((0, 0, 24, 24)), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    with suppress(DataError):
        assert decode(bytes(content[:cut]), 8).shape == (8, 8, 3)


# -- kept --------------------------------------------------------------------------------


def folder_of(tmp_path: Path, count: int) -> tuple[Path, list[str]]:
    root = tmp_path / "root"
    root.mkdir(exist_ok=True)
    names = []
    for number in range(count):
        names.append(f"{number:03d}.png")
        Image.new("RGB", (6, 6), (number % 256, 0, number // 256)).save(root / names[-1])
    return root, names


def test_an_image_is_decoded_once_whichever_process_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, names = folder_of(tmp_path, 5)
    first = Seen(root, Pictures(6)).look(names)

    def never(content: bytes, size: int) -> np.ndarray:
        raise AssertionError("decoded again")

    monkeypatch.setattr(decoding, "decode", never)
    pictures = Pictures(6)
    assert Seen(root, pictures).look(names) == first
    read = pictures.read([first[name][0] for name in names])
    assert [int(image[0, 0, 0]) for image in read] == [0, 1, 2, 3, 4]
    copied = tmp_path / "elsewhere"  # content, not place, says what is known
    copied.mkdir()
    (copied / "x.png").write_bytes((root / names[3]).read_bytes())
    assert Seen(copied, Pictures(6)).look(["x.png"])["x.png"] == first[names[3]]


def test_only_files_that_changed_are_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, names = folder_of(tmp_path, 4)
    before = Seen(root, Pictures(6)).look(names)
    Image.new("RGB", (6, 7), "white").save(root / names[1])
    opened: list[str] = []
    original = Path.read_bytes

    def counted(self: Path) -> bytes:
        opened.append(self.name)
        return original(self)

    monkeypatch.setattr(Path, "read_bytes", counted)
    after = Seen(root, Pictures(6)).look(names)
    assert opened == [names[1]]
    assert [after[n] == before[n] for n in names] == [True, False, True, True]


def test_damaged_files_are_remembered_with_the_reason(tmp_path: Path) -> None:
    root, names = folder_of(tmp_path, 2)
    (root / names[0]).write_bytes(b"")
    for _ in range(2):
        found = Seen(root, Pictures(6)).look([*names, "nowhere.png"])
        assert found[names[0]][1] == "empty file"
        assert found[names[1]][1] == ""
        assert "nowhere.png" not in found


def test_a_pack_that_is_cut_short_or_not_listed_is_decoded_again(tmp_path: Path) -> None:
    root, names = folder_of(tmp_path, 3)
    pictures = Pictures(6)
    found = Seen(root, pictures).look(names)
    (pack,) = pictures.folder.glob("pack-*.npy")
    for damage in ("cut", "unlisted", "rubbish"):
        if damage == "unlisted":
            pack.with_suffix(".txt").unlink()
        else:
            pack.write_bytes(pack.read_bytes()[:-20] if damage == "cut" else b"rubbish")
        again = Pictures(6)
        assert found[names[0]][0] not in again
        assert Seen(root, again).look(names) == found
        assert int(again.read([found[names[2]][0]])[0, 0, 0, 0]) == 2


def test_a_rubbish_list_of_what_was_seen_costs_time_only(tmp_path: Path) -> None:
    root, names = folder_of(tmp_path, 2)
    pictures = Pictures(6)
    found = Seen(root, pictures).look(names)
    (listed,) = pictures.folder.glob("seen-*.json")
    for rubbish in ("", "[]", '{"000.png": 3, "001.png": [1, 2]}'):
        listed.write_text(rubbish)
        assert Seen(root, Pictures(6)).look(names) == found


def test_packs_used_longest_ago_go_when_there_are_too_many_and_those_in_use_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_root, names = folder_of(tmp_path, 3)
    old = Pictures(6)
    Seen(old_root, old).look(names)
    for path in old.folder.glob("pack-*.npy"):
        os.utime(path, (1, 1))
    monkeypatch.setenv("AL_CACHE_GB", "0")
    root = tmp_path / "new"
    root.mkdir()
    Image.new("RGB", (6, 6), "green").save(root / "g.png")
    found = Seen(root, Pictures(6)).look(["g.png"])
    left = Pictures(6)
    assert found["g.png"][0] in left
    assert digest((old_root / names[0]).read_bytes()) not in left


@pytest.mark.parametrize("size", [-3, 3, 100_000])
def test_a_side_that_makes_no_sense_is_one_line(size: int) -> None:
    with pytest.raises(ConfigError, match=f"image_size={size}: give 4 to 1024 pixels"):
        Pictures(size)


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AL_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"cannot be written .* AL_CACHE_DIR"):
        Pictures(6)
