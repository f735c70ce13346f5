"""Weights by their URI, for a process that has no campaign open."""

from __future__ import annotations

from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository

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
            model, path = ModelsArtifactRepository.split_models_uri(uri)
            return connection.artifacts(model).fetch(path, folder)
        except (MlflowException, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise TrackingError(
                f"a worker finds no weights at {uri} on {server} ({reason}): restore them, or let "
                "workers reach the server"
            ) from error
