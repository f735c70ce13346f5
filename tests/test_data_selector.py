from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al.catalog import strategies, tasks
from al.contracts import Batch, Picks, Query
from al.data import ArrayLoader
from al.data_selector import Model, View, contact_sheet, explained, query_figures, select
from al.engine import LocalEngine
from al.errors import PoolEmpty, StrategyError
from al.kinds import kind_named
from al.randomness import seeded
from al.strategies import build
from tests.test_strategies import EVERY


@pytest.fixture(scope="module")
def digits() -> Any:
    task = tasks.get("digits")()
    data = task.data()
    data.freeze(data.propose_splits(100, seed=0))
    with seeded(0):
        return data, task.graph(data.spec)


class Counting(LocalEngine):
    """Counts the passes over the pool."""

    passes = 0

    def map(self, make_worker: Any, shards: Any) -> Any:
        self.passes += 1
        return super().map(make_worker, shards)


def make(digits: Any, pool: Any = None, graph: Any = "the graph", **more: Any) -> View:
    data, made = digits
    graph = made if graph == "the graph" else graph
    train = data.ids("train")
    labelled = train[:9]
    return View(
        train[9:] if pool is None else pool,
        labelled,
        data.truth(labelled),
        data=data,
        champion_model=None if graph is None else Model(graph, "its-weights", seed=1),
        **{"engine": LocalEngine(), **more},
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
    assert view.labelled.probabilities.shape == (9, 10)
    assert view.target_samples.shape == (100, 20, 10)
    assert view.costs.tolist() == [1.0] * count
    assert view.labelled.features.shape == (9, 64)
    assert len(view.labelled.labels) == 9


def test_what_nothing_is_labelled_for_is_empty(digits: Any) -> None:
    data, graph = digits
    champion_model = Model(graph, "its-weights", seed=1)
    view = View(
        data.ids("train"), (), (), data=data, champion_model=champion_model, engine=LocalEngine()
    )
    for name in ("probabilities", "embeddings", "features"):
        assert len(getattr(view.labelled, name)) == 0, name


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
    engine = Counting()
    view = make(digits, engine=engine)
    select(strategies.get("random"), view, 5, np.random.default_rng(0), name="random", model="none")
    assert engine.passes == 0
    assert view.probabilities is view.probabilities
    assert engine.passes == 1
    view.embeddings, view.labelled.embeddings  # noqa: B018
    assert engine.passes == 2


def test_what_a_strategy_declares_is_computed_in_one_pass(digits: Any) -> None:
    engine = Counting()
    view = make(digits, engine=engine)
    build("margin(10x) > badge")(view, 5, np.random.default_rng(0))
    view.labelled.embeddings, view.labelled.probabilities  # noqa: B018
    assert engine.passes == 1


def test_a_view_says_how_much_its_passes_take_on_disk(digits: Any, tmp_path: Path) -> None:
    view = make(digits, folder=tmp_path)
    assert view.size == 0
    view.prepare(["probabilities", "embeddings"])
    kept = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert view.size == kept > 4 * len(view.ids) * (10 + 128)
    view.close()


def test_shards_may_come_back_in_any_order(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import al.data_selector.pool_pass as module

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
        ([1.0, 2.0, 3.0], [1, 1, 1], "not whole numbers"),
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
    columns, tile, high = 4, 128, 151
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


def test_a_narrowed_view_holds_the_rows_of_its_ids(digits: Any) -> None:
    whole = make(digits)
    part = whole.narrow(np.array([3, 50, 700])).narrow(slice(1, 3))
    assert part.ids == (whole.ids[50], whole.ids[700])
    for name in ("probabilities", "samples", "embeddings", "features"):
        assert np.array_equal(getattr(part, name), getattr(whole, name)[[50, 700]]), name
    assert part.labelled.ids == whole.labelled.ids
    assert part.metadata.index.tolist() == list(part.ids)


def test_a_committee_has_a_member_for_each_candidate(digits: Any) -> None:
    data, _ = digits
    graphs = []
    for seed in range(3):
        with seeded(seed):
            graphs.append(tasks.get("digits")().graph(data.spec))
    models = [Model(graph, f"weights-{n}", 0) for n, graph in enumerate(graphs)]
    view = make(digits, committee=lambda: models)
    assert view.committee.shape == (len(view.ids), 3, 10)
    assert not np.allclose(view.committee[:, 0], view.committee[:, 1])


def test_a_committee_of_one_is_refused_with_what_to_do(digits: Any) -> None:
    with pytest.raises(StrategyError, match="give candidates=3"):
        make(digits).committee  # noqa: B018


def test_a_query_tells_what_the_model_believes_of_each_sample(digits: Any) -> None:
    view = make(digits)
    query = explained(run(Picks(np.array([4, 0, 2]), np.array([3.0, 2.0, 1.0])), digits), view)
    expected = view.probabilities[[4, 0, 2]]
    assert query.predicted == tuple(view.classes[c] for c in expected.argmax(1))
    assert query.confidence == pytest.approx(expected.max(1).tolist(), abs=1e-5)


def test_without_a_model_nothing_is_believed(digits: Any) -> None:
    query = run(Picks(np.array([4, 0, 2]), np.array([3.0, 2.0, 1.0])), digits)
    assert explained(query, make(digits, graph=None)).predicted == ()


def test_figures_of_a_query_compare_it_with_a_uniform_one(digits: Any) -> None:
    view = make(digits)
    far = build("k_center")(view, 40, np.random.default_rng(0))
    query = explained(run(far, digits, size=40), view)
    figures = query_figures(query, view, np.random.default_rng(0))
    assert figures["query/size"] == 40
    assert figures["query/pool"] == len(view.ids)
    assert figures["query/distance_to_labelled"] > 1.1  # it was chosen to be far
    assert 0 <= figures["query/class_balance"] <= 1
    assert 0 <= figures["query/overlap_with_random"] <= 0.3


def test_figures_of_a_query_are_those_of_their_definitions(digits: Any) -> None:
    from scipy.stats import entropy

    view = make(digits, pool=digits[0].ids("train")[9:209])
    rows = [3, 5, 8, 13, 21, 34, 55, 89]
    ids = tuple(view.ids[row] for row in rows)
    reasons = ("margin",) * 6 + ("explore",) * 2
    predicted = tuple("11122340")
    query = Query(
        ids, tuple(map(float, range(8))), reasons, (None,) * 8, "margin", "none",
        predicted=predicted, confidence=(0.5,) * 8,
    )  # fmt: skip
    figures = query_figures(query, view, np.random.default_rng(3))
    assert figures["query/mean_score"] == 3.5
    assert figures["query/explored"] == 2
    assert figures["query/class_balance"] == pytest.approx(entropy([3, 2, 1, 1, 1]) / np.log(10))
    drawn = np.random.default_rng(3).choice(200, size=8, replace=False)
    assert figures["query/overlap_with_random"] == len({*drawn} & {*rows}) / 8
    points, seen = view.embeddings.astype(float), view.labelled.embeddings.astype(float)
    nearest = np.linalg.norm(points[:, None] - seen, axis=2).min(axis=1)
    expected = nearest[rows].mean() / nearest[drawn].mean()
    assert figures["query/distance_to_labelled"] == pytest.approx(expected, rel=1e-4)


def test_costs_that_are_none_are_refused(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    view = make(digits)
    monkeypatch.setattr(digits[0], "costs", lambda ids: np.zeros(len(ids)))
    with pytest.raises(StrategyError, match="give costs above zero"):
        view.costs  # noqa: B018


#: What one graph that never learned its losses can be asked by.
BY_CHAMPION = [
    text
    for text in EVERY
    if not {"committee", "losses"} & {*build(text).reads} and build(text).suits(kind_named("class"))
]


@pytest.mark.parametrize("text", BY_CHAMPION)
def test_the_order_in_which_the_data_are_held_does_not_matter(digits: Any, text: str) -> None:
    _, graph = digits
    held = tasks.get("digits")().data()
    order = np.random.default_rng(0).permutation(300)
    ids = np.array(sorted(held._row))[:300]
    queries = []
    for places in (np.arange(300), order):
        rows = [held._row[id] for id in ids[places]]
        data = ArrayLoader(
            ids[places].tolist(),
            held._inputs[rows],
            held._targets[rows],
            list("0123456789"),
            [],
        )
        data.freeze(data.propose_splits(20, seed=0))
        train = data.ids("train")
        view = View(
            train[9:],
            train[:9],
            data.truth(train[:9]),
            data=data,
            champion_model=Model(graph, "its-weights", seed=1),
            engine=LocalEngine(),
        )
        text_ = text.replace("size", "mean")  # the column that these data have
        picks = build(text_)(view, 8, np.random.default_rng(0))
        queries.append([view.ids[row] for row in picks.positions])
    assert queries[0] == queries[1]


def test_what_a_strategy_remembers_is_what_a_later_process_reads(digits: Any) -> None:
    picks = Picks(np.array([1, 2, 3]), np.ones(3), memory={"pair": (1, 2), "by": {3: "x"}})
    assert run(picks, digits).memory == {"pair": [1, 2], "by": {"3": "x"}}
    with pytest.raises(StrategyError, match="remembers what is no JSON"):
        run(Picks(np.array([1, 2, 3]), np.ones(3), memory={"x": np.float32(1)}), digits)
