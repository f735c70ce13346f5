from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from al.catalog import tasks
from al.compare import Sample, compare, drift, estimate
from al.compare.drift import MOST, Drift
from al.compare.estimates import effective, resampled
from al.engine import Runner
from al.randomness import seeded
from tests.kinds import made


@pytest.fixture(scope="module")
def champion() -> Any:
    task = tasks.get("digits")()
    data = task.data()
    ids = data.ids("train")[:400]
    with seeded(0):
        graph = task.graph(data.spec)
        graph.prepare_training(lr=0.003, epochs=30)
        for _ in range(30):
            for batch in data.batches(ids, data.truth(ids), batch_size=32):
                graph.train_batch(batch)
    return graph, data


def samples_of(data: Any, ids: Any, **more: Any) -> list[Sample]:
    more = {"cycle": 2, **more}
    return [Sample(id, label, **more) for id, label in zip(ids, data.truth(ids), strict=True)]


def judge(champion: Any, kpi: float | None, count: int = 50, **more: Any) -> Any:
    graph, data = champion
    rule = more.pop("rule", "plain")
    samples = samples_of(data, data.ids("train")[600 : 600 + count], **more)
    return compare(Runner(graph, data), samples, metric="accuracy", kpi=kpi, rule=rule)


def test_the_value_is_the_share_that_the_champion_gets_right(champion: Any) -> None:
    graph, data = champion
    ids = data.ids("train")[600:650]
    (batch,) = data.batches(ids, batch_size=50)
    right = [
        data.spec.classes[i] == label
        for i, label in zip(
            graph.predict(batch.inputs.numpy()).argmax(1), data.truth(ids), strict=True
        )
    ]
    verdict = judge(champion, None)
    assert verdict.value == pytest.approx(sum(right) / 50)
    assert verdict.samples == 50
    low, high = verdict.interval
    assert low < verdict.value < high


def test_a_met_kpi_means_no_training(champion: Any) -> None:
    verdict = judge(champion, 0.5)
    assert not verdict.retrain
    assert "meets the KPI 0.5" in verdict.why


def test_a_kpi_that_is_reached_exactly_is_met(champion: Any) -> None:
    assert not judge(champion, judge(champion, None).value).retrain


def test_a_missed_kpi_means_training(champion: Any) -> None:
    verdict = judge(champion, 0.9999)
    assert verdict.retrain
    assert "misses the KPI" in verdict.why


def test_without_a_kpi_every_cycle_trains(champion: Any) -> None:
    assert judge(champion, None).retrain


def test_without_a_champion_the_cycle_trains(champion: Any) -> None:
    verdict = compare(None, (), metric="accuracy", kpi=0.5)
    assert verdict.retrain
    assert verdict.value is None


def test_without_new_answers_there_is_nothing_to_train_on(champion: Any) -> None:
    assert not judge(champion, 0.9, count=0).retrain


# -- which samples count ------------------------------------------------------------------


def test_the_audit_slice_decides_and_not_what_was_chosen_as_hard(champion: Any) -> None:
    graph, data = champion
    ids = data.ids("train")[600:1000]
    (batch,) = data.batches(ids, data.truth(ids), batch_size=400)
    right = graph.each([batch], "accuracy") == 1
    wrong = [id for id, good in zip(ids, right, strict=True) if not good]
    audit = samples_of(data, ids[:300], audit=True)
    hard = samples_of(data, [id for id in wrong if id not in ids[:300]])
    assert hard
    both = compare(
        Runner(graph, data), [*audit, *hard], metric="accuracy", kpi=0.8, rule="interval"
    )
    alone = compare(Runner(graph, data), audit, metric="accuracy", kpi=0.8, rule="interval")
    assert both.estimator == "audit"
    assert (both.value, both.interval) == (alone.value, alone.interval)
    assert both.plain < both.value
    assert not both.retrain


def test_a_value_above_the_kpi_with_too_few_samples_is_no_proof(champion: Any) -> None:
    few = judge(champion, 0.8, count=10, audit=True, rule="interval")
    assert few.value >= 0.8
    assert few.retrain
    assert "may miss the KPI 0.8" in few.why


