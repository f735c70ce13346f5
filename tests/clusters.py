"""Ray clusters on this machine: a head that works at nothing, and nodes of one core each."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from al.engine.ray.cluster import LOOPBACK, imported
from tests.namespaces import Machine

#: What keeps a node small and to itself.
SMALL_NODE: dict[str, Any] = {
    "object_store_memory": 80_000_000,
    "include_dashboard": False,
    "node_ip_address": "127.0.0.1",
}
#: The head gives up a node that is silent after a quarter of a minute; see docs/scale.md.
QUICK = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "5",
}

#: How often a head or a node is started that does not come up on a busy machine.
STARTS = 4


class RayCluster:
    """Raylets on one machine, by `ray.cluster_utils`.

    Attributes:
        address: HOST:PORT.
    """

    def __init__(self, nodes: int = 2, **head: Any) -> None:
        imported("127.0.0.1:0")
        self._head = {"num_cpus": 0, **SMALL_NODE, **head}
        self._size = nodes
        self.nodes: list[Any] = []
        self._begin()

    def _begin(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(initialize_head=True, head_node_args=self._head)
        self.address: str = self._cluster.address
        self.mend()

    def mend(self) -> None:
        """New nodes in place of those that are lost."""
        while len(self.nodes) < self._size:
            self.nodes.append(self._add())

    def _add(self, **given: Any) -> Any:
        return self._cluster.add_node(**{"num_cpus": 1, **SMALL_NODE, **given})

    @contextmanager
    def one_more(self, **given: Any) -> Iterator[None]:
        """Another node for a block, as `ray.cluster_utils` takes it."""
        node = self._add(**given)
        try:
            yield
        finally:
            self._cluster.remove_node(node)

    def start(self, command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start a program that may drive the cluster."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=env, text=True, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT
        )

    def kill(self, node: Any) -> None:
        """SIGKILL a node's raylet; its workers go with it."""
        self.nodes.remove(node)
        for info in node.all_processes["raylet"]:
            os.kill(info.process.pid, signal.SIGKILL)

    def lose(self, how: str, where: str) -> None:
        """Lose the node of a worker: there are no cables to cut, so its raylet is killed."""
        raylet = psutil.Process(int(where.rpartition(":")[2])).ppid()
        for node in list(self.nodes):
            if raylet in [info.process.pid for info in node.all_processes["raylet"]]:
                self.kill(node)

    def lose_head(self) -> None:
        """SIGKILL all of the head: nobody knows any more who belongs to the cluster."""
        for processes in self._cluster.head_node.all_processes.values():
            for info in processes:
                os.kill(info.process.pid, signal.SIGKILL)

    def begin_again(self) -> None:
        """A new head, and new nodes."""
        self._cluster.shutdown()
        self.nodes.clear()
        self._begin()

    def stop(self) -> None:
        import ray

        ray.shutdown()
        self._cluster.shutdown()


