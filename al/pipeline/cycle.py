"""One cycle: its run, the runs of its steps, and how it ends.

A step is done when its run is marked so, after all that it leaves behind is there; then it
is never done again, and its result is read from its artifacts. A step that was cut off goes
on in the run it had. A cycle's run is marked in the same way after its state is saved.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from al.cli import stopping
from al.contracts import Election, Graph, Query, Verdict
from al.errors import PoolEmpty, StepOrder
from al.pipeline.history import remember
from al.pipeline.label_quality import look_at_labels
from al.pipeline.session import Session
from al.pipeline.steps import Step
from al.state import ChampionRecord, LabelTable, State, ids_digest
from al.tracking import Run

_log = logging.getLogger(__name__)


class Waiting(Exception):
    """People have not answered yet; no error."""


@dataclass
class Cycle:
    """A cycle that is open.

    Attributes:
        labels: the labelled set, with this cycle's answers once they are there.
        steps: runs of steps by (name of the step, number among its runs).
    """

    session: Session
    number: int
    run: Run
    steps: dict[tuple[str, int], Run] = field(default_factory=dict)
    labels: LabelTable = field(default_factory=LabelTable)
    query: Query | None = None
    verdict: Verdict | None = None
    election: Election | None = None
    champion_version: int | None = None  # version that the cycle started from
    champion_version_after: int | None = None  # version that the election left in Production
    told: str = ""  # what the latest step did, for who called that step alone
    _graphs: dict[int, tuple[Graph, str]] = field(default_factory=dict)

    def done(self, step: Step, number: int = 0) -> Run | None:
        """The run of a step that came to its end."""
        run = self.steps.get((step.name, number))
        return run if run is not None and run.finished else None

    @contextmanager
    def step(self, step: Step, number: int = 0) -> Iterator[Run]:
        """The run of a step, open inside and ended outside."""
        run = self.steps.get((step.name, number))
        if run is None:
            tags = {**self.session.tags, "al.role": "step", "al.step": step.name}
            tags |= {"al.cycle": str(self.number), "al.cycle_run": self.run.id}
            tags |= {"al.candidate": str(number)} if step.each else {}
            name = f"{step.name} {number}" if step.each else step.name
            run = self.session.store.create(name, tags, parent=self.run.id, kind=step.name)
            self.steps[step.name, number] = run
        else:
            run.reopen()
        with ended(run):
            yield run

    def graph(self, version: int) -> Graph:
        """The model of a version, from its weights and the project's own code."""
        if version not in self._graphs:
            with TemporaryDirectory() as scratch:
                folder, digest = self.session.registry.fetch_weights(version, Path(scratch))
                graph = self.session.new_graph()
                graph.load_weights(folder)
            self._graphs[version] = (graph, digest)
        return self._graphs[version][0]

    def weights_digest(self, version: int) -> str:
        """Identity of a version's weights."""
        self.graph(version)
        return self._graphs[version][1]

    def keep_graph(self, version: int, graph: Graph, digest: str) -> None:
        """Remember the model of a version that was made here."""
        self._graphs[version] = (graph, digest)

    def champion_graph(self) -> Graph | None:
        """The model that the cycle started from."""
        return None if self.champion_version is None else self.graph(self.champion_version)

    def evaluate(self, graph: Graph, split: Any) -> dict[str, float]:
        """A model's metrics on validation or test."""
        data = self.session.data
        ids = data.ids(split)
        return graph.evaluate(data.batches(ids, data.truth(ids), batch_size=512))


@contextmanager
def ended(run: Run, finish: Callable[[], None] | None = None) -> Iterator[None]:
    """End a run as what happens inside says: `finish` if all went well, whatever else if not."""
    try:
        yield
    except Waiting:
        run.end("SCHEDULED")
        raise
    except BaseException as error:
        stopped = isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit))
        if stopped:
            stopping()
        with suppress(Exception):  # the server may be what failed: tell the first error
            run.end("KILLED" if stopped else "FAILED", patient=False)
        raise
    (finish or run.finish)()


def open_cycle(session: Session) -> Cycle | None:
    """The cycle that another process left open; None where the last one is closed."""
    run, session.open_run = session.open_run, None
    if run is None:
        return None
    session.look_again()
    if session.store.entry == "cycle":
        session.attach_project_run()
    found = session.store.find({"al.role": "step", "al.cycle_run": run.id})
    steps = {(r.tags["al.step"], r.tags.whole("al.candidate", 0)): r for r in found}
    for step in steps.values():
        if step.finished and step.status == "RUNNING":  # killed between the mark and the end
            step.finish()
    number = session.state.cycle + 1
    return Cycle(session, number, run.reopen(), steps, labels=session.state.labels)


def begin_cycle(session: Session) -> Cycle:
    """The next cycle, on the data as it is now.

    Raises:
        DataError: labelled samples have vanished.
        PoolEmpty: every sample was answered or skipped.
    """
    session.look_again()
    if not session.pool:
        raise PoolEmpty(
            f"campaign {session.config.name!r} has asked about every sample of its pool: add data"
        )
    number = session.state.cycle + 1
    tags = {**session.tags, "al.role": "cycle", "al.cycle": str(number)}
    name = f"cycle {number:02d}"
    run = session.store.create(name, tags, parent=session.run.id, kind="cycle")
    return Cycle(session, number, run, labels=session.state.labels)


