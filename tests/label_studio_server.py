"""A real Label Studio on loopback, from its own virtual environment `.venv-label-studio`.

    python -m tests.label_studio_server              prepares what tests start from
    python -m tests.label_studio_server --serve 8080  one to try things on, until Ctrl-C;
                                                     its data stay in build/label-studio

The first start makes a database, which takes a minute or more; it is kept in the virtual
environment, and every server starts on a copy of it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv-label-studio"
PREPARED = VENV / "prepared"
#: Of a server that lives on loopback for the length of a test.
TOKEN = "0123456789abcdef0123456789abcdef01234567"
USER, PASSWORD = "bot@example.com", "for-tests-only"


def is_there() -> bool:
    """Whether a server can be started."""
    return (VENV / "bin" / "label-studio").exists()


class LabelStudioServer:
    """Label Studio on a copy of the prepared database, in `folder`.

    Attributes:
        media: the root of its local files.
    """

    token = TOKEN

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder / "data"
        self.media = folder / "media"
        self.media.mkdir(parents=True, exist_ok=True)
        if PREPARED.is_dir() and not self.folder.exists():
            shutil.copytree(PREPARED, self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> LabelStudioServer:
        """Start it, and wait until it answers."""
        env = {
            "PATH": f"{VENV}/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.folder),
            "LABEL_STUDIO_USERNAME": USER,
            "LABEL_STUDIO_PASSWORD": PASSWORD,
            "LABEL_STUDIO_USER_TOKEN": TOKEN,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
            "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(self.media),
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
            "LABEL_STUDIO_HOST": self.url,
        }
        command = ["label-studio", "start", "--init", "--no-browser", "--internal-host"]
        command += ["127.0.0.1", "--port", str(self.port)]
        command[0] = str(VENV / "bin" / command[0])
        with open(self.folder / "server.log", "ab") as log:
            self._process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + 600
        while time.monotonic() < end and self._process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=5).close()
                return self
            except OSError:
                time.sleep(0.2)
        log_end = (self.folder / "server.log").read_text()[-2000:]
        self.kill()
        raise RuntimeError(f"no Label Studio: {log_end}")

    def kill(self) -> None:
        """End it with SIGKILL, as a machine that goes down would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as one does."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):  # it ended by itself
                os.killpg(self._process.pid, how)
            self._process.wait()
            self._process = None


def prepare() -> None:
    """Make the database that tests start from, once."""
    if not is_there():
        raise SystemExit("no .venv-label-studio: make label-studio")
    if PREPARED.is_dir():
        return
    with tempfile.TemporaryDirectory() as folder:
        server = LabelStudioServer(Path(folder))
        server.start().stop()
        shutil.copytree(server.folder, PREPARED.with_suffix(".part"))
    PREPARED.with_suffix(".part").rename(PREPARED)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serve(port: int) -> None:
    prepare()
    server = LabelStudioServer(ROOT / "build" / "label-studio", port).start()
    print(f"{server.url}  user {USER}  password {PASSWORD}")
    print(f"export LABEL_STUDIO_URL={server.url} LABEL_STUDIO_API_KEY={TOKEN}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            signal.pause()
    finally:
        server.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        _serve(int(sys.argv[2]))
    else:
        prepare()
