"""A process that is killed with SIGKILL at the n-th point where the world changes.

The points are not listed anywhere: they are every commit of a database transaction that
wrote something, and every write or removal of artifacts, and every
shard of scores that is kept.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from tests.drivers import context


def run_campaign(folder: Path, parameters: dict[str, Any], kill_at: int | None = None) -> int:
    """Run a campaign in a process of its own; returns its exit code, -9 when it was killed."""
    child = context.Process(target=_child, args=(str(folder), parameters, kill_at))
    child.start()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def points_of(folder: Path) -> int:
    """How many points the last process in the folder came by."""
    return len((folder / "points.txt").read_bytes())


def _child(folder: str, parameters: dict[str, Any], kill_at: int | None) -> None:
    os.chdir(folder)
    os.environ["MLFLOW_EXPERIMENT_NAME"] = "here"
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["AL_CACHE_DIR"] = f"{folder}/cache"
    points = open("points.txt", "wb", buffering=0)  # noqa: SIM115 - it outlives this function
    count = 0

    def point(*_: Any, **__: Any) -> None:
        nonlocal count
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1
        points.write(b".")

    _instrument(point)
    import torch

    import al

    # About one run in a hundred of two threads differs in its last bits from the others, cut
    # off or not; what is compared here is what a cut does.
    torch.set_num_threads(1)
    uri = f"sqlite:///{folder}/mlflow.db"
    al.Campaign(tracking_uri=uri, show_progress=False, **parameters).run()


def _instrument(point: Any) -> None:
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    from al.data_selector.kept_rows import KeptRows

    @event.listens_for(Engine, "before_cursor_execute")
    def _(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.lstrip().split(None, 1)[0].upper() in ("INSERT", "UPDATE", "DELETE"):
            connection.info["wrote"] = True

    @event.listens_for(Engine, "commit")
    def _(connection: Any) -> None:
        if connection.info.pop("wrote", False):
            point()

    for name in ("log_artifact", "log_artifacts", "delete_artifacts"):
        original = getattr(LocalArtifactRepository, name)

        def changed(self: Any, *args: Any, _original: Any = original, **kwargs: Any) -> Any:
            point()
            result = _original(self, *args, **kwargs)
            point()
            return result

        setattr(LocalArtifactRepository, name, changed)

    keep = KeptRows.write

    def kept(self: Any, *args: Any) -> None:
        point()
        keep(self, *args)
        point()

    KeptRows.write = kept  # type: ignore[method-assign]
