"""Runs that `mlflow run` made, and that nobody took: killed before this project's code began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psutil

from al.tracking.runs import Run
from al.tracking.store import Store

#: What `mlflow run` says of a run that it makes for a command on its own machine.
_MADE = "attributes.status = 'RUNNING' AND tags.`mlflow.project.backend` = 'local'"


def left_over(store: Store) -> Iterator[tuple[Run, Mapping[str, str]]]:
    """Runs of the experiment without a role and without a process on this machine, and what they
    were given.

    One whose process is on its way on another machine may be among them: where it is ended,
    its process sets it to RUNNING again when it takes it.
    """
    found = store.client.search_runs([store.experiment_id], _MADE, max_results=1000)
    waiting = [run for run in found if "al.role" not in run.data.tags]
    mine = {store.offered, store.attached}
    for run in waiting:
        known = run.info.run_id in mine
        if not known and not _is_served(run.info.run_id, run.info.start_time / 1000):
            yield Run(store.client, run), dict(run.data.params)


def _is_served(run_id: str, started: float) -> bool:
    """Whether a process here works for the run, or may have made it and start one."""
    for process in psutil.process_iter(["cmdline", "create_time"]):
        words = process.info["cmdline"] or []
        before = (process.info["create_time"] or 0) <= started + 1
        if before and "run" in words and any(word.endswith("mlflow") for word in words):
            return True
        try:
            if process.environ().get("MLFLOW_RUN_ID") == run_id:
                return True
        except (psutil.Error, OSError):  # another user's, or gone
            continue
    return False
