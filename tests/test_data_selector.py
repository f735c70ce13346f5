from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from al.catalog import strategies, tasks
from al.contracts import Batch, Picks
from al.data_selector import View, contact_sheet, select
from al.engine import LocalEngine
from al.errors import PoolEmpty, StrategyError
from al.randomness import seeded


@pytest.fixture(scope="module")
def digits() -> Any:
    task = tasks.get("digits")()
    data = task.data()
    data.freeze(data.propose_splits(100, seed=0))
    with seeded(0):
        return data, task.graph(data.spec)


def make(digits: Any, pool: Any = None, graph: Any = "the graph", engine: Any = None) -> View:
    data, made = digits
    train = data.ids("train")
    labelled = train[:9]
    return View(
        train[9:] if pool is None else pool,
        labelled,
        data.truth(labelled),
        data=data,
        graph=made if graph == "the graph" else graph,
        engine=engine or LocalEngine(),
        seed=1,
    )


def test_a_view_has_a_row_for_each_id_of_the_pool(digits: Any) -> None:
    view = make(digits)
    count = len(view.ids)
    assert view.probabilities.shape == (count, 10)
    assert view.probabilities.sum(1) == pytest.approx(np.ones(count), abs=1e-5)
    assert view.samples.shape == (count, 20, 10)
    assert view.embeddings.shape == (count, 128)
    assert view.features.shape == (count, 64)
    assert len(view.metadata) == count
    assert view.labelled.embeddings.shape == (9, 128)
    assert view.labelled.features.shape == (9, 64)
    assert len(view.labelled.labels) == 9


def test_rows_are_mapped_back_to_the_ids_of_the_pool(digits: Any) -> None:
    data, graph = digits
    view = make(digits, pool=data.ids("train")[500:1100:7])
    (batch,) = data.batches(view.ids, batch_size=10_000)
    direct = graph.infer(batch, ("probabilities",), samples=1, seed=0)["probabilities"]
    assert view.probabilities == pytest.approx(direct, abs=1e-6)


def test_scores_do_not_change_by_a_bit_when_the_pool_shrinks(digits: Any) -> None:
    whole = make(digits)
    part = make(digits, pool=whole.ids[5::3])
    assert np.array_equal(whole.probabilities[5::3], part.probabilities)
    assert np.array_equal(whole.samples[5::3], part.samples)


def test_nothing_is_computed_before_it_is_read(digits: Any) -> None:
    class Counting(LocalEngine):
        passes = 0

        def map(self, make_worker: Any, shards: Any) -> Any:
            Counting.passes += 1
            return super().map(make_worker, shards)

    view = make(digits, engine=Counting())
    select(strategies.get("random"), view, 5, np.random.default_rng(0), name="random", model="none")
    assert Counting.passes == 0
    assert view.probabilities is view.probabilities
    assert Counting.passes == 1
    view.embeddings, view.labelled.embeddings  # noqa: B018
    assert Counting.passes == 2


def test_shards_may_come_back_in_any_order(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import al.data_selector.view as module

    class Backwards(LocalEngine):
        def map(self, make_worker: Any, shards: Any) -> Any:
            return reversed(list(super().map(make_worker, shards)))

    monkeypatch.setattr(module, "SHARD", 500)
    straight, backwards = make(digits), make(digits, engine=Backwards())
    assert np.array_equal(straight.probabilities, backwards.probabilities)


def test_without_a_model_a_view_says_what_to_do(digits: Any) -> None:
    view = make(digits, graph=None)
    assert not view.has_model
    assert view.features.shape[1] == 64
    with pytest.raises(StrategyError, match="choose another cold_start"):
        view.probabilities  # noqa: B018


def run(picks: Picks, digits: Any, size: int = 3) -> Any:
    return select(
        lambda view, query_size, rng: picks,
        make(digits),
        size,
        np.random.default_rng(0),
        name="mine",
        model="none",
    )


@pytest.mark.parametrize(
    ("positions", "scores", "says"),
    [
        ([1, 2], [1, 1], "returned \\[2\\] picks for a query of 3"),
        ([1, 2, 2], [1, 1, 1], "picked a sample twice"),
        ([1, 2, 99_999], [1, 1, 1], "outside the pool"),
        ([1, 2, -1], [1, 1, 1], "outside the pool"),
        ([1, 2, 3], [1, 1, np.nan], "not finite"),
        ([1, 2, 3], [1, 1], "returned \\[2, 3\\]"),
    ],
)
def test_a_strategy_that_returns_no_query_is_told_so(
    digits: Any, positions: list[int], scores: list[float], says: str
) -> None:
    with pytest.raises(StrategyError, match=says):
        run(Picks(np.array(positions), np.array(scores)), digits)


def test_a_query_keeps_why_each_sample_was_chosen(digits: Any) -> None:
    query = run(Picks(np.array([4, 0, 2]), np.array([3.0, 2.0, 1.0])), digits)
    assert query.ids == tuple(make(digits).ids[i] for i in (4, 0, 2))
    assert query.scores == (3.0, 2.0, 1.0)
    assert query.reasons == ("mine",) * 3
    assert query.propensities == (None,) * 3


def test_a_small_pool_is_asked_about_whole(digits: Any) -> None:
    view = make(digits, pool=digits[0].ids("train")[:4])
    query = select(
        strategies.get("margin"), view, 9, np.random.default_rng(0), name="margin", model="none"
    )
    assert sorted(query.ids) == sorted(view.ids)


def test_an_empty_pool_is_an_error(digits: Any) -> None:
    with pytest.raises(PoolEmpty, match="the pool is empty"):
        select(
            strategies.get("random"), make(digits, pool=()), 1, np.random.default_rng(),
            name="random", model="none",
        )  # fmt: skip


def test_the_contact_sheet_shows_every_sample_of_the_query(digits: Any) -> None:
    count = 13
    query = run(Picks(np.arange(count), np.ones(count)), digits, size=count)
    sheet = contact_sheet(query, digits[0])
    assert sheet is not None
    pixels = np.asarray(sheet)
    columns, tile, high = 4, 84, 98
    for place in range(count):
        x, y = place % columns * tile, place // columns * high
        assert pixels[y : y + tile, x : x + tile].std() > 10, place


def test_masks_of_dropout_do_not_depend_on_the_batch(digits: Any) -> None:
    data, graph = digits
    ids = data.ids("train")[:40]
    (whole,) = data.batches(ids, batch_size=40)
    parts = list(data.batches(ids, batch_size=7))

    def samples(batch: Batch, seed: int) -> np.ndarray:
        found: np.ndarray = graph.infer(batch, ("samples",), samples=6, seed=seed)["samples"]
        return found

    joined = np.concatenate([samples(part, 1) for part in parts])
    assert samples(whole, 1) == pytest.approx(joined, abs=1e-6)
    assert not np.allclose(samples(whole, 1), samples(whole, 2))
    assert samples(whole, 1).std(axis=1).max() > 0
