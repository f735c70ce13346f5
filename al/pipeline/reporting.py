"""The campaign's report: what it tells is gathered here, written when a cycle is closed.

Nothing depends on it: what fails while it is written is logged in a line, and a report that was
cut off is made anew by the next command, or by `al report`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import numpy as np
import pandas as pd

from al.errors import ConfigError, ExportError
from al.kinds import kind_of
from al.pipeline.aside import never_in_the_way
from al.pipeline.history import changes_of, stop_reason
from al.pipeline.report_depth import in_depth
from al.pipeline.session import Session
from al.pipeline.steps import COMPARE
from al.report import NAME, Curve, Facts, write
from al.tracking import Run
from al.whole import is_taken

_log = logging.getLogger(__name__)

#: Tag of the campaign's run: the cycle after which the whole report was written last.
REPORTED = "al.reported"
#: Tag of the campaign's run: the campaign that it is held against.
BASELINE = "al.baseline"


def renew(session: Session) -> None:
    """Write the report with what is at hand, right after a cycle was closed."""
    if session.config.report == "on":
        with never_in_the_way("the report", _anew(session)):
            _write(session, facts_of(session))


def complete(session: Session) -> None:
    """Write the whole report, where it does not tell of the last closed cycle yet."""
    done = session.run.tags.get(REPORTED)
    if session.config.report == "on" and session.state.cycle and done != _mark(session):
        with never_in_the_way("the report", _anew(session)):
            tell_all(session)
            session.run.set_tags({REPORTED: _mark(session)})


def tell_all(session: Session) -> None:
    """Write the whole report to the campaign's run."""
    _write(session, whole_facts(session))


def whole_facts(session: Session) -> Facts:
    """What there is to tell, what takes a while to find out among it."""
    reason = stop_reason(session)
    # The run knows by how many cycles the campaign was extended; this command need not.
    why = reason and session.run.tags.get("al.stopped", reason)
    return in_depth(session, replace(facts_of(session), stopped=why))


def _anew(session: Session) -> str:
    return f"al report --campaign {session.config.name} makes it anew"


def _mark(session: Session) -> str:
    return f"{session.state.cycle} {session.run.tags.get(BASELINE, '')}".strip()


def _write(session: Session, facts: Facts) -> None:
    session.run.save(lambda folder: write(facts, folder))


def report(session: Session, to: str) -> Path | None:
    """Write the whole report anew, to the campaign's run and into a folder where one is named.

    Raises:
        ConfigError: no cycle is closed yet.
        ExportError: it cannot be written to the folder.
    """
    if not session.state.cycle:
        raise ConfigError(
            f"campaign {session.config.name!r} has closed no cycle yet: run al cycle first"
        )
    if to != "none" and is_taken(Path(to)):
        raise ExportError(f"{to} is there already: give another folder, or remove it")
    facts = whole_facts(session)
    _write(session, facts)
    if to == "none":
        _log.info(f"{NAME} is an artifact of {session.store.link(session.run)}")
        return None
    try:
        aside = Path(to).with_name(f".{Path(to).name}.{os.getpid()}")
        try:
            aside.mkdir(parents=True)
            write(facts, aside)
            aside.rename(to)
        except BaseException:
            rmtree(aside, ignore_errors=True)
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(f"{to} cannot be written ({reason}): give another folder") from error
    _log.info(f"the report of {session.config.name} is {Path(to) / NAME}")
    return Path(to) / NAME


def facts_of(session: Session) -> Facts:
    """What is at hand without asking a model."""
    config, metric, state = session.config, session.task.metric, session.state
    runs = session.gathered.up_to(state.cycle, session.store, session.run)
    cycles = _cycles(runs)
    return Facts(
        config=config,
        kind=kind_of(session.data.spec),
        metric=metric,
        share=session.share,
        lower=session.lower,
        state=state,
        validation=len(session.data.ids("val")),
        test=len(session.data.ids("test")),
        pool=len(session.pool),
        curve=_curve(config.strategy, cycles, f"test_{metric}"),
        validated=_curve(config.strategy, cycles, f"val_{metric}"),
        baseline=baseline_of(session),
        cycles=cycles,
        steps=_steps(runs),
        verdicts=_verdicts(runs, metric),
        promotions=session.registry.promotions.table(),
        model=session.registry.name,
        version=state.champion_record.version if state.champion_record else None,
        stopped="",
        started=session.run.started,
        now=time.time(),
        changes=changes_of(session),
        people_since=session.people_since,
    )


def baseline_of(session: Session) -> Curve | None:
    """The learning curve of the campaign that this one is held against."""
    name, found = session.run.tags.get(BASELINE), session.gathered
    if not name:
        return None
    if found.baseline is None:
        runs = session.store.find({"al.role": "campaign", "al.campaign": name})
        points = runs[0].metric_history(f"test/{session.task.metric}") if runs else []
        if points:
            strategy = str(session.config.baseline)
            found.baseline = Curve.of(strategy, *zip(*points, strict=True))
    return found.baseline


def _cycles(runs: Mapping[int, list[Run]]) -> pd.DataFrame:
    """Figures of cycles by number; those of label quality keep their prefix."""
    rows = {
        number: {name.removeprefix("cycle/"): value for name, value in run.metrics.items()}
        for number, of_cycle in runs.items()
        for run in of_cycle
        if run.tags["al.role"] == "cycle"
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("cycle")


def _curve(strategy: str, cycles: pd.DataFrame, column: str) -> Curve:
    """A metric by labels; of several cycles with as many labels the last."""
    if column not in cycles:
        return Curve(strategy, np.empty(0), np.empty(0))
    points = cycles[["labels", column]].dropna().drop_duplicates("labels", keep="last")
    return Curve(strategy, points["labels"].to_numpy(int), points[column].to_numpy(float))


def _steps(runs: Mapping[int, list[Run]]) -> pd.DataFrame:
    rows = [
        (number, run.tags["al.step"], run.tags.whole("al.candidate", 0), run.seconds)
        for number, of_cycle in runs.items()
        for run in sorted(of_cycle, key=lambda run: run.started)
        if run.tags["al.role"] == "step" and run.seconds is not None
    ]
    return pd.DataFrame(rows, columns=["cycle", "step", "candidate", "seconds"])


def _verdicts(runs: Mapping[int, list[Run]], metric: str) -> pd.DataFrame:
    names = {f"compare/{metric}": "value"}
    rows = {
        number: {names.get(n, n.removeprefix("compare/")): v for n, v in run.metrics.items()}
        for number, of_cycle in runs.items()
        for run in of_cycle
        if run.tags.get("al.step") == COMPARE.name
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("cycle")
