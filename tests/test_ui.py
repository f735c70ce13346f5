"""The UI on a store: served until it is stopped, with the addresses of what is worth opening."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests

import al
from al.errors import ConfigError
from al.tracking import ui
from al.tracking.ui import serving


def test_what_cannot_be_served_is_refused_in_a_line(tmp_path: Path) -> None:
    missing = f"sqlite:///{tmp_path}/nothing.db"
    with pytest.raises(ConfigError, match="run al ui where your runs are"), serving(missing, 5000):
        pass
    with (
        pytest.raises(ConfigError, match=r"http://host is a server already"),
        serving("http://me:secret@host", 5000),
    ):
        pass
    store = tmp_path / "mlflow.db"
    store.touch()
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port = door.getsockname()[1]
        with pytest.raises(ConfigError, match="pass another --port"):
            serving(f"sqlite:///{store}", port).__enter__()
    assert list(tmp_path.iterdir()) == [store]


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody is there
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ui, "STARTS", 2)
    with (
        HTTPServer(("127.0.0.1", 0), Answers) as server,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1, stdout=-1) as process,
    ):
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            ui._until_it_answers(process, server.server_port)
        finally:
            server.shutdown()
            process.kill()


@pytest.mark.slow
def test_the_addresses_are_printed_when_the_server_answers_and_it_ends_with_the_command(
    tmp_path: Path,
) -> None:
    store = f"sqlite:///{tmp_path}/mlflow.db"
    al.Campaign(tracking_uri=store, cycles=1, epochs=1, baseline="none", experiment="parts").run()
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    command = [sys.executable, "-m", "al", "ui", "--store", store, "--port", str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=dict(os.environ)
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(5)]
    assert "click 'Model training'" in lines[0]
    assert [line.partition(":")[0] for line in lines[1:]] == ["curves", "table", "report", "models"]
    at = f"http://127.0.0.1:{port}"
    assert requests.get(f"{at}/health", timeout=30).ok
    assert all(f" {at}/#/" in line for line in lines[1:])
    assert lines[1].endswith("viewStateShareKey=al-accuracy&compareRunsMode=CHART\n")
    assert lines[2].endswith("viewStateShareKey=al-accuracy\n")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{at}/health", timeout=5)
