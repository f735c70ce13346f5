from __future__ import annotations

from typing import Any

import pytest

from al.catalog import tasks
from al.compare import compare
from al.randomness import seeded


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


def judge(champion: Any, kpi: float | None, count: int = 50) -> Any:
    graph, data = champion
    ids = data.ids("train")[600 : 600 + count]
    return compare(graph, data, ids, data.truth(ids), metric="accuracy", kpi=kpi)


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
    verdict = compare(None, champion[1], (), (), metric="accuracy", kpi=0.5)
    assert verdict.retrain
    assert verdict.value is None


def test_without_new_answers_there_is_nothing_to_train_on(champion: Any) -> None:
    assert not judge(champion, 0.9, count=0).retrain
