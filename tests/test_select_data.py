"""Step select-data: whole campaigns by strategies that need more than probabilities."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al.errors import ConfigError, StrategyError
from al.kinds import kind_named
from al.strategies import build
from tests.stores import runs, table
from tests.test_strategies import EVERY


def query_of(client: Any, cycle: int, campaign: str = "c") -> Any:
    (run,) = runs(client, step="select-data", cycle=str(cycle), campaign=campaign)
    return run, table(client, run, "query.parquet")


def test_a_chain_with_a_share_drawn_leaves_why_each_sample_was_chosen(
    campaign: Callable[..., Any], client: Any
) -> None:
    text = (
        'sql("SELECT id FROM pool WHERE mean > 4 AND confidence < 0.999") > margin(3x) > k_center'
    )
    campaign(campaign="c", strategy=text, explore=0.2).run()
    run, query = query_of(client, 2)
    assert query["strategy"].tolist() == ["k_center"] * 8 + ["explore"] * 2
    assert query["propensity"][:8].tolist() == [1.0] * 8
    pool = run.data.metrics["query/pool"]
    assert query["propensity"][8:].tolist() == pytest.approx([2 / (pool - 8)] * 2)
    assert query["predicted"].isin(list("0123456789")).all()
    assert query["confidence"].between(0, 1).all()
    assert set(query["model"]) == {"models:/c/1"}
    assert run.data.tags["al.strategy"] == text
    assert "sql returned" in run.data.tags["al.why"]
    assert run.data.metrics["query/explored"] == 2
    for figure in ("class_balance", "overlap_with_random", "distance_to_labelled", "kept_mb"):
        assert f"query/{figure}" in run.data.metrics
    _, first = query_of(client, 1)
    assert first["predicted"].isna().all()


def test_auto_asks_for_typical_samples_then_covers_the_unsure_and_says_so_once(
    campaign: Callable[..., Any], client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="c", strategy="auto", cold_start="auto", cycles=3).run()
    asked_by = [set(query_of(client, cycle)[1]["strategy"]) for cycle in (1, 2, 3)]
    assert asked_by == [{"typiclust"}, {"uherding"}, {"uherding"}]
    assert caplog.text.count("auto chose uherding") == 1


@pytest.mark.slow
def test_what_a_bandit_has_learned_passes_from_cycle_to_cycle(
    campaign: Callable[..., Any], client: Any
) -> None:
    campaign(campaign="c", strategy="bandit(margin, k_center)", cycles=4).run()
    (last,) = runs(client, role="cycle", cycle="4")
    import json

    path = client.download_artifacts(last.info.run_id, "state/state.json")
    memory = json.loads(Path(path).read_text())["memory"]
    assert memory["rounds"] == 3
    assert len(memory["asked"]) == 30
    (run,) = runs(client, step="select-data", cycle="4")
    assert "reward of the last" in run.data.tags["al.why"]


def test_a_committee_is_made_of_the_latest_candidates(
    campaign: Callable[..., Any], client: Any
) -> None:
    campaign(campaign="c", strategy="consensus_kl", candidates=2).run()
    _, query = query_of(client, 2)
    assert (query["score"] > 0).all()


def test_a_model_that_learns_its_loss_is_asked_for_it(
    campaign: Callable[..., Any], client: Any
) -> None:
    campaign(campaign="c", strategy="learning_loss").run()
    _, query = query_of(client, 2)
    assert query["score"].nunique() > 1
    assert query["score"].is_monotonic_decreasing
    import mlflow

    served = mlflow.pyfunc.load_model("models:/c/Production")  # where the head plays no part
    assert served.predict(np.zeros((1, 8, 8))).shape == (1, 12)


def test_a_version_that_has_not_learned_its_loss_is_one_line(
    campaign: Callable[..., Any], client: Any
) -> None:
    campaign(campaign="plain", strategy="margin", cycles=1).run()
    campaign(campaign="c", strategy="learning_loss", cycles=1).run()
    source = client.get_model_version("plain", "1").source
    made = client.create_model_version("c", source)
    client.transition_model_version_stage("c", made.version, "Production")
    with pytest.raises(StrategyError, match="has not learned to predict its loss"):
        campaign(campaign="c", strategy="learning_loss", cycles=2).run()


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"strategy": "margin > k_center"}, "does not say how many it leaves"),
        ({"strategy": "vote_entropy"}, "give candidates=3"),
        ({"cold_start": "badge"}, "there is no model yet"),
        ({"baseline": "margn"}, "did you mean 'margin'"),
        (
            {"strategy": 'sql("SELECT 1", url="postgresql://me:s3cret@host/db")'},
            "holds a password",
        ),
    ],
)
def test_what_can_never_run_is_reported_before_anything_is_written(
    campaign: Callable[..., Any], client: Any, parameters: dict[str, str], says: str
) -> None:
    with pytest.raises((ConfigError, StrategyError), match=says):
        campaign(campaign="c", **parameters).run()
    assert runs(client, role="campaign") == []


@pytest.mark.slow
def test_kept_embeddings_in_half_precision_choose_nearly_the_same(
    campaign: Callable[..., Any], client: Any
) -> None:
    campaign(campaign="c", strategy="k_center").run()
    campaign(campaign="d", strategy="k_center", embeddings="float16").run()
    whole, half = (set(query_of(client, 2, name)[1]["id"]) for name in "cd")
    assert len(whole & half) >= 8


def test_classes_and_costs_can_be_asked_for_together(
    campaign: Callable[..., Any], client: Any
) -> None:
    campaign(campaign="c", strategy="entropy", balance="on", costs="on").run()
    run, query = query_of(client, 2)
    assert len(query) == 10
    assert "of a budget of 10" in run.data.tags["al.why"]


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("task", ["digits", "fashion-mnist"])
def test_every_strategy_for_classes_runs_a_campaign(
    campaign: Callable[..., Any], client: Any, task: str
) -> None:
    for number, text in enumerate(EVERY):
        links = getattr(build(text), "links", (build(text),))
        if not all(link.suits(kind_named("class")) for link in links):
            continue  # refused before anything starts; see test_kinds.py
        name = f"{task}-{number}"
        committee = {"candidates": 2} if "committee" in build(text).reads else {}
        result = campaign(campaign=name, task=task, strategy=text, epochs=2, **committee).run()
        assert len(result.curve) == 2, text
        _, query = query_of(client, 2, name)
        assert len(query) == 10, text


def test_an_automatic_name_may_hold_what_mlflow_forbids_in_a_models_name(
    campaign: Callable[..., Any], client: Any
) -> None:
    made = campaign(kpi=0.95, explore=0.25, strategy="margin(2x) > random")
    assert "0.95" in made.name
    assert made.run().curve["accuracy"].notna().all()