def test_without_a_uniform_draw_the_plain_mean_is_used_and_reported(champion: Any) -> None:
    verdict = judge(champion, 0.5, rule="interval")
    assert verdict.estimator == "plain"
    assert "give audit a share" in verdict.why


def test_known_chances_of_every_sample_count_and_unknown_ones_do_not(champion: Any) -> None:
    graph, data = champion
    ids = data.ids("train")
    known = samples_of(data, ids[600:640], cycle=3, chance=0.1)
    unknown = samples_of(data, ids[640:680], cycle=2)
    verdict = compare(
        Runner(graph, data), [*known, *unknown], metric="accuracy", kpi=0.5, rule="interval"
    )
    assert (verdict.estimator, verdict.samples) == ("weighted", 40)


def test_a_metric_that_is_no_mean_of_samples_gets_an_interval_by_resampling(champion: Any) -> None:
    graph, data = champion
    samples = samples_of(data, data.ids("train")[600:650], audit=True)
    verdict = compare(Runner(graph, data), samples, metric="loss", kpi=0.5, rule="interval")
    assert graph.each([], "loss") is None
    low, high = verdict.interval
    assert low <= verdict.value <= high
    assert low < high


# -- estimates ----------------------------------------------------------------------------


@pytest.mark.parametrize("truth", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("size", [10, 50, 400])
def test_the_interval_of_a_proportion_holds_the_truth_as_often_as_it_says(
    truth: float, size: int
) -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(2000):
        found = estimate((rng.random(size) < truth).astype(float), np.ones(size), rng)
        held.append(found.low <= truth <= found.high)
    assert np.mean(held) > 0.88  # 95 % averaged over truths; Wilson's least is near 1


def test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    draws = (rng.gamma(2.0, size=100) for _ in range(300))
    found = [estimate(values, np.ones(100), rng) for values in draws]
    assert np.mean([one.low <= 2 <= one.high for one in found]) > 0.9


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=50))
def test_weights_are_worth_at_most_as_many_samples_as_there_are(chances: list[float]) -> None:
    weights = effective(np.array(chances))
    assert 1 - 1e-9 <= weights.sum() <= len(chances) + 1e-9
    assert weights * np.array(chances) == pytest.approx(weights[0] * chances[0])


def test_weighting_by_chances_undoes_the_choice_of_hard_samples() -> None:
    rng = np.random.default_rng(0)
    right = (rng.random(4000) < 0.9).astype(float)
    chances = np.where(right == 1, 0.02, 0.2)
    values = []
    for _ in range(400):
        picked = rng.random(4000) < chances
        weights = effective(chances[picked])
        values.append(estimate(right[picked], weights, rng).value)
    assert np.mean(values) == pytest.approx(right.mean(), abs=0.01)


def test_resampling_by_weights_follows_the_weights() -> None:
    values = np.array([0.0, 1.0])
    rng = np.random.default_rng(0)
    found = resampled(lambda rows: float(values[rows].mean()), np.array([0.5, 1.5]), rng)
    assert found.value == pytest.approx(0.75, abs=0.06)


# -- drift --------------------------------------------------------------------------------


def test_samples_of_one_kind_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(0)
    found = [drift(rng.normal(size=(60, 5)), rng.normal(size=(90, 5)), rng) for _ in range(40)]
    assert np.mean([one.auc for one in found if one]) == pytest.approx(0.5, abs=0.03)
    assert np.mean([one.p < 0.05 for one in found if one]) <= 0.15


def test_samples_of_another_kind_are_found_out() -> None:
    rng = np.random.default_rng(0)
    found = drift(rng.normal(size=(60, 5)) + 1, rng.normal(size=(90, 5)), rng)
    assert found is not None
    assert found.auc > 0.8
    assert found.p < 0.001
    assert (len(found.new), len(found.others)) == (60, 90)
    assert found.new.mean() > 0.5 > found.others.mean()


