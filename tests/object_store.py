"""A real S3-compatible object store on loopback: rclone's, which keeps objects in a folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

#: Who may read and write.
KEY, SECRET = "al-key", "al-secret"
BUCKET = "artifacts"


def program() -> Path | None:
    """rclone, of a version that serves S3; None where it is not installed."""
    beside = Path(sys.executable).with_name("rclone")
    found = beside if beside.exists() else shutil.which("rclone")
    return Path(found) if found else None


class ObjectStore:
    """An object store with one bucket, empty at first, that a test can stop and start again.

    Args:
        folder: where its objects are.

    Attributes:
        uri: of the bucket.
        settings: of the environment, for those who reach it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / BUCKET).mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"s3://{BUCKET}/"
        self.settings = {
            "MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            # No config of the user's and no look for a role in the network.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, secret: str = SECRET) -> ObjectStore:
        """Start it, and wait until it answers; with another secret it refuses everybody."""
        command = [
            str(program()), "serve", "s3", str(self.folder), "--addr", f"127.0.0.1:{self.port}",
            "--config", os.devnull, "--vfs-cache-mode", "off",
        ]  # fmt: skip
        env = {**os.environ, "RCLONE_AUTH_KEY": f'"{KEY},{secret}"'}
        with open(self.folder / "store.log", "ab") as log:
            self._process = subprocess.Popen(
                command, env=env, stdout=log, stderr=log, start_new_session=True
            )
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise TimeoutError(f"no store: {(self.folder / 'store.log').read_text()[-2000:]}")

    def stop(self) -> None:
        """Kill it, as a machine that goes down would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
