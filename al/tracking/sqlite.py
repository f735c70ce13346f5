"""A tracking database in a file: made whole or not at all, and ready for several processes."""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from filelock import FileLock
from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH

from al.errors import TrackingError

_PREFIX = "sqlite:///"
#: What MLflow's migrations say when they meet what an earlier, cut-off attempt left.
_SIGNS = ("already exists", "duplicate column", "no such", "out-of-date", "locate revision")


@contextmanager
def first_use(uri: str) -> Iterator[None]:
    """Let one process at a time open an SQLite store, and make it ready for several.

    Processes that create it at once crash, and one that is killed meanwhile leaves half of
    it, which MLflow never mends: so it is made under another name. Write-ahead logging lets
    readers and a writer work side by side.

    Raises:
        TrackingError: there is no such folder, or MLflow itself was cut off while it made it.
    """
    if not uri.startswith(_PREFIX):
        yield
        return
    path = Path(uri.removeprefix(_PREFIX)).resolve()
    if not path.parent.is_dir():
        raise TrackingError(f"{path.parent} is not a folder: make it, or set MLFLOW_TRACKING_URI")
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    with FileLock(Path(tempfile.gettempdir()) / f"active-learning-{name}.lock"):
        if not path.exists() or not path.stat().st_size:
            _make(path)
        try:
            yield
        except Exception as error:
            if any(sign in str(error) for sign in _SIGNS) and _is_half_made(path):
                raise TrackingError(
                    f"the tracking database {path} was cut off while MLflow made it, and holds no "
                    "run and no model: delete it, then the same command goes on"
                ) from error
            raise
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode=WAL")


def _make(path: Path) -> None:
    """An empty database with MLflow's tables; it is there when it is whole."""
    # As long to import as torch, and a tracking server has its own.
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    aside = path.with_name(f"{path.name}.new")
    for leftover in (aside, *aside.parent.glob(f"{aside.name}-*")):
        leftover.unlink(missing_ok=True)
    store = SqlAlchemyStore(f"{_PREFIX}{aside}", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH)
    store.engine.dispose()  # no connection goes on under the old name
    aside.replace(path)


def _is_half_made(path: Path) -> bool:
    """Whether it is a tracking database that nothing has been written into."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        tables = {name for (name,) in rows}
        kept = tables & {"runs", "registered_models"}
        counts = [database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in kept]
        return "experiments" in tables and not any(counts)
    return False
