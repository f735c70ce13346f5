"""Every strategy on every task of the catalog, a handful of samples each.

What must hold for a kind of problem is in `test_kinds.py`; here are the tasks' own networks,
estimators and data.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest

from al.catalog import strategies
from al.data_selector import Model, View, pool_pass, select
from al.engine import LocalEngine
from al.errors import StrategyError
from al.graphs import TorchGraph
from al.randomness import seeded
from al.strategies import build, check_kind
from tests.test_kinds import SENSELESS, written
from tests.test_tasks import EVERY, load

#: Samples that are looked at, how many of them are labelled, and a query's size.
SOME, LABELLED, QUERY = 16, 5, 4


@pytest.mark.parametrize("name", EVERY)
def test_every_strategy_runs_on_a_task_or_says_why_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_pass, "SHARD", SOME)
    monkeypatch.setattr(pool_pass, "BATCH", SOME)
    task, data = load(name)
    kind = data.spec.kind
    graphs: list[Any] = []
    for seed in range(2):
        with seeded(seed):
            graphs.append(task.graph(data.spec))
            if isinstance(graphs[-1], TorchGraph):
                graphs[-1].learn_losses()
    models = [Model(graph, f"model-{seed}", seed) for seed, graph in enumerate(graphs)]
    ids = data.ids("train")[:SOME]
    labels = data.truth(data.ids("test")[:LABELLED])  # of whichever samples
    view = View(
        ids[LABELLED:],
        ids[:LABELLED],
        labels,
        data=data,
        champion_model=models[0],
        committee=lambda: models,
        engine=LocalEngine(),
        passes=3,
    )
    refused: dict[str, str] = {}
    with closing(view):
        for strategy in strategies.names():
            made = build(written(strategy, kind))
            try:
                check_kind(made, kind)
                query = select(
                    made, view, QUERY, np.random.default_rng(0), name=strategy, model="m"
                )
            except StrategyError as error:
                refused[strategy] = str(error)
            else:
                assert len(set(query.ids)) == QUERY
                assert set(query.ids) <= set(view.ids)
    for why in refused.values():
        assert "\n" not in why
        assert ": " in why  # what to do
    if isinstance(graphs[0], TorchGraph):
        assert refused.keys() == SENSELESS[kind]
    else:  # estimators have no passes, or no losses
        assert refused.keys() >= SENSELESS[kind]
        assert not refused.keys() & {"random", "k_center", "typiclust"}
