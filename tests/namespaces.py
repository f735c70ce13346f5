"""Machines of a small network, made of Linux namespaces: no rights are needed, nothing is left.

A hub has a bridge, and a cable from it leads to each of the others. Every machine has network
devices, a host name, /dev/shm and /tmp/ray of its own; processes and all other files are shared.
Everything ends with the hub's first process, and that with the process which made it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

import psutil

#: Addresses begin with it; nobody outside sees them.
NETWORK = "10.213.7."
_OWN = ("--net", "--mount", "--uts")
#: The process that keeps a machine there: it writes its number, as the network knows it, and ends
#: with its input.
_STAYS = ("sh", "-c", "echo $$; exec cat")


class Machine:
    """A machine of the network.

    Args:
        name: of the host, and of the hub's end of its cable.
        number: the last part of its address.
        hub: none makes the hub.

    Raises:
        OSError: namespaces are not allowed here.
    """

    def __init__(self, name: str, number: int, hub: Machine | None = None) -> None:
        self.name, self.address = name, f"{NETWORK}{number}"
        if hub is None:
            alone = ("--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc")
            self._stays = _start(["unshare", *alone, *_OWN, *_STAYS])
        else:
            self._stays = hub.start(["unshare", *_OWN, *_STAYS])
        assert self._stays.stdout is not None
        inside = self._stays.stdout.readline().strip()
        if not inside:
            raise OSError(self._stays.communicate()[0])
        (process,) = psutil.Process(self._stays.pid).children()
        self._pid = process.pid
        device = "eth0" if hub else "cables"
        if hub is None:
            self.run("ip", "link", "add", device, "type", "bridge")
        else:
            ends = (name, "type", "veth", "peer", "name", device, "netns", inside)
            hub.run("ip", "link", "add", *ends)
            hub.run("ip", "link", "set", name, "master", "cables", "up")
        self.run("hostname", name)
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{self.address}/24", "dev", device)
        self.run("ip", "link", "set", device, "up")
        self.run("ip", "route", "add", "default", "dev", device)  # Ray asks where 8.8.8.8 would be
        self.run("mkdir", "-p", "/tmp/ray")
        for folder in ("/tmp/ray", "/dev/shm"):
            self.run("mount", "-t", "tmpfs", "tmpfs", folder)

    def start(
        self, command: Sequence[str], env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a program here, in this process's working directory."""
        enter = ["nsenter", f"--target={self._pid}", "--all", f"--wdns={os.getcwd()}"]
        return _start([*enter, *command], env)

    def run(self, *command: str) -> None:
        """Run a program here.

        Raises:
            OSError: it failed.
        """
        done = self.start(command)
        message, _ = done.communicate()
        if done.returncode:
            raise OSError(f"{' '.join(command)}: {message.strip()}")

    def kill(self, *names: str) -> None:
        """SIGKILL the programs here that have such names, all where none is given."""
        stay = (self._pid, self._stays.pid)
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):  # it has ended, or is not ours to look at
                here = _network(process.pid) == _network(self._pid) and process.pid not in stay
                if here and (not names or process.name() in names):
                    process.kill()

    def stop(self) -> None:
        """End it; with the hub, everything on the network."""
        self.kill()
        psutil.Process(self._pid).kill()
        self._stays.communicate()


def _network(pid: int) -> int:
    """Which network a process is on."""
    return os.stat(f"/proc/{pid}/ns/net").st_ino


def _start(command: Sequence[str], env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a program, whose input this process holds and whose output is one text."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env=env, text=True, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT
    )
