"""Every strategy on every kind of problem: it runs, or says plainly that it makes no sense."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from al.catalog import strategies
from al.contracts import Engine
from al.data_selector import View, contact_sheet, explained, query_figures, select
from al.errors import ConfigError, StrategyError
from al.kinds import Kind, kind_named
from al.measures import MEASURES
from al.strategies import build, check_kind
from tests.kinds import KINDS, view_of
from tests.test_strategies import WRITTEN

#: How a strategy is written that cannot take what the others are tried with.
HERE = {
    "sql": 'sql("SELECT id FROM pool ORDER BY id DESC")',
    "bandit": "bandit(margin, k_center)",
    "power": "power({0})",
    "softmax": "softmax({0})",
    "softrank": "softrank({0})",
}
SCORED = {"number": "variance"}
#: Where a strategy makes no sense, by the issue of what it looks at.
SENSELESS: dict[str, set[str]] = {
    "class": {"variance", "gsy", "igs", "foreground_random", "clasp", "expected_boxes"},
    "number": {
        "entropy", "margin", "least_confidence", "variation_ratio", "vote_entropy",
        "density_weighted", "cluster_margin", "foreground_random", "clasp", "expected_boxes",
        "tcm", "uherding",
    },
}  # fmt: skip
SENSELESS |= {
    kind: {"variance", "gsy", "igs"} | ({"foreground_random", "clasp", "expected_boxes"} - own)
    for kind, own in (
        ("mask", {"foreground_random", "clasp"}),
        ("boxes", {"expected_boxes"}),
        ("labels", set()),
        ("entities", {"expected_boxes"}),
    )
}
#: These ask for one distribution over classes a sample.
FOR_CLASSES = {"badge", "batch_bald", "epig", "contrastive", "bandit", "drop_query"}
for _kind in KINDS:
    if _kind != "class":
        SENSELESS[_kind] |= FOR_CLASSES


def written(name: str, kind: str) -> str:
    return HERE.get(name, WRITTEN.get(name, name)).format(SCORED.get(kind, "entropy"))


@lru_cache(maxsize=1)  # one kind's models at a time
def pool(kind: str) -> View:
    return view_of(kind)


MATRIX = [(kind, name) for kind in KINDS for name in strategies.names()]


@pytest.mark.parametrize(("kind", "name"), MATRIX)
def test_a_strategy_runs_on_a_kind_of_problem_or_says_that_it_makes_no_sense(
    kind: str, name: str
) -> None:
    strategy = build(written(name, kind))
    if name in SENSELESS[kind]:
        with pytest.raises(StrategyError, match=r"has no meaning where labels are .*: choose "):
            check_kind(strategy, kind)
        return
    check_kind(strategy, kind)
    view = pool(kind)
    query = select(strategy, view, 6, np.random.default_rng(0), name=name, model="m")
    assert len(set(query.ids)) == 6
    assert set(query.ids) <= set(view.ids)
    again = select(strategy, view, 6, np.random.default_rng(0), name=name, model="m")
    assert again.ids == query.ids


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_proposed_instead_makes_sense(kind: str) -> None:
    wrong = next(name for name in ("igs", "margin") if name in SENSELESS[kind])
    with pytest.raises(StrategyError) as caught:
        check_kind(build(wrong), kind)
    for name in str(caught.value).partition("choose ")[2].replace(" or ", ", ").split(", "):
        check_kind(build(name), kind)


MEASURED = [
    (kind, measure, over)
    for kind in KINDS
    for measure in MEASURES
    for over in (*kind_named(kind).over, *(["top20"] if kind == "mask" else []))
]


@pytest.mark.parametrize(("kind", "measure", "over"), MEASURED)
def test_every_reduction_of_every_measure_scores_every_sample(
    kind: str, measure: str, over: str
) -> None:
    view = pool(kind)
    scores = view.measured(measure, over)
    assert scores.shape == (len(view.ids),)
    assert np.isfinite(scores).all()
    assert scores.std() > 0 or measure in ("variation_ratio", "vote_entropy")
    part = view.narrow(np.array([0, 7, 30]))
    assert np.array_equal(part.measured(measure, over), scores[[0, 7, 30]])


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("class", 'entropy(over="patch")', "one distribution: leave over out"),
        ("number", 'bald(over="max")', "one distribution: leave over out"),
        ("boxes", 'entropy(over="patch")', "choose one of sum, max, mean"),
        ("labels", "bald(over=top10)", "choose one of mean, max"),
        ("entities", "entropy(over=patch)", "choose one of mean, sum, max"),
    ],
)
def test_a_reduction_of_another_kind_is_refused(kind: str, text: str, says: str) -> None:
    with pytest.raises(StrategyError, match=says):
        check_kind(build(text), kind)


def test_a_reduction_that_no_kind_has_is_refused_when_the_strategy_is_written() -> None:
    with pytest.raises(ConfigError, match="choose one of auto, patch"):
        build('margin(over="pach")')


def test_one_pass_computes_all_that_a_strategy_reads() -> None:
    counted = []

    class Counting(Engine):
        def map(self, make_worker, shards):  # type: ignore[no-untyped-def]
            counted.append(1)
            work = make_worker()
            return ((shard, work(shard)) for shard in shards)

    view = view_of("mask", engine=Counting())
    build("bald(10x, over=top) > k_center")(view, 3, np.random.default_rng(0))
    assert len(counted) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_tells_what_the_model_believes_and_shows_it(kind: str) -> None:
    view = pool(kind)
    data = view._source.data
    query = select(build("random"), view, 5, np.random.default_rng(0), name="random", model="m")
    query = explained(query, view)
    for label in query.predicted:
        data.check_label(label)  # a belief could be an answer
    assert len(query.confidence) == 5
    assert np.isfinite(query.confidence).all()
    figures = query_figures(query, view, np.random.default_rng(0))
    assert ("query/class_balance" in figures) == (kind == "class")
    sheet = contact_sheet(query, data)
    if kind == "entities":  # a page shows texts
        assert sheet is None
        return
    assert sheet is not None
    pixels = np.asarray(sheet)
    assert pixels.std() > 10
    if kind in ("mask", "boxes"):
        coloured = np.ptp(pixels.astype(int), axis=2).max()
        assert coloured > 30  # drawn in a colour into grey images


def test_a_kind_of_version_0_2_says_what_its_labels_are_by_the_name_of_then() -> None:
    class Grades(Kind):
        said = "grades"

    assert Grades.labels_are == "grades"
