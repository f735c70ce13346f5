"""Jobs of a Ray cluster: a command there, in a copy of a folder, by the cluster's job server."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from al.engine.ray.cluster import PATIENCE, imported, refused, tell_open_key
from al.errors import AlError, ConfigError, EngineError

T = TypeVar("T")

#: Where Ray's own tools find a job server whose address is not given.
ADDRESS = "RAY_API_SERVER_ADDRESS"
#: Of a folder, these stay here, beside what its .gitignore and .rayignore name.
LEFT_OUT = (".git", ".venv", "mlruns", "mlartifacts", "mlflow.db*")
#: Seconds that a job server may be away, or a head that has just started may take to be whole;
#: and between two looks at a job.
AWAY, LOOK = 60.0, 1.0
START = (
    "RAY_AUTH_MODE=token ray start --head --node-ip-address=ADDRESS --include-dashboard=true "
    "--dashboard-host=ADDRESS --disable-usage-stats"
)


@dataclass(frozen=True)
class Job:
    """A job on a cluster.

    Attributes:
        id: by which the cluster knows it.
        address: of the job server.
    """

    client: Any
    id: str
    address: str

    @property
    def status(self) -> str:
        """PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED."""
        return str(self._asked(lambda: self.client.get_job_status(self.id)).value)

    @property
    def over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.status in ("STOPPED", "SUCCEEDED", "FAILED")

    def output(self) -> Iterator[str]:
        """What it prints, as it comes, until it ends."""
        shown, over = 0, False
        while not over:
            over = self.over  # before its words are read: none comes after the end
            words = self._asked(lambda: self.client.get_job_logs(self.id))
            yield words[shown:]
            shown = len(words)
            time.sleep(0 if over else LOOK)

    def stop(self) -> None:
        """Send it SIGTERM, a while later SIGKILL, and wait until it has ended."""
        self._asked(lambda: self.client.stop_job(self.id))
        while not self.over:
            time.sleep(LOOK)

    def _asked(self, call: Callable[[], T]) -> T:
        return _patient(call, self.address)


def submit(
    address: str,
    command: str,
    folder: Path,
    *,
    id: str,
    env: Mapping[str, str],
    cpus: float = 0.0,
    gpus: float = 0.0,
) -> Job:
    """Start a shell command in a copy of a folder, on a node of the cluster.

    Args:
        address: of the job server, http://HOST:PORT.
        env: variables of the command; everyone on the cluster can read them.
        cpus, gpus: that it takes; with none it runs on the head.

    Raises:
        ConfigError: Ray is not installed, or the address is not one.
        EngineError: no job server is there, it refuses, or it runs another version.
    """
    client = _client(address)
    given = {
        "submission_id": id,
        "runtime_env": {
            "working_dir": str(folder), "excludes": list(LEFT_OUT), "env_vars": dict(env),
        },
        "entrypoint_num_cpus": cpus or None,
        "entrypoint_num_gpus": gpus or None,
    }  # fmt: skip

    def started() -> None:
        try:
            client.submit_job(entrypoint=command, **given)
        except RuntimeError as error:
            if "already exists" not in str(error):  # else the answer to an earlier call was lost
                raise
        except ValueError as error:
            raise ConfigError(
                f"{folder} cannot be sent to the cluster ({_line(error)}): name what is not "
                "needed there in .gitignore or .rayignore"
            ) from error

    _patient(started, address)
    return Job(client, id, address)


def check(address: str) -> None:
    """See that a job server is there that takes jobs of this process; as `submit` raises."""
    _client(address)


def _client(address: str) -> Any:
    place = urlsplit(address)
    if place.scheme not in ("http", "https") or not place.hostname:
        raise ConfigError(
            f"address={address!r} is not that of a job server: give the one of the cluster's "
            "dashboard, http://HOST:8265"
        )
    ray = imported(place.hostname + ":")
    try:
        from ray.job_submission import JobSubmissionClient

        port = place.port or (443 if place.scheme == "https" else 80)
        socket.create_connection((place.hostname, port), PATIENCE).close()
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    except OSError as error:
        raise EngineError(
            f"no job server of a Ray cluster answers at {address} ({error.strerror or error}): "
            f"start the cluster's head with {START}, or give another address"
        ) from error
    tell_open_key()
    try:
        _quiet()
        with _meant(address):
            client = JobSubmissionClient(address)
    except Exception as error:
        if "ray[default]" in str(error):
            raise _not_installed(error) from error
        raise refused(error, address) from error
    if (there := client._server_ray_version) != ray.__version__:
        raise EngineError(
            f"the Ray cluster at {address} is of version {there}, and here is {ray.__version__}: "
            "install the same Ray on all machines"
        )
    return client


def _quiet() -> None:
    """No word of which files a .gitignore leaves here; errors come as exceptions."""
    for name in ("ray", "ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _not_installed(error: Exception) -> ConfigError:
    return ConfigError(f"Ray's jobs need more of Ray ({error}): pip install 'ray[default]'")


@contextmanager
def _meant(address: str) -> Iterator[None]:
    """The address counts, whatever Ray finds in the environment."""
    before = os.environ.get(ADDRESS)
    os.environ[ADDRESS] = address
    try:
        yield
    finally:
        os.environ.pop(ADDRESS)
        if before is not None:
            os.environ[ADDRESS] = before


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _patient(call: Callable[[], T], address: str) -> T:
    """Call until a job server that is away, or a head that has only just started, is there."""
    end = time.monotonic() + AWAY
    while True:
        try:
            return call()
        except Exception as error:
            if isinstance(error, AlError):
                raise
            if isinstance(error, OSError):  # those of requests are
                why = "does not answer any more"
            elif "No available agent" in str(error):
                why = "has no agent that starts jobs: is ray[default] installed on its head"
            else:
                raise refused(error, address) from error
            if time.monotonic() > end:
                raise EngineError(
                    f"the job server at {address} {why} ({_line(error)}): see `ray job list`, "
                    "where a job that was submitted may go on"
                ) from error
            time.sleep(LOOK)
