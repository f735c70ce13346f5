"""Labels as a table with all that is known of them; every kind of label, samples left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from al.catalog import formats
from al.cells import save_table
from al.exports.base import Format, Labels


@formats.register("csv")
class Csv(Format):
    """labels.csv, one row a label; a text that a spreadsheet takes for a formula begins with '"""

    says_who = True

    def write(self, labels: Labels, folder: Path) -> None:
        save_table(readable(labels), folder / "labels.csv")


@formats.register("parquet")
class Parquet(Format):
    """labels.parquet, one row a label, types kept"""

    says_who = True

    def write(self, labels: Labels, folder: Path) -> None:
        readable(labels).to_parquet(folder / "labels.parquet", index=False)


@formats.register("jsonl")
class JsonLines(Format):
    """labels.jsonl, one JSON object a label"""

    says_who = True

    def write(self, labels: Labels, folder: Path) -> None:
        table = readable(labels)
        with (folder / "labels.jsonl").open("w", encoding="utf-8") as file:
            for (_, row), value in zip(table.iterrows(), labels.values, strict=True):
                known = {str(name): _cell(cell) for name, cell in row.items()}
                for name in ("votes", "before"):
                    known[name] = json.loads(known[name]) if known.get(name) else None
                file.write(json.dumps({**known, "label": value}, ensure_ascii=False) + "\n")


def readable(labels: Labels) -> pd.DataFrame:
    """The labels with their provenance, and the sample's text or place where it has one."""
    table = labels.frame.copy()
    numbers = labels.kind.form == "value"
    table["label"] = [v if numbers else labels.kind.written(v) for v in labels.values]
    there = set(labels.data.missing(labels.ids))
    sources = [None if id in there else labels.data.source(id) for id in labels.ids]
    if any(sources):
        table.insert(2, "source", sources)
    if labels.ids and labels.ids[0] not in there and labels.shown.text is not None:
        texts = [None if id in there else labels.text(id) for id in labels.ids]
        table.insert(2, "text", texts)
    return table


def _cell(cell: Any) -> Any:
    cell = cell.item() if hasattr(cell, "item") else cell
    return None if cell != cell else cell
