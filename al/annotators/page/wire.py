"""Connections: TLS, and no patience with those that are slow or too many."""

from __future__ import annotations

import io
import logging
import socket
import ssl
import threading
import time
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

_log = logging.getLogger(__name__)

#: Seconds for a request to come in, from the first byte to the last; for a silence within it;
#: and for its answer to go out.
REQUEST, SILENT, ANSWER = 30.0, 10.0, 60.0
#: Most connections at once.
CONNECTIONS = 200


class _Hurried(io.RawIOBase):
    """What comes in, for as long as a request may take."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.begin()

    def begin(self) -> None:
        """Another request may come."""
        self._end = time.monotonic() + REQUEST

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(min(left, SILENT))
        try:
            return self._connection.recv_into(buffer)
        finally:
            self._connection.settimeout(ANSWER)


class _Handler(WSGIRequestHandler):
    """Takes requests, and writes no log, which would hold secrets."""

    def setup(self) -> None:
        super().setup()
        self._coming = _Hurried(self.connection)
        self.rfile = io.BufferedReader(self._coming)

    def handle_one_request(self) -> None:
        self._coming.begin()
        super().handle_one_request()

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class WireServer(ThreadedWSGIServer):
    """A thread for each connection.

    Args:
        door: a socket that listens.
    """

    def __init__(
        self, host: str, app: Any, door: socket.socket, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(host, door.getsockname()[1], app, _Handler, fd=door.fileno())
        self.ssl_context = tls  # the scheme follows from it
        self._free = threading.BoundedSemaphore(CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Greet in the connection's own thread: who greets slowly holds up nobody else."""
        if self.ssl_context is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(SILENT)
        with self.ssl_context.wrap_socket(request, server_side=True) as safe:
            super().finish_request(safe, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up or does not speak TLS is not worth a log line."""
        _log.debug("a connection broke off", exc_info=True)
