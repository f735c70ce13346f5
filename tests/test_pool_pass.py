"""One pass of a model over the pool: kept, gone on with, and inherited."""

from __future__ import annotations

import os
import signal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al.data import ArrayLoader
from al.data_selector import Model, PoolPass, pass_samples, pool_pass, trim_passes
from al.engine import LocalEngine
from al.errors import ConfigError, DataError
from al.kept import cache_limit
from al.randomness import seeded


def loader(count: int, skip: int = 0, shift: float = 0.0) -> ArrayLoader:
    """Samples whose id says what they hold, all but every `skip`-th."""
    numbers = [n for n in range(count) if not skip or n % skip]
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(count, 6)).astype(np.float32)[numbers] + np.float32(shift)
    ids = [f"s{n:06d}" for n in numbers]
    return ArrayLoader(ids, inputs, np.zeros(len(ids), int), ["a", "b", "c"], [])


def graph(data: ArrayLoader) -> Any:
    from torch import nn

    from al.graphs import ClassificationGraph

    with seeded(3):
        head = nn.Sequential(nn.Dropout(0.3), nn.Linear(5, 3))
        return ClassificationGraph(nn.Sequential(nn.Linear(6, 5), nn.ReLU()), head, data.spec)


class Counting(LocalEngine):
    """Counts the samples that the model has seen."""

    def __init__(self) -> None:
        self.samples = 0

    def map(self, make_worker: Any, shards: Any) -> Any:
        for shard, found in super().map(make_worker, shards):
            self.samples += len(shard.work[2])
            yield shard, found


def make(
    root: Path | None, data: ArrayLoader, key: str = "weights", **more: Any
) -> tuple[PoolPass, Counting]:
    engine = Counting()
    model = Model(graph(data), key, seed=1)
    return PoolPass(root, model, data, engine, **{"passes": 4, **more}), engine


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_pass, "SHARD", 64)
    monkeypatch.setattr(pool_pass, "BATCH", 16)


def whole(data: ArrayLoader, name: str) -> np.ndarray:
    (batch,) = data.batches(data.ids("train"), batch_size=10_000)
    found: np.ndarray = graph(data).infer(batch, (name,), samples=4, seed=1)[name]
    return found


@pytest.mark.parametrize("name", ["probabilities", "samples", "embeddings"])
@pytest.mark.parametrize("root", [None, "kept"])
def test_rows_are_those_of_the_samples_asked_for(
    tmp_path: Path, name: str, root: str | None
) -> None:
    data = loader(300)
    made, _ = make(tmp_path if root else None, data)
    rows = np.array([0, 5, 63, 64, 200, 299])
    assert made.read(name, rows) == pytest.approx(whole(data, name)[rows], abs=1e-6)


def test_only_the_shards_that_are_needed_are_scored(tmp_path: Path) -> None:
    made, engine = make(tmp_path, loader(300))
    made.read("probabilities", np.array([70, 80, 299]))
    assert engine.samples == 64 + 300 % 64


def test_what_was_scored_is_found_by_the_next_process(tmp_path: Path) -> None:
    data = loader(300)
    rows = np.arange(300)
    made, _ = make(tmp_path, data)
    first = made.read("samples", rows)
    made.close()
    again, engine = make(tmp_path, data)
    assert np.array_equal(again.read("samples", rows), first)
    assert engine.samples == 0


@pytest.mark.parametrize("other", ["weights", "inputs", "passes", "ids"])
def test_what_belongs_to_another_model_or_pool_is_not_taken(tmp_path: Path, other: str) -> None:
    made, _ = make(tmp_path, loader(100))
    made.read("probabilities", np.arange(100))
    made.close()
    data = loader(100, shift=1.0 if other == "inputs" else 0.0)
    if other == "ids":
        data = loader(120)
    more = {"passes": 5} if other == "passes" else {}
    key = "others" if other == "weights" else "weights"
    again, engine = make(tmp_path, data, key, **more)
    found = again.read("probabilities", np.arange(len(data.ids("train"))))
    assert engine.samples > 0
    assert found == pytest.approx(whole(data, "probabilities"), abs=1e-6)


