"""The way to a Ray cluster, and what is refused on it; each in a line."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from al.errors import ConfigError, EngineError

_log = logging.getLogger(__name__)

#: Seconds in which a cluster's head has to take a connection.
PATIENCE = 5.0
#: What keeps Ray on the loopback device, whatever its name says.
LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
START = (
    "RAY_AUTH_MODE=token ray start --head --node-ip-address=ADDRESS --include-dashboard=false "
    "--disable-usage-stats"
)


def imported(address: str) -> Any:
    """Ray, with its usage statistics off unless they are asked for.

    A cluster on this machine alone stays on the loopback device, where Ray would take the
    machine's address; it reads how it shall be as it is imported.

    Raises:
        ConfigError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")  # of half a minute each
    if address == "here" or address.startswith(("127.", "localhost:")):
        os.environ.setdefault(LOOPBACK, "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"engine=ray needs {error.name}, which is not installed: "
            "pip install 'active-learning-pipeline[ray]'"
        ) from error
    return ray


def connect(ray: Any, address: str, needs: Mapping[str, float], workers: int) -> bool:
    """Connect this process to a cluster; `here` starts one on this machine.

    Returns:
        Whether it has to be left again: one that this process was in before is not.

    Raises:
        EngineError: no cluster is there, it refuses, or it runs another version.
    """
    if ray.is_initialized():
        return False
    how: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address == "here":
        how |= {
            "address": "local",
            "num_cpus": max(1, round(workers * needs["CPU"])),
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
        }
    else:
        how["address"] = _reached(address)
        tell_open_key()
    try:
        with _own_signals():
            ray.init(**how)
    except Exception as error:
        raise refused(error, address) from error
    return True


def _reached(address: str) -> str:
    """Host and port of a cluster's head that takes connections."""
    if "://" in address:
        raise ConfigError(
            f"engine_options: address={address} is Ray's client: run the command on a node of the "
            "cluster, with address=auto"
        )
    found: str | None = address
    if address == "auto":
        from ray._private.services import canonicalize_bootstrap_address

        found = canonicalize_bootstrap_address("auto")
    host, _, port = (found or "").rpartition(":")
    if not (host and port.isdecimal()):
        if address == "auto":
            raise EngineError(
                f"no Ray cluster is known on this machine: start one with {START}, set "
                "RAY_ADDRESS=HOST:PORT, or give address=here for one that ends with the command"
            )
        raise ConfigError(f"engine_options: address={address!r}: give HOST:PORT, auto or here")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise EngineError(
            f"no Ray cluster answers at {found} ({error.strerror or error}): start one with "  # type: ignore[union-attr]
            f"{START}, or give another address"
        ) from error
    return f"{host}:{port}"


def refused(error: Exception, address: str) -> EngineError:
    """What a cluster that does not let this process in says, in a line."""
    text = " ".join(str(error).split())
    if "Version mismatch" in text:
        versions = text.partition("Version mismatch: ")[2]
        return EngineError(f"the Ray cluster is of another version ({versions[:200]}): install the "
                           "same Ray and Python on all machines")  # fmt: skip
    if "uthenticat" in text or "token" in text.lower():
        return EngineError(
            f"the Ray cluster at {address} refuses this process: set RAY_AUTH_MODE=token and "
            "RAY_AUTH_TOKEN_PATH to the cluster's key file"
        )
    return EngineError(
        f"no way to the Ray cluster at {address} ({text[:200]}): see `ray status`, and where the "
        "cluster has a key, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH here too"
    )


def tell_open_key() -> None:
    """Say that others on this machine can read the key to the cluster: Ray writes it so."""
    key = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    with suppress(OSError):
        if key.stat().st_mode & 0o077:
            _log.warning(f"{key} opens the Ray cluster and others can read it: chmod 600 {key}")


@contextmanager
def _own_signals() -> Iterator[None]:
    """What a signal does stays as it is: Ray would set its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def places(ray: Any, needs: Mapping[str, float]) -> int:
    """How many workers with such needs the nodes that are alive have room for.

    Raises:
        EngineError: no node is large enough.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = sum(
        min(int(node.get(name, 0.0) / need + 1e-6) for name, need in needs.items() if need)
        for node in nodes
    )
    if room:
        return room
    for name, need in needs.items():
        most = max((node.get(name, 0.0) for node in nodes), default=0.0)
        if most < need:
            raise EngineError(
                f"a worker needs {need:g} {name}, and no node of the Ray cluster has more than "
                f"{most:g}: give {name.lower()}s=… in engine_options, or add a node"
            )
    raise EngineError("no node of the Ray cluster has room for a worker: add one")
