"""A cycle's query on record: written by select-data, read by whatever comes after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from al.cells import save_table
from al.contracts import DataLoader, Likely, Query
from al.data_selector import contact_sheet
from al.errors import StateError
from al.kinds import kind_named, kind_of
from al.report import query_page
from al.state import check_columns
from al.tracking import Run

MEMORY = "memory.json"
#: Tag of the step's run: identity of its query.
DIGEST = "al.query_digest"
#: Of query.parquet.
COLUMNS = (
    "rank", "id", "score", "strategy", "model", "propensity", "predicted", "confidence",
)  # fmt: skip
#: Further ones, which older records lack.
LATER = ("likely",)


def save_query(
    run: Run,
    query: Query,
    data: DataLoader,
    figures: Mapping[str, float],
) -> dict[str, Any]:
    """Leave a query with its picture and its figures; what tags are to say of it."""
    frame = pd.DataFrame(
        {
            "rank": range(len(query.ids)),
            "id": query.ids,
            "score": query.scores,
            "strategy": query.reasons,
            "model": query.model,
            "propensity": pd.array(query.propensities, dtype="Float64"),
            "predicted": pd.array(
                [*map(kind_of(data.spec).written, query.predicted)]
                if query.predicted
                else [None] * len(query.ids),
                dtype="string",
            ),
            "confidence": pd.array(query.confidence or [None] * len(query.ids), dtype="Float64"),
            "likely": pd.array(
                [*map(json.dumps, query.likely)] if query.likely else [None] * len(query.ids),
                dtype="string",
            ),
        }
    )
    sheet = contact_sheet(query, data)

    def write(folder: Path) -> None:
        frame.to_parquet(folder / "query.parquet", index=False)
        save_table(frame, folder / "query.csv")  # MLflow shows it, and no parquet
        (folder / "query.html").write_text(query_page(query, data), encoding="utf-8")
        if sheet is not None:
            sheet.save(folder / "query.png", compress_level=3)

    run.save(write)
    if query.memory is not None:
        run.save_json(MEMORY, dict(query.memory), sync=False)
    run.log_metrics(figures)
    return {
        "al.strategy": query.strategy,
        "al.why": query.why[:5000],
        "al.covers": query.covers,
        "al.kind": data.spec.kind,
        DIGEST: digest_of(query),
    }


def digest_of(query: Query) -> str:
    """Identity of what a query asks about and remembers; 64 hexadecimal digits."""
    memory = None if query.memory is None else json.loads(json.dumps(dict(query.memory)))
    scores = [float(score) for score in query.scores]
    content = (query.ids, scores, query.reasons, query.propensities, memory)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load_query(run: Run) -> Query:
    """The query that a finished step left.

    Raises:
        StateError: it is missing or damaged.
    """
    frame = run.load_table("query.parquet")
    there = dict.fromkeys((*COLUMNS, *(name for name in LATER if name in frame)), "")
    check_columns(frame, there, "query.parquet")
    kind = kind_named(run.tags["al.kind"])
    try:
        frame = frame.sort_values("rank")
        query = Query(
            ids=tuple(frame["id"].astype(str)),
            scores=tuple(float(score) for score in frame["score"]),
            reasons=tuple(frame["strategy"].astype(str)),
            propensities=tuple(
                None if pd.isna(share) else float(share) for share in frame["propensity"]
            ),
            strategy=run.tags.get("al.strategy", ""),
            model=run.tags["al.model"],
            predicted=tuple(kind.read(cell) for cell in _column(frame, "predicted")),
            confidence=tuple(_column(frame, "confidence")),
            likely=tuple(_likely(cell) for cell in _column(frame, "likely")),
            why=run.tags.get("al.why", ""),
            memory=run.load_json(MEMORY, dict[str, Any]) if run.has(MEMORY) else None,
            covers=run.tags.get("al.covers") == "True",
            cycle=int(run.tags["al.cycle"]),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise StateError(
            f"query.parquet of run {run.id} is damaged ({error}): restore it"
        ) from error
    if len(set(query.ids)) != len(query.ids):
        raise StateError(f"query.parquet of run {run.id} holds an id twice: restore it")
    if run.tags.get(DIGEST, digest_of(query)) != digest_of(query):
        raise StateError(f"the query of run {run.id} is not the one that was made: restore it")
    return query


def _likely(cell: str) -> Likely:
    return tuple((str(name), float(share)) for name, share in json.loads(cell))


def _column(frame: pd.DataFrame, name: str) -> list:  # type: ignore[type-arg]
    """A column that is empty where there was no champion, or missing in an older record."""
    return [] if name not in frame or frame[name].isna().any() else list(frame[name])
