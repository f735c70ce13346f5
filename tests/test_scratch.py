"""Folders for a while, of processes that are killed, forked and at work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from al import scratch

#: Makes a folder, says so, and goes on when a line comes.
AT_WORK = """
from pathlib import Path
from al.scratch import scratch_folder
folder = scratch_folder()
(Path(folder.name) / "pass.bin").write_bytes(b"much")
print(folder.name, flush=True)
input()
"""
Start = Callable[[], tuple[subprocess.Popen[str], Path]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts processes that have a folder each, below `tmp_path`."""
    running = []

    def one() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", AT_WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
        running.append(process)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    yield one
    for process in running:
        process.kill()
        process.communicate()


def test_a_killed_process_s_folder_goes_at_the_next_start_and_no_other(
    start: Start, tmp_path: Path
) -> None:
    others = tmp_path / "al-scratch-of-no-process"
    others.mkdir()
    alive, its = start()
    killed, left = start()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert (left / "pass.bin").exists()
    last, here = start()
    assert not left.parent.exists()
    assert (its / "pass.bin").exists()
    assert (here / "pass.bin").exists()
    for process in (alive, last):
        process.communicate("\n")
        assert process.returncode == 0
    assert list(tmp_path.iterdir()) == [others]


def test_a_folder_of_somebody_else_is_left_alone(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, left = start()
    killed.kill()
    killed.wait()
    me = os.getuid()
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    scratch.clear_left()
    assert left.exists()
    monkeypatch.setattr(os, "getuid", lambda: me)
    scratch.clear_left()
    assert not left.parent.exists()


def test_a_process_whose_folder_was_cleared_goes_on_with_another() -> None:
    with scratch.scratch_folder() as first:
        shutil.rmtree(Path(first).parent)
        with scratch.scratch_folder() as second:
            assert Path(second).is_dir()
    assert Path(second).parent != Path(first).parent


def test_a_forked_process_has_a_folder_of_its_own_and_leaves_its_parent_s() -> None:
    code = (
        "import os; from al.scratch import clear_left, scratch_folder\n"
        "mine = scratch_folder()\n"
        "if os.fork() == 0:\n"
        "    print(scratch_folder().name, flush=True); os._exit(0)\n"
        "os.wait(); clear_left(); print(mine.name, os.path.isdir(mine.name))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    theirs, mine, there = found.stdout.split()
    assert Path(theirs).parent != Path(mine).parent
    assert there == "True"
    assert not Path(theirs).exists()
    assert not Path(mine).exists()
