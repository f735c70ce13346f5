"""What lives outside the package is run by name, with no edit in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
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


@pytest.mark.slow
def test_a_task_in_a_folder_of_its_own_runs_from_there_and_its_model_loads(folder: Path) -> None:
    """As the docs say it, in a process that finds the task by its working directory alone."""
    import mlflow
    import numpy as np

    done = subprocess.run(
        [sys.executable, "-m", "al", "main", "--task", "my_task.flowers:Flowers",
         "--validation-size", "30", "--cycles", "2", "--query-size", "10", "--baseline", "none",
         "--campaign", "c"],
        cwd=ROOT / "examples",
        env={**os.environ, "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "test/macro_f1" in done.stdout
    answer = mlflow.pyfunc.load_model("models:/c/Production").predict(
        np.array([[5.0, 3.4, 1.5, 0.2], [6.5, 3.0, 5.8, 2.2]], np.float32)
    )
    assert list(answer["label"]) == ["setosa", "virginica"]
    assert list(answer.columns[2:]) == ["p_setosa", "p_versicolor", "p_virginica"]


def test_the_docs_show_the_example_as_it_is() -> None:
    code = (ROOT / "examples" / "my_task" / "flowers.py").read_text()
    shown = (ROOT / "docs" / "add-a-task.md").read_text()
    assert code[code.index("from __future__") :] in shown
