"""What is kept at a place, where the place answers in odd ways; see test_object_store.py too."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from al.errors import TrackingError
from al.tracking.artifacts import Artifacts
from al.tracking.connection import Connection


class _HangsUp(BaseHTTPRequestHandler):
    """A server that reads no file to its end and says in a list why."""

    def do_PUT(self) -> None:
        self.close_connection = True

    def do_GET(self) -> None:
        body = json.dumps({"message": "Failed to list artifacts: (AccessDenied) not allowed"})
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


def test_an_upload_that_the_server_cuts_off_says_what_the_store_behind_it_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("AL_SERVER_WAIT", "5")
    (tmp_path / "weights").write_bytes(bytes(10_000_000))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _HangsUp)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        uri = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        artifacts = Artifacts(Connection(uri), "mlflow-artifacts:/1/run/artifacts")
        with pytest.raises(TrackingError, match=r"refuses \(Failed to list artifacts: \(Access"):
            artifacts.save_file(tmp_path / "weights")
    finally:
        server.shutdown()
