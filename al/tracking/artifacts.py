"""What is kept at a place: in a folder, in an object store, or behind the tracking server.

MLflow's `client.download_artifacts` asks the server five times for one file and says "check the
path" whatever went wrong; this goes straight to where the artifacts are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

import requests
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from al.errors import TrackingError, without_credentials
from al.tracking.outages import is_away, reason, refusal
from al.whole import is_local

if TYPE_CHECKING:
    from al.tracking.connection import Connection

R = TypeVar("R")

#: A name under which nothing is kept: what lists it learns whether the place answers.
_NOTHING = "al-nothing"


class Artifacts:
    """The artifacts of a run, a model or an experiment.

    Args:
        uri: where they are, as MLflow says; models:/… is looked up.
    """

    def __init__(self, connection: Connection, uri: str) -> None:
        self._connection = connection
        self.uri = uri
        self._found: Any = None

    @property
    def _repository(self) -> Any:
        if self._found is None:
            self._found = get_artifact_repository(self.uri, tracking_uri=self._connection.uri)
        return self._found

    def save(self, folder: Path, below: str = "") -> None:
        """Keep all files of a folder."""
        if is_local(self.uri):
            self._make(lambda: self._repository.log_artifacts(str(folder), below or None))
            return
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        self._make(lambda: self._send(folder, files, below))

    def _send(self, folder: Path, files: Sequence[Path], below: str) -> None:
        """Files over the network, several at a time."""
        send = self._repository.log_artifact

        def one(file: Path) -> None:
            where = (PurePosixPath(below) / file.parent.relative_to(folder).as_posix()).as_posix()
            send(str(file), None if where == "." else where)

        with ThreadPoolExecutor(min(4, len(files) or 1)) as pool:
            list(pool.map(one, files))

    def save_file(self, file: Path, below: str = "") -> None:
        """Keep one file."""
        self._make(lambda: self._repository.log_artifact(str(file), below or None))

    def fetch(self, name: str, into: Path) -> Path:
        """A file or folder, copied into a folder; "" is everything.

        Raises:
            MlflowException, OSError: it is not there.
        """
        into.mkdir(parents=True, exist_ok=True)
        return Path(self._make(lambda: self._repository.download_artifacts(name, str(into))))

    def names(self) -> set[str]:
        """What is at the top."""
        return {entry.path for entry in self._make(lambda: self._repository.list_artifacts())}

    def delete(self, name: str) -> None:
        """Remove what has served; a store that cannot delete keeps it."""
        try:
            self._make(lambda: self._repository.delete_artifacts(name))
        except (MlflowException, NotImplementedError, OSError, TrackingError):
            return

    def look(self) -> None:
        """Fail soon where the place does not answer or refuses.

        Raises:
            TrackingError: so it is.
        """
        if is_local(self.uri):
            return
        try:
            self._repository.list_artifacts(_NOTHING)
        except Exception as error:
            if why := refusal(error):
                raise self._refused(why) from error
            if not is_away(error):
                raise
            raise TrackingError(
                f"the store of artifacts at {self.uri} does not answer ({reason(error)}): start "
                f"it, or check the address {self._whose}"
            ) from error

    def _make(self, call: Callable[[], R]) -> R:
        return self._connection.make(lambda: self._tried(call))

    def _tried(self, call: Callable[[], R]) -> R:
        """The call, with the reason why it fails.

        A server that reaches an object store for its clients says 500 whatever was wrong, or
        hangs up on a file that it has not read to the end, but for the list of what is there,
        which comes with the store's own answer.
        """
        try:
            return call()
        except Exception as error:
            if why := refusal(error):
                raise self._refused(why) from error
            if not (_is_unsent(error) or "connection aborted" in reason(error)):
                raise
            try:
                self._repository.list_artifacts(_NOTHING)
            except Exception as refused:
                if why := refusal(refused):
                    raise self._refused(why) from error
                raise error from None
        try:  # the store is there: so it is now, or it is not the store
            return call()
        except Exception as error:
            if not _is_unsent(error):
                raise
            raise TrackingError(
                f"the tracking server answers 500 for the artifacts at {self.uri}: fix what its "
                "log reports, then the same command goes on"
            ) from error

    def _refused(self, why: str) -> TrackingError:
        plain = " ".join(without_credentials(why).split())[:300].rstrip(".")
        return TrackingError(
            f"the store of artifacts at {self.uri} refuses ({plain}): check address and keys "
            f"{self._whose}, then the same command goes on"
        )

    @property
    def _whose(self) -> str:
        behind = self.uri.startswith("mlflow-artifacts:")
        return "that the tracking server reaches it with" if behind else "that you reach it with"


def _is_unsent(error: BaseException) -> bool:
    """Whether a server answered 500 without a reason."""
    if isinstance(error.__cause__ or error.__context__, requests.exceptions.RetryError):
        return "too many 500" in str(error)
    return "500 Server Error" in str(error) or "too many 500" in str(error)