def close(cycle: Cycle) -> State:
    """Save the state, draw the point of the learning curve, and end the cycle's run."""
    session = cycle.session
    champion_record = _champion_record(cycle)
    pool = session.unasked(cycle.labels)
    quality, suspicious = look_at_labels(session, cycle.run, cycle.number, cycle.labels)
    state = State(
        campaign=session.config.name,
        cycle=cycle.number,
        labels=cycle.labels,
        champion_record=champion_record,
        retrained=cycle.election is not None,
        pool_size=len(pool),
        pool_digest=ids_digest(pool),
        memory=_memory(cycle),
        suspicious=suspicious,
    )
    count = len(state.labels.ids)
    cycle.run.save(state.save, "state")
    table = state.labels.frame
    answered = table["status"] == "answered"
    seconds = state.labels.seconds
    figures: dict[str, float] = {
        "cycle/labels": count,
        "cycle/new_labels": int((answered & (table["collected"] == cycle.number)).sum()),
        "cycle/answers": state.labels.paid,
        "cycle/corrected": int((table["before"] != "").sum()),
        "cycle/waiting": len(state.labels.waiting),
        "cycle/annotation_seconds": seconds,
        "cycle/validation_labels": len(session.data.ids("val")),
        "cycle/pool": len(pool),
        "cycle/retrained": float(state.retrained),
        "cycle/seconds": time.time() - cycle.run.started,
    }
    figures |= quality
    curve: dict[str, float] = {}
    if champion_record is not None:
        figures |= {f"cycle/val_{name}": value for name, value in champion_record.val.items()}
        figures |= {f"cycle/test_{name}": value for name, value in champion_record.test.items()}
        figures["cycle/version"] = champion_record.version
        curve = {f"test/{name}": value for name, value in champion_record.test.items()}
    for rule in session.stop_rules:
        figures |= {f"cycle/{name}": value for name, value in rule.figures(cycle, state).items()}
    line = _line(cycle, state, figures["cycle/seconds"])
    cycle.run.log_metrics(figures)
    cycle.run.describe(line)
    session.run.log_metrics(curve, count)
    if seconds:  # of people
        by_seconds = {f"by_seconds/{key.partition('/')[2]}": v for key, v in curve.items()}
        session.run.log_metrics(by_seconds, round(seconds))
    cycle.run.finish()
    session.state = state
    remember(session, figures)
    _log.info(line)
    return state


def _memory(cycle: Cycle) -> Mapping[str, Any]:
    """What the strategy left for the next cycle; one that keeps nothing changes nothing."""
    left = None if cycle.query is None else cycle.query.memory
    return cycle.session.state.memory if left is None else left


def _champion_record(cycle: Cycle) -> ChampionRecord | None:
    """The version in Production now, measured; figures of the same version are kept."""
    before = cycle.session.state.champion_record
    version = cycle.champion_version if cycle.election is None else cycle.champion_version_after
    if version is None:
        return None
    if before is not None and before.version == version and before.test:
        return before
    graph = cycle.graph(version)
    return ChampionRecord(
        version,
        cycle.weights_digest(version),
        cycle.evaluate(graph, "val"),
        cycle.evaluate(graph, "test"),
    )


def _line(cycle: Cycle, state: State, seconds: float) -> str:
    """The one line that a cycle prints."""
    config = cycle.session.config
    metric = cycle.session.task.metric
    strategy = config.cold_start if cycle.champion_version is None else config.strategy
    total = f"/{config.cycles}" if cycle.number <= config.cycles else ""
    words = [
        f"cycle {cycle.number:2d}{total}",
        f"labels {len(state.labels.ids):4d} (+{len(cycle.session.data.ids('val'))} val)",
        f"{strategy:<12}",
    ]
    if state.champion_record is None:
        words.append("no model")
    else:
        words += [
            f"val/{metric} {state.champion_record.val[metric]:.3f}",
            f"test/{metric} {state.champion_record.test[metric]:.3f}",
            f"Production v{state.champion_record.version}",
        ]
    words.append(f"{seconds:5.1f} s")
    if cycle.verdict is not None and not cycle.verdict.retrain:
        words.append(f"not retrained: {cycle.verdict.why}")
    elif cycle.election is not None and not cycle.election.promoted:
        words.append("champion kept")
    return "  ".join(words)


def next_step(cycle: Cycle) -> Step | None:
    """The first step of the cycle that is not done; None where all are."""
    config, steps = cycle.session.config, cycle.session.steps
    runs = ((step, number) for step in steps for number in range(step.runs(config)))
    return next((step for step, number in runs if not cycle.done(step, number)), None)


def needs(cycle: Cycle, step: Step) -> bool:
    """Refuse a step whose predecessor is not done; True where the step itself is done.

    Raises:
        StepOrder: says which step comes first.
    """
    order, first = cycle.session.steps, next_step(cycle)
    if first is None or order.index(first) > order.index(step):
        return True
    if first != step:
        raise StepOrder(
            f"cycle {cycle.number} of campaign {cycle.session.config.name!r} has no {first.name} "
            f"yet: run {first.name} before {step.name}"
        )
    return False
