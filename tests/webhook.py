"""A webhook that keeps what it is sent."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook:
    """A server at a secret path.

    Attributes:
        received: bodies that it answered with 200.
        tries: requests, whatever became of them.
        statuses: of the next answers; 200 when they are used up.
        delay: seconds before each answer.
    """

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.tries = 0
        self.statuses: list[int] = []
        self.delay = 0.0
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.tries += 1
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(hook.delay)
                status = hook.statuses.pop(0) if hook.statuses else 200
                if status == 200 and self.path == "/s3cr3t":
                    hook.received.append(body)
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/s3cr3t"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def kinds(self) -> list[str]:
        return [body["event"] for body in self.received]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
