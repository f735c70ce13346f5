"""Shards on a Ray cluster: only workers that are alive get some, and a lost one is given again.

Core actors over shards: what is lost is decided here and not by Ray, whose own retries are off.
An actor makes its worker once from what is pickled, which is names, parameters and the URI of
weights; a shard goes to an actor that has reported in, one at a time; where its process, its node
or the way to it is lost, another one gets the shard.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from al.catalog import engines
from al.contracts import Engine
from al.engine.ray.cluster import connect, imported, places
from al.engine.ray.worker import Hello, Worker, code
from al.errors import ConfigError, EngineError
from al.processor import MIXED

S = TypeVar("S")
R = TypeVar("R")
_log = logging.getLogger(__name__)

#: Workers that one shard may cost before it is the shard that is to blame; seconds after which
#: it is said that no worker has come yet, then after twice as many and so on; how many times as
#: long workers may be at their shards in silence.
TRIES, WAITED, AT_WORK = 4, 30.0, 10
#: Environment variables that a worker takes over where its machine does not set them; none holds
#: a secret, as others may read what is sent to a cluster.
PASSED = ("AL_DATA_DIR", "AL_CACHE_DIR", "OMP_NUM_THREADS", "HF_HOME")


@dataclass(eq=False)
class _Actor:
    """A worker on the cluster.

    Attributes:
        says: itself, once it is there.
        had: keys of the workers that it was asked to make.
    """

    handle: Any
    says: Hello | None = None
    had: set[str] = field(default_factory=set)


@engines.register("ray")
class RayEngine(Engine):
    """Runs the shards on the workers of a Ray cluster."""

    apart = True
    options = {
        "address": "HOST:PORT of the cluster's head; auto for this machine's cluster, "
        "here for one that begins and ends with the command",
        "workers": "how many at most; auto for as many as there is room for",
        "cpus": "cores of a worker; auto for as many as torch has threads here",
        "gpus": "GPUs of a worker, 0.5 for two on one; 0 by default",
        "mixed": "yes lets processors of several kinds work together, whose last bits differ",
        "stall": "seconds without any result after which it is an error; 3600 by default",
    }

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        super().__init__(options)
        self._address = self.given.get("address", "auto")
        self._workers = int(self._number("workers", "auto", 1) or 0)
        self._gpus, self._cpus = self._number("gpus", "0"), self._number("cpus", "auto", 0.01)
        self._stall = self._number("stall", "3600", 1) or 3600.0
        mixed = self.given.get("mixed", "no")
        if mixed not in ("yes", "no"):
            raise ConfigError(f"engine_options: mixed={mixed!r}: give yes or no")
        self._mixed = mixed == "yes"
        self.device = "cuda" if self._gpus else ""
        self._ray: Any = None
        self._leave = False
        self._actors: list[_Actor] = []
        self._coming: dict[Any, _Actor] = {}  # by the hello that is waited for
        self._busy: dict[Any, tuple[_Actor, int]] = {}  # worker and shard, by the result
        self._known = ""  # processor of the workers
        imported(self._address)

    @property
    def at_work(self) -> str:
        here = sum(actor.says is not None for actor in self._actors)
        return f"{here} workers" if here != 1 else "1 worker"

    def check(self) -> None:
        """Connect, and see that a worker has room.

        Raises:
            EngineError: it does not work out.
        """
        self._connected()
        places(self._ray, self._needs)

    def processor(self, here: str) -> str:
        if self._mixed:
            return MIXED
        if not self._gpus:
            return here
        if not self._known:
            for _ in self.map(_nothing, [0]):
                pass
        return self._known

    def map(
        self, make_worker: Callable[[], Callable[[S], R]], shards: Iterable[S]
    ) -> Iterator[tuple[S, R]]:
        """Yield each shard with its result, as they come."""
        made, work = pickle.dumps(make_worker), list(shards)
        key = hashlib.sha256(made).hexdigest()
        self._connected()
        most = self._workers or places(self._ray, self._needs)
        left, lost = deque(range(len(work))), [0] * len(work)
        busy = self._busy = dict[Any, tuple[_Actor, int]]()
        heard, patience = time.monotonic(), WAITED
        deaths = 0
        try:
            while left or busy:
                self._hire(min(most, len(left) + len(busy)))
                free = [
                    a for a in self._actors if a.says and a not in (x for x, _ in busy.values())
                ]
                for actor in free[: len(left)]:
                    number = left.popleft()
                    recipe = None if key in actor.had else made
                    actor.had = {key}
                    shard = pickle.dumps(work[number])
                    busy[actor.handle.work.remote(key, recipe, shard)] = actor, number
                done, _ = self._ray.wait([*busy, *self._coming], timeout=1.0)
                for ref in done:
                    worker, number = busy.pop(ref, (None, -1))
                    arrived = self._coming.pop(ref, None)
                    try:
                        found = self._ray.get(ref, timeout=self._stall)
                    except Exception as error:
                        self._dismiss(arrived or worker)
                        self._raise_failed(error)
                        deaths += 1
                        if number >= 0:
                            left.appendleft(number)
                            lost[number] += 1
                        if deaths > TRIES + 2 * most or max(lost) >= TRIES:
                            raise EngineError(
                                f"workers on the Ray cluster die again and again ({_line(error)}): "
                                "look at their memory and at `ray status`, or use engine=local"
                            ) from error
                        continue
                    heard, patience = time.monotonic(), WAITED
                    if arrived is not None:
                        self._greet(arrived, found)
                        continue
                    deaths = 0
                    yield work[number], pickle.loads(found)
                    heard = time.monotonic()  # who takes the results may take its time
                silent = time.monotonic() - heard
                if silent > (AT_WORK if busy else 1) * patience:
                    patience *= 2
                    _log.warning(f"{self._waits()} on the Ray cluster, for {silent:.0f} s")
                if silent > self._stall:
                    raise EngineError(
                        f"{self._waits()}, and nothing has come from the Ray cluster for "
                        f"{silent:.0f} s: see `ray status`, run the same command again, or "
                        "give a longer stall in engine_options"
                    )
        finally:
            for actor, _ in busy.values():  # in the middle of what nobody waits for any more
                self._dismiss(actor)

    def close(self) -> None:
        """End the workers and leave the cluster."""
        for actor in list(self._actors):
            self._dismiss(actor)
        self._coming.clear()
        if self._leave:
            self._ray.shutdown()
        self._ray, self._leave = None, False

    @property
    def _needs(self) -> dict[str, float]:
        import torch

        return {"CPU": self._cpus or float(torch.get_num_threads()), "GPU": self._gpus or 0.0}

    def _connected(self) -> None:
        if self._ray is None or not self._ray.is_initialized():
            ray = imported(self._address)
            self._actors, self._coming = [], {}
            self._leave = connect(ray, self._address, self._needs, self._workers or 1)
            self._ray = ray

    def _hire(self, wanted: int) -> None:
        needs = self._needs
        while len(self._actors) < wanted:
            made = self._ray.remote(Worker).options(
                num_cpus=needs["CPU"], num_gpus=needs["GPU"], max_restarts=0, max_task_retries=0
            )
            settings = {name: os.environ[name] for name in PASSED if name in os.environ}
            actor = _Actor(made.remote(os.getcwd(), settings))
            self._actors.append(actor)
            self._coming[actor.handle.hello.remote(self.device or "cpu")] = actor

    def _dismiss(self, actor: _Actor | None) -> None:
        if actor in self._actors:
            self._actors.remove(actor)
            self._ray.kill(actor.handle)

    def _greet(self, actor: _Actor, says: Hello) -> None:
        """Let a worker in.

        Raises:
            EngineError: it is another than this process, or than those that are there.
        """
        import torch

        from al.processor import processor_of

        same = {"this project": (says.code, code()), "torch": (says.torch, torch.__version__)}
        for what, (there, here) in same.items():
            if there != here:
                raise EngineError(
                    f"worker {says.where} has {what} {there}, and this process {here}: install the "
                    "same on every machine of the cluster"
                )
        if not says.processor:
            raise EngineError(
                f"worker {says.where} finds no GPU: leave gpus out of engine_options, or give the "
                "node one"
            )
        known = self._known or (says.processor if self._gpus else processor_of("cpu"))
        if says.processor != known and not self._mixed:
            raise EngineError(
                f"worker {says.where} is a {says.processor}, and others are a {known}, so last "
                "bits would differ: use machines of one kind, or give mixed=yes in engine_options"
            )
        self._known, actor.says = known, says

    def _raise_failed(self, error: Exception) -> None:
        """Raise what another worker would meet as well; a death does not count."""
        from ray.exceptions import RayTaskError

        if isinstance(error, RayTaskError):
            text = _line(error.cause if error.cause is not None else error)
        elif "creation task" in str(error):
            text = _line(error)
        else:
            return
        raise EngineError(
            f"a worker on the Ray cluster failed ({text}): install the same on every machine, "
            "your own modules included; engine=local gives the whole error"
        ) from error

    def _waits(self) -> str:
        """What is waited for, in words."""
        at = [f"shard {number} at {a.says.where}" for a, number in self._busy.values() if a.says]
        found = (
            [
                f"waiting for {', '.join(at[:3])}"
                + (f" and {len(at) - 3} more" if len(at) > 3 else "")
            ]
            if at
            else []
        )
        if self._coming:
            needs = ", ".join(f"{need:g} {name}" for name, need in self._needs.items() if need)
            found.append(f"waiting for {len(self._coming)} workers to start, {needs} each")
        return " and ".join(found) or "waiting"

    def _number(self, name: str, default: str, low: float = 0.0) -> float | None:
        """An option; None stands for auto."""
        text = self.given.get(name, default)
        if text == default == "auto":
            return None
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not low <= value < 1e9 or (name == "workers" and value != int(value)):
            auto = ", or auto" if default == "auto" else ""
            raise ConfigError(
                f"engine_options: {name}={text!r} is not such a number: give 2, say{auto}"
            )
        return value


def _nothing() -> Callable[[Any], Any]:
    """Work that only wants a worker to be there."""
    return _nothing_done


def _nothing_done(shard: Any) -> None:
    return None


def _line(error: BaseException) -> str:
    """The last line of an error of Ray's that says why: a worker's traceback comes before it, and
    after it that a worker never began."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    why = [line for line in lines if not line.startswith("The actor never ran")] or lines
    return f"{type(error).__name__}: {why[-1][:200]}" if why else type(error).__name__
