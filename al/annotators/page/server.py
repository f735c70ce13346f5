"""The page's server: a port, an address that lasts, one process at a time."""

from __future__ import annotations

import errno
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from al.annotators.page.app import make_app
from al.annotators.page.desk import Desk
from al.annotators.page.door import Door
from al.annotators.page.network import Network
from al.annotators.page.people import People
from al.errors import ConfigError
from al.whole import whole_file

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.serving import BaseWSGIServer

#: Ports that no system lends to outgoing connections, so that one is free again after a restart.
LASTING = range(20_000, 32_000)
#: Seconds in which pages that are open hear that the campaign has ended.
HEARD = 5.0
#: Where secret and port are kept.
ADDRESS = ".page.json"


class Served(ConfigError):
    """Another process serves the page."""


class PageServer:
    """Serves while it is open, from a thread.

    Attributes:
        url: what people open; without a secret where they have links of their own.

    Raises:
        Served: another process serves this page.
        ConfigError: the port is taken, or nobody is invited who could reach it.
    """

    url: str

    def __init__(self, desk: Desk, network: Network) -> None:
        self.desk, self.network = desk, network
        self.folder = desk.log.folder
        self.people = People(self.folder)
        self._server: BaseWSGIServer | None = None

    def __enter__(self) -> PageServer:
        from filelock import FileLock, Timeout

        if not self.network.local and not self.people.links():
            raise ConfigError(
                "the page would be open to other machines and nobody is invited: al page "
                f"--campaign {self.desk.campaign} --invite NAME makes a link for somebody"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder / ".page.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise Served(
                f"the page of campaign {self.desk.campaign!r} is served by another process: "
                "use that, or stop it"
            ) from None
        try:
            self._start()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._lock.release()

    def wait(self, over: Callable[[bool], bool] | None = None) -> None:
        """Until somebody says on the page that it is finished, or `over` says so."""
        if over is None:
            while not self.desk.finished.wait(0.5):  # short waits let a signal through
                pass
            return
        self.desk.watched = True
        while not over(self.desk.idle()):
            time.sleep(0.5)
        self.desk.ended = True
        time.sleep(HEARD)

    def _start(self) -> None:
        token, remembered = kept_address(self.folder)
        door = Door(self.people, token, self.network)
        app = make_app(self.desk, door)
        self._server = server = _bound(app, self.network, remembered)
        _remember(self.folder / ADDRESS, token, server.server_address[1])
        base = self.network.base(server.server_address[1])
        self.url = base if door.invites else f"{base}{token}/"
        threading.Thread(target=server.serve_forever, name="al-page", daemon=True).start()


def link_for(folder: Path, network: Network, secret: str) -> str:
    """A person's link; where the page was never served, its port is chosen now."""
    token, port = kept_address(folder)
    if not (network.port or network.address or port):
        port = secrets.choice(LASTING)
        _remember(folder / ADDRESS, token, port)
    return f"{network.base(network.port or port)}{secret}/"


def kept_address(folder: Path) -> tuple[str, int]:
    """Secret and port of last time, so that a page that is open works on after a restart."""
    try:
        kept = json.loads((folder / ADDRESS).read_text())
        return str(kept["token"]), int(kept["port"])
    except (OSError, KeyError, TypeError, ValueError, RecursionError):
        return secrets.token_urlsafe(24), 0


def _bound(app: Flask, network: Network, remembered: int) -> BaseWSGIServer:
    """A server on the port that was given, on that of last time, or on a free one.

    Raises:
        ConfigError: the given port is taken, or the host is not an address of this machine.
    """
    from al.annotators.page.wire import WireServer

    taken: OSError | None = None
    tls, port = network.tls(), network.port
    before = [remembered] if remembered else []
    for wanted in [port] if port else [*before, *secrets.SystemRandom().sample(LASTING, 8), 0]:
        family = socket.AF_INET6 if ":" in network.host else socket.AF_INET
        with socket.socket(family) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                door.bind((network.host, wanted))
                door.listen(128)
            except OSError as error:
                taken = error
                continue
            return WireServer(network.host, app, door, tls)
    assert taken is not None
    if taken.errno in (errno.EADDRNOTAVAIL, socket.EAI_NONAME):
        raise ConfigError(
            f"host={network.host} is not an address of this machine: give one that is"
        )
    if taken.errno == errno.EACCES:
        raise ConfigError(f"port {port} is not for this user: give one from 1024 on") from taken
    raise ConfigError(f"port {port} is taken: give another port") from taken


def _remember(path: Path, token: str, port: int) -> None:
    """Keep the address, for nobody but this user."""
    with whole_file(path, 0o600) as file:
        file.write(json.dumps({"token": token, "port": port}).encode())
