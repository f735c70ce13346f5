"""Engines: each shard once, and what goes wrong there is one line here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from al.catalog import engines
from al.contracts import Engine
from al.engine import LocalEngine, spread
from al.errors import ConfigError, DataError, EngineError, UnknownName
from tests.process_engine import ProcessEngine

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessEngine]:
    engine = ProcessEngine()
    yield engine
    engine.close()


# -- workers ---------------------------------------------------------------------------------


def doubling() -> Callable[[int], int]:
    return lambda number: 2 * number


def raising() -> Callable[[int], int]:
    def work(number: int) -> int:
        if number == 2:
            raise ZeroDivisionError("a network of\ntwo minds")
        return number

    return work


def refusing() -> Callable[[int], int]:
    raise DataError("the data is another: restore it")


def dying() -> Callable[[int], int]:
    return lambda number: os._exit(1)


# -- what holds for all engines ----------------------------------------------------------------


class Losing(LocalEngine):
    def map(self, make_worker: Any, shards: Any) -> Any:
        return list(super().map(make_worker, shards))[1:]


class Doubling(LocalEngine):
    def map(self, make_worker: Any, shards: Any) -> Any:
        found = list(super().map(make_worker, shards))
        return [*found, found[0]]


def test_each_piece_of_work_comes_back_once_with_its_result(processes: ProcessEngine) -> None:
    for engine in (LocalEngine(), processes):
        assert dict(spread(engine, doubling, range(5))) == {n: 2 * n for n in range(5)}
        assert list(spread(engine, doubling, [])) == []


@pytest.mark.parametrize(
    ("engine", "says"),
    [(Losing(), "Losing lost 1 of 4 shards"), (Doubling(), "Doubling brought shard 0 of 4 twice")],
)
def test_an_engine_that_loses_or_doubles_a_shard_is_reported_in_a_line(
    engine: Engine, says: str
) -> None:
    with pytest.raises(EngineError, match=says):
        list(spread(engine, doubling, range(4)))


def test_what_a_worker_raises_in_this_process_is_raised_as_it_was() -> None:
    with pytest.raises(ZeroDivisionError, match="two minds"):
        list(spread(LocalEngine(), raising, range(4)))
    with pytest.raises(DataError, match=r"^the data is another: restore it$"):
        list(spread(LocalEngine(), refusing, range(4)))


def test_what_a_worker_raises_elsewhere_is_one_line(processes: ProcessEngine) -> None:
    with pytest.raises(EngineError) as failed:
        list(spread(processes, raising, range(4)))
    (line,) = str(failed.value).splitlines()
    assert line.startswith("a worker failed (ZeroDivisionError: a network of two minds, ")
    assert "test_engine.py:" in line
    there = r"^the data is another: restore it \(at worker \S+:\d+\)$"
    with pytest.raises(DataError, match=there) as refused:
        list(spread(processes, refusing, range(4)))
    assert f":{os.getpid()})" not in str(refused.value)


def test_a_worker_that_dies_is_one_line() -> None:
    engine = ProcessEngine({"workers": "1"})
    with pytest.raises(EngineError, match=r"ProcessEngine broke off \(Broken") as failed:
        list(spread(engine, dying, range(2)))
    engine.close()
    assert len(str(failed.value).splitlines()) == 1


# -- names ---------------------------------------------------------------------------------------


def test_engines_are_found_by_name() -> None:
    assert "local" in engines.names()
    assert engines.get("local") is LocalEngine


def test_an_unknown_engine_or_option_is_refused_before_anything_starts(
    campaign: Make, folder: Path
) -> None:
    with pytest.raises(UnknownName, match="unknown engine 'loca': did you mean 'local'"):
        campaign(campaign="c", engine="loca").run()
    with pytest.raises(UnknownName, match="engine 'local' has no option 'workers'"):
        campaign(campaign="c", engine_options="workers=3").run()
    with pytest.raises(ConfigError, match="engine_options='many': give name=value"):
        campaign(campaign="c", engine_options="many").run()
