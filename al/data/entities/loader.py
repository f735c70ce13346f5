"""Data Loaders over texts with entities in them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch

from al.contracts import DataSpec, Encoder, Label
from al.data.boxes.listed import lines_of
from al.data.delimited import log_once
from al.data.encoding import detail_of
from al.data.entities.files import FILE, LINE, files_of, read_files
from al.data.entities.marked import bare, taken
from al.data.entities.tokens import FEATURES, rows_of, together, tokens_of
from al.data.entities.vectors import Words, WordVectors
from al.data.legend import names_given
from al.data.oddities import gaps
from al.data.own import READING, Samples
from al.data.reading import UNASKED, mark
from al.data.texts import TextLoader, features
from al.errors import ConfigError, DataError, did_you_mean

_log = logging.getLogger(__name__)

#: Tokens of the shape that inputs have; batches with longer texts are longer.
MOST, STEP = 512, 16


class EntityLoader(TextLoader):
    """Texts as tokens; see `al.data.entities.tokens`.

    Args:
        frame: texts and their entities, a list each in any form that `Entities.from_form` takes,
            None where nobody has looked; see `TextLoader` for the rest.
        classes: those that are learned; all that there are where none is named.
        encoder: makes vectors of the words, which stand behind their hashed features then.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        text: str,
        target: str,
        *,
        place: Callable[[int], str],
        what: str,
        classes: Sequence[str] = (),
        published: bool = False,
        encoder: Encoder | None = None,
    ) -> None:
        self._wanted, self._classes = tuple(classes), tuple[str, ...]()
        self._vectors = WordVectors(encoder) if encoder else None
        super().__init__(
            frame, text, target, place=place, what=what, published=published, encoder=encoder,
            asked=UNASKED,
        )  # fmt: skip

    def _texts_of(self, frame: pd.DataFrame) -> list[str]:
        """As they are, since entities are counted from their first character."""
        return [str(text) for text in frame[self.text]]

    def _labels(self, frame: pd.DataFrame, place: Callable[[int], str]) -> Sequence[Label | None]:
        """The entities of each text, of the classes that are learned."""
        found, self._odd = taken(self._texts, frame[self.target], place)
        self._classes = self._classes or self._chosen(found)
        for line in lines_of(self._odd):
            log_once(f"{self._what}: {line}", _log)
        if not self._wanted:
            return found
        known = set(self._classes)
        names = (one["label"] for some in found for one in some or ())
        for name, count in sorted(Counter(n for n in names if n not in known).items()):
            log_once(f"{self._what}: {count} entities of class {name!r} are left out, as classes "
                      "does not name it", _log)  # fmt: skip
        return [
            None if some is None else [one for one in some if one["label"] in known]
            for some in found
        ]

    def _chosen(self, labels: Sequence[Label | None]) -> tuple[str, ...]:
        """The classes that are learned.

        Raises:
            ConfigError: one that was asked for is not there.
            DataError: there is no entity.
        """
        known = sorted({one["label"] for label in labels for one in label or ()})
        if not known and (self._odd or not self._wanted):
            first = next(iter(lines_of(self._odd)), "no text is labelled")
            raise DataError(
                f"{self._what} holds no entity, {first}: mark some of each class, or "
                "name them, as classes=person,place, and people are asked"
            )
        for name in self._wanted:
            if known and name not in known:
                raise ConfigError(f"classes: {name!r} is not a class: {did_you_mean(name, known)}")
        return self._wanted or tuple(known)

    def _spec_for(self, samples: Samples) -> DataSpec:
        longest = max(len(rows) for rows in self._tokens)
        length = min(MOST, -(-max(longest, 1) // STEP) * STEP)
        encoder = self._encoder
        more = {**detail_of(encoder), "reading": READING, "text": self.text, "target": self.target}
        width = 2 + FEATURES + (encoder.width if encoder else 0)
        dtype = "float32" if encoder else "int32"
        return DataSpec(self._classes, (length, width), dtype, "entities", more)

    def _taken(self, frame: pd.DataFrame) -> Samples:
        samples = super()._taken(frame)
        self._tokens = [rows_of(text) for text in self._texts]
        counts = [len(own) for own in self._tokens]
        self._words: Words | None = None
        if self._vectors is not None:
            self._words = Words(self._vectors, self._texts, samples.contents, counts)
        return samples

    # -- samples ---------------------------------------------------------------------------

    def inputs(self, rows: np.ndarray) -> torch.Tensor:
        some = [self._tokens[row] for row in rows]
        if self._words is not None:
            pairs = zip(some, self._words.of(rows), strict=True)
            some = [np.concatenate(pair, axis=1, dtype=np.float32) for pair in pairs]
        return torch.from_numpy(together(some, self.spec.input_shape[0]))

    def features(self, ids: Sequence[str]) -> np.ndarray:
        """The mean vector of a text's words; without an encoder counts of words and pairs of
        words, hashed, [n, F]."""
        if not len(ids):
            return np.empty((0, 0), np.float32)
        if self._words is not None:
            each = self._words.of(self.rows(ids))
            return np.stack([own.sum(axis=0) / max(len(own), 1) for own in each])
        found = features([self._texts[row] for row in self.rows(ids)])
        return np.asarray(found.toarray(), np.float32)

    def from_picture(self, id: str, label: Label) -> Label:
        row = self._row.get(id)
        if row is None:
            return label
        try:
            return bare(self._texts[row], self.kind.from_form(label))
        except TypeError:
            return label  # which is none, as `check_label` says

    # -- said of it ------------------------------------------------------------------------

    def summary(self) -> list[str]:
        labels = [label for label in self.samples.labels if label is not None]
        counts = Counter(one["label"] for label in labels for one in label)
        listing = ", ".join(f"{name!r} {counts[name]}" for name in self.spec.classes)
        lines = [f"{sum(counts.values())} entities of {len(self.spec.classes)} classes in "
                 f"{len(labels)} of {len(self._texts)} texts: {listing}"]  # fmt: skip
        if empty := sum(not label for label in labels):
            lines.append(f"{empty} texts are labelled as without an entity")
        return [*lines, *gaps(self._more)]

    def oddities(self) -> list[str]:
        counts, inside = Counter[str](), list[str]()
        rows = zip(self._texts, self.samples.labels, self.samples.places, strict=True)
        for text, label, where in rows:
            counts.update(one["label"] for one in label or ())
            if label:
                starts, ends = (set(edges) for edges in zip(*tokens_of(text), strict=True))
                if any(one["start"] not in starts or one["end"] not in ends for one in label):
                    inside.append(where)
        what = "texts have entities that begin or end inside a word, where none is found"
        lines = lines_of({what: inside} if inside else {})
        few = [name for name in self.spec.classes if counts[name] == 1]
        lines += [f"class {name!r} has one entity: it is trained on at most" for name in few]
        return [*lines, *super().oddities()]


class EntityFileLoader(EntityLoader):
    """A user's own files of texts with entities, looked at again as each cycle begins."""

    def __init__(
        self,
        data: str,
        text: str,
        target: str,
        classes: str = "none",
        encoder: Encoder | None = None,
    ) -> None:
        self._data, self.text, self.target = data, text, target
        frame = self._read()
        first = self._files[0]
        named, _ = names_given(classes, first.parent) if classes != "none" else (None, "")
        super().__init__(
            frame, text, target, place=self._at,
            what=first.name if len(self._files) == 1 else first.parent.name,
            classes=tuple(dict.fromkeys((named or {}).values())), encoder=encoder,
        )  # fmt: skip

    def _read(self) -> pd.DataFrame:
        self._files = files_of(self._data)
        self._marks = [mark(path) for path in self._files]
        frame = read_files(self._files, self.text, self.target)
        self._stands = list(zip(frame[FILE], frame[LINE], strict=True))
        return frame.drop(columns=[FILE, LINE])

    def _at(self, row: int) -> str:
        file, line = self._stands[row]
        return f"{file} line {line}"

    def refresh(self) -> None:
        files = files_of(self._data)
        if files != self._files or [mark(path) for path in files] != self._marks:
            with self.looking_again():  # a file that cannot be used is read, and reported, again
                self.retake(self._read())

    def source(self, id: str) -> str | None:
        file, _, line = self.samples.places[self._row[id]].rpartition(" line ")
        path = next(path for path in self._files if path.name == file)
        return f"{path}#{line}"
