"""Classes that have other names now: those of labels that a campaign begins with, by a file.

A class is renamed by its new name, merged with another by the same new name, and split by
several new names: which of them a label of it is, nobody knows, so it is asked for again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from al.contracts import DataSpec
from al.data.reading import read_table
from al.errors import ConfigError, DataError, UnknownName, did_you_mean
from al.kinds import kind_of

_log = logging.getLogger(__name__)

#: New names by old name.
Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class LabelMap:
    """What becomes of classes.

    Attributes:
        path: of the file, for messages.
    """

    path: str
    names: Names

    def applied(self, frame: pd.DataFrame, spec: DataSpec, where: str) -> pd.DataFrame:
        """Labels under their new names, less those that are to be asked for again, with a line.

        Args:
            frame: `label` and `votes` in JSON, among others.
            where: the labels come from.

        Raises:
            UnknownName: an old name is that of no label, or a new one that of no class.
            ConfigError: labels of this kind name no classes.
        """
        kind, seen = kind_of(spec), set[str]()

        def renamed(text: str) -> str | None:
            named: list[str] = []

            def to(name: str) -> str:
                named.append(name)
                new = self.names.get(name, (name,))
                return new[0] if new else name

            label = json.dumps(kind.renamed(json.loads(text), to), sort_keys=True)
            seen.update(named)
            return None if any(len(self.names.get(name, "1")) != 1 for name in named) else label

        try:
            texts = {text: renamed(text) for text in frame["label"].unique()}
        except NotImplementedError:
            raise ConfigError(
                f"label_map={self.path}: where labels are {kind.labels_are} they name no classes: "
                "leave it out"
            ) from None
        for old, new in self.names.items():
            for name in new:
                if name not in kind.place:
                    raise UnknownName(
                        f"{self.path} makes {name!r} of {old!r}, which is not a class of this "
                        f"task: {did_you_mean(name, kind.place)}"
                    )
        if strange := sorted(set(self.names) - set(seen)):
            raise UnknownName(
                f"{self.path} renames {strange[0]!r}, which no label of {where} is: "
                f"{did_you_mean(strange[0], seen)}"
            )
        labels = frame["label"].map(texts)
        changed, kept = (labels.notna() & (labels != frame["label"])).sum(), labels.notna()
        _log.info(f"{changed} labels of {where} have another name by {self.path}")
        if gone := int((~kept).sum()):
            split = sorted(name for name, new in self.names.items() if len(new) != 1)
            _log.warning(
                f"{gone} labels of {where} are dropped and will be asked for again: "
                f"{', '.join(map(repr, split))} has no single new name in {self.path}"
            )
        found = frame.assign(label=labels)[kept].reset_index(drop=True)
        if "votes" in found:
            found["votes"] = [_votes(text, renamed) for text in found["votes"].fillna("")]
        return found


def _votes(text: str, renamed: Any) -> str:
    """Single answers under new names; "" where one of them has none."""
    if not text:
        return ""
    votes = json.loads(text)
    for vote in votes:
        if "label" in vote:
            new = renamed(json.dumps(vote["label"]))
            if new is None:
                return ""
            vote["label"] = json.loads(new)
    return json.dumps(votes, sort_keys=True)


def read_map(path: Path) -> LabelMap:
    """The file: CSV with columns `old` and `new`, a row for each new name, or JSON, an object of
    old names with a new one, a list of them or null.

    Raises:
        ConfigError: it is not there.
        DataError: it is not such a file.
    """
    if not path.is_file():
        raise ConfigError(f"label_map={path} is not a file: give one with columns old and new")
    found: dict[str, tuple[str, ...]] = {}
    if path.suffix.lower() == ".json":
        try:
            content = json.loads(path.read_text("utf-8"))
            for old, new in content.items():
                found[str(old)] = _names(new)
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise DataError(
                f'{path} is not a JSON object like {{"old": "new", "split": ["one", "other"]}}: '
                "mend it"
            ) from None
    else:
        frame = read_table(path)
        if lacking := [name for name in ("old", "new") if name not in frame]:
            raise DataError(f"{path} has no column {lacking[0]!r}: it needs old and new")
        for old, new in zip(frame["old"].astype(str), frame["new"].astype(str), strict=True):
            found[old] = (*found.get(old, ()), *([new] if new.strip() else []))
    return LabelMap(str(path), {old: tuple(dict.fromkeys(new)) for old, new in found.items()})


def _names(new: Any) -> tuple[str, ...]:
    names = [] if new is None else new if isinstance(new, list) else [new]
    if not all(isinstance(name, str) for name in names):
        raise TypeError
    return tuple(names)
