"""Entities in columns, as the shared tasks of CoNLL have them."""

from __future__ import annotations

from pathlib import Path

from al.catalog import formats
from al.data.entities.conll import tags_of
from al.data.entities.tokens import tokens_of
from al.exports.base import Format, Labels


@formats.register("conll")
class Conll(Format):
    """labels.conll, a token a line with its tag in BIO, an empty line behind each text"""

    forms = frozenset({"spans"})
    shown = frozenset({"text"})

    def write(self, labels: Labels, folder: Path) -> None:
        with (folder / "labels.conll").open("w", encoding="utf-8") as file:
            for id, _, label in labels:
                text, entities = labels.text(id), labels.kind.marks(label)
                for start, end, tag in tags_of(tokens_of(text), entities):
                    file.write(f"{text[start:end]}\t{tag}\n")
                file.write("\n")
