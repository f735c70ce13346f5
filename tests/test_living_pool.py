"""A pool that grows and shrinks between cycles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al.errors import DataError
from tests.stores import runs, table

Make = Callable[..., Any]

TASK = '''
from pathlib import Path
import numpy as np
from torch import nn
from al.contracts import Task
from al.data import ArrayLoader
from al.graphs import ClassificationGraph


class Folder(ArrayLoader):
    """Rows in files, one file a sample; looked at again each cycle."""

    def __init__(self):
        self.refresh()

    def refresh(self):
        files = sorted(Path("samples").glob("*.npy"))
        rows = np.stack([np.load(file) for file in files])
        test = [file.stem for file in files if file.stem.startswith("test")]
        super().__init__([f.stem for f in files], rows[:, 1:], rows[:, 0].astype(int),
                         ["a", "b"], test)


class Rows(Task):
    metric = "accuracy"

    def data(self):
        return Folder()

    def graph(self, spec):
        return ClassificationGraph(nn.Linear(3, 4), nn.Linear(4, 2), spec)
'''
PARAMETERS = {
    "campaign": "c", "task": "my_code:Rows", "cycles": 2, "epochs": 2, "initial_size": 6,
    "query_size": 4, "validation_size": 10, "strategy": "margin",
}  # fmt: skip


def write(number: int, kind: str = "pool") -> None:
    row = np.random.default_rng(number).normal(size=4).astype(np.float32)
    row[0] = number % 2
    np.save(f"samples/{kind}{number:03d}.npy", row)


@pytest.fixture
def data(folder: Path) -> Path:
    (folder / "my_code.py").write_text(TASK)
    (folder / "samples").mkdir()
    for number in range(60):
        write(number)
    for number in range(10):
        write(number, "test")
    return folder / "samples"


def labelled(client: Any) -> list[str]:
    last = runs(client, role="cycle")[-1]
    return list(table(client, last, "state/labels.parquet")["id"])


def test_samples_that_appear_are_seen_and_those_that_vanish_are_dropped_with_a_count(
    data: Path, campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(**PARAMETERS).run()
    asked = labelled(client)
    (run,) = runs(client, role="campaign")
    splits = Path(client.download_artifacts(run.info.run_id, "campaign.json")).read_text()
    free = [f for f in sorted(data.glob("pool*")) if f.stem not in asked and f.stem not in splits]
    for path in free[:3]:
        path.unlink()
    for number in range(100, 105):
        write(number)
    campaign(**{**PARAMETERS, "cycles": 3, "query_size": 4}).run()
    assert "5 training samples appeared, 3 vanished" in caplog.text
    steps = runs(client, step="select-data")
    assert [run.data.metrics["pool/size"] for run in steps] == [50, 44, 42]
    assert [run.data.metrics["pool/appeared"] for run in steps] == [0, 0, 5]
    assert [run.data.metrics["pool/vanished"] for run in steps] == [0, 0, 3]
    assert len({run.data.tags["al.pool_digest"] for run in steps}) == 3
    assert len({run.data.tags["al.train_ids"] for run in steps}) == 2  # kept where they changed


def test_a_campaign_sees_a_change_while_it_runs(
    data: Path, campaign: Make, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al.pipeline import driving as module

    original = module.begin_cycle

    def begin(session: Any) -> Any:
        if session.state.cycle == 1:
            write(200)
        return original(session)

    monkeypatch.setattr(module, "begin_cycle", begin)
    campaign(**PARAMETERS).run()
    last = runs(client, step="select-data")[-1]
    assert last.data.metrics["pool/appeared"] == 1


def test_a_labelled_sample_that_vanished_stops_the_cycle_unless_told_to_go_on(
    data: Path, campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(**PARAMETERS).run()
    first = labelled(client)[0]
    (data / f"{first}.npy").unlink()
    before = len(runs(client, campaign="c"))
    with pytest.raises(DataError, match=f"1 labelled samples have vanished .* '{first}'.*drop"):
        campaign(**{**PARAMETERS, "cycles": 3}).run()
    assert len(runs(client, campaign="c")) == before
    campaign(**{**PARAMETERS, "cycles": 3, "missing": "drop"}).run()
    assert "going on without them" in caplog.text
    assert first in labelled(client)  # a label is never lost
    (train,) = [r for r in runs(client, step="train") if r.data.tags["al.cycle"] == "3"]
    assert train.data.params["labels"] == "13"


def test_a_validation_sample_that_vanished_stops_a_campaign_unless_told_to_go_on(
    data: Path, campaign: Make, client: Any
) -> None:
    campaign(**PARAMETERS).run()
    (data / "test003.npy").unlink()
    with pytest.raises(DataError, match="1 validation or test samples have vanished"):
        campaign(**{**PARAMETERS, "cycles": 3}).run()
    campaign(**{**PARAMETERS, "cycles": 3, "missing": "drop"}).run()
    assert len(runs(client, role="cycle")) == 3


def test_samples_of_a_query_that_vanish_before_they_are_answered_are_not_waited_for(
    data: Path, campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(**PARAMETERS).step("select-data")
    (step,) = runs(client, step="select-data")
    first = table(client, step, "query.parquet")["id"][0]
    (data / f"{first}.npy").unlink()
    campaign(**PARAMETERS).run()
    assert "1 samples of the query have vanished" in caplog.text
    assert len(labelled(client)) == 9
    assert first not in labelled(client)
