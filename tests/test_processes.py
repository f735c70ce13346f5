"""The engine of processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable

import pytest

from al.catalog import engines
from al.engine import LocalEngine, spread
from al.engine.processes import ProcessEngine, cores
from al.errors import ConfigError, EngineError


def make_worker() -> Callable[[int], tuple[int, int]]:
    """Squares, and where it was done."""
    return squared


def squared(number: int) -> tuple[int, int]:
    if number == 13:
        raise ValueError("unlucky")
    if number == 1000:
        time.sleep(600)
    return number * number, os.getpid()


@pytest.fixture(scope="module")
def engine() -> ProcessEngine:
    return ProcessEngine({"workers": "2"})


def test_work_is_done_elsewhere_and_each_piece_once(engine: ProcessEngine) -> None:
    found = dict(spread(engine, make_worker, range(12)))
    assert {n: square for n, (square, _) in found.items()} == {n: n * n for n in range(12)}
    assert os.getpid() not in {pid for _, pid in found.values()}


def test_what_fails_there_is_a_line_here(engine: ProcessEngine) -> None:
    with pytest.raises(EngineError, match="ValueError: unlucky"):
        list(spread(engine, make_worker, [1, 13]))


def test_who_stops_listening_ends_the_processes_in_the_middle_of_their_work(
    engine: ProcessEngine,
) -> None:
    results = spread(engine, make_worker, [1, 1000, 2])
    next(results)
    before = {child.pid for child in multiprocessing.active_children()}
    results.close()
    deadline = time.monotonic() + 30
    while {child.pid for child in multiprocessing.active_children()} & before:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    engine.close()
    assert [number for number, _ in spread(engine, make_worker, [5])] == [5]  # it begins again
    engine.close()


def test_the_number_of_processes_is_one_a_core_or_what_is_asked_for() -> None:
    assert ProcessEngine().workers == cores() >= 1
    assert ProcessEngine({"workers": "3"}).workers == 3
    for wrong in ("0", "two", "-1"):
        with pytest.raises(ConfigError, match="is not a number of processes"):
            ProcessEngine({"workers": wrong})


def test_both_engines_are_in_the_catalog() -> None:
    assert (engines.get("local"), engines.get("processes")) == (LocalEngine, ProcessEngine)
