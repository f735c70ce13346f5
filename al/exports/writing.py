"""Labels written whole or not at all."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd

from al.annotators.label_studio.forms import DRAWN
from al.catalog import formats
from al.errors import ExportError
from al.exports.base import Format, Labels
from al.state import LabelTable
from al.whole import is_taken

_log = logging.getLogger(__name__)


def table_of(labels: LabelTable) -> pd.DataFrame:
    """The samples that have a label, with where each label came from; `label` is JSON."""
    frame = labels.frame
    return frame[frame["status"] == "answered"].drop(columns="status").reset_index(drop=True)


def export(labels: Labels, name: str, to: Path) -> int:
    """Write labels into a new or empty folder, in the format of that name.

    Returns:
        How many.

    Raises:
        UnknownName: there is no such format.
        ExportError: the folder is there, there is no label, or the format cannot hold them.
        OSError: it cannot be written; nothing is left of it.
    """
    wanted: Format = formats.get(name)()
    if is_taken(to):
        raise ExportError(f"{to} is there already: give another folder, or remove it")
    labels = _that_fit(wanted, name, labels)
    to.parent.mkdir(parents=True, exist_ok=True)
    aside = to.with_name(f".{to.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        wanted.write(labels, aside)
        if to.exists():
            to.rmdir()  # it is empty
        aside.rename(to)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return len(labels.ids)


def _that_fit(wanted: Format, name: str, labels: Labels) -> Labels:
    """The labels that a format can hold, less those whose sample is no longer in the data.

    Raises:
        ExportError: it cannot hold any of them.
    """
    if not len(labels.frame):
        raise ExportError(f"campaign {labels.campaign!r} has no label yet: get a query answered")
    form, kind = labels.kind.form, labels.kind
    fitting = [one for one in formats.names() if _holds(formats.get(one), form)]
    if not _holds(type(wanted), form):
        raise ExportError(f"format {name!r} cannot hold {kind.labels_are}: take {_listed(fitting)}")
    gone = set(labels.data.missing(labels.ids))
    if not wanted.shown:
        if gone and form in DRAWN:
            _log.warning(
                f"{len(gone)} labels are of samples that have vanished from the data: their "
                f"{kind.labels_are} stay in pixels of the square that was learned from"
            )
        return labels
    if gone:
        _log.warning(f"{len(gone)} labels are left out, whose samples have vanished from the data")
        stay = [id not in gone for id in labels.ids]
        labels = replace(labels, frame=labels.frame[stay].reset_index(drop=True))
        if not labels.ids:
            raise ExportError("no sample with a label is there any more: restore the data")
    shown = next(one for one in ("image", "text", "row") if getattr(labels.shown, one) is not None)
    if shown not in wanted.shown:
        others = [one for one in fitting if not (need := formats.get(one).shown) or shown in need]
        raise ExportError(f"format {name!r} cannot hold a {shown}: take {_listed(others)}")
    return labels


def _holds(wanted: type[Format], form: str) -> bool:
    return wanted.forms is None or form in wanted.forms


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + f" or {names[-1]}" if len(names) > 1 else names[0]
