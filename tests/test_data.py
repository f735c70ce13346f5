from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.catalog import tasks
from al.contracts import Splits
from al.data import ArrayLoader, fetch, read_idx
from al.errors import ConfigError, DataError, LabelError

CLASSES = ("ant", "bee", "cow")


def loader(count: int = 50) -> ArrayLoader:
    ids = [f"s{number:03d}" for number in range(count)]
    inputs = np.arange(count * 4, dtype=np.float32).reshape(count, 2, 2)
    return ArrayLoader(ids, inputs, np.arange(count) % 3, CLASSES, ids[-10:])


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 39), seed=st.integers(0, 1000))
def test_splits_are_disjoint_complete_and_the_same_for_the_same_seed(size: int, seed: int) -> None:
    data, again = loader(), loader()
    splits = data.propose_splits(size, seed)
    data.freeze(splits)
    parts = [set(data.ids(split)) for split in ("train", "val", "test")]  # type: ignore[arg-type]
    assert [len(part) for part in parts] == [40 - size, size, 10]
    assert len(set.union(*parts)) == 50
    assert splits == again.propose_splits(size, seed)


def test_the_test_split_is_the_official_one_whatever_the_seed() -> None:
    assert {loader().propose_splits(5, seed).test for seed in range(9)} == {loader().ids("test")}


def test_validation_must_leave_a_pool() -> None:
    with pytest.raises(ConfigError, match="validation_size=40 leaves no pool"):
        loader().propose_splits(40, 0)


def test_samples_that_appear_later_join_the_pool_and_no_other_split() -> None:
    small, large = loader(50), loader(60)
    splits = small.propose_splits(5, 0)
    large.freeze(splits)
    assert len(large.ids("train")) == 60 - 10 - 5
    assert large.ids("val") == splits.val


def test_a_split_whose_samples_are_gone_is_reported() -> None:
    with pytest.raises(DataError, match="1 samples of the campaign's splits are gone, 'gone'"):
        loader().freeze(Splits(("gone",), ()))


def test_batches_hold_the_samples_asked_for_with_their_labels() -> None:
    data = loader()
    ids = ("s007", "s003", "s020", "s001", "s040")
    found = list(data.batches(ids, ["bee", "ant", "cow", "bee", "ant"], batch_size=2))
    assert [batch.ids for batch in found] == [ids[:2], ids[2:4], ids[4:]]
    assert found[0].inputs[0].flatten().tolist() == [28, 29, 30, 31]
    assert [t for batch in found for t in batch.targets.tolist()] == [1, 0, 2, 1, 0]
    assert next(data.batches(ids, batch_size=9)).targets is None


def test_shuffled_batches_keep_ids_inputs_and_labels_together() -> None:
    data = loader()
    ids = data.ids("train")
    shuffle = np.random.default_rng(3)
    seen = []
    for batch in data.batches(ids, data.truth(ids), batch_size=7, shuffle=shuffle):
        for id, inputs, target in zip(batch.ids, batch.inputs, batch.targets, strict=True):
            assert inputs.flatten()[0] == int(id[1:]) * 4
            assert CLASSES[target] == data.truth([id])[0]
            seen.append(id)
    assert sorted(seen) == list(ids)
    assert seen != list(ids)


def test_a_label_outside_the_classes_is_refused_with_what_is_near() -> None:
    with pytest.raises(LabelError, match="'bea' is not a class: did you mean 'bee'"):
        loader().check_label("bea")
    loader().check_label("bee")


