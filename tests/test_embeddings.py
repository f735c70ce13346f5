"""Vectors are made once, for all campaigns and processes, and kept pack by pack."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al.data import embeddings
from al.data.embeddings import Embeddings, Grids
from al.data.texts import TextFileLoader
from al.errors import DataError
from tests.encoders import Counting, Mapping, Reading, counted

EVERY = [f"{row:032d}" for row in range(20)]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COUNTED", str(tmp_path / "counted"))
    monkeypatch.setattr(embeddings, "PACK", 6)
    monkeypatch.setattr(embeddings, "PACK_OF_GRIDS", 5)
    monkeypatch.setattr(embeddings, "IMAGES", 4)


def images(rows: Sequence[int]) -> np.ndarray:
    return np.stack([np.random.default_rng(row).integers(0, 256, (8, 8, 3), np.uint8)
                     for row in rows])  # fmt: skip


def test_each_content_is_embedded_once_whoever_asks(tmp_path: Path) -> None:
    one = Embeddings(Counting())
    found = one.of(EVERY[3:5], EVERY, images)
    assert np.allclose(found, Counting()(images([3, 4])))
    assert counted() == 22  # all of them, and the two of the line above
    assert np.array_equal(Embeddings(Counting()).of(EVERY, EVERY, images)[3:5], found)
    assert counted() == 22
    more = [*EVERY, EVERY[7], "new"]  # a copy, and one that is new
    again = Embeddings(Counting()).of(more, more, lambda rows: images([r % 21 for r in rows]))
    assert counted() == 23
    assert np.array_equal(again[20], again[7])


def test_another_encoder_has_vectors_of_its_own() -> None:
    Embeddings(Counting()).of(EVERY, EVERY, images)
    other = Counting()
    other.digest = "other"
    Embeddings(other).of(EVERY, EVERY, images)
    assert counted() == 40


def test_what_was_cut_off_goes_on_and_loses_a_pack_at_most() -> None:
    class CutOff(Counting):
        left = 14

        def __call__(self, samples: Any) -> np.ndarray:
            self.left -= len(samples)
            if self.left < 0:
                raise KeyboardInterrupt
            return super().__call__(samples)

    with pytest.raises(KeyboardInterrupt):
        Embeddings(CutOff()).of(EVERY, EVERY, images)
    before = counted()
    assert before == 12  # two packs of 6
    found = Embeddings(Counting()).of(EVERY, EVERY, images)
    assert counted() - before == 8
    assert np.allclose(found, Counting()(images(range(20))))


def _embed(rows: list[int]) -> None:
    embeddings.PACK = 3
    some = [EVERY[row] for row in rows]
    Embeddings(Counting()).of(some, some, lambda found: images([rows[row] for row in found]))


def test_processes_at_the_same_samples_take_turns() -> None:
    context = multiprocessing.get_context("fork")
    some = (list(range(20)), list(range(19, -1, -1)), list(range(5, 20)))
    processes = [context.Process(target=_embed, args=(rows,)) for rows in some]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert counted() == 20
    found = Embeddings(Counting()).of(EVERY, EVERY, images)
    assert np.allclose(found, Counting()(images(range(20))))
    assert counted() == 40


def test_half_precision_takes_half_and_is_told_apart() -> None:
    whole = Embeddings(Counting()).of(EVERY, EVERY, images)
    half = Embeddings(Counting(), half=True)
    found = half.of(EVERY, EVERY, images)
    assert found.dtype == np.float32
    assert np.array_equal(found, whole.astype(np.float16))
    assert not np.array_equal(found, whole)
    sizes = [np.load(pack).nbytes for pack in half.folder.glob("*.npy")]
    assert sum(sizes) == 20 * 3 * 2


def test_maps_are_kept_once_in_half_precision_and_vectors_are_read_without_them() -> None:
    grids = Grids(Mapping())
    whole = grids.whole(EVERY[3:5], EVERY, images)
    assert counted() == 20
    assert whole.dtype == np.float16
    assert whole.shape == (2, 3 + 12)
    assert np.array_equal(whole, np.clip(Mapping().grids(images([3, 4])), -65504, 65504)
                          .astype(np.float16))  # fmt: skip
    assert whole.max() == 65504  # of numbers that half precision does not hold, the largest
    again = Grids(Mapping())
    assert np.array_equal(again.of(EVERY, EVERY, images)[3:5], whole[:, :3])
    assert counted() == 22  # two of them by the line that compares
    assert [len(np.load(pack)) for pack in grids.folder.glob("*.npy")] == [5] * 4
    assert Embeddings(Mapping()).folder.parent != grids.folder.parent  # each kind has its limit


def test_maps_that_were_cut_off_lose_a_pack_at_most() -> None:
    class CutOff(Mapping):
        left = 12

        def grids(self, samples: Any) -> np.ndarray:
            self.left -= len(samples)
            if self.left < 0:
                raise KeyboardInterrupt
            return super().grids(samples)

    with pytest.raises(KeyboardInterrupt):
        Grids(CutOff()).whole(EVERY, EVERY, images)
    assert (before := counted()) == 10
    Grids(Mapping()).whole(EVERY, EVERY, images)
    assert counted() - before == 10


def test_vectors_used_longest_ago_go_where_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = Counting()
    old.digest = "old"
    kept = Embeddings(old)
    kept.of(EVERY, EVERY, images)
    for path in kept.folder.glob("pack-*.npy"):
        os.utime(path, (1, 1))
    monkeypatch.setenv("AL_CACHE_GB", "0")
    Embeddings(Counting()).of(EVERY, EVERY, images)
    assert not list(kept.folder.glob("pack-*"))
    assert all(content in Embeddings(Counting()) for content in EVERY)  # used now


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AL_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"embeddings cannot be written .* AL_CACHE_DIR"):
        Embeddings(Counting())


def test_texts_are_inputs_by_their_vectors_and_a_new_row_costs_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    original = Reading.__call__

    def noted(self: Reading, samples: Any) -> np.ndarray:
        asked.extend(samples)
        return original(self, samples)

    monkeypatch.setattr(Reading, "__call__", noted)
    path = tmp_path / "t.csv"
    path.write_text("body,kind\na man,x\nno,y\na banana,x\nno,y\n")
    data = TextFileLoader(str(path), "body", "kind", Reading())
    assert data.spec.input_shape == (2,)
    assert not asked  # until they are needed
    assert data.inputs(np.array([2, 0, 3])).tolist() == [[8, 4], [5, 2], [2, 0]]
    assert asked == ["a man", "no", "a banana"]
    path.write_text(path.read_text() + "la la,x\n")
    os.utime(path, (1, 1))
    data.refresh()
    assert data.inputs(np.array([4])).tolist() == [[5, 2]]
    assert asked[3:] == ["la la"]


# -- made by others ----------------------------------------------------------------------------


def test_what_others_embed_is_kept_as_if_it_were_made_here() -> None:
    class Other(Counting):
        digest = "other"

    there, here = Embeddings(Other()), Embeddings(Counting())
    expected = here.of(EVERY, EVERY, images)
    asked: list[list[int]] = []

    def by(parts: Any) -> Any:
        for part in reversed(parts):
            asked.append(list(part))
            yield part, there.fresh(part, images)

    there.by = by
    before = counted()
    assert np.array_equal(there.of(EVERY[3:5], EVERY, images), expected[3:5])
    assert sorted(asked) == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11],
                             [12, 13, 14, 15, 16, 17], [18, 19]]  # fmt: skip
    assert np.array_equal(there.of(EVERY, EVERY, images), expected)
    assert counted() == before + len(EVERY)


def test_vectors_of_two_kinds_of_processor_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    Embeddings(Counting()).of(EVERY, EVERY, images)
    monkeypatch.setattr(embeddings, "processor_of", lambda device: "cpu abacus")
    other = Embeddings(Counting())
    assert not any(content in other for content in EVERY)
    other.of(EVERY, EVERY, images)
    assert counted() == 2 * len(EVERY)
    monkeypatch.undo()


def test_a_worker_on_another_kind_of_processor_makes_no_vectors_unless_kinds_may_mix(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("body,kind\na man,x\nno,y\n")
    data = TextFileLoader(str(path), "body", "kind", Reading())
    data.embed_by(None, lambda here: "cuda Abacus")
    assert data.embedded_on == "cuda Abacus"
    with pytest.raises(
        DataError, match="and the campaign's vectors are of a cuda Abacus, so"
    ) as no:
        data.inputs(np.array([0]))
    assert len(str(no.value).splitlines()) == 1
    for processor in ("mixed", embeddings.processor_of("cpu")):
        data.embed_by(None, lambda here, processor=processor: processor)
        assert data.inputs(np.array([0])).tolist() == [[5, 2]]


def test_alone_only_what_is_asked_for_is_embedded() -> None:
    one = Embeddings(Counting())
    one.alone = True
    found = one.of(EVERY[3:5], EVERY, images)
    assert counted() == 2
    assert np.array_equal(Embeddings(Counting()).of(EVERY, EVERY, images)[3:5], found)
