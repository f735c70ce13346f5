"""How a process ends when it is asked to."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

HEAD = """
import os, signal, threading, time
from al import stops

stops.GRACE, stops.PATIENCE = 1.5, 1
stops.heed()
"""
STUCK = """
lock = threading.Lock()
lock.acquire()
try:
    os.kill(os.getpid(), signal.NUMBER)
    time.sleep(60)
finally:
    stops.stopping()
    lock.acquire()
"""
IN_A_CALL = """
try:
    with stops.unbroken():
        with stops.unbroken():
            os.kill(os.getpid(), signal.NUMBER)
            print("begun")
        print("done")
    print("gone on")
finally:
    stops.stopping()
    with stops.unbroken():
        print("put in order")
"""
IN_A_LONG_CALL = """
try:
    with stops.unbroken():
        os.kill(os.getpid(), signal.NUMBER)
        time.sleep(60)
        print("gone on")
finally:
    stops.stopping()
"""
BESIDE_A_CALL = """
def call():
    with stops.unbroken():
        time.sleep(60)

threading.Thread(target=call, daemon=True).start()
time.sleep(0.1)
os.kill(os.getpid(), signal.NUMBER)
print("gone on")
"""
HOW = pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])


def ended(code: str, number: str) -> subprocess.CompletedProcess[str]:
    """A process that runs this code and stops itself by a signal of this name."""
    return subprocess.run(
        [sys.executable, "-c", HEAD + code.replace("NUMBER", number)],
        cwd=ROOT, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


@HOW
def test_a_process_that_cannot_stop_is_ended_at_once(number: str, code: int) -> None:
    found = ended(STUCK, number)
    assert found.returncode == code, found.stderr
    assert "ended at once" in found.stderr
    assert "the same command goes on" in found.stderr


def test_a_call_is_finished_before_a_signal_stops_the_process() -> None:
    found = ended(IN_A_CALL, "SIGTERM")
    assert found.returncode == 143, found.stderr
    assert found.stdout.split("\n") == ["begun", "done", "put in order", ""]


def test_a_call_that_takes_too_long_is_broken_off() -> None:
    found = ended(IN_A_LONG_CALL, "SIGTERM")
    assert (found.returncode, found.stdout) == (143, ""), found.stderr
    assert "ended at once" not in found.stderr


def test_the_call_of_another_thread_is_not_waited_for() -> None:
    found = ended(BESIDE_A_CALL, "SIGTERM")
    assert (found.returncode, found.stdout) == (143, ""), found.stderr
