"""Labels that a new campaign begins with: those of another campaign, or of a file.

They are copied once, before the campaign is one: whatever becomes of where they came from, it
goes on with what it began with.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from al.config import Config
from al.contracts import DataLoader, Splits
from al.data.reading import read_table
from al.errors import ConfigError, DataError, LabelError
from al.exports import table_of
from al.kinds import kind_of
from al.pipeline.auto_labels_out import is_model
from al.pipeline.draws import draws_of
from al.pipeline.identifying import find
from al.pipeline.label_map import read_map
from al.pipeline.labels_out import with_open_cycle
from al.pipeline.seen_data import SeenData, seen_so_far
from al.pipeline.standing import where_it_stands
from al.state import LabelTable, as_json, changed_labels, with_written
from al.tracking import Store
from al.tracking.store import unknown_campaign

_log = logging.getLogger(__name__)

#: What `al export` calls its tables.
_TABLES = ("labels.parquet", "labels.jsonl", "labels.csv")


@dataclass(frozen=True)
class Inherited:
    """What a campaign takes over.

    Attributes:
        frame: a row a label: `id`, `label` in JSON, and what is known of where it came from.
        splits: of the campaign that it comes from; None of a file.
        where: in words.
        once: exact copies have one answer, which counts once.
        seen: of the data, by the campaign that it comes from.
    """

    frame: pd.DataFrame
    splits: Splits | None
    where: str
    once: bool = False
    seen: SeenData = field(default_factory=SeenData)

    def labels(self, data: DataLoader, judging: Collection[str] = ()) -> LabelTable:
        """The labels of training samples, as far as the data accept them; the others are reported.

        Args:
            judging: validation and test samples that people are asked about, whose labels are
                taken as well.

        Raises:
            LabelError: one does not fit the task.
            ConfigError: none of them belongs to its samples.
        """
        train = frozenset(data.ids("train")).union(judging)
        mine = self.frame[self.frame["id"].isin(train)]
        held_back = self.frame["id"].isin({*data.ids("val"), *data.ids("test")}).sum()
        unknown = len(self.frame) - len(mine) - held_back
        if self.once and "copy_of" in mine:  # they are made anew of what they copy
            mine = mine[~mine["copy_of"].isin(mine["id"])]
        if not len(mine):
            raise ConfigError(
                f"labels_from: {self.where} has no label of a training sample of this task: give "
                "the campaign or the file that has, or leave labels_from out"
            )
        for text, count in Counter(mine["label"]).items():
            try:
                data.check_label(json.loads(text))
            except LabelError as error:
                raise LabelError(
                    f"{count} labels of {self.where} do not fit: {error}; label_map renames classes"
                ) from error
        _log.info(f"begins with {len(mine)} labels of {self.where}, which are not asked again")
        if held_back:
            _log.warning(
                f"{held_back} labels of {self.where} are of validation or test samples and are "
                "not learned from"
            )
        if unknown:
            _log.warning(f"{unknown} labels of {self.where} are of samples that are not there")
        return LabelTable.begun_with(mine)


def inherited(config: Config, store: Store, data: DataLoader) -> Inherited | None:
    """What the configuration says to begin with; only reads.

    Raises:
        ConfigError: there is no such campaign or file, or it has no label.
        DataError, LabelError: the file is not a table of labels.
    """
    named = config.labels_from
    if named == "none":
        if config.label_map != "none":
            raise ConfigError(
                f"label_map={config.label_map} changes the labels of labels_from, which is none: "
                "give that, or leave label_map out"
            )
        return None
    found = _of_file(Path(named), data) if Path(named).exists() else _of_campaign(named, store)
    found = replace(found, frame=_of_people(found.frame, found.where))
    if not len(found.frame):
        raise ConfigError(f"labels_from: {found.where} has no label yet: get a query answered")
    if config.label_map != "none":
        new = read_map(Path(config.label_map)).applied(found.frame, data.spec, found.where)
        found = replace(found, frame=new)
    return replace(found, once=config.copies == "once")


def _of_people(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """The labels without those that a model gave, which are reported: nothing learns from these."""
    if "annotator" not in frame:
        return frame
    by_model = frame["annotator"].fillna("").astype(str).map(is_model).astype(bool)
    if by_model.any():
        _log.warning(f"{by_model.sum()} labels of {where} were given by a model and are left out")
    return frame[~by_model].reset_index(drop=True)


def _of_campaign(name: str, store: Store) -> Inherited:
    run, stored = find(store, name)
    if run is None or stored is None:
        raise ConfigError(f"labels_from: {unknown_campaign(store, name)}")
    state, open_run = where_it_stands(store, run, stored.as_config(), mend=False)
    labels, seen = state.labels.updated(state.held_out), seen_so_far(store, run)
    if seen.saw is not None:
        changed = changed_labels(seen.before or seen.saw, seen.saw, seen.saw)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        labels = with_written(labels, changed, state.cycle + 1, at)
    labels = with_open_cycle(labels, store, open_run)
    labels = draws_of(store, run, state.cycle).joined(labels)
    where = f"campaign {name!r}"
    return Inherited(table_of(labels), stored.splits, where, seen=SeenData(seen.latest))


def _of_file(path: Path, data: DataLoader) -> Inherited:
    if path.is_dir():
        there = [path / name for name in _TABLES if (path / name).is_file()]
        if not there:
            raise ConfigError(f"labels_from={path} holds none of {', '.join(_TABLES)}: give a file")
        path = there[0]
    frame = _json_lines(path) if path.suffix.lower() == ".jsonl" else _table(path, data)
    if (twice := frame["id"].duplicated()).any():
        raise DataError(f"{path} labels {frame['id'][twice].iloc[0]!r} twice: leave one row")
    pairs = zip(frame["id"], frame["label"], strict=True)
    try:
        kept = [as_json(data.from_picture(id, json.loads(label))) for id, label in pairs]
    except (LabelError, KeyError, TypeError, ValueError) as error:
        raise LabelError(f"{path}: {error}") from error
    return Inherited(frame.assign(label=kept), None, str(path))


def _json_lines(path: Path) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            label = json.dumps(row["label"], sort_keys=True)
            rows.append({**row, "id": str(row["id"]), "label": label})
        except (ValueError, KeyError, TypeError, RecursionError):
            raise DataError(
                f"{path}:{number} is not a JSON object with id and label: mend it"
            ) from None
    return pd.DataFrame(rows, columns=None if rows else ["id", "label"])


def _table(path: Path, data: DataLoader) -> pd.DataFrame:
    frame, kind = read_table(path), kind_of(data.spec)
    if lacking := [name for name in ("id", "label") if name not in frame]:
        raise DataError(f"{path} has no column {lacking[0]!r}: it needs id and label")
    csv = path.suffix.lower() != ".parquet"
    frame["id"] = _cells(frame["id"], csv=csv)
    labels = []
    for id, cell in zip(frame["id"], _cells(frame["label"], csv=csv), strict=True):
        try:
            labels.append(json.dumps(kind.read(cell), sort_keys=True))
        except (ValueError, RecursionError):
            raise LabelError(f"{path}: {cell[:50]!r} of sample {id!r} is not a label") from None
    return frame.assign(label=labels)


def _cells(column: pd.Series, *, csv: bool) -> Sequence[str]:
    """Cells as texts, less the sign that keeps a spreadsheet from taking one for a formula."""
    texts = [str(cell) for cell in column]
    guarded = ("'=", "'+", "'-", "'@", "'\t", "'\r")
    return [text[1:] if csv and text.startswith(guarded) else text for text in texts]
