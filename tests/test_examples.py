"""What lives outside the package is run by name, with no edit in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.stores import runs, table


@pytest.fixture(autouse=True)
def _project_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def test_a_strategy_and_a_task_of_ones_own_run_together(
    campaign: Callable[..., Any], client: Any
) -> None:
    strategy = "examples.lonely:lonely"
    campaign(campaign="c", task="examples.moons:Moons", strategy=strategy, epochs=20).run()
    query = table(client, runs(client, step="select-data", cycle="2")[0], "query.parquet")
    assert set(query["strategy"]) == {strategy}
    assert query["score"].is_monotonic_decreasing
    import mlflow
    import numpy as np

    loaded = mlflow.pyfunc.load_model("models:/c/Production")
    assert loaded.predict(np.zeros((1, 2), np.float32)).shape == (1, 4)
