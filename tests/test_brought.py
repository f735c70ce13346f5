"""Shares of a scoring, made by processes beside each other and taken in by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies

from al.data_selector import Share, pool_pass, trim_passes
from al.data_selector.brought import BROUGHT, bring, brought, is_brought
from al.errors import ConfigError, DataError, RegistryError
from tests.test_pool_pass import loader, make, small_shards

__all__ = ["small_shards"]
Make = Callable[..., Any]


@given(strategies.integers(1, 20))
def test_shares_part_all_shards_and_no_two_have_one_in_common(count: int) -> None:
    shares = [Share.read(f"{number}/{count}") for number in range(count)]
    for shard in range(100):
        assert sum(shard in share for share in shares) == 1
    assert [str(share) for share in shares] == [f"{n}/{count}" for n in range(count)]


@given(strategies.integers(1, 12), strategies.integers(1, 12), strategies.data())
def test_two_shares_meet_where_some_shard_is_in_both(
    one: int, two: int, data: strategies.DataObject
) -> None:
    first = Share(data.draw(strategies.integers(0, one - 1)), one)
    second = Share(data.draw(strategies.integers(0, two - 1)), two)
    both = any(shard in first and shard in second for shard in range(one * two))
    assert first.meets(second) == second.meets(first) == both


@pytest.mark.parametrize("text", ["", "3", "8/8", "9/8", "-1/8", "0/0", "a/b", "1/2/3", "/8"])
def test_what_is_no_share_is_a_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is not a share: give 0/8, …, 7/8 to eight processes$"):
        Share.read(text)


def test_rows_come_back_as_they_were_and_damaged_ones_not_at_all(tmp_path: Path) -> None:
    rows = np.arange(12, dtype=np.float16).reshape(4, 3)
    (tmp_path / BROUGHT).mkdir()
    assert brought(tmp_path, "embeddings", 7, 4) is None
    bring(tmp_path, "embeddings", 7, rows)
    found = brought(tmp_path, "embeddings", 7, 4)
    assert found is not None
    assert found.dtype == rows.dtype
    assert np.array_equal(found, rows)
    assert is_brought(tmp_path, "embeddings", 7)
    assert brought(tmp_path, "embeddings", 7, 5) is None
    (file,) = (tmp_path / BROUGHT).iterdir()
    whole = file.read_bytes()
    for damaged in (whole[:-1], whole[:10], b"", b"{}\n", whole[:-1] + b"x"):
        file.write_bytes(damaged)
        assert brought(tmp_path, "embeddings", 7, 4) is None


def test_what_shares_bring_is_taken_in_to_the_last_bit_and_made_by_nobody_again(
    tmp_path: Path,
) -> None:
    data, rows = loader(300), np.arange(300)
    alone, _ = make(tmp_path / "alone", data)
    names = ["probabilities", "embeddings"]
    expected = {name: alone.read(name, rows) for name in names}
    made = []
    for number in range(3):
        share, engine = make(tmp_path / "shared", data, share=Share(number, 3))
        share.ensure(names, rows)
        made.append(engine.samples)
        share.ensure(names, rows)  # killed and run again
        assert made[-1] == engine.samples
        share.close()
    assert sum(made) == 300
    assert min(made) > 0
    whole, engine = make(tmp_path / "shared", data)
    for name in names:
        assert np.array_equal(whole.read(name, rows), expected[name])
    assert engine.samples == 0
    whole.close()
    folders = list((tmp_path / "shared").rglob(BROUGHT))
    assert [f.name for folder in folders for f in folder.iterdir() if "lock" not in f.name] == []
    late, engine = make(tmp_path / "shared", data, share=Share(0, 3))
    late.ensure(names, rows)  # somebody has taken it in meanwhile
    assert engine.samples == 0
    late.close()


def test_what_is_damaged_or_missing_is_computed(tmp_path: Path) -> None:
    data, rows = loader(300), np.arange(300)
    share, _ = make(tmp_path, data, share=Share(0, 2))  # shards 0, 2 and 4
    share.ensure(["probabilities"], rows)
    share.close()
    (first,) = tmp_path.rglob("probabilities-00000000")
    first.write_bytes(first.read_bytes()[:-1])
    whole, engine = make(tmp_path, data)
    whole.read("probabilities", rows)
    assert engine.samples == 64 + 64 + 64


def test_shares_work_while_another_process_has_the_pass(tmp_path: Path) -> None:
    data, rows = loader(300), np.arange(300)
    whole, engine = make(tmp_path, data)
    share, _ = make(tmp_path, data, share=Share(1, 2))
    share.ensure(["probabilities"], rows)
    whole.ensure(["probabilities"], rows)
    assert engine.samples == 300 - 2 * 64


def test_a_share_is_made_by_one_process_at_a_time(tmp_path: Path) -> None:
    data = loader(300)
    first, _ = make(tmp_path, data, share=Share(1, 2))
    other, _ = make(tmp_path, data, share=Share(0, 2))
    with pytest.raises(DataError, match=r"another process scores share 1/2 of this pool already"):
        make(tmp_path, data, share=Share(1, 2))
    first.close()
    again, _ = make(tmp_path, data, share=Share(1, 2))
    for held in (other, again):
        held.close()


def test_shares_of_two_counts_that_have_a_shard_in_common_are_not_made_at_once(
    tmp_path: Path,
) -> None:
    data, rows = loader(300), np.arange(300)
    half, engine = make(tmp_path, data, share=Share(0, 2))
    with pytest.raises(DataError, match=r"scores share 0/2 of this pool, which has shards of 2/4"):
        make(tmp_path, data, share=Share(2, 4))
    other, _ = make(tmp_path, data, share=Share(1, 4))  # has none in common
    other.close()
    half.ensure(["probabilities"], rows)
    half.close()
    quarter, engine = make(tmp_path, data, share=Share(2, 4))  # its lock was let go of
    quarter.ensure(["probabilities"], rows)
    assert engine.samples == 0
    quarter.close()


def test_what_shares_brought_is_not_made_again_for_a_pool_that_grew(tmp_path: Path) -> None:
    share, _ = make(tmp_path, loader(256), share=Share(0, 1))
    share.ensure(["probabilities"], np.arange(256))
    share.close()
    whole, _ = make(tmp_path, loader(256))
    whole.ensure(["probabilities"], np.arange(256))
    whole.close()
    grown, engine = make(tmp_path, loader(300))
    grown.ensure(["probabilities"], np.arange(300))
    assert engine.samples == 300 - 256
    grown.close()


def test_a_pass_whose_shares_are_being_made_is_not_trimmed(tmp_path: Path) -> None:
    data, rows = loader(300), np.arange(300)
    share, _ = make(tmp_path, data, share=Share(1, 2))
    share.ensure(["probabilities"], rows)
    assert trim_passes(tmp_path, 0) == share.size > 0
    share.close()
    assert trim_passes(tmp_path, 0) == 0
    assert list(tmp_path.iterdir()) == []


# -- al score ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_query_finds_what_processes_beside_it_have_scored(
    campaign: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_pass, "SHARD", 256)
    given = {"strategy": "margin(3x) > vote_entropy", "candidates": 2, "epochs": 1}
    campaign(**given, campaign="c", cycles=1).run()
    with pytest.raises(ConfigError, match="is not a share"):
        campaign(campaign="c").score("2/2")
    for number in range(2):
        campaign(campaign="c").score(f"{number}/2")
    before = pool_pass._scored
    scored: list[int] = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        scored.append(1)
        return before(*args, **kwargs)

    monkeypatch.setattr(pool_pass, "_scored", counted)
    campaign(campaign="c", cycles=2).run()
    assert scored == []


def test_without_a_model_there_is_nothing_to_score_with(campaign: Make, client: Any) -> None:
    campaign(campaign="c", cycles=1, epochs=1).run()
    client.transition_model_version_stage("c", "1", "Archived")
    client.delete_registered_model_alias("c", "champion")
    with pytest.raises(RegistryError, match="no version of c is in Production, so there is"):
        campaign(campaign="c").score("0/1")
