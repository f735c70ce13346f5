"""How a command ends when it is asked to."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

STUCK = """
import os, signal, threading, time
from al import cli

cli.GRACE = 1.0

@cli.step_command("stuck", defaults=False)
def main(given):
    "A lock that is never given back is waited for on the way out."
    lock = threading.Lock()
    lock.acquire()
    try:
        os.kill(os.getpid(), signal.NUMBER)
        time.sleep(60)
    finally:
        cli.stopping()
        lock.acquire()

main.main([])
"""


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_process_that_cannot_stop_is_ended_at_once(number: str, code: int) -> None:
    found = subprocess.run(
        [sys.executable, "-c", STUCK.replace("NUMBER", number)],
        cwd=ROOT, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert found.returncode == code, found.stderr
    assert "ended at once" in found.stderr
    assert "the same command goes on" in found.stderr
