"""Work spread by any engine: each piece is done once, and what goes wrong is one line."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from al.contracts import Engine
from al.errors import AlError, EngineError

S = TypeVar("S")
R = TypeVar("R")


class Shard(NamedTuple):
    """What an engine hands to a worker: a piece of work and its number, by which it comes back."""

    number: int
    work: Any


def spread(
    engine: Engine, make_worker: Callable[[], Callable[[S], R]], work: Iterable[S]
) -> Iterator[tuple[S, R]]:
    """Each piece of work with its result, in the order in which the engine brings them.

    What a worker raises is raised here: as it was where the worker is in this process, an
    `AlError` as it was and anything else in a line where it is elsewhere.

    Raises:
        EngineError: the engine broke off, lost a piece, or brought one that was not left.
    """
    shards = [Shard(number, piece) for number, piece in enumerate(work)]
    left, name = set(range(len(shards))), type(engine).__name__
    for number, outcome in _brought(engine, name, _Careful(make_worker), shards):
        if number not in left:
            raise EngineError(
                f"engine {name} brought shard {number} of {len(shards)} twice, or it was never "
                "handed out: choose another engine, or mend this one"
            )
        left.discard(number)
        if outcome.error is not None:
            raise outcome.error
        yield shards[number].work, outcome.found
    if left:
        raise EngineError(
            f"engine {name} lost {len(left)} of {len(shards)} shards: choose another engine, or "
            "mend this one"
        )


def _brought(
    engine: Engine, name: str, make_worker: _Careful[S, R], shards: list[Shard]
) -> Iterator[tuple[int, _Outcome[R]]]:
    """The engine's results, and its own failures in a line."""
    try:
        for (number, _), outcome in engine.map(make_worker, shards) if shards else ():
            yield number, outcome
    except AlError:
        raise
    except Exception as error:
        raise EngineError(
            f"engine {name} broke off ({_words(error)}): run the same command again, or choose "
            "another engine"
        ) from error


@dataclass
class _Outcome(Generic[R]):
    """What a worker made of a shard: a result, or why there is none."""

    found: Any = None
    error: Exception | None = None

    def __getstate__(self) -> dict[str, Any]:
        """To travel: an error that another process may not know becomes a line, and each says
        where it was, as data and servers may be seen from one machine and not from another."""
        error = self.error
        if error is not None and not isinstance(error, AlError):
            error = EngineError(
                f"a worker failed ({_words(error)}): engine=local gives the whole error"
            )
        if error is not None:
            error.args = (f"{error} (at worker {os.uname().nodename}:{os.getpid()})",)
        return {"found": self.found, "error": error}


@dataclass(frozen=True)
class _Careful(Generic[S, R]):
    """Makes a worker that raises nothing; picklable as `make_worker` is."""

    make_worker: Callable[[], Callable[[S], R]]

    def __call__(self) -> Callable[[Shard], _Outcome[R]]:
        made: list[Callable[[S], R]] = []

        def work(shard: Shard) -> _Outcome[R]:
            try:
                if not made:
                    made.append(self.make_worker())
                return _Outcome(made[0](shard.work))
            except Exception as error:
                return _Outcome(error=error)

        return work


def _words(error: BaseException) -> str:
    """An error in a line: what it is, and the last place on the way to it."""
    text = " ".join(str(error).split())[:200]
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    return f"{message}, {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else message
