"""Named spans of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from al.catalog import kinds
from al.contracts import DataSpec, Label
from al.errors import LabelError
from al.kinds.base import Kind, Trait, even
from al.kinds.metrics import Metric

#: What a label looks like, in messages.
LIKE = 'entities are [{"start": 0, "end": 4, "label": CLASS}, …], counted in characters'
#: Entities that are named in a few letters.
NAMED = 3


def counted(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How many entities of each text are found rightly, found wrongly and missed, int [N, 3].

    One is found rightly where an answer has its class and both its ends.

    Args:
        answers, targets: [N, K, 3] and [N, M, 3], rows of class, start and end; rows of class −1
            are not entities.
    """
    rows = [np.nonzero(spans[..., 0] >= 0) for spans in (answers, targets)]
    keyed = [
        np.column_stack([at[0], spans[at].astype(np.int64)])
        for at, spans in zip(rows, (answers, targets), strict=True)
    ]
    _, place = np.unique(np.concatenate(keyed), axis=0, return_inverse=True)
    guess, true = np.split(place.ravel(), [len(keyed[0])])
    found = np.isin(guess, true)
    counts = [
        np.bincount(rows[0][0][found], minlength=len(answers)),
        np.bincount(rows[0][0][~found], minlength=len(answers)),
        np.bincount(rows[1][0][~np.isin(true, guess)], minlength=len(answers)),
    ]
    return np.stack(counts, axis=1)


def _f1(counts: np.ndarray) -> float:
    right, wrong, missed = counts
    return float(2 * right / max(2 * right + wrong + missed, 1))


def _precision(counts: np.ndarray) -> float:
    return float(counts[0] / max(counts[0] + counts[1], 1))


def _recall(counts: np.ndarray) -> float:
    return float(counts[0] / max(counts[0] + counts[2], 1))


#: Of right, wrong and missed entities of all texts together; 0 where there is nothing to divide.
#: The micro average of seqeval's default mode, which is that of the CoNLL-2003 shared task: class
#: and both ends have to be right (Tjong Kim Sang and De Meulder 2003; Nakayama 2018, seqeval).
SCORES: Mapping[str, Callable[[np.ndarray], float]] = {
    "entity_f1": _f1, "entity_precision": _precision, "entity_recall": _recall,
}  # fmt: skip


def _scored(name: str, answers: np.ndarray, targets: np.ndarray, spec: DataSpec) -> float:
    return SCORES[name](counted(answers, targets).sum(axis=0))