def test_of_a_pool_that_grew_only_the_new_samples_are_scored(tmp_path: Path) -> None:
    small, large = loader(300, skip=5), loader(300)
    made, _ = make(tmp_path, small)
    made.ensure(["embeddings", "probabilities"], np.arange(len(small.ids("train"))))
    made.close()
    grown, engine = make(tmp_path, large)
    rows = np.arange(300)
    assert grown.read("probabilities", rows) == pytest.approx(
        whole(large, "probabilities"), abs=1e-6
    )
    assert grown.read("embeddings", rows) == pytest.approx(whole(large, "embeddings"), abs=1e-6)
    assert engine.samples == 2 * 60  # twice, as they were read one after the other


def test_of_samples_that_changed_only_these_are_scored(tmp_path: Path) -> None:
    data = loader(300)
    made, _ = make(tmp_path, data)
    made.read("probabilities", np.arange(300))
    made.close()
    changed = loader(300)
    changed._inputs[[5, 200]] += 1.0
    again, engine = make(tmp_path, changed)
    found = again.read("probabilities", np.arange(300))
    assert found == pytest.approx(whole(changed, "probabilities"), abs=1e-6)
    assert engine.samples == 2


def test_a_large_array_lies_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("al.data_selector.kept_rows.LARGE", 1000)
    data = loader(300)
    made, _ = make(tmp_path, data)
    found = made.read("samples", np.arange(300))
    assert isinstance(found, np.memmap)
    assert found == pytest.approx(whole(data, "samples"), abs=1e-6)


@pytest.mark.parametrize("damage", ["cut", "flipped", "journal", "rubbish"])
def test_a_shard_that_was_damaged_is_scored_again(tmp_path: Path, damage: str) -> None:
    data = loader(300)
    made, _ = make(tmp_path, data)
    first = made.read("probabilities", np.arange(300))
    made.close()
    (file,) = tmp_path.rglob("probabilities.bin")
    (journal,) = tmp_path.rglob("probabilities.journal")
    if damage == "cut":
        os.truncate(file, 64 * 4 * 3 + 10)
    elif damage == "flipped":
        content = bytearray(file.read_bytes())
        content[100] ^= 1
        file.write_bytes(content)
    elif damage == "rubbish":
        journal.write_bytes(journal.read_bytes()[:-12] + b"\xff\xfe\x00 zz\n")
    else:
        journal.write_bytes(journal.read_bytes()[:-3])
    again, engine = make(tmp_path, data)
    assert np.array_equal(again.read("probabilities", np.arange(300)), first)
    assert 0 < engine.samples < 300


def _score_and_die(root: str) -> None:
    pool_pass.SHARD, pool_pass.BATCH = 64, 16
    made, engine = make(Path(root), loader(300))
    original = engine.map

    def dying(make_worker: Any, shards: Any) -> Any:
        for number, found in enumerate(original(make_worker, shards)):
            if number == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            yield found

    engine.map = dying  # type: ignore[method-assign]
    made.read("probabilities", np.arange(300))


def test_a_scoring_that_was_killed_goes_on_where_it_stopped(tmp_path: Path) -> None:
    child = get_context("spawn").Process(target=_score_and_die, args=(str(tmp_path),))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    data = loader(300)
    made, engine = make(tmp_path, data)
    assert made.read("probabilities", np.arange(300)) == pytest.approx(
        whole(data, "probabilities"), abs=1e-6
    )
    assert engine.samples == 300 - 2 * 64


def test_two_that_work_at_one_pass_do_not_disturb_each_other(tmp_path: Path) -> None:
    data = loader(300)
    one, first = make(tmp_path, data)
    two, second = make(tmp_path, data)  # while the first has it open
    rows = np.arange(300)
    assert np.array_equal(one.read("probabilities", rows), two.read("probabilities", rows))
    assert first.samples == second.samples == 300


def test_embeddings_can_be_kept_in_half_precision(tmp_path: Path) -> None:
    data = loader(300)
    made, _ = make(tmp_path, data, half=True)
    found = made.read("embeddings", np.arange(300))
    (file,) = Path(made._folder).rglob("embeddings.bin")
    assert file.stat().st_size == 300 * 5 * 2
    assert found == pytest.approx(whole(data, "embeddings"), abs=1e-2)
    assert made.read("probabilities", np.arange(300)).dtype == np.float32


