"""A Ray cluster on this machine: a head that works at nothing, and nodes of one core each."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from al.engine.ray.cluster import imported

#: What keeps a node small and to itself.
SMALL_NODE: dict[str, Any] = {
    "object_store_memory": 80_000_000,
    "include_dashboard": False,
    "node_ip_address": "127.0.0.1",
}


class RayCluster:
    """Raylets on one machine, by `ray.cluster_utils`.

    Attributes:
        address: HOST:PORT.
    """

    def __init__(self, nodes: int = 2, **head: Any) -> None:
        imported("127.0.0.1:0")
        from ray.cluster_utils import Cluster

        given = {"num_cpus": 0, **SMALL_NODE, **head}
        self._cluster = Cluster(initialize_head=True, head_node_args=given)
        self.address: str = self._cluster.address
        self.nodes = [self.add() for _ in range(nodes)]

    def add(self, **given: Any) -> Any:
        """One more node."""
        return self._cluster.add_node(**{"num_cpus": 1, **SMALL_NODE, **given})

    def kill(self, node: Any) -> None:
        """SIGKILL a node's raylet; its workers go with it."""
        self.nodes.remove(node)
        for info in node.all_processes["raylet"]:
            os.kill(info.process.pid, signal.SIGKILL)

    def kill_head(self) -> None:
        """SIGKILL all of the head: nobody knows any more who belongs to the cluster."""
        for processes in self._cluster.head_node.all_processes.values():
            for info in processes:
                os.kill(info.process.pid, signal.SIGKILL)

    def stop(self) -> None:
        import ray

        ray.shutdown()
        self._cluster.shutdown()


@contextmanager
def cluster(nodes: int = 2, **head: Any) -> Iterator[RayCluster]:
    """A cluster for a block."""
    made = RayCluster(nodes, **head)
    try:
        yield made
    finally:
        made.stop()
