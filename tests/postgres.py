"""A real PostgreSQL on loopback, in a folder of its own, as a person without rights."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

#: Where Debian puts what is not for everybody's PATH; the latest version last.
_DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder with initdb and pg_ctl; None where there is no PostgreSQL."""
    if found := shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    folders = sorted(_DEBIAN.glob("*/bin/pg_ctl"))
    return folders[-1].parent if folders else None


class Postgres:
    """A PostgreSQL server; its superuser is `al`, and trusted on loopback.

    Attributes:
        port: on 127.0.0.1.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        # Not under pytest's folder, which only root may enter where root runs the tests.
        self._folder = Path(tempfile.mkdtemp(prefix="al-postgres-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def start(self) -> Postgres:
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres")
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-U", "al", "-A", "trust", "-E", "UTF8", "--no-sync")
        how = f"-h 127.0.0.1 -p {self.port} -k {self._folder} -c fsync=off"
        self._run("pg_ctl", "-D", data, "-l", str(self._folder / "log"), "-o", how, "-w", "start")
        return self

    def database(self, name: str) -> str:
        """A new database, as host:port/name with its user."""
        self._run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "al", "-d", "postgres",
                  "-c", f"CREATE DATABASE {name}")  # fmt: skip
        return f"al@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs, which refuse to be root."""
        as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        subprocess.run(
            [*as_user, str(self._programs / program), *arguments],
            check=True, stdout=subprocess.DEVNULL, cwd=self._folder,
        )  # fmt: skip
