"""Where a cycle's time goes: functions timed in place, each less what it called."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

from mlflow import MlflowClient
from sqlalchemy import event
from sqlalchemy.engine import Engine

import al.pipeline.query_record
import al.pipeline.steps.select_data
import al.pipeline.steps.select_model
from al.agents import Agent, SupervisedAgent
from al.data_selector import PoolPass
from al.graphs import TorchGraph
from al.pipeline.closing import close
from al.pipeline.cycle import Cycle, begin_cycle
from al.pipeline.models import CampaignModel
from al.pipeline.session import Session
from al.pipeline.steps import STEPS
from al.tracking.artifacts import Artifacts
from benchmarks.common import Row
from benchmarks.plain import Script

#: A function to time: its owner, its name there, and what its time is entered under.
Place = tuple[Any, str, str]

PIPELINE: list[Place] = [
    (PoolPass, "ensure", "scoring"),
    (SupervisedAgent, "train", "training"),
    (SupervisedAgent, "eval", "evaluation"),
    (CampaignModel, "evaluate", "evaluation"),
    (al.pipeline.steps.select_data, "select", "margin, query"),
    (al.pipeline.query_record, "contact_sheet", "contact sheet"),
    (TorchGraph, "save_weights", "checkpoints: best weights to disk"),
    (Agent, "checkpoint", "checkpoints: resume file"),
    (al.pipeline.steps.select_model, "save_servable", "registry: servable folder"),
]
SCRIPT: list[Place] = [
    (Script, "score", "scoring"),
    (Script, "epoch", "training"),
    (Script, "evaluate", "evaluation"),
]
#: Calls of MLflow by what they are for; a call belongs to the first whose word it holds.
CALLS = {
    "artifact": "MLflow: artifacts",
    "logged_model": "MLflow: checkpoints",
    "output": "MLflow: checkpoints",
    "model_version": "MLflow: registry",
    "registered_model": "MLflow: registry",
    "": "MLflow: runs, metrics, tags",
}


class Stopwatch:
    """Seconds and calls by name.

    Time inside a timed function that another timed function called counts once, for the
    inner one, so that the parts add up to the whole.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self._inner: list[float] = []

    @contextmanager
    def on(self, places: Iterable[Place]) -> Iterator[Stopwatch]:
        """While open, these functions are timed."""
        with ExitStack() as stack:
            for owner, attribute, name in places:
                timed = self._timed(getattr(owner, attribute), name)
                stack.enter_context(patch.object(owner, attribute, timed))
            yield self

    def _timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            self._inner.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.perf_counter() - start
                self.seconds[name] += spent - self._inner.pop()
                self.calls[name] += 1
                if self._inner:
                    self._inner[-1] += spent

        return timed


def pipeline_cycle(
    session: Session,
    steps: dict[str, float] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Cycle:
    """One cycle as `al.Campaign.run` drives it; `steps` takes the seconds of each step."""
    begun = clock()
    cycle = begin_cycle(session)
    seconds = {"begin": clock() - begun}
    for name, work in [*((step.name, step.load()) for step in STEPS), ("close", close)]:
        start = clock()
        work(cycle)
        seconds[name] = clock() - start
    if steps is not None:
        steps.update(seconds, all=clock() - begun)
    return cycle


@contextmanager
def counted_sql() -> Iterator[Counter[str]]:
    """While open, statements and commits of this process's databases are counted."""
    counts: Counter[str] = Counter()

    def statement(*_: Any) -> None:
        counts["statements"] += 1

    def commit(_: Any) -> None:
        counts["commits"] += 1

    hooks = (("before_cursor_execute", statement), ("commit", commit))
    for name, hook in hooks:
        event.listen(Engine, name, hook)
    try:
        yield counts
    finally:
        for name, hook in hooks:
            event.remove(Engine, name, hook)


def profile(session: Session, script: Script) -> dict[str, list[Row]]:
    """One more cycle of each with every part timed, as tables."""
    names = [n for n, f in vars(MlflowClient).items() if callable(f) and not n.startswith("_")]
    calls: list[Place] = [
        *((MlflowClient, name, name) for name in names),
        *((Artifacts, name, f"{name} artifacts") for name in ("save", "save_file", "fetch")),
        *((Artifacts, name, f"{name} artifacts") for name in ("names", "delete")),
    ]
    pipeline, plain, steps = Stopwatch(), Stopwatch(), dict[str, float]()
    with counted_sql() as sql, pipeline.on([*PIPELINE, *calls]):
        pipeline_cycle(session, steps)
    with plain.on(SCRIPT):
        start = time.perf_counter()
        script.cycle(session.state.cycle)
        whole = time.perf_counter() - start

    client = {name for _, _, name in calls}
    parts: dict[str, float] = defaultdict(float)
    for name, seconds in pipeline.seconds.items():
        kind = next(k for word, k in CALLS.items() if word in name)
        parts[kind if name in client else name] += seconds
    parts["other"] = steps["all"] - sum(parts.values())
    plain.seconds["other"] = whole - sum(plain.seconds.values())
    both = sorted({*parts, *plain.seconds}, key=lambda part: -parts[part])
    task = session.config.task
    return {
        f"{task}: steps": [{"step": n, "seconds": s} for n, s in steps.items()],
        f"{task}: SQL of a cycle": [dict(sql)],
        f"{task}: parts of a cycle": [
            {
                "part": part,
                "pipeline s": parts[part],
                "script s": plain.seconds[part],
                "difference s": parts[part] - plain.seconds[part],
            }
            for part in both
        ],
        f"{task}: calls of MLflow": [
            {"call": n, "calls": pipeline.calls[n], "ms": round(1000 * s, 1)}
            for n, s in sorted(pipeline.seconds.items(), key=lambda item: -item[1])
            if n in client
        ],
    }
