"""What the Data Loaders of a user's own data share: labels where there are some, and splits."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import is_
from typing import Any

import numpy as np

from al.contracts import DataSpec, Held, Kept, Label, Seen, Splits
from al.data.classes import strange_classes, with_positive
from al.data.columns import MISSING
from al.data.identity import known_as
from al.data.rows import RowLoader
from al.data.splitting import draw, groups_of
from al.errors import ConfigError, DataError, LabelError
from al.kinds import Trait

_log = logging.getLogger(__name__)

#: Share of the labelled samples that become the test split where the data has none.
TEST_SHARE = 0.2
#: Samples of a test split that people are asked about, where too few have a label: at most, and
#: fewer than which are too few to be drawn from the labels.
MOST_ASKED, LEAST = 60, 10
#: How own data is read, kept in `DataSpec.details["reading"]`: a campaign goes on as it began. 1,
#: where nothing is kept: labels such as "none" and "NA" stand for no label. 2: they do not, and
#: tables are learned by gradient boosting unless the user says otherwise. 3: by a forest and a
#: linear model.
READING = 3
#: How a sample is asked about where its label is not known.
PEOPLE = "pass annotator=files, page or label-studio"


@dataclass(frozen=True)
class Samples:
    """What there is, a row a sample.

    Attributes:
        labels: None if there is none.
        splits: "train", "val", "test", or "" where the data does not say.
        contents: digest of what each sample is; equal ones are copies.
        places: where each one stands, for messages.
        named: whether the data gives the ids themselves; else a sample is known by its content,
            whatever it is called.
    """

    ids: Sequence[str]
    labels: Sequence[Label | None]
    splits: Sequence[str]
    contents: Sequence[str]
    places: Sequence[str]
    named: bool = False


def _each_once(labels: Sequence[Label | None]) -> Collection[Label | None]:
    """Each label once where all are texts, of which there may be millions; else all as they are."""
    texts = {str, type(None)}.issuperset(map(type, labels))
    return set(labels) if texts else labels


def less(ordered: list[str], out: Iterable[str]) -> list[str]:
    """Distinct texts in their order less some: few are looked for, so most are not looked at."""
    found, begin = list[str](), 0
    for text in sorted(out):
        at = bisect_left(ordered, text, begin)
        found += ordered[begin:at]
        begin = at + (ordered[at : at + 1] == [text])
    return found + ordered[begin:]


class Places(Sequence[str]):
    """Where each of many samples stands, computed when asked for.

    Args:
        place: says it of a row.
    """

    def __init__(self, place: Callable[[int], str], count: int) -> None:
        self._place, self._count = place, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: Any) -> Any:
        rows = range(self._count)[row]
        return [self._place(each) for each in rows] if isinstance(row, slice) else self._place(rows)


class OwnLoader(RowLoader):
    """Samples of which some have a class or a number.

    Official splits stay as they are. What the data does not say is drawn once, from the
    labelled samples: test with the same draw for every campaign, validation by its seed; both
    even in classes. Copies of a sample of a drawn split are in no other split, then or later.

    Args:
        published: a data set whose labels nobody but the oracle may know, rather than a
            user's own, whose labels are there to be used.
    """

    # What is made of the samples that are there, until they change.
    _seen: Seen | None = None
    _given: Mapping[str, Label] | None = None
    _prints: list[str] | None = None
    _ordered: list[str] | None = None
    _aside: tuple[Sequence[str], Sequence[int]] = ((), ())
    _frozen: tuple[Splits | None, tuple[Any, ...]] = (None, ())
    _held_over: Samples | None = None

    def __init__(self, samples: Samples, spec: DataSpec, *, published: bool = False) -> None:
        self.published = published
        self.spec = spec if published else with_positive(spec, samples.labels)
        self.take(samples)
        self.freeze(self._official())

    def take(self, samples: Samples) -> None:
        """Use these samples from now on; `freeze` comes after it.

        Raises:
            DataError: two have one id.
        """
        self._as_written = self._as_begun(samples)
        self._found = self._of_known(self._as_written)
        self._use(self._found)
        self._held_to = Held()

    @contextmanager
    def looking_again(self) -> Iterator[None]:
        """While open, the data is taken in again; where that fails, all is as it was before.

        Rows of one look under the ids of another would show people the wrong samples.
        """
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            vars(self).update(before)
            for name in vars(self).keys() - before.keys():
                delattr(self, name)
            raise

    def _use(self, samples: Samples) -> None:
        before = vars(self).get("samples")
        self.samples = samples
        self._seen = self._given = None
        if before is not None and samples.ids is before.ids:
            self._prints = self._prints if samples.contents is before.contents else None
            return
        self._prints = self._ordered = None
        self._row = {id: row for row, id in enumerate(samples.ids)}
        if len(self._row) < len(samples.ids):
            first: dict[str, int] = {}
            for row, id in enumerate(samples.ids):
                if first.setdefault(id, row) != row:
                    raise DataError(
                        f"{samples.places[first[id]]} and {samples.places[row]} have one id, "
                        f"{id!r}: give each its own"
                    )

    @property
    def reading(self) -> int:
        """How the data is read; see `READING`."""
        return int(self.spec.details.get("reading", 1))

    def _as_begun(self, samples: Samples) -> Samples:
        """The samples with labels as the campaign has read them since its beginning, logged."""
        if self.published or self.reading >= 2 or not self.spec.classes:
            return samples
        gone = [
            isinstance(label, str) and label.lower() in MISSING and label not in self.spec.classes
            for label in samples.labels
        ]
        if not any(gone):
            return samples
        row = gone.index(True)
        _log.info(
            f"{sum(gone)} samples whose label is like {samples.labels[row]!r} "
            f"({samples.places[row]}) stay without one, as this campaign began: in a new campaign "
            "that is a class"
        )
        pairs = zip(samples.labels, gone, strict=True)
        return replace(samples, labels=[None if lost else label for label, lost in pairs])

    def _of_known(self, samples: Samples) -> Samples:
        """The samples, without labels that name new classes where the task is to grow by these."""
        if not self._grows:
            return samples
        found: dict[Any, bool] = {}  # of each label that there is, as there may be millions

        def known(label: Label | None) -> bool:
            key = tuple(label) if isinstance(label, list) else label
            try:
                hash(key)
            except TypeError:  # a mask, or boxes: hardly two are alike
                return not self.kind.unknown(label)
            if key not in found:
                found[key] = label is None or not self.kind.unknown(label)
            return found[key]

        if all(known(label) for label in _each_once(samples.labels)):
            return samples
        return replace(
            samples, labels=[label if known(label) else None for label in samples.labels]
        )

    @property
    def _grows(self) -> bool:
        """Whether labels may name new classes."""
        return self.new_classes == "grow" and bool(self.spec.classes)

    def unknown(self) -> Mapping[str, int]:
        if not self._grows:
            return {}
        pairs = zip(self._as_written.labels, self._found.labels, strict=True)
        strange = (label for label, known in pairs if known is None and label is not None)
        return Counter(name for label in strange for name in self.kind.unknown(label))

    def expect(self, new_classes: str) -> None:
        held = bool(self.unknown())
        super().expect(new_classes)
        if held and not self._grows:
            self._found = self._as_written
            self._use(self._found)
            self.check_known()  # it raises, as labels of an open cycle hide nothing yet

    def grow(self, classes: Sequence[str]) -> None:
        super().grow(classes)
        self._found = self._of_known(self._as_written)
        self.hold(self._held_to)

    def label_of(self, row: int) -> Label | None:
        """The label of a row; None where it has none."""
        return self.samples.labels[row]

    @property
    def of_classes(self) -> bool:
        """Whether a label is one class."""
        return Trait.CLASSES in self.kind.traits

    # -- splits ----------------------------------------------------------------------------

    def propose_splits(self, validation_size: int, seed: int) -> Splits:
        if not self.published:
            self.oddities()  # raises where a class cannot be learned
        official = self._official()
        labelled = [row for row, label in enumerate(self.samples.labels) if label is not None]
        free = [row for row in labelled if self.samples.splits[row] in ("", "train")]
        test = official.test
        if not test:
            drawn = self._draw_test(free)
            if not drawn:
                raise DataError(
                    f"{len(free)} labelled samples are too few to draw a test split from: "
                    f"label more, give some the split test, or {PEOPLE}, and people are asked first"
                )
            test = tuple(sorted(self.samples.ids[row] for row in drawn))
            free = sorted(set(free) - set(drawn))
        if official.val:
            if len(official.val) != validation_size:
                _log.info(
                    f"validation is what the data puts aside for it, {len(official.val)} samples"
                )
            return Splits(official.val, test)
        drawn = self._draw_validation(free, validation_size, seed)
        if len(drawn) < validation_size:
            # Half of them, so that as many are left to learn from.
            fix = f"give validation_size={half}, or " if (half := len(drawn) // 2) else ""
            raise ConfigError(
                f"validation_size={validation_size} is more than the {len(drawn)} labelled samples "
                f"that can be spared for it: {fix}validation=folds, which puts none aside, or "
                "label more"
            )
        return Splits(tuple(sorted(self.samples.ids[row] for row in drawn)), test)

    def propose_asked(self, validation_size: int, seed: int) -> Splits | None:
        """A uniform draw of the contents that have no label; copies are on one side, and labelled
        samples are left to training.

        The test has `MOST_ASKED` samples, and no more than `TEST_SHARE` of those.
        """
        official, samples = self._official(), self.samples
        if self.published or official.test or official.val:
            return None
        free = [row for row, label in enumerate(samples.labels) if label is not None]
        test = self._draw_test(free)
        left = sorted(set(free) - set(test))
        enough = len(self._draw_validation(left, validation_size, seed)) == validation_size
        labelled = {samples.contents[row] for row in free}
        rows = [row for row, held in enumerate(samples.contents) if held not in labelled]
        asked = self._draw(
            rows, min(MOST_ASKED, round(TEST_SHARE * len(rows))), np.random.default_rng(0)
        )
        if not asked or (enough and len(test) >= min(LEAST, len(asked))):
            return None
        val = self._draw_validation(sorted(set(rows) - set(asked)), validation_size, seed)
        ids = samples.ids
        return Splits(
            tuple(sorted(ids[row] for row in val)), tuple(sorted(ids[row] for row in asked)), {}
        )

    def _draw_test(self, rows: Sequence[int]) -> list[int]:
        return self._draw(rows, round(TEST_SHARE * len(rows)), np.random.default_rng(0))

    def _draw_validation(self, rows: Sequence[int], size: int, seed: int) -> list[int]:
        return self._draw(rows, size, np.random.default_rng([seed, len(rows)]))

    def _draw(self, rows: Sequence[int], size: int, rng: np.random.Generator) -> list[int]:
        rows = sorted(rows, key=self.samples.ids.__getitem__)
        groups = groups_of(rows, self.samples.contents)
        even = self.of_classes
        classes = [self.samples.labels[group[0]] if even else "" for group in groups]
        return draw(groups, classes, size, rng)

    def _official(self) -> Splits:
        """The splits that the data itself says."""
        ids, splits = self.samples.ids, self.samples.splits

        def of(split: str) -> tuple[str, ...]:
            return tuple(sorted(ids[row] for row in self._rows_aside() if splits[row] == split))

        val, test = of("val"), of("test")
        for id in (*val, *test):
            row = self._row[id]
            if self.samples.labels[row] is None:
                raise DataError(
                    f"{self.samples.places[row]} is in split {self.samples.splits[row]} and has "
                    "no label: label it, or leave it to training"
                )
        return Splits(val, test)

    def freeze(self, splits: Splits) -> None:
        samples = self.samples
        of = (samples.ids, samples.splits, samples.contents)
        if splits == self._frozen[0] and all(map(is_, of, self._frozen[1])):
            return  # a million ids are not sorted again where nothing has changed
        super().freeze(splits)
        self._frozen = splits, of
        self._given = self._prints = None

    def may_train(self, taken: set[str]) -> Sequence[str]:
        official, samples = self._official(), self.samples
        given = {*official.val, *official.test}
        copies = {samples.contents[self._row[id]] for id in taken if id not in given}
        out = taken.union(samples.ids[row] for row in self._rows_aside())
        if copies:
            pairs = zip(samples.ids, samples.contents, strict=True)
            out.update(id for id, content in pairs if content in copies)
        if self._ordered is None:  # a million ids take longer to sort than all else here
            self._ordered = sorted(samples.ids)
        return less(self._ordered, out)

    def _rows_aside(self) -> Sequence[int]:
        """Rows that the data itself has in another split than training."""
        splits = self.samples.splits
        if splits is not self._aside[0]:
            rows = [row for row, split in enumerate(splits) if split not in ("", "train")]
            self._aside = splits, rows
        return self._aside[1]

    def fingerprints(self, ids: Sequence[str]) -> list[str]:
        """Digests of the contents."""
        if ids is not self.ids("train"):
            return [self.samples.contents[self._row[id]] for id in ids]
        if self._prints is None:
            self._prints = [self.samples.contents[self._row[id]] for id in ids]
        return self._prints

    # -- samples and labels -----------------------------------------------------------------

    def truth(self, ids: Sequence[str]) -> list[Label]:
        answers = self._held_out.answers or {}
        found = [answers[id] if id in answers else self.label_of(self._row[id]) for id in ids]
        if None in found:
            raise DataError(
                f"sample {ids[found.index(None)]!r} has no label for the oracle to tell: {PEOPLE}"
            )
        return found

    def given(self) -> Mapping[str, Label] | None:
        if self.published:
            return None
        if self._given is None:
            labels = ((id, self.label_of(self._row[id])) for id in self.ids("train"))
            self._given = {id: label for id, label in labels if label is not None}
        return self._given

    # -- what was seen of the data before ----------------------------------------------------

    def seen(self) -> Mapping[str, Kept]:
        if self.published:
            return {}
        if self._seen is None:
            samples = self.samples
            self._seen = Seen(samples.ids, samples.contents, samples.labels, self._found.ids)
        return self._seen

    def written(self, ids: Sequence[str]) -> list[Label | None]:
        return [self._found.labels[self._row[id]] for id in ids]

    def recognised(self, known: Mapping[str, Kept], keep: Container[str]) -> Mapping[str, str]:
        found = self._found
        if self.published or found.named:
            return {}
        there = Seen(found.ids, found.contents, found.labels, found.ids)
        before = Seen.of(known)
        if there.ids == before.ids and not there.otherwise(before):
            return {}  # nothing has changed, as nearly always
        return known_as(list(there.values()), before, keep)

    @property
    def held(self) -> Held:
        return self._held_to

    def hold(self, held: Held) -> None:
        if held == self._held_to and self._found is self._held_over:
            return
        found, self._held_to, self._held_over = self._found, held, self._found
        ids, labels = found.ids, found.labels
        if held.ids:
            ids = [held.ids.get(name, name) for name in ids]
        if held.labels:
            labels = [held.labels.get(id, label) for id, label in zip(ids, labels, strict=True)]
        self._use(replace(found, ids=ids, labels=labels))

    # -- a campaign that goes on, and oddities ----------------------------------------------

    def adopt(self, spec: DataSpec) -> None:
        self.spec = spec
        self.take(self.samples)
        self.check_known()

    def check_known(self) -> None:
        """Refuse labels that the campaign does not know.

        Raises:
            DataError: names the first.
        """
        each = _each_once(self.samples.labels)
        if each is not self.samples.labels and all(
            label is None or not self._is_wrong(label) for label in each
        ):
            return
        for row in range(len(self.samples.labels)):
            label = self.label_of(row)
            if label is not None:
                try:
                    self.check_label(label)
                except LabelError as error:
                    fix = "the classes are those that the campaign began with, and another "
                    fix += "campaign can have others"
                    if self.new_classes == "ask" and self.kind.unknown(label):
                        fix = "correct it, or pass new_classes=grow to add it from the next cycle "
                        fix += "on (new_classes=refuse stops asking)"
                    raise DataError(f"{self.samples.places[row]}: {error}; {fix}") from None

    def _is_wrong(self, label: Label) -> bool:
        try:
            self.check_label(label)
        except LabelError:
            return True
        return False

    def oddities(self) -> list[str]:
        lines = self._contradictions()
        rows = [(row, label) for row, label in enumerate(self.samples.labels) if label is not None]
        if not self.of_classes:
            return lines
        counts = Counter(label for _, label in rows)
        lines += strange_classes(counts)
        in_training = {label for row, label in rows if self.samples.splits[row] in ("", "train")}
        unlabelled = len(rows) < len(self.samples.labels)
        for row, label in rows:
            where = self.samples.places[row]
            if label not in in_training:
                line = f"class {label!r} is in {self.samples.splits[row]} only ({where})"
                if not unlabelled:
                    raise DataError(f"{line}: add training samples of it, or take it out")
                lines.append(f"{line}: nothing is known of it before a sample of it is annotated")
                in_training.add(label)
            elif counts[label] == 1:
                lines.append(
                    f"class {label!r} has one labelled sample ({where}): it is trained on at most"
                )
        return lines

    def _contradictions(self) -> list[str]:
        """A line about copies of one sample that have two labels."""
        labels = self.samples.labels
        labelled = [row for row, label in enumerate(labels) if label is not None]
        groups = groups_of(labelled, self.samples.contents)
        odd = [group for group in groups if any(labels[row] != labels[group[0]] for row in group)]
        if not odd:
            return []
        first = odd[0][0]
        other = next(row for row in odd[0] if labels[row] != labels[first])
        what = "samples have copies" if len(odd) > 1 else "sample has copies"
        pair = [f"{self.samples.places[row]} ({self._shown(row)})" for row in (first, other)]
        return [
            f"{len(odd)} {what} with another label, {pair[0]} and {pair[1]} first: all are used; "
            "correct or remove what is wrong"
        ]

    def _shown(self, row: int) -> str:
        """The label of a row in a few letters."""
        label = self.label_of(row)
        return repr(label) if isinstance(label, str | float) else self.kind.brief(label)
