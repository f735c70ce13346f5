"""The labels of a campaign, at any time: those of closed cycles and of the one that is open."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from al.catalog import formats
from al.contracts import Label
from al.errors import ConfigError, ExportError
from al.exports import Guess, Labels, export, table_of
from al.kinds import kind_of
from al.pipeline.auto_labels_out import latest_by_model
from al.pipeline.seen_data import now_written
from al.pipeline.session import Session
from al.pipeline.steps import ANNOTATE, SELECT_DATA
from al.pipeline.steps.annotate import ANSWERS
from al.state import LabelTable
from al.tracking import Run, Store

_log = logging.getLogger(__name__)


def labels_of(session: Session) -> LabelTable:
    """All labels that the campaign has, whether their cycle is closed or not; only reads."""
    seen, labels = session.seen_data, session.state.labels
    if seen.saw is not None:
        labels = session.with_written(labels, seen.before, seen.saw)
    of_cycle = with_open_cycle(session.state.held_out, session.store, session.open_run)
    judging = of_cycle.without(of_cycle.asked - session.splits.asked)
    labels = with_open_cycle(labels, session.store, session.open_run).without(session.splits.asked)
    labels = session.draws.joined(labels)
    labels = session.with_written(labels, seen.latest, now_written(session.data))
    return session.with_copies(labels).updated(judging)


def with_open_cycle(labels: LabelTable, store: Store, run: Run | None) -> LabelTable:
    """The labels of closed cycles, and those that a cycle which is open has collected.

    Args:
        run: the open cycle's; None if there is none.
    """
    if run is None:
        return labels
    for step in store.find({"al.step": ANNOTATE.name, "al.cycle_run": run.id}):
        if step.finished:
            new = LabelTable.load(step.path(ANSWERS))
            labels = labels.released(new.asked).updated(new)
    return labels


def queries_of(session: Session) -> pd.DataFrame:
    """What every cycle asked about, with ranks, scores and reasons; a row a sample."""
    of_campaign = {"al.step": SELECT_DATA.name, "al.campaign_run": session.run.id}
    runs = [run for run in session.store.find(of_campaign) if run.finished]
    tables = {run.tags.whole("al.cycle"): run.load_table("query.parquet") for run in runs}
    if not tables:
        return pd.DataFrame({"cycle": pd.Series(dtype="int64"), "id": pd.Series(dtype="str")})
    return pd.concat(dict(sorted(tables.items())), names=["cycle"]).reset_index("cycle")


def guesses_of(session: Session) -> dict[str, Guess]:
    """The prediction of the model that chose a sample, if one did; of several the latest."""
    rows = queries_of(session)
    if "predicted" not in rows:
        return {}
    known = rows.dropna(subset=["predicted", "confidence"])
    return _guesses(known, "predicted", kind_of(session.data.spec).read)


def _guesses(rows: pd.DataFrame, column: str, read: Callable[[str], Label]) -> dict[str, Guess]:
    columns = (rows[name] for name in ("id", "model", column, "confidence"))
    return {
        id: Guess(model, read(text), float(sure))
        for id, model, text, sure in zip(*columns, strict=True)
    }


def export_labels(session: Session, format: str, to: str, images: str, auto: str = "off") -> Path:
    """Write all labels in the format of that name, and say what was written.

    Args:
        to: a new or empty folder; "auto" names it after campaign and format.
        images: "on" or "off".
        auto: "on" adds the labels that `auto-label` gave last, whose annotator is the model.

    Raises:
        ConfigError: `images` or `auto` is neither, or there are no labels of a model.
        ExportError: they cannot be written there, or not in that format.
    """
    for name, value in {"images": images, "auto": auto}.items():
        if value not in ("on", "off"):
            raise ConfigError(f"{name}={value!r}: give on or off")
    known = labels_of(session)
    frame = table_of(known)
    guesses = guesses_of(session) if formats.get(format).shows_guesses else {}
    if auto == "on":
        if not formats.get(format).says_who:
            able = [name for name in formats.names() if formats.get(name).says_who]
            raise ExportError(
                f"format {format!r} does not say who gave a label, so that those of a model could "
                f"not be told from people's: take {', '.join(able)}, or leave auto off"
            )
        by_model = latest_by_model(session, known.ids).drop(columns="status")
        frame = pd.concat([frame, by_model.drop(columns="confidence")], ignore_index=True)
        guesses |= _guesses(by_model, "label", json.loads)
    labels = Labels(session.config.name, session.data, frame, images == "on", guesses)
    where = f"labels-{session.config.name}-{format}" if to == "auto" else to
    try:
        count = export(labels, format, Path(where))
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(f"{where} cannot be written ({reason}): give another folder") from error
    _log.info(f"{count} labels of {session.config.name} are in {where}")
    return Path(where)
