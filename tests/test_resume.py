"""Killed with SIGKILL wherever the world changes, the same command ends in the same place."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pytest

from al.config import Config
from tests.conftest import SMALL
from tests.encoders import image_model
from tests.entity_texts import json_lines
from tests.hidden import hidden
from tests.killing import points_of, run_campaign
from tests.own_data import coloured_folder, fruit_table, masks_folder
from tests.stores import client_at, outcome

CAMPAIGN = {**SMALL, "campaign": "c", "epochs": 2, "candidates": 2, "report": "on"}


_reading = Lock()


class Sweep:
    """The campaign that was never killed, and room for those that were."""

    def __init__(self, empty: Path, folder: Path, parameters: dict[str, Any] = CAMPAIGN) -> None:
        self.empty, self.folder, self.parameters = empty, folder, parameters
        self._numbers = itertools.count()
        whole = self._new("whole")
        self.expected = self._outcome(whole, [])
        self.points = points_of(whole)

    def survive(self, *kills: int) -> None:
        """Kill the campaign at these points, one run after the other; then let it end."""
        folder = self._new("-".join(map(str, kills)))
        found = self._outcome(folder, list(kills))
        if found != self.expected:
            at = next(
                i
                for i, pair in enumerate(zip(found, self.expected, strict=False))
                if len(set(pair)) > 1
            )
            part = slice(max(0, at - 150), at + 100)
            pytest.fail(f"killed at {kills}: …{found[part]}… instead of …{self.expected[part]}…")
        shutil.rmtree(folder)

    def _new(self, name: str) -> Path:
        import mlflow

        # No place is used twice: MLflow may still hold the database that was there.
        folder = self.folder / f"{name}_{next(self._numbers)}"
        folder.mkdir()
        shutil.copy(self.empty, folder / "mlflow.db")
        client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
        client.create_experiment("here", artifact_location=str(folder / "artifacts"))
        return folder

    def _outcome(self, folder: Path, kills: list[int]) -> str:
        for kill in kills:
            assert run_campaign(folder, self.parameters, kill) in (-9, 0)
        assert run_campaign(folder, self.parameters) == 0
        with _reading:  # MLflow's global setting is one for all threads
            return repr(outcome(client_at(f"sqlite:///{folder}/mlflow.db"), "c"))


@pytest.fixture(scope="module")
def sweep(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return Sweep(empty_database, tmp_path_factory.mktemp("sweep"))


@pytest.mark.parametrize(
    "share", [0.6, *(pytest.param(s, marks=pytest.mark.slow) for s in (0.03, 0.35, 0.8, 0.93))]
)
def test_a_campaign_killed_on_the_way_ends_as_if_it_had_not_been(
    sweep: Sweep, share: float
) -> None:
    assert sweep.points > 100
    assert "'running': []" in sweep.expected
    sweep.survive(round(sweep.points * share))


@pytest.mark.slow
def test_a_campaign_killed_twice_in_a_cycle_ends_as_if_it_had_not_been(sweep: Sweep) -> None:
    sweep.survive(round(sweep.points * 0.3), 12)


#: Campaigns on a user's own files, with people where there are some to ask.
OWN: dict[str, dict[str, Any]] = {
    "table": {"target": "kind"},
    "image-folder": {"image_size": 12, "encoder": "none"},
    "text-entities": {"encoder": "none"},
    "mask-folder": {
        "image_size": 16, "encoder": "none", "classes": "1=thing,2=ground", "ignore": "3",
        "background": "ground", "annotator": "tests.test_mask_folder:Painters",
    },
}  # fmt: skip
COMMON = ("table", "image-folder")


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=pytest.mark.slow if task in COMMON else pytest.mark.sweep)
        for task in OWN
    ],
)
def test_a_campaign_on_ones_own_files_ends_as_if_it_had_not_been_killed(
    empty_database: Path, tmp_path: Path, task: str
) -> None:
    files: dict[str, Callable[[], Path]] = {
        "table": lambda: fruit_table(tmp_path / "fruit.csv"),
        "image-folder": lambda: coloured_folder(tmp_path / "photos"),
        "text-entities": lambda: json_lines(tmp_path / "texts.jsonl", 60),
        "mask-folder": lambda: masks_folder(tmp_path / "things", labelled=30),
    }
    given = {"task": task, "data": str(files[task]()), **OWN[task], "cycles": 2, "epochs": 2}
    sizes = {"initial_size": 5, "query_size": 5, "validation_size": 6, "baseline": "none"}
    sweep = Sweep(empty_database, tmp_path, {**given, **sizes, "campaign": "c"})
    for share in (0.3, 0.75):
        sweep.survive(round(sweep.points * share))


@pytest.mark.slow
def test_a_campaign_validated_by_folds_ends_as_if_it_had_not_been_killed(
    empty_database: Path, tmp_path: Path
) -> None:
    folds = {"validation": "folds", "validation_size": Config().validation_size, "candidates": 1}
    sweep = Sweep(empty_database, tmp_path, {**CAMPAIGN, **folds})
    sweep.survive(round(sweep.points * 0.5))


@pytest.mark.slow
def test_a_campaign_that_began_without_labels_ends_as_if_it_had_not_been_killed(
    empty_database: Path, tmp_path: Path
) -> None:
    given = {**hidden("rows", tmp_path / "rows"), "candidates": 1, "folds": 0}
    without = {name: value for name, value in CAMPAIGN.items() if name not in ("task", *given)}
    without.pop("validation_size")
    sweep = Sweep(empty_database, tmp_path, {**without, **given})
    for share in (0.25, 0.5, 0.8):
        sweep.survive(round(sweep.points * share))


@pytest.mark.slow
def test_a_campaign_that_trains_its_encoder_ends_as_if_it_had_not_been_killed(
    empty_database: Path, tmp_path: Path
) -> None:
    given = {
        "task": "image-folder", "data": str(coloured_folder(tmp_path / "photos")),
        "encoder": str(image_model(tmp_path / "model")), "finetune": "on", "finetune_lr": 0.003,
        "initial_size": 6, "query_size": 6, "validation_size": 9, "candidates": 1,
    }  # fmt: skip
    sweep = Sweep(empty_database, tmp_path, {**CAMPAIGN, **given, "epochs": 4, "checkpoints": 4})
    sweep.survive(round(sweep.points * 0.6))


@pytest.mark.sweep
@pytest.mark.timeout(7200)
def test_a_campaign_survives_a_kill_at_every_point(sweep: Sweep, capsys: Any) -> None:
    tried = [(point,) for point in range(sweep.points)]
    _survive_all(sweep, tried, "points", capsys)


@pytest.mark.sweep
@pytest.mark.timeout(7200)
def test_a_campaign_survives_a_second_kill_while_it_recovers(sweep: Sweep, capsys: Any) -> None:
    rng = np.random.default_rng(0)
    tried = [(point, int(rng.integers(60))) for point in range(2, sweep.points, 8)]
    tried += [(point, 5, 9) for point in range(5, sweep.points, 40)]
    _survive_all(sweep, tried, "double and triple kills", capsys)


def _survive_all(sweep: Sweep, tried: list[tuple[int, ...]], what: str, capsys: Any) -> None:
    """Try all of them, two at a time, and say how many survived; whoever did not is named."""
    lost: list[str] = []

    def survives(kills: tuple[int, ...]) -> None:
        try:
            sweep.survive(*kills)
        except (Exception, pytest.fail.Exception) as error:  # the others are tried all the same
            lost.append(f"{kills}: {error}")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(survives, tried))
    with capsys.disabled():
        print(f"\n{len(tried)} of {sweep.points} {what} tried, {len(tried) - len(lost)} survived")
    assert not lost, "\n".join(lost)
