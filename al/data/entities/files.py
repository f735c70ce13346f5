"""Files of texts with entities: one, or a folder of them that are splits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from al.data.entities.conll import read_conll
from al.data.entities.lines import read_lines
from al.data.layouts import SPLIT_OF
from al.data.places import find
from al.data.reading import read_text
from al.data.row_marks import ID, SPLIT
from al.errors import DataError

LINES = (".jsonl",)
COLUMNS = (".conll", ".conllu", ".bio", ".iob", ".iob2", ".tsv", ".txt")
#: Names of splits in CoNLL-2003 beside the usual ones.
_SPLITS = {**SPLIT_OF, "testa": "val", "testb": "test"}
#: Columns that say where a row stands.
FILE, LINE = "file", "line"


def files_of(data: str) -> list[Path]:
    """The files that a parameter names: one, or those of a folder that can be read.

    Raises:
        DataError: there are no such files.
    """
    try:
        return [find(data, folder=False)]
    except DataError:
        if Path(data).suffix.lower() in (*LINES, *COLUMNS) and not Path(data).is_dir():
            raise
        folder = find(data, folder=True)
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in (*LINES, *COLUMNS))
    if not found:
        raise DataError(
            f"{folder} holds no {', '.join((*LINES, *COLUMNS))} file: give one that has texts"
        )
    return found


def read_files(paths: Sequence[Path], text: str, target: str) -> pd.DataFrame:
    """The rows of all files, with the file and line of each.

    Of several files, one whose name says so is a split (train, dev, valid, test, testa, testb).

    Args:
        text, target: keys of the text and of its entities in JSON lines.

    Raises:
        DataError: one cannot be read; names its line.
    """
    rows: list[dict[str, Any]] = []
    for path in paths:
        split = _split(path) if len(paths) > 1 else ""
        rows += [{**({SPLIT: split} if split else {}), **row, FILE: path.name}
                 for row in _read(path, text, target)]  # fmt: skip
    frame = pd.DataFrame(rows, dtype=object)
    for name in (ID, SPLIT):
        if name in frame:
            frame[name] = frame[name].where(frame[name].notna(), "")
    nested = [name for name in frame if name != target and frame[name].map(_nested).any()]
    return frame.drop(columns=nested)


def _read(path: Path, text: str, target: str) -> list[dict[str, Any]]:
    suffix = path.suffix.lower()
    if suffix not in (*LINES, *COLUMNS):
        raise DataError(
            f"{path} is neither JSON lines (.jsonl) nor columns of CoNLL ({', '.join(COLUMNS)}): "
            "save it as one"
        )
    try:
        content = read_text(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check it") from error
    read = read_lines if suffix in LINES else read_conll
    rows = read(path, content, text, target)
    if not rows:
        raise DataError(f"{path} holds no text: give a file with rows")
    return rows


def _nested(cell: Any) -> bool:
    return isinstance(cell, list | dict)


def _split(path: Path) -> str:
    """The split that a file's name says; "" where it says none."""
    words = re.split(r"[^a-z]+", path.stem.lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), "")