def _exact(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.asarray(counted(answers, targets)[:, 1:].sum(axis=1) == 0, np.float64)


@kinds.register("entities")
class Entities(Kind):
    """Any number of named spans each, which do not overlap.

    A label is `[{"start": first character, "end": character behind the last, "label": name of the
    class}, …]`, ordered by start; characters are Unicode code points, so that an entity of a text
    is `text[start:end]` in Python. A target is an array [entities, 3] of class position, start and
    end.
    """

    labels_are = "entities"
    form = "spans"
    metric = "entity_f1"
    strategy = "entropy"
    suits = "entropy, least_confidence or bald"
    traits = frozenset({Trait.FIELDS, Trait.COUNTS})
    #: Of tokens. The mean is the sum over the length, as long texts would be asked about first
    #: else: total token entropy over length of Settles and Craven (2008), An analysis of active
    #: learning strategies for sequence labeling tasks; the same normalisation as in MNLP of Shen
    #: et al. (2017), Deep active learning for named entity recognition.
    over = ("mean", "sum", "max")
    metrics = MappingProxyType(
        {name: Metric(partial(_scored, name)) for name in SCORES}
        | {"exact_match": Metric(each=_exact, proportion=True)}
    )
    things = "entities"

    def check(self, label: Label) -> None:
        if not isinstance(label, list):
            raise LabelError(LIKE)
        before = (0, 0)
        for entity in label:
            start, end = self._span(entity)
            if start < before[0]:
                raise LabelError(f"entities at {before[0]} and {start} are not in their order")
            if start < before[1]:
                raise LabelError(
                    f"entities at {before[0]}–{before[1]} and {start}–{end} overlap: leave one, or "
                    "end the first where the second begins"
                )
            self._class(entity["label"])
            before = (start, end)

    @staticmethod
    def _span(entity: Any) -> tuple[int, int]:
        """First character of an entity and the one behind its last."""
        if not isinstance(entity, dict) or entity.keys() != {"start", "end", "label"}:
            raise LabelError(LIKE)
        start, end = entity["start"], entity["end"]
        if type(start) is not int or type(end) is not int:
            raise LabelError(LIKE)
        if not 0 <= start < end:
            raise LabelError(f"an entity at {start}–{end} holds no character: start has to be "
                             "before end, and 0 or more")  # fmt: skip
        return start, end

    def from_form(self, value: Any) -> Label:
        """Entities in any order, as objects, of which other keys are let go, or as triples of
        start, end and class, as doccano and spaCy write them."""
        if not isinstance(value, list | tuple):
            return value
        found = []
        for entity in value:
            if isinstance(entity, list | tuple) and len(entity) == 3:
                entity = dict(zip(("start", "end", "label"), entity, strict=True))
            if not isinstance(entity, dict) or not {"start", "end", "label"} <= entity.keys():
                raise LabelError(LIKE)
            found.append({name: entity[name] for name in ("start", "end", "label")})
        try:
            return sorted(found, key=lambda one: (one["start"], one["end"]))
        except TypeError:
            raise LabelError(LIKE) from None

    def renamed(self, label: Label, to: Callable[[str], str]) -> Label:
        return [{**entity, "label": to(entity["label"])} for entity in label]

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        """int64 [n, most entities, 3], filled up with rows of class −1."""
        found = torch.zeros(len(labels), max([1, *map(len, labels)]), 3, dtype=torch.int64)
        found[..., 0] = -1
        for row, entities in enumerate(labels):
            for number, one in enumerate(entities):
                place = (self.place[one["label"]], one["start"], one["end"])
                found[row, number] = torch.tensor(place)
        return found

    def balanced(self, labels: Sequence[Label]) -> np.ndarray:
        """Of the entities, [C]."""
        places = [self.place[one["label"]] for entities in labels for one in entities]
        return even(np.bincount(places, minlength=len(self.place)))

    def majority(self, labels: Sequence[Label]) -> Label:
        """The answer that agrees most with the others, by F1; a tie goes to the first."""
        alike = [
            sum(_agreement(mine, other) for place, other in enumerate(labels) if place != number)
            for number, mine in enumerate(labels)
        ]
        return labels[int(np.argmax(alike))]

    def wrong(self, target: Any) -> str:
        rows = _rows(target)
        for place, _, _ in rows:
            if not 0 <= place < len(self.place):
                return f"an entity of class {place}, which is not one of {len(self.place)}"
        try:
            self.check(self.label(target))
        except LabelError as error:
            return str(error)
        return ""

    def label(self, target: Any) -> Label:
        return [
            {"start": start, "end": end, "label": self.spec.classes[place]}
            for place, start, end in _rows(target)
        ]

    def compared(self, truth: Sequence[Label], guessed: Sequence[Label]) -> np.ndarray:
        """Of entities, whose class and both ends have to be right."""
        found = np.zeros((len(truth), len(self.place), 3))
        for row, (true, guess) in enumerate(zip(truth, guessed, strict=True)):
            own, others = _set(true), _set(guess)
            for column, some in enumerate((own & others, others - own, own - others)):
                for _, _, name in some:
                    found[row, self.place[name], column] += 1
        return found

    def cost(self, target: Any) -> float:
        """One for reading, and one for each entity."""
        return 1.0 + len(target)

    def names(self, label: Label) -> list[str]:
        return [entity["label"] for entity in label]

    def brief(self, label: Label) -> str:
        parts = [f"{one['label']} {one['start']}–{one['end']}" for one in label[:NAMED]]
        more = f" and {len(label) - NAMED} more" if len(label) > NAMED else ""
        return f"{', '.join(parts)}{more}" if parts else "no entity"

    def believed(self, label: Label, sure: float) -> str:
        return f"{sure:.0%} {self.brief(label)}"

    def marks(self, label: Label) -> list[tuple[int, int, str]]:
        return [(one["start"], one["end"], one["label"]) for one in label]


def _rows(target: Any) -> list[list[int]]:
    found: list[list[int]] = np.asarray(target, np.int64).reshape(-1, 3).tolist()
    return found


def _set(label: Label) -> set[tuple[int, int, str]]:
    return {(one["start"], one["end"], one["label"]) for one in label}


def _agreement(one: Label, two: Label) -> float:
    """F1 of entities, 0 to 1; 1 where there are none in either."""
    mine, theirs = _set(one), _set(two)
    return 2 * len(mine & theirs) / (len(mine) + len(theirs)) if mine or theirs else 1.0
