"""What a cycle costs where teams keep runs and artifacts: PostgreSQL and S3 beside SQLite.

Both are on this machine: a server on PostgreSQL that reaches an object store for its clients
(or leaves that to them, `direct`), and SQLite with a folder. Campaigns on each take turns,
cycle by cycle, in one process; what is compared are pairs. Requests are those that this
process sends; what the server and PostgreSQL do for them runs on the same cores.
"""

from __future__ import annotations

import os
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from al.pipeline.opening import open_session
from al.pipeline.session import Session
from al.tracking import tracking_at
from benchmarks.common import EXPERIMENT, Row, own_store
from benchmarks.profiling import pipeline_cycle

#: Cycles before the clock counts, on each side.
WARM = 2


@contextmanager
def team_store(direct: bool) -> Iterator[str]:
    """A server's address, with the experiment `EXPERIMENT`; gone afterwards."""
    from mlflow import MlflowClient

    from tests.object_store import ObjectStore
    from tests.postgres import Postgres, programs
    from tests.servers import Server

    found = programs()
    if found is None:
        raise SystemExit("no PostgreSQL: apt-get install postgresql")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        postgres, store = Postgres(found), ObjectStore(Path(folder) / "s3")
        stack.callback(postgres.stop)
        stack.callback(store.stop)
        store.start()
        if direct:
            stack.enter_context(patch.dict(os.environ, store.settings))
        database = f"postgresql+psycopg2://{postgres.start().database('mlflow')}"
        server = Server(Path(folder), database, store, direct=direct)
        stack.callback(server.stop)
        server.start()
        MlflowClient(server.uri).create_experiment(EXPERIMENT)
        yield server.uri


@contextmanager
def counted(requests: Counter[str]) -> Iterator[None]:
    """While open, requests that this process sends are counted by what they are about."""
    from urllib3 import HTTPConnectionPool

    send = HTTPConnectionPool.urlopen

    def counting(self: Any, method: str, url: str, *rest: Any, **more: Any) -> Any:
        path = urlsplit(url).path
        _, known, words = path.partition("/mlflow/")
        artifact = "mlflow-artifacts" in path or not known
        about = "artifacts" if artifact else re.sub(r"/m-\w+", "/ID", words)
        requests[f"{method} {about}"] += 1
        return send(self, method, url, *rest, **more)

    with patch.object(HTTPConnectionPool, "urlopen", counting):
        yield


def _opened(uri: str, epochs: int) -> Session:
    given: dict[str, Any] = {"task": "digits", "promote": "always", "baseline": "none"}
    given |= {"epochs": epochs, "patience": epochs}
    with tracking_at(uri):
        return open_session(given, experiment=EXPERIMENT)


def _cycle(session: Session, uri: str) -> tuple[float, float, Counter[str]]:
    """Seconds, CPU seconds of this process and requests of one more cycle."""
    requests: Counter[str] = Counter()
    with tracking_at(uri), counted(requests):
        start, cpu = time.perf_counter(), time.process_time()
        pipeline_cycle(session)
        return time.perf_counter() - start, time.process_time() - cpu, requests


def _files(session: Session, uri: str) -> int:
    """Files of the version in Production."""
    from mlflow.artifacts import download_artifacts

    state = session.state.champion_record
    assert state is not None
    with tracking_at(uri), tempfile.TemporaryDirectory() as folder:
        download_artifacts(session.registry.uri(state.version), dst_path=folder)
        known = (path for path in Path(folder).rglob("*") if path.is_file())
        return sum(path.name != "registered_model_meta" for path in known)


def compare(direct: bool, repeats: int, epochs: int) -> tuple[Row, list[Row]]:
    """A row for the comparison, and one for each kind of request in a cycle."""
    with own_store() as sqlite, team_store(direct) as team:
        sessions = {uri: _opened(uri, epochs) for uri in (sqlite, team)}
        took: dict[str, list[tuple[float, float]]] = {uri: [] for uri in sessions}
        seen: list[Counter[str]] = []
        for number in range(WARM + repeats):
            order = [sqlite, team] if number % 2 else [team, sqlite]
            for uri in order:
                seconds, cpu, requests = _cycle(sessions[uri], uri)
                if number >= WARM:
                    took[uri].append((seconds, cpu))
                    if uri == team:
                        seen.append(requests)
        files = _files(sessions[team], team)
        for session in sessions.values():
            session.driver.release()  # type: ignore[union-attr]
    pairs = list(zip(took[sqlite], took[team], strict=True))
    ratios = [there[0] / here[0] for here, there in pairs]
    kinds = {kind: statistics.median(one[kind] for one in seen) for kind in set().union(*seen)}
    row: Row = {
        "artifacts": "direct" if direct else "through the server",
        "SQLite s": statistics.median(here[0] for here, _ in pairs),
        "PostgreSQL + S3 s": statistics.median(there[0] for _, there in pairs),
        "ratio": statistics.median(ratios),
        "ratios": f"{min(ratios):.2f} … {max(ratios):.2f}",
        "CPU s here": statistics.median(there[1] for _, there in pairs),
        "requests": int(statistics.median(sum(one.values()) for one in seen)),
        "files a version": files,
    }
    ordered = sorted(kinds.items(), key=lambda pair: -pair[1])
    return row, [{"request": kind, "a cycle": int(number)} for kind, number in ordered]