@pytest.mark.parametrize(
    ("ids", "inputs", "targets", "says"),
    [
        (["a", "a"], 2, [0, 1], "ids repeat"),
        (["a"], 2, [0, 1], "1 ids, 2 inputs and 2 targets"),
        (["a", "b"], 2, [0, 3], "not one of the 3 classes"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    ids: list[str], inputs: int, targets: list[int], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        ArrayLoader(ids, np.zeros((inputs, 2)), np.array(targets), CLASSES, ())


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_a_preview_is_an_image(dtype: str) -> None:
    data = ArrayLoader(["a"], np.full((1, 5, 6), 9).astype(dtype), np.zeros(1, int), CLASSES, ())
    image = data.preview("a").image
    assert image is not None
    assert (image.shape, image.dtype) == ((5, 6), np.uint8)


def test_what_is_no_image_is_previewed_as_a_row() -> None:
    data = ArrayLoader(["a"], np.array([[1.0, 2.5]]), np.zeros(1, int), CLASSES, ())
    assert data.preview("a").row == {"0": 1.0, "1": 2.5}


def idx(path: Path, values: np.ndarray) -> Path:
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes()))
    return path


def test_an_idx_file_is_read_as_the_array_it_holds(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(read_idx(idx(tmp_path / "x.gz", values)), values)


@pytest.mark.parametrize(
    "content",
    [b"", b"rubbish", gzip.compress(b"\x00", mtime=0), gzip.compress(b"x" * 99, mtime=0)],
)
def test_rubbish_is_no_idx_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.gz is"):
        read_idx(tmp_path / "x.gz")


def test_an_idx_file_that_is_cut_short_is_reported(tmp_path: Path) -> None:
    path = idx(tmp_path / "x.gz", np.zeros((3, 3), np.uint8))
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))
    with pytest.raises(DataError, match="cut short"):
        read_idx(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a gzipped IDX"):
        read_idx(path)


def test_a_corrupt_data_file_is_one_line_with_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AL_DATA_DIR", str(tmp_path))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "x").write_bytes(b"other")
    with pytest.raises(DataError, match=r"is corrupt .* delete it to fetch it again"):
        fetch("set", "x", "http://127.0.0.1:9/x", "0" * 64)


def test_a_missing_data_file_that_cannot_be_fetched_is_one_line_with_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AL_DATA_DIR", str(tmp_path))
    with pytest.raises(DataError, match="set AL_DATA_DIR") as caught:
        fetch("set", "x", "http://127.0.0.1:9/x", "0" * 64)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "set" / "x").exists()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of a folder's files."""
    import threading
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_missing_data_file_is_fetched_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "origin").mkdir()
    (tmp_path / "origin" / "x").write_bytes(b"content")
    monkeypatch.setenv("AL_DATA_DIR", str(tmp_path / "data"))
    sha256 = hashlib.sha256(b"content").hexdigest()
    with served(tmp_path / "origin") as origin:
        path = fetch("set", "x", f"{origin}/x", sha256)
    assert path.read_bytes() == b"content"
    assert fetch("set", "x", f"{origin}/x", sha256) == path  # the server is gone: read from disk


def test_fashion_mnist_is_whole(fashion_mnist: Any) -> None:
    assert len(fashion_mnist.ids("train")) == 60_000
    assert len(fashion_mnist.ids("test")) == 10_000
    first = fashion_mnist.truth(("train-00000", "train-00001", "test-00000"))
    assert first == ["Ankle boot", "T-shirt/top", "Ankle boot"]


def test_digits_are_whole_and_their_test_split_is_mixed() -> None:
    data = tasks.get("digits")().data()
    assert len(data.ids("train")) + len(data.ids("test")) == 1797
    assert set(data.truth(data.ids("test"))) == set("0123456789")


def test_one_file_is_taken_out_of_a_published_zip_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "origin").mkdir()
    with ZipFile(tmp_path / "origin" / "all.zip", "w") as file:
        file.writestr("x", b"content")
        file.writestr("other", b"not wanted")
    monkeypatch.setenv("AL_DATA_DIR", str(tmp_path / "data"))
    with served(tmp_path / "origin") as origin:
        path = fetch("set", "x", f"{origin}/all.zip", hashlib.sha256(b"content").hexdigest())
        with pytest.raises(DataError, match="cannot be fetched"):
            fetch("set", "nothing", f"{origin}/all.zip", "0" * 64)
    assert path.read_bytes() == b"content"
    assert [p.name for p in path.parent.iterdir()] == ["x"]


def test_what_was_packed_anew_says_where_it_is_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AL_DATA_DIR", str(tmp_path))
    with pytest.raises(DataError, match=r"http://origin/ cannot be fetched .*packed anew"):
        fetch("set", "x", "http://origin/", "0" * 64)
