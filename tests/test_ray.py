"""The engine on a Ray cluster: what is lost there is lost nowhere else."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import al
from al.catalog import engines
from al.engine import spread
from al.engine.ray import RayEngine
from al.engine.ray import cluster as way
from al.engine.ray import engine as ray_engine
from al.errors import ConfigError, EngineError
from tests.clusters import RayCluster, cluster
from tests.conftest import SMALL
from tests.stores import runs
from tests.test_engine import doubling, raising

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def small() -> Iterator[RayCluster]:
    with cluster() as made:
        yield made


@pytest.fixture
def engine(small: RayCluster) -> Iterator[RayEngine]:
    made = RayEngine({"address": small.address, "workers": "2", "cpus": "1"})
    yield made
    made.close()


# -- work, as a worker elsewhere may find it by its name ---------------------------------------


def naming() -> Callable[[int], tuple[int, int]]:
    def work(number: int) -> tuple[int, int]:
        time.sleep(0.05)
        return number, os.getpid()

    return work


class Dying:
    """Kills the process that works at a shard the first time that it is worked at."""

    def __init__(self, folder: str, shard: int, how: str = "os._exit(1)", times: int = 1) -> None:
        self.folder, self.shard, self.how, self.times = folder, shard, how, times

    def __call__(self) -> Callable[[int], int]:
        def work(number: int) -> int:
            marks = [Path(self.folder) / f"{time}" for time in range(self.times)]
            mark = next((mark for mark in marks if not mark.exists()), None)
            if number == self.shard and mark is not None:
                mark.touch()
                eval(self.how)
            return 2 * number

        return work


# -- without a cluster -------------------------------------------------------------------------


def test_the_engine_is_found_by_name_and_nothing_of_ray_is_imported_for_the_others() -> None:
    assert engines.get("ray") is RayEngine
    code = (
        "import sys; from al.catalog import engines; engines.names(); print('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"workers": "0"}, "workers='0' is not such a number: give 2, say, or auto"),
        ({"workers": "1.5"}, "workers='1.5' is not such a number"),
        ({"gpus": "many"}, "gpus='many' is not such a number: give 2, say$"),
        ({"gpus": "nan"}, "gpus='nan' is not such a number"),
        ({"mixed": "on"}, "mixed='on': give yes or no"),
    ],
)
def test_an_option_that_is_wrong_is_a_line(given: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        RayEngine(given)


def test_without_ray_the_line_names_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'active-learning-pipeline\[ray\]'$"):
        RayEngine()


def test_no_cluster_is_a_line_before_anything_begins(campaign: Make, folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(EngineError, match=rf"no Ray cluster answers at 127.0.0.1:{port} \(") as no:
        campaign(campaign="c", engine="ray", engine_options=f"address=127.0.0.1:{port}").run()
    assert len(str(no.value).splitlines()) == 1
    assert al.tracking.Store().find({"al.role": "campaign"}) == []


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("ray://head:10001", "is Ray's client: run the command on a node"),
        ("head", "give HOST:PORT"),
    ],
)
def test_an_address_that_is_none_is_a_line(address: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        RayEngine({"address": address}).check()


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("Version mismatch: The cluster was started with:\n    Ray: 2.1", "install the same Ray"),
        ("Authentication failed: no token", "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH"),
        ("it rains", r"no way to the Ray cluster at h:1 \(it rains\): see `ray status`, "),
    ],
)
def test_what_a_cluster_refuses_is_a_line(error: str, says: str) -> None:
    line = str(way.refused(RuntimeError(error), "h:1"))
    assert len(line.splitlines()) == 1
    assert re.search(says, line)


def test_why_a_worker_died_is_given_also_where_it_never_began() -> None:
    from ray.core.generated.common_pb2 import ActorDiedErrorContext
    from ray.exceptions import ActorDiedError

    context = ActorDiedErrorContext(
        actor_id=bytes(16),
        error_message="The actor is dead because its owner has died.",
        never_started=True,
    )
    assert (
        ray_engine._line(ActorDiedError(context))
        == "ActorDiedError: The actor is dead because its owner has died."
    )


def test_a_key_that_others_can_read_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key = tmp_path / "key"
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(key))
    way.tell_open_key()
    key.write_text("secret")
    key.chmod(0o600)
    way.tell_open_key()
    assert caplog.text == ""
    key.chmod(0o644)
    way.tell_open_key()
    assert f"others can read it: chmod 600 {key}" in caplog.text
    assert "secret" not in caplog.text


# -- on a cluster ------------------------------------------------------------------------------


@pytest.mark.slow
def test_each_shard_comes_back_once_from_workers_that_stay(engine: RayEngine) -> None:
    found = dict(spread(engine, naming, range(12)))
    assert {number: one for number, (one, _) in found.items()} == {n: n for n in range(12)}
    pids = {pid for _, pid in found.values()}
    assert os.getpid() not in pids
    assert len(pids) == 2
    assert engine.at_work == "2 workers"
    assert {pid for _, (_, pid) in spread(engine, naming, range(12))} == pids
    assert dict(spread(engine, doubling, range(5))) == {n: 2 * n for n in range(5)}
    assert list(spread(engine, doubling, [])) == []
    with pytest.raises(EngineError, match=r"ZeroDivisionError: a network of two minds, "):
        list(spread(engine, raising, range(4)))
    handler = signal.getsignal(signal.SIGTERM)
    assert handler in (signal.SIG_DFL, signal.default_int_handler) or "ray" not in str(handler)


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced_and_its_shard_done_again(
    engine: RayEngine, tmp_path: Path
) -> None:
    how = "os.kill(os.getpid(), signal.SIGKILL)"
    found = list(spread(engine, Dying(str(tmp_path), 3, how), range(8)))
    assert sorted(found) == [(n, 2 * n) for n in range(8)]
    assert (tmp_path / "0").exists()


@pytest.mark.slow
def test_a_shard_that_kills_every_worker_is_a_line(engine: RayEngine, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="workers on the Ray cluster die again and again") as no:
        list(spread(engine, Dying(str(tmp_path), 3, times=99), range(8)))
    assert len(str(no.value).splitlines()) == 1
    assert len(list(tmp_path.iterdir())) == ray_engine.TRIES


@pytest.mark.slow
def test_what_a_node_has_no_room_for_is_a_line(small: RayCluster) -> None:
    for given, says in (
        ({"gpus": "1"}, r"needs 1 GPU, and no node of the Ray cluster has more than 0: give gpus"),
        (
            {"cpus": "64"},
            r"needs 64 CPU, and no node of the Ray cluster has more than 1: give cpus",
        ),
    ):
        wrong = RayEngine({"address": small.address, "cpus": "1", **given})
        with pytest.raises(EngineError, match=says):
            wrong.check()
        wrong.close()


@pytest.mark.slow
def test_a_gpu_that_a_node_only_says_it_has_is_a_line(small: RayCluster) -> None:
    given = {"address": small.address, "workers": "1", "cpus": "1", "gpus": "1"}
    lacking = RayEngine(given)
    with small.one_more(num_gpus=1):
        lacking.check()
        with pytest.raises(EngineError, match=r"worker \S+:\d+ finds no GPU: leave gpus out of"):
            lacking.processor("cpu")
        lacking.close()


@pytest.mark.slow
def test_a_cluster_of_another_ray_is_a_line(
    small: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray.__version__", "2.0.0")
    other = RayEngine({"address": small.address})
    with pytest.raises(EngineError, match=r"is of another version \(.*2\.0\.0") as no:
        other.check()
    assert len(str(no.value).splitlines()) == 1


@pytest.mark.slow
def test_a_worker_of_another_version_is_a_line(
    engine: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "code", lambda: "0.0.0 (abc)")
    with pytest.raises(EngineError, match=r"has this project .*, and this process 0\.0\.0 \(abc\)"):
        list(spread(engine, doubling, range(2)))


@pytest.mark.slow
def test_workers_of_another_kind_of_processor_are_refused_unless_they_may_mix(
    small: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("al.processor.processor_of", lambda device: "cpu abacus")
    given = {"address": small.address, "workers": "1", "cpus": "1"}
    alone, mixed = RayEngine(given), RayEngine({**given, "mixed": "yes"})
    with pytest.raises(EngineError, match="others are a cpu abacus, so last bits would differ"):
        list(spread(alone, doubling, range(2)))
    alone.close()
    assert dict(spread(mixed, doubling, range(2))) == {0: 0, 1: 2}
    assert (alone.processor("cpu abacus"), mixed.processor("cpu abacus")) == ("cpu abacus", "mixed")
    mixed.close()


@pytest.mark.slow
def test_what_is_waited_for_is_reported_and_ends_in_a_line_in_the_end(
    small: RayCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ray_engine, "WAITED", 0.2)
    waiting = RayEngine({"address": small.address, "workers": "1", "cpus": "1"})
    list(spread(waiting, doubling, range(1)))
    waiting._stall = 6.0  # now that a worker is there, however long it took to start
    with pytest.raises(EngineError, match=r"^waiting for shard 0 at \S+:\d+, and nothing has come"):
        list(spread(waiting, sleeping, range(1)))
    waiting.close()
    assert any(line.startswith("waiting for shard 0 at") for line in caplog.messages)


def sleeping() -> Callable[[int], None]:
    return lambda number: time.sleep(60)


@pytest.mark.slow
def test_a_raylet_that_is_killed_loses_no_shard(tmp_path: Path) -> None:
    with cluster() as made:
        engine = RayEngine({"address": made.address, "workers": "2", "cpus": "1"})
        found = []
        for shard, (_, pid) in spread(engine, naming, range(40)):
            found.append((shard, pid))
            if len(found) == 8:
                made.kill(made.nodes[0])
        engine.close()
    assert sorted(shard for shard, _ in found) == list(range(40))


# -- a key -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_cluster_with_a_key_takes_in_who_has_it_and_nobody_else(
    folder: Path, client: Any
) -> None:
    (folder / "key").touch(0o600)
    (folder / "key").write_text("a" * 64)
    (folder / "other").touch(0o600)
    (folder / "other").write_text("b" * 64)
    base = {
        name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")
    } | {
        way.LOOPBACK: "0",
        "RAY_AUTH_MODE": "token",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
    }
    bin = Path(sys.executable).parent

    def run(key: str, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        env = {**base, "RAY_AUTH_TOKEN_PATH": str(folder / key)}
        command = [str(bin / program), *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**base, "RAY_AUTH_TOKEN_PATH": str(folder / "key")}
    command = [
        str(bin / "ray"), "start", "--head", "--block", "--node-ip-address=127.0.0.1",
        f"--port={port}", "--num-cpus=2", "--object-store-memory=80000000",
        "--include-dashboard=false", "--disable-usage-stats",
    ]  # fmt: skip
    head = subprocess.Popen(command, env=env, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        for _ in range(120):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.5)
        given = [
            f"--{name}={value}" for name, value in (SMALL | {"cycles": 1, "epochs": 1}).items()
        ]
        how = ["--engine=ray", f"--engine_options=address=127.0.0.1:{port}, workers=2, cpus=1"]
        stranger = run("other", "al", "main", "--campaign=c", *given, *how)
        assert stranger.returncode == 1
        assert "no way to the Ray cluster at 127.0.0.1" in stranger.stderr
        assert "Traceback" not in stranger.stderr
        assert runs(client, role="campaign") == []
        member = run("key", "al", "main", "--campaign=c", *given, *how)
        assert member.returncode == 0, member.stderr
        assert len(runs(client, role="campaign")) == 1
    finally:
        head.terminate()
        with suppress(subprocess.TimeoutExpired):
            head.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(head.pid, signal.SIGKILL)