def test_the_figure_of_drift_shows_both_sides_by_rank_as_densities() -> None:
    rng = np.random.default_rng(0)
    found = Drift(0.75, 0.012, rng.random(60) ** 0.5, rng.random(300))
    (axes,) = found.figure("cycle 3", "queried", "before").axes
    assert axes.get_title() == "cycle 3: AUC 0.750 (0.5 is alike), p = 0.012"
    assert axes.get_xlabel()
    assert axes.get_ylabel() == "density"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "300 before", "60 queried",
    ]  # fmt: skip
    filled, outline = axes.patches[:5], axes.patches[5].get_xy()
    edges = [bar.get_x() for bar in filled] + [filled[-1].get_x() + filled[-1].get_width()]
    assert edges == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])  # five bins, as one side is small
    heights, _ = np.histogram(found.others, bins=5, range=(0, 1), density=True)
    assert [bar.get_height() for bar in filled] == pytest.approx(heights.tolist())
    steps, _ = np.histogram(found.new, bins=5, range=(0, 1), density=True)
    assert sorted({float(y) for _, y in outline} - {0.0}) == pytest.approx(sorted(steps.tolist()))
    highest = max(*heights, *steps)
    assert axes.get_ylim()[1] > 1.2 * highest  # the legend covers nothing


def test_drift_is_the_success_of_a_classifier_on_what_it_has_not_seen() -> None:
    from scipy.stats import mannwhitneyu
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    rng = np.random.default_rng(0)
    new, others = rng.normal(size=(40, 3)) + 0.7, rng.normal(size=(60, 3)) * [1, 9, 1]
    x, y = np.concatenate([new, others]), np.repeat((1, 0), (40, 60))
    found = drift(new, others, np.random.default_rng(5))
    assert found is not None
    draw = int(np.random.default_rng(5).integers(2**31))
    wins = 0.0
    for train, test in StratifiedKFold(5, shuffle=True, random_state=draw).split(x, y):
        middle, unit = x[train].mean(0), x[train].std(0)
        model = LogisticRegression(C=0.1, class_weight="balanced")
        model.fit((x[train] - middle) / unit, y[train])
        scores = model.decision_function((x[test] - middle) / unit)
        wins += mannwhitneyu(scores[y[test] == 1], scores[y[test] == 0]).statistic
    assert found.auc == pytest.approx(wins / (5 * 8 * 12))


def test_a_side_with_very_many_samples_is_drawn_from() -> None:
    rng = np.random.default_rng(0)
    found = drift(rng.normal(size=(25, 2)), rng.normal(size=(MOST + 50, 2)), rng)
    assert found is not None
    assert (len(found.new), len(found.others)) == (25, MOST)


def test_a_handful_of_samples_says_nothing_about_drift() -> None:
    rng = np.random.default_rng(0)
    assert drift(rng.normal(size=(19, 5)), rng.normal(size=(90, 5)), rng) is None


@pytest.mark.parametrize("rule", ["plain", "interval"])
def test_a_kpi_of_an_error_is_met_from_below(rule: str) -> None:
    data, graph = made("number", epochs=40)
    samples = samples_of(data, data.ids("train")[:40], audit=True)

    def verdict(kpi: float) -> Any:
        return compare(Runner(graph, data), samples, metric="rmse", kpi=kpi, rule=rule)

    found = verdict(1e6)
    low, high = found.interval
    assert low < found.value < high
    assert not found.retrain
    assert verdict(low / 2).retrain
    assert "misses the KPI" in verdict(low / 2).why
    between = verdict((found.value + high) / 2)  # met by the mean, and perhaps not in truth
    assert between.retrain == (rule == "interval")
    assert ("may miss" in between.why) == (rule == "interval")


def test_a_metric_that_ranks_has_no_value_on_samples_of_one_class_and_says_so(
    champion: Any,
) -> None:
    graph, data = champion
    graph.measure(["auroc"])
    ids = data.ids("train")[600:700]
    one = [id for id, label in zip(ids, data.truth(ids), strict=True) if label == "3"]
    both = samples_of(data, ids[:8]) + samples_of(data, one[:2])
    found = compare(Runner(graph, data), both, metric="auroc", kpi=0.5)
    assert found.interval is not None
    assert found.interval[0] <= found.value <= found.interval[1]
    verdict = compare(Runner(graph, data), samples_of(data, one), metric="auroc", kpi=0.5)
    assert verdict.retrain
    assert verdict.value is verdict.plain is verdict.interval is None
    assert verdict.why.startswith(f"auroc has no value on {len(one)} new samples")
