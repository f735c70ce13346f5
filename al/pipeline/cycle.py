"""One cycle: its run and the runs of its steps.

A step is done when its run is marked so, after all that it leaves behind is there; then it
is never done again, and its result is read from its artifacts. A step that was cut off goes
on in the run it had. A cycle's run is marked in the same way after its state is saved.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from al.contracts import Candidate, Election, Graph, Query, Verdict
from al.errors import PoolEmpty, StepOrder
from al.graphs import Crossed
from al.pipeline.changes import tags_of
from al.pipeline.growing import tags_of_classes
from al.pipeline.models import model_of
from al.pipeline.session import Session
from al.pipeline.steps import Step
from al.pipeline.workers import CampaignModel
from al.state import LabelTable
from al.stops import stopping
from al.tracking import Run


class Waiting(Exception):
    """People have not answered yet; no error."""


@dataclass
class Cycle:
    """A cycle that is open.

    Attributes:
        labels: the labelled set, with this cycle's answers once they are there.
        held_out: likewise those about validation and test samples; see `State.held_out`.
        steps: runs of steps by (name of the step, number among its runs).
        candidates: of training runs that this process has seen to their end, by number.
    """

    session: Session
    number: int
    run: Run
    steps: dict[tuple[str, int], Run] = field(default_factory=dict)
    labels: LabelTable = field(default_factory=LabelTable)
    held_out: LabelTable = field(default_factory=LabelTable)
    query: Query | None = None
    verdict: Verdict | None = None
    candidates: dict[int, list[Candidate]] = field(default_factory=dict)
    election: Election | None = None
    champion_version: int | None = None  # version that the cycle started from
    winner_version: int | None = None  # version that the election has made
    champion_version_after: int | None = None  # version that the election left in Production
    new_classes: tuple[str, ...] = ()  # that its answers named; the next cycle knows them
    outcome: str = ""  # what the latest step did, for who called that step alone
    waited: float = 0.0  # seconds that this process has waited for people
    begun: float = field(default_factory=time.monotonic)
    _models: dict[int, CampaignModel] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """What this process has worked on it, in seconds; people's time is not counted."""
        return time.monotonic() - self.begun - self.waited

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

    def model(self, version: int) -> CampaignModel:
        """The model of a version, from its weights and the project's own code."""
        if version not in self._models:
            self._models[version] = model_of(self.session, version)
        return self._models[version]

    def keep_model(
        self, version: int, graph: Graph, digest: str, crossed: Crossed | None = None
    ) -> None:
        """Remember the model of a version that was made here."""
        uri = self.session.registry.weights_uri(version)
        self._models[version] = self.session.model(graph, uri, digest, crossed=crossed)

    def champion_model(self) -> CampaignModel | None:
        """The model that the cycle started from."""
        return None if self.champion_version is None else self.model(self.champion_version)


@contextmanager
def ended(run: Run, finish: Callable[[], None] | None = None) -> Iterator[None]:
    """End a run: by `finish` if all inside went well, otherwise mark it FAILED or KILLED."""
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
    session.put_on_record(run)
    if session.store.entry == "cycle":
        session.attach_project_run()
    found = session.store.find({"al.role": "step", "al.cycle_run": run.id})
    steps = {(r.tags["al.step"], r.tags.whole("al.candidate", 0)): r for r in found}
    for step in steps.values():
        if step.finished:  # killed between the mark and the end
            step.settle()
    number = session.state.cycle + 1
    run.log_params(session.changes)
    state = session.state
    return Cycle(session, number, run.reopen(), steps, state.labels, state.held_out)


def begin_cycle(session: Session) -> Cycle:
    """The next cycle, on the data as it is now.

    Raises:
        DataError: labelled samples have vanished.
        PoolEmpty: every sample was answered or skipped.
    """
    session.grow(session.state.new_classes)
    session.look_again(begins=True)
    if not session.pool:
        raise PoolEmpty(
            f"campaign {session.config.name!r} has asked about every sample of its pool: add data"
        )
    number = session.state.cycle + 1
    tags = {**session.tags, "al.role": "cycle", "al.cycle": str(number)}
    tags |= tags_of(session.changes) | tags_of_classes(session.classes, session.state)
    name = f"cycle {number:02d}"
    run = session.store.create(name, tags, parent=session.run.id, kind="cycle")
    session.put_on_record(run)
    run.log_params(session.changes)
    state = session.state
    return Cycle(session, number, run, labels=state.labels, held_out=state.held_out)


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
