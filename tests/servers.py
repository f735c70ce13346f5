"""A real `mlflow server` on loopback that a test can stop and start again."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.object_store import ObjectStore


class Server:
    """An MLflow server.

    Args:
        database: SQLite in the folder, if none is given.
        store: where artifacts are; the folder, if none is given.
        direct: clients reach the store themselves, not through the server.
    """

    def __init__(
        self,
        folder: Path,
        database: str = "",
        store: ObjectStore | None = None,
        *,
        direct: bool = False,
    ) -> None:
        self.folder = folder
        self._store = store
        self._direct = direct
        self._database = database or f"sqlite:///{folder}/mlflow.db"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        """Start it, and wait until it answers."""
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port",
            str(self.port), "--workers", "1", "--backend-store-uri",
            self._database,
        ]  # fmt: skip
        place = self._store.uri if self._store else str(self.folder / "artifacts")
        command += ["--artifacts-destination", place]
        if self._direct:
            command += ["--no-serve-artifacts", "--default-artifact-root", place]
        env = {
            **os.environ,
            **(self._store.settings if self._store else {}),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        env.pop("MLFLOW_TRACKING_URI", None)
        with open(self.folder / "server.log", "ab") as log:
            self._process = subprocess.Popen(
                command, env=env, stdout=log, stderr=log, start_new_session=True
            )
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{self.uri}/health", timeout=5).close()
                return self
            except OSError:
                time.sleep(0.1)
        raise TimeoutError(f"no server: {(self.folder / 'server.log').read_text()[-2000:]}")

    def stop(self) -> None:
        """Kill it with all its workers, as a machine that goes down would."""
        if self._process is not None:
            os.killpg(self._process.pid, 9)
            self._process.wait()
            self._process = None


class Gate:
    """A proxy that lets those through who say user name and password (HTTP basic).

    Args:
        behind: address of what it guards; nothing is there where it is empty.
        who: user:password.

    Attributes:
        refused: how many requests it sent away.
    """

    def __init__(self, behind: str, who: str) -> None:
        wanted = f"Basic {base64.b64encode(who.encode()).decode()}"
        gate = self
        self.refused = 0

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Authorization") != wanted:
                    gate.refused += self.path != "/health"
                    self.answer(401, b"who are you?", "text/plain")
                    return
                kept = {"Content-Type", "Accept"}
                request = urllib.request.Request(
                    behind + self.path,
                    data=body or None,
                    method=self.command,
                    headers={k: v for k, v in self.headers.items() if k in kept},
                )
                try:
                    with urllib.request.urlopen(request) as reply:
                        self.answer(reply.status, reply.read(), reply.headers.get_content_type())
                except urllib.error.HTTPError as error:
                    self.answer(error.code, error.read(), "application/json")

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one  # noqa: N815

            def answer(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
