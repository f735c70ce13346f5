"""Out of power wherever the world changes, the same command ends in the same place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.power import HOWS, cut_power, run_noting
from tests.test_resume import CAMPAIGN, Sweep

#: Of the points where a campaign can be killed, each so many is tried; with each way to lose
#: files by turns.
STRIDE = 4


class Cuts(Sweep):
    """Campaigns whose power was cut, beside the one that nothing happened to."""

    lost = 0  # files, in all

    def cut(self, point: int, how: str) -> None:
        """Cut the power at a point; the same command again ends as if it had not been."""
        folder = self._new(f"{how}-{point}")
        assert run_noting(folder, self.parameters, point) in (-9, 0)
        self.lost += len(cut_power(folder, how))
        assert self._outcome(folder, []) == self.expected, f"{how} at {point}"
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def cuts(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Cuts:
    one = {**CAMPAIGN, "candidates": 1, "cycles": 2}
    return Cuts(empty_database, tmp_path_factory.mktemp("cuts"), one)


def test_sqlite_waits_for_the_disk_at_every_commit(empty_database: Path) -> None:
    import mlflow
    from mlflow.tracking import _get_store

    mlflow.set_tracking_uri(f"sqlite:///{empty_database}")
    with _get_store().engine.connect() as connection:
        full = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    mlflow.set_tracking_uri(None)
    assert full == 2


@pytest.mark.slow
@pytest.mark.parametrize(("share", "how"), zip([0.3, 0.55, 0.9], HOWS, strict=True))
def test_a_power_cut_on_the_way_changes_nothing(cuts: Cuts, share: float, how: str) -> None:
    cuts.cut(round(cuts.points * share), how)


@pytest.mark.sweep
@pytest.mark.timeout(7200)
def test_a_campaign_survives_power_cuts_wherever_the_world_changes(cuts: Cuts) -> None:
    failed = []
    tried = range(0, cuts.points, STRIDE)
    for number, point in enumerate(tried):
        try:
            cuts.cut(point, HOWS[number % len(HOWS)])
        except AssertionError as error:
            failed.append(str(error).partition("\n")[0])
    assert cuts.lost > 10  # else nothing was put to the test
    assert not failed, f"{len(failed)} of {len(tried)}: {failed}"
