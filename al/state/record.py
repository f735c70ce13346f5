"""One immutable record per cycle, saved and loaded whole, with schema version and digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from al.errors import LaterState, StateError
from al.state.labels import LabelTable
from al.state.shape import read_as

#: Version of the layout; a reader refuses another one. 4 is that of version 0.1.0.
SCHEMA = 4


@dataclass(frozen=True)
class ChampionRecord:
    """The version in Production when the cycle closed.

    Attributes:
        weights: digest of its weights.
        val, test: its metrics on the frozen splits.
    """

    version: int
    weights: str
    val: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Pool:
    size: int
    digest: str


@dataclass(frozen=True)
class _Labels:
    rows: int
    digest: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """state.json, less what is read before the rest is looked at."""

    campaign: str
    cycle: int
    retrained: bool
    champion_record: Annotated[ChampionRecord | None, Field(alias="champion")]
    pool: _Pool
    memory: dict[str, Any]
    suspicious: list[dict[str, str | float]]
    labels: _Labels
    changes: dict[str, Any] = field(default_factory=dict)  # older states have none
    classes: list[str] = field(default_factory=list)
    new_classes: list[str] = field(default_factory=list)
    held_out: _Labels | None = None


@dataclass(frozen=True)
class State:
    """Where a campaign stands after a cycle; the first cycle starts from `State.start`.

    Attributes:
        held_out: answers about validation and test samples, where people are asked about these;
            nothing learns from them.
        memory: what the query strategy wants to find in the next cycle.
        changes: parameters that differ from how the campaign began, as the cycle had them.
        suspicious: labels that look wrong, the worst first; see `al.pipeline.label_quality`.
        classes: those that the cycle knew beside the ones that the campaign began with.
        new_classes: those that came in the cycle, which the next one knows.
    """

    campaign: str
    cycle: int
    labels: LabelTable
    champion_record: ChampionRecord | None = None
    retrained: bool = False
    pool_size: int = 0
    pool_digest: str = ""
    memory: Mapping[str, Any] = field(default_factory=dict)
    suspicious: Sequence[Mapping[str, Any]] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    classes: Sequence[str] = ()
    new_classes: Sequence[str] = ()
    held_out: LabelTable = field(default_factory=LabelTable)

    @property
    def paid(self) -> int:
        """Labels that were paid for: those to learn from, and those to judge models by."""
        return self.labels.paid + self.held_out.paid

    @property
    def waiting(self) -> pd.DataFrame:
        """The samples that were asked about and have no answer yet; see `LabelTable.waiting`."""
        held_out = self.held_out.waiting
        return pd.concat([self.labels.waiting, held_out]) if len(held_out) else self.labels.waiting

    @classmethod
    def start(cls, campaign: str) -> State:
        """Before the first cycle: no labels, no champion."""
        return cls(campaign, 0, LabelTable())

    def save(self, folder: Path) -> str:
        """Write state.json and the tables of labels into the folder; returns the digest."""
        content: dict[str, Any] = {
            "schema": SCHEMA,
            "campaign": self.campaign,
            "cycle": self.cycle,
            "retrained": self.retrained,
            "champion": asdict(self.champion_record) if self.champion_record else None,
            "pool": {"size": self.pool_size, "digest": self.pool_digest},
            "memory": dict(self.memory),
            "changes": dict(self.changes),
            "suspicious": [dict(row) for row in self.suspicious],
            "labels": _saved(self.labels, folder / "labels.parquet"),
        }
        if len(self.held_out):
            content["held_out"] = _saved(self.held_out, folder / "held_out.parquet")
        if self.classes or self.new_classes:
            content["classes"] = list(self.classes)
            content["new_classes"] = list(self.new_classes)
        content["digest"] = _content_digest(content)
        (folder / "state.json").write_text(json.dumps(content, indent=2))
        return str(content["digest"])

    @classmethod
    def load(cls, folder: Path) -> State:
        """Read what `save` wrote.

        Raises:
            StateError: a file is missing or damaged, or a later version wrote it.
        """
        try:
            text = (folder / "state.json").read_bytes()
        except FileNotFoundError:
            raise StateError("state.json is missing from the saved state: restore it") from None
        content = read_as(dict[str, Any], text, "state.json")
        if content.get("schema") != SCHEMA:
            raise LaterState(
                f"state.json has schema {content.get('schema')}, this version reads {SCHEMA}: "
                "install the version that wrote it"
            )
        if content.get("digest") != _content_digest(content):
            raise StateError("state.json does not match its digest: restore it")
        stored = read_as(_Stored, text, "state.json")
        held_out = stored.held_out
        return cls(
            campaign=stored.campaign,
            cycle=stored.cycle,
            labels=_loaded(stored.labels, folder / "labels.parquet"),
            held_out=_loaded(held_out, folder / "held_out.parquet") if held_out else LabelTable(),
            champion_record=stored.champion_record,
            retrained=stored.retrained,
            pool_size=stored.pool.size,
            pool_digest=stored.pool.digest,
            memory=stored.memory,
            suspicious=stored.suspicious,
            changes=stored.changes,
            classes=tuple(stored.classes),
            new_classes=tuple(stored.new_classes),
        )


def _saved(labels: LabelTable, file: Path) -> dict[str, Any]:
    """Write a table; what state.json says of it."""
    labels.save(file)
    sha256 = _sha256(file.read_bytes())
    return {"rows": len(labels), "digest": labels.digest, "sha256": sha256}


def _loaded(stored: _Labels, file: Path) -> LabelTable:
    labels = LabelTable.load(file)
    if _sha256(file.read_bytes()) != stored.sha256:
        raise StateError(f"{file.name} does not match its digest in state.json: restore it")
    return labels


def ids_digest(ids: Iterable[str]) -> str:
    """Identity of a set of ids, whatever its order; 32 hexadecimal digits."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:32]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _content_digest(content: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in content.items() if key != "digest"}
    return _sha256(json.dumps(rest, sort_keys=True).encode())
