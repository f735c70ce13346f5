"""Near copies across splits: what is found, and where it is told."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from al.catalog import make_task
from al.contracts import DataSpec, Splits
from al.data import near_copies as near
from al.data.near_copies import near_copies
from al.pipeline import data_check
from al.pipeline.data_check import data_lines
from tests.encoders import Counting
from tests.stores import runs

Make = Callable[..., Any]
WIDE = "tests.encoders:Thumbnails"


def photographs(folder: Path, encoder: str = WIDE) -> dict[str, Any]:
    """40 training images and 10 of test, of which two are recompressed training images."""
    rng = np.random.default_rng(0)
    for row in range(50):
        split = "train" if row < 40 else "test"
        place = folder / split / "ab"[row % 2]
        place.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        small.resize((64, 64)).save(place / f"{row:02d}.png")
    for row in (4, 17):
        image = Image.open(folder / "train" / "ab"[row % 2] / f"{row:02d}.png")
        image.save(folder / "test" / "ab"[row % 2] / f"copy{row:02d}.jpg", quality=40)
    return {"task": "image-folder", "data": str(folder), "encoder": encoder, "validation_size": 8}


def loader(given: dict[str, Any]) -> Any:
    data = make_task("image-folder", {name: given[name] for name in ("data", "encoder")}).data()
    data.freeze(data.propose_splits(given["validation_size"], 0))
    return data


def held_out(data: Any) -> Splits:
    return Splits(tuple(data.ids("val")), tuple(data.ids("test")))


def test_a_test_that_people_are_yet_asked_about_is_looked_at_too(tmp_path: Path) -> None:
    given = photographs(tmp_path)
    folder = Path(given["data"])
    (folder / "new").mkdir()
    for number, path in enumerate(sorted(folder.glob("t*/*/*"))):
        path.rename(folder / "new" / f"{number}{path.suffix}")
    given["classes"] = "a,b"
    data = make_task("image-folder", {n: given[n] for n in ("data", "encoder", "classes")}).data()
    splits = data.propose_asked(0, 0)
    assert splits is not None
    data.freeze(splits)
    assert data.ids("test") == ()
    found = near_copies(data, splits)
    assert found is not None
    assert found.held == len(splits.test) > 0
    assert near_copies(data, Splits((), ())) is None


def test_a_recompressed_training_image_in_test_is_found_with_its_original(tmp_path: Path) -> None:
    given = photographs(tmp_path)
    data = loader(given)
    while {"train/a/04.png", "train/b/17.png"} & set(data.ids("val")):
        given["validation_size"] -= 1
        data = loader(given)
    found = near_copies(data, held_out(data))
    assert found is not None
    assert {(p.split, p.id, p.train_id) for p in found.pairs} == {
        ("test", "test/a/copy04.jpg", "train/a/04.png"),
        ("test", "test/b/copy17.jpg", "train/b/17.png"),
    }
    assert found.pairs[0].similarity >= found.pairs[1].similarity > near.LEVELS["images"]
    assert found.looked == found.held == len(data.ids("val")) + 12


@pytest.mark.parametrize(("bound", "to"), [("BLOCK", 7), ("AT_ONCE", 50)])
def test_what_is_found_does_not_depend_on_how_many_are_read_at_a_time(
    bound: str, to: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = loader(photographs(tmp_path))
    whole = near_copies(data, held_out(data))
    monkeypatch.setattr(near, bound, to)
    parts = near_copies(data, held_out(data))
    assert whole is not None
    assert parts is not None
    assert [p[:3] for p in parts.pairs] == [p[:3] for p in whole.pairs]


class Vectors:
    """Data whose samples are their vectors."""

    spec = DataSpec(("a", "b"), (64,), "float32")

    def __init__(self, **counts: int) -> None:
        self._counts = counts

    def ids(self, split: str) -> list[str]:
        return [f"{split}{row}" for row in range(self._counts.get(split, 0))]

    def features(self, ids: Sequence[str]) -> np.ndarray:
        return np.random.default_rng(len(ids)).normal(size=(len(ids), 64)).astype(np.float32)


def test_many_held_out_samples_beside_few_for_training_take_little_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder = SimpleNamespace(width=64, takes="images")
    monkeypatch.setattr(near, "encoder_of", lambda spec: encoder)
    data: Any = Vectors(train=4_000, test=40_000)
    tracemalloc.start()
    near_copies(data, held_out(data))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 300e6  # all similarities are 640 MB


def test_of_many_held_out_samples_some_are_looked_at_and_the_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = loader(photographs(tmp_path))
    monkeypatch.setattr(near, "MOST", 10 * len(data.ids("train")))
    monkeypatch.setitem(near.LEVELS, "images", -1.0)
    found = near_copies(data, held_out(data))
    assert found is not None
    assert (found.looked, found.held) == (10, 20)
    assert "6 of test and 4 of validation nearly are training samples (10 of 20 " in found.line()


def test_vectors_of_a_few_numbers_and_none_at_all_tell_no_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTED", str(tmp_path / "counted"))
    for encoder in (Counting.name, "none"):
        data = loader(photographs(tmp_path / "photos", encoder))
        assert near_copies(data, held_out(data)) is None
    assert not (tmp_path / "counted").exists()  # nothing was embedded for it


def test_check_data_tells_them_and_embeds_no_large_data_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = photographs(tmp_path)
    (line,) = (line for line in data_lines(given) if "nearly are training samples" in line)
    assert line.startswith("! ")
    assert "'test/" in line
    monkeypatch.setattr(data_check, "EMBEDDED", 51)
    lines = list(data_lines(given))
    assert lines[-1].startswith("near copies across splits are looked for when a campaign starts")


def test_a_campaign_tells_them_once_and_keeps_the_pairs(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = {**photographs(folder / "photos"), "initial_size": 6, "query_size": 6, "cycles": 1}
    campaign(**given).run()
    assert caplog.text.count("nearly are training samples") == 1
    (run,) = runs(client, role="campaign")
    content = Path(client.download_artifacts(run.info.run_id, "near_copies.csv")).read_text()
    pairs = pd.read_csv(io.StringIO(content))
    assert list(pairs.columns) == ["split", "id", "train_id", "similarity"]
    assert run.data.tags["al.near_copies"] == str(len(pairs))
    assert len(pairs) > 0
    campaign(**{**given, "cycles": 2}).run()
    assert caplog.text.count("nearly are training samples") == 1
