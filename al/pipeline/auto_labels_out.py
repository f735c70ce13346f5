"""The labels that a model gives by itself: a table whose every row says that it was a model."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from al.cells import save_table
from al.contracts import BY_MODEL
from al.errors import ConfigError, ExportError
from al.pipeline.draws import draw_runs
from al.pipeline.look_record import DECISION, LOOK, SCORED, Decision, Look
from al.pipeline.session import Session
from al.state import LabelTable
from al.tracking import Run
from al.whole import is_taken, whole_file

_log = logging.getLogger(__name__)

#: Who gave a label, where it was no person.
_MODEL = re.compile(r"model v\d+")
#: Says what the table is of and what holds of it.
RECORD = "guarantee.json"
FORMATS = ("parquet", "csv")


def given_by(version: int) -> str:
    """Who gave a label that a model gave, where else there would be a person's name."""
    return f"model v{version}"


def is_model(annotator: str) -> bool:
    """Whether that is who gave a label that a model gave."""
    return _MODEL.fullmatch(annotator) is not None


def latest_by_model(session: Session, known: Collection[str]) -> pd.DataFrame:
    """The labels of the latest look that gave some, as rows of a label table and `confidence`;
    none of `known`.

    Raises:
        ConfigError: no look gave any.
    """
    for run in reversed(draw_runs(session.store, session.run)):
        decision = run.load_json(DECISION, Decision) if run.finished else None
        if decision is not None and decision.passed:
            found = labels_by_model(decision, run.load_table(SCORED))
            found = found[found["accepted"] & ~found["id"].isin(known)]
            rows = LabelTable.begun_with(found.assign(label=found["label"].map(json.dumps)))
            sure = found["confidence"].to_numpy()
            return rows.frame.assign(strategy=BY_MODEL, model=decision.model, confidence=sure)
    raise ConfigError(
        f"auto=on: no label of {session.config.name} was given by a model: run al auto-label"
    )


def free_folder(session: Session, run: Run, to: str, format: str) -> Path:
    """The folder that labels would go into, which is free for them.

    Raises:
        ConfigError: there is no such format.
        ExportError: the folder holds something else.
    """
    if format not in FORMATS:
        raise ConfigError(f"format={format!r}: give {' or '.join(FORMATS)}")
    number = run.load_json(LOOK, Look).number
    folder = Path(f"auto-labels-{session.config.name}-{number}" if to == "auto" else to)
    if is_taken(folder):
        kept = folder / RECORD
        if not kept.is_file() or json.loads(kept.read_text("utf-8")).get("run") != run.id:
            raise ExportError(f"{folder} is there already: give another folder, or remove it")
    return folder


def labels_by_model(decision: Decision, scored: pd.DataFrame) -> pd.DataFrame:
    """A row for each sample that was not drawn: `id`; `label` and `confidence`, as the model
    has them; `accepted`, whether the guarantee holds of it; and where it does, `annotator`."""
    drawn = scored["id"][scored["drawn"]]
    rest = scored[~scored["drawn"] & ~scored["copy_of"].isin(drawn)].sort_values("id")
    rest = rest.reset_index(drop=True)
    accepted = rest["part"].isin(decision.passed)
    who = accepted.map({True: given_by(decision.look.version), False: ""})
    return rest[["id", "label", "confidence"]].assign(accepted=accepted, annotator=who)


def write(decision: Decision, scored: pd.DataFrame, folder: Path, format: str, run: Run) -> None:
    """Write the labels of a look into a folder, and what holds of them.

    Raises:
        ExportError: it cannot be written.
    """
    frame = labels_by_model(decision, scored)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / RECORD) as file:
            file.write(json.dumps({"run": run.id, **asdict(decision)}, indent=2).encode())
        with whole_file(folder / f"labels.{format}") as file:
            if format == "parquet":
                frame.to_parquet(file, index=False)
            else:
                text = io.StringIO(newline="")
                save_table(frame, text)
                file.write(text.getvalue().encode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(f"{folder} cannot be written ({reason}): give another folder") from error
    count = int(frame["accepted"].sum())
    _log.info(
        f"{count} of {len(frame)} samples are labelled by {decision.model}, "
        f"{len(frame) - count} are left to people: {folder}"
    )
