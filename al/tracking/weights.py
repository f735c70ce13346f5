"""Weights by their URI, for a process that has no campaign open."""

from __future__ import annotations

from pathlib import Path

from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException

from al.errors import TrackingError
from al.tracking.connection import Connection
from al.tracking.store import tracking_at


def fetch_weights(server: str, uri: str, folder: Path) -> Path:
    """Weights copied into the folder; no code is run.

    Args:
        server: tracking URI.
        uri: of a version's weights or of a checkpoint, as MLflow resolves it.

    Raises:
        TrackingError: they are not there, or the server stayed away.
    """
    with tracking_at(server):
        connection = Connection(server)
        try:
            return Path(connection.make(lambda: download_artifacts(uri, dst_path=str(folder))))
        except (MlflowException, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise TrackingError(
                f"a worker finds no weights at {uri} on {server} ({reason}): restore them, or let "
                "workers reach the server"
            ) from error
