"""Engines: each shard once, and what goes wrong there is one line here."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from al.catalog import engines
from al.contracts import Engine
from al.engine import LocalEngine, spread
from al.errors import ConfigError, DataError, EngineError, UnknownName

Make = Callable[..., Any]


class ProcessEngine(Engine):
    """Processes of their own, which make their workers from a pickle; the last shard first."""

    options = {"workers": "how many"}

    def map(self, make_worker: Any, shards: Any) -> Iterator[Any]:
        made = pickle.dumps(make_worker)
        with ProcessPoolExecutor(
            int(self.given.get("workers", 1)), mp_context=get_context("spawn")
        ) as pool:
            work = [pool.submit(_worked, made, shard) for shard in reversed(list(shards))]
            for done in as_completed(work):
                yield done.result()


_workers: dict[bytes, Any] = {}


def _worked(made: bytes, shard: Any) -> tuple[Any, Any]:
    if made not in _workers:
        _workers.clear()
        _workers[made] = pickle.loads(made)()
    return shard, _workers[made](shard)


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


@pytest.mark.parametrize("engine", [LocalEngine(), ProcessEngine({"workers": "2"})])
def test_each_piece_of_work_comes_back_once_with_its_result(engine: Engine) -> None:
    assert dict(spread(engine, doubling, range(5))) == {n: 2 * n for n in range(5)}
    assert list(spread(engine, doubling, [])) == []


@pytest.mark.parametrize(
    ("engine", "says"),
    [(Losing(), "Losing lost 1 of 4 shards"), (Doubling(), "Doubling brought shard 0 of 4 twice")],
)
def test_an_engine_that_loses_or_doubles_a_shard_is_told_in_a_line(
    engine: Engine, says: str
) -> None:
    with pytest.raises(EngineError, match=says):
        list(spread(engine, doubling, range(4)))


def test_what_a_worker_raises_in_this_process_is_raised_as_it_was() -> None:
    with pytest.raises(ZeroDivisionError, match="two minds"):
        list(spread(LocalEngine(), raising, range(4)))
    with pytest.raises(DataError, match=r"^the data is another: restore it$"):
        list(spread(LocalEngine(), refusing, range(4)))


def test_what_a_worker_raises_elsewhere_is_one_line() -> None:
    engine = ProcessEngine()
    with pytest.raises(EngineError) as failed:
        list(spread(engine, raising, range(4)))
    (line,) = str(failed.value).splitlines()
    assert line.startswith("a worker failed (ZeroDivisionError: a network of two minds, ")
    assert "test_engine.py:" in line
    with pytest.raises(DataError, match=r"^the data is another: restore it$"):
        list(spread(engine, refusing, range(4)))


def test_a_worker_that_dies_is_one_line() -> None:
    with pytest.raises(EngineError, match=r"ProcessEngine broke off \(Broken") as failed:
        list(spread(ProcessEngine(), dying, range(2)))
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