class RayNetwork:
    """Raylets on machines of a network; the head is at its hub, where drivers run too.

    Attributes:
        address: HOST:PORT.

    Raises:
        OSError: there is no network.
    """

    def __init__(self, nodes: int) -> None:
        self._hub = Machine("hub", 1)
        self.address = f"{self._hub.address}:6379"
        self._size, self._made = nodes, 1
        self._env = QUICK | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self._nodes: dict[str, Machine] = {}
        self._lost: list[Machine] = []
        self._begin()

    def _begin(self) -> None:
        how = "--head", "--port=6379", "--num-cpus=0", "--include-dashboard=false"
        for _ in range(STARTS):
            if not (lines := _failed(self._started(self._hub, *how))):
                return self.mend()
            self._hub.kill()
        raise RuntimeError(lines)

    def mend(self) -> None:
        """New nodes in place of those that are lost.

        Raises:
            RuntimeError: none starts; Ray itself waits half a minute for one, and does not ask
                how busy the machine is.
        """
        for _ in range(STARTS):
            while self._lost:
                self._lost.pop().stop()
            while len(self._nodes) < self._size:
                self._made += 1
                node = Machine(f"node{self._made}", self._made, self._hub)
                self._nodes[node.name] = node
                start = self._started(node, f"--address={self.address}", "--num-cpus=1")
                if lines := _failed(start):
                    self._lost.append(self._nodes.pop(node.name))
                    break
            else:
                return
        raise RuntimeError(lines)

    def start(self, command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start a program that may drive the cluster, on the head's machine."""
        return self._hub.start(command, self._with_key(env))

    def lose(self, how: str, where: str) -> None:
        """Lose the node of a worker: its raylet is `killed`, or its cable `cut`."""
        node = self._nodes.pop(where.rpartition(":")[0])
        self._lost.append(node)
        if how == "cut":
            self._hub.run("ip", "link", "set", node.name, "down")
        else:
            node.kill("raylet")

    def lose_head(self) -> None:
        """SIGKILL all of the head: nobody knows any more who belongs to the cluster."""
        self._hub.kill("raylet", "gcs_server")

    def begin_again(self) -> None:
        """A new head, and new nodes; a raylet that is left would be taken for a cluster."""
        for machine in (*self._lost, *self._nodes.values()):
            machine.stop()
        self._lost.clear()
        self._nodes.clear()
        self._hub.kill()
        self._begin()

    def stop(self) -> None:
        self._hub.stop()

    def _started(self, machine: Machine, *how: str) -> subprocess.Popen[str]:
        command = [
            str(Path(sys.executable).with_name("ray")), "start", *how, "--block",
            f"--node-ip-address={machine.address}", "--disable-usage-stats",
            f"--object-store-memory={SMALL_NODE['object_store_memory']}",
        ]  # fmt: skip
        return machine.start(command, self._with_key(os.environ))

    def _with_key(self, env: Mapping[str, str]) -> dict[str, str]:
        """The cluster's settings instead of this machine's."""
        own = {k: v for k, v in env.items() if k != LOOPBACK and not k.startswith("RAY_AUTH")}
        return own | self._env


def _failed(start: subprocess.Popen[str]) -> str:
    """What a node says that ends instead of being there; what the others say is nobody's
    business."""
    assert start.stdout is not None
    lines = []
    for line in start.stdout:
        lines.append(line)
        if "Ray runtime started" in line:
            return ""
    return "".join(lines) or "nothing"


#: A head with a job server, in a process of its own: Ray reads once whether there is a key. (`ray
#: start --block` ends all of a head whose server for clients comes up late, on a busy machine.)
_HEAD = """
import sys
from ray.cluster_utils import Cluster
head = Cluster(initialize_head=True, head_node_args={given!r})
print(head.webui_url, flush=True)
sys.stdin.read()
head.shutdown()
"""


@contextmanager
def job_server() -> Iterator[str]:
    """The address of the job server of a head of one core, for a block; with the key, if any, that
    the environment names."""
    given = SMALL_NODE | {"num_cpus": 1, "include_dashboard": True, "dashboard_host": "127.0.0.1"}
    # Ports that are known: those that agents choose have to be there within 15 seconds.
    with ExitStack() as stack:
        for name in ("dashboard", "dashboard_agent_listen", "metrics_agent", "metrics_export",
                     "runtime_env_agent"):  # fmt: skip
            free = stack.enter_context(socket.socket())
            free.bind(("127.0.0.1", 0))
            given[f"{name}_port"] = free.getsockname()[1]
    env = os.environ | {
        LOOPBACK: "0", "RAY_USAGE_STATS_ENABLED": "0", "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "300",
    }  # fmt: skip
    pipe = subprocess.PIPE
    for _ in range(STARTS):
        command = [sys.executable, "-c", _HEAD.format(given=given)]
        with subprocess.Popen(command, env=env, text=True, stdin=pipe, stdout=pipe) as head:
            assert head.stdout is not None
            if address := head.stdout.readline().strip():
                yield f"http://{address}"
                return
    raise RuntimeError("no head of a Ray cluster comes up")


@contextmanager
def cluster(nodes: int = 2, **head: Any) -> Iterator[RayCluster]:
    """A cluster for a block."""
    made = RayCluster(nodes, **head)
    try:
        yield made
    finally:
        made.stop()
