"""Weights by their URI, for a process that has no campaign open."""

from __future__ import annotations

import math
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository

from al.errors import TrackingError
from al.tracking.connection import Connection
from al.tracking.store import tracking_at

#: Servers that this process has reached, and seconds after which another is out of its reach: that
#: one machine sees a server does not mean that others do, while one that was there comes back.
_reached: set[str] = set()
FIRST = 60.0


def fetch_weights(server: str, uri: str, folder: Path) -> Path:
    """Weights copied into the folder; no code is run.

    Args:
        server: tracking URI.
        uri: of a version's weights or of a checkpoint, as MLflow resolves it.

    Raises:
        TrackingError: they are not there, or the server stayed away.
    """
    with tracking_at(server):
        connection = Connection(server, math.inf if server in _reached else FIRST)
        try:
            model, path = ModelsArtifactRepository.split_models_uri(uri)
            found = connection.artifacts(model).fetch(path, folder)
            _reached.add(server)
            return found
        except TrackingError as error:
            if server in _reached:
                raise
            raise TrackingError(
                f"a worker cannot reach {server} for its weights ({error}): give the server an "
                "address that every machine can reach, and its credentials to each"
            ) from error
        except (MlflowException, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise TrackingError(
                f"a worker finds no weights at {uri} on {server} ({reason}): restore them, or let "
                "workers reach the server"
            ) from error
