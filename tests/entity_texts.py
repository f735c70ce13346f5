"""Sentences with people, places and companies in them, drawn at random and written out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

FIRST = ["Anna", "Jörg", "Mary", "Chen", "Olga", "Victoria", "Paris", "Georgia", "Ibrahim", "Zoë"]
LAST = ["Berg", "Okafor", "London", "Ivanova", "Müller", "Ford", "Nguyen", "Lincoln", "Silva"]
PLACES = ["Paris", "London", "New York", "Lincoln", "Georgia", "Köln", "San José", "Victoria",
          "Addis Ababa", "東京"]  # fmt: skip
FIRMS = ["Ford", "Acme Corp.", "Berg & Sons", "Silva Ltd", "Nord-Ost AG", "42 Labs", "Müller GmbH"]
#: What stands around them; a word of them may be anybody or anything in another one.
PATTERNS = [
    "{P} flew to {L} on Monday .",
    "On Monday {P} met {P} in {L} 🎉 , and nobody knew why .",
    "{F} opened a factory near {L} , said {P} .",
    "Shares of {F} fell by 12 % in {L} trading .",
    "{P} , who works for {F} , lives in {L} .",
    "😀 The weather was fine again yesterday .",
    "Nobody at {F} answered .",
    "It rained in {L} and in {L} .",
    "Did {P} leave {F} ?",
]


def drawn(count: int, seed: int = 0) -> list[tuple[str, list[dict[str, Any]]]]:
    """Texts and their entities, in code points; no text is there twice."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[dict[str, Any]]] = {}
    while len(found) < count:
        text, entities = "", []
        for word in str(rng.choice(PATTERNS)).split(" "):
            named = {
                "{P}": ("PER", f"{rng.choice(FIRST)} {rng.choice(LAST)}"),
                "{L}": ("LOC", str(rng.choice(PLACES))),
                "{F}": ("ORG", str(rng.choice(FIRMS))),
            }.get(word)
            text += " " if text else ""
            if named:
                place = {"start": len(text), "end": len(text) + len(named[1]), "label": named[0]}
                entities.append(place)
            text += named[1] if named else word
        text += f" {rng.integers(10_000)}" if text in found else ""
        found[text] = entities
    return list(found.items())


def json_lines(path: Path, count: int = 300, *, unlabelled: int = 0) -> Path:
    """As JSON lines; the last ones have no label."""
    rows = [
        {"text": text, "entities": entities if row < count - unlabelled else None}
        for row, (text, entities) in enumerate(drawn(count))
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def columns(path: Path, count: int = 300, *, seed: int = 0, unlabelled: int = 0) -> Path:
    """In the columns of CoNLL: words as they are separated by spaces, and BIO."""
    lines = ["-DOCSTART- -X- O", ""]
    for row, (text, entities) in enumerate(drawn(count, seed)):
        at = 0
        for word in text.split(" "):
            own = next((e for e in entities if e["start"] <= at < e["end"]), None)
            tag = "O" if own is None else f"{'B' if own['start'] == at else 'I'}-{own['label']}"
            lines.append(f"{word}\tX\t{tag if row < count - unlabelled else '_'}")
            at += len(word) + 1
        lines.append("")
    path.write_text("\n".join(lines))
    return path