def test_the_passes_used_longest_ago_are_deleted_first(tmp_path: Path) -> None:
    for age, key in enumerate(["old", "older", "oldest"]):
        made, _ = make(tmp_path, loader(300), key)
        made.read("samples", np.arange(300))
        size = made.size
        made.close()
        for folder in tmp_path.glob(f"{key}-*/*"):
            os.utime(folder, (1e9 - age, 1e9 - age))
    assert trim_passes(tmp_path, 2 * size + 100) <= 2 * size + 100
    left = {folder.parent.name.rpartition("-")[0] for folder in tmp_path.glob("*/*")}
    assert left == {"old", "older"}


def test_a_pass_in_use_is_not_deleted(tmp_path: Path) -> None:
    made, _ = make(tmp_path, loader(300))
    made.read("samples", np.arange(300))
    assert trim_passes(tmp_path, 0) == made.size > 0
    made.close()
    assert trim_passes(tmp_path, 0) == 0


def test_a_folder_that_cannot_be_written_costs_only_the_keeping(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    data = loader(100)
    made, _ = make(tmp_path / "file", data)
    assert len(made.read("probabilities", np.arange(100))) == 100
    assert "scores are not kept" in caplog.text


def test_a_full_disk_is_reported_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    made, _ = make(tmp_path, loader(100))
    monkeypatch.setattr(pass_samples, "whole_file", full)
    with pytest.raises(DataError, match=r"No space left on device.*AL_CACHE_DIR"):
        made.read("probabilities", np.arange(100))


def test_a_disk_that_is_full_says_so_before_rows_are_gathered_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    made, _ = make(tmp_path, loader(300))
    made.ensure(["samples"], np.arange(300))
    monkeypatch.setattr("al.data_selector.kept_rows.LARGE", 1000)
    monkeypatch.setattr(os, "posix_fallocate", full)  # or a write to the map would be a SIGBUS
    with pytest.raises(DataError, match="No space left on device"):
        made.read("samples", np.arange(300))


def test_a_limit_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ("many", "inf", "-1"):
        monkeypatch.setenv("AL_CACHE_GB", given)
        _refused()


def _refused() -> None:
    with pytest.raises(ConfigError, match="give gigabytes"):
        cache_limit()


def test_in_half_the_bits_a_pass_is_one_of_its_own_and_says_nearly_the_same(
    tmp_path: Path,
) -> None:
    data, rows = loader(200), np.arange(200)
    names = ["probabilities", "samples", "embeddings"]
    exact, _ = make(tmp_path, data)
    full = {name: exact.read(name, rows) for name in names}
    exact.close()
    made, engine = make(tmp_path, data, precision="bfloat16")
    for name in names:
        found = made.read(name, rows)
        assert found.dtype == np.float32
        assert not np.array_equal(found, full[name])
        assert found == pytest.approx(full[name], abs=0.05, rel=0.02)
    assert made.read("probabilities", rows).sum(axis=1) == pytest.approx(np.ones(200), abs=1e-5)
    assert engine.samples == 200 * len(names)  # nothing was taken from the other
    made.close()


def test_passes_of_two_models_over_the_same_samples_have_one_file_of_them(tmp_path: Path) -> None:
    data = loader(100)
    for key in ("one", "two"):
        made, _ = make(tmp_path, data, key)
        made.read("probabilities", np.arange(100))
        made.close()
    one, two = sorted(tmp_path.rglob("samples.jsonl"))
    assert one.parent.name == two.parent.name
    assert one.samefile(two)
    ids, prints = pass_samples.read_samples(one)
    assert (tuple(ids), prints) == (data.ids("train"), data.fingerprints(data.ids("train")))
    other = loader(100, shift=1.0)  # the same ids, of other samples
    assert pass_samples.samples_digest(other) != pass_samples.samples_digest(data)
    assert pass_samples.samples_digest(data) == one.parent.name
