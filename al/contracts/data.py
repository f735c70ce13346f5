"""What the data is: samples, splits, labels, and the Data Loader that hands them out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from al.contracts.seen import Kept

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Split = Literal["train", "val", "test"]

#: Samples whose features are read at a time.
FEATURES = 4096

#: What an annotator answers, as JSON can say it; what it looks like, its kind in `al.kinds` says.
Label = Any


@dataclass(frozen=True)
class DataSpec:
    """What a Graph must know of the data to be built without it.

    Attributes:
        classes: label names in the order of the network's outputs; empty if there are none.
        input_shape: shape of one sample as a user hands it to `predict`.
        input_dtype: numpy dtype of such a sample.
        kind: of problem, a name of the catalog `kinds` or package.module:Class; it says what a
            label is.
        details: whatever else the task needs to take its inputs in, as JSON can say it;
            "optional" are names of columns that may be left out.
    """

    classes: tuple[str, ...]
    input_shape: tuple[int, ...]
    input_dtype: str
    kind: str = "class"
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width in pixels of the images that masks and boxes lie in: the input's own,
        or what the details say, where an encoder's maps of features are the input."""
        high, wide = self.details.get("image_shape", self.input_shape[:2])
        return high, wide

    def to_dict(self) -> dict[str, Any]:
        return {
            "classes": list(self.classes),
            "input_shape": list(self.input_shape),
            "input_dtype": self.input_dtype,
            "kind": self.kind,
            "details": dict(self.details),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataSpec:
        return cls(
            tuple(values["classes"]),
            tuple(values["input_shape"]),
            str(values["input_dtype"]),
            values["kind"],
            values["details"],
        )


@dataclass(frozen=True)
class Splits:
    """The ids that are no training data, drawn once and kept with the campaign.

    The training samples are all others, so the pool may grow and shrink.

    Attributes:
        answers: the labels that there are by now, by id, where people are asked about these
            samples; those without one are in no split. None where the data has their labels.
    """

    val: tuple[str, ...]
    test: tuple[str, ...]
    answers: Mapping[str, Label] | None = None

    @property
    def asked(self) -> frozenset[str]:
        """The ids that people are asked about."""
        return frozenset() if self.answers is None else frozenset((*self.val, *self.test))

    def known(self, split: Literal["val", "test"]) -> tuple[str, ...]:
        """The ids of a split that have a label."""
        ids: tuple[str, ...] = getattr(self, split)
        return ids if self.answers is None else tuple(id for id in ids if id in self.answers)


class Batch(NamedTuple):
    """Samples in the form a Graph takes; `targets` is None where no labels were given."""

    ids: tuple[str, ...]
    inputs: Any
    targets: Any | None


@dataclass(frozen=True)
class Preview:
    """A sample as a person sees it; one of the three is set.

    Attributes:
        image: uint8 [H, W] or [H, W, 3].
    """

    image: np.ndarray | None = None
    text: str | None = None
    row: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Held:
    """What is taken otherwise than the data itself says it now.

    Attributes:
        ids: by what the data calls a sample, where the campaign knows it by another id.
        labels: by id, where another label counts, or none.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Label | None] = field(default_factory=dict)


#: Takes parts of the samples, as ids; gives each with an array of what is kept of its vectors.
Embedder = Callable[[Sequence[Sequence[str]]], Iterable[tuple[Sequence[str], Any]]]


class DataLoader(ABC):
    """A data set: ids, batches, and the truth for those who may know it.

    Ids are strings that the data gives, never positions; they are sorted and unique.
    """

    #: What becomes of labels in the data that name new classes, as the parameter of this name
    #: says; see `expect`. Where it is "grow" they count as none until `grow`.
    new_classes: str = "refuse"
    spec: DataSpec

    @abstractmethod
    def propose_splits(self, validation_size: int, seed: int) -> Splits:
        """Draw the splits of a new campaign.

        Raises:
            ConfigError: more validation samples are asked for than there are.
        """

    def propose_asked(self, validation_size: int, seed: int) -> Splits | None:
        """Draw splits that people are asked about, where the data has too few labels for them.

        None, the default, where it has enough, or nothing to ask about. Validation is smaller than
        that where samples are.
        """
        return None

    def adopt(self, spec: DataSpec) -> None:
        """Keep to the spec that a campaign began with, whatever the data looks like by now.

        Called before `freeze` where a campaign goes on; data that never changes has nothing to do.

        Raises:
            DataError: the data does not fit it any more.
        """

    def expect(self, new_classes: str) -> None:
        """What becomes of new classes from now on, as the parameter of this name says.

        Raises:
            DataError: the data names one that is not to be taken.
        """
        self.new_classes = new_classes

    def unknown(self) -> Mapping[str, int]:
        """Classes that the data names and the task does not know, with how many labels do."""
        return {}

    def grow(self, classes: Sequence[str]) -> None:
        """Know these classes too, behind those that there are; called before `freeze`."""
        new = tuple(name for name in classes if name not in self.spec.classes)
        self.spec = replace(self.spec, classes=(*self.spec.classes, *new))

    @abstractmethod
    def freeze(self, splits: Splits) -> None:
        """Use these splits from now on."""

    def refresh(self) -> None:
        """Look at the data again, as each cycle begins; by default it never changes.

        Training ids may appear and vanish; `freeze` is called afterwards.
        """

    def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of these ids that are in the data no more, in their order."""
        there = {id for split in ("train", "val", "test") for id in self.ids(split)}
        return [id for id in ids if id not in there]

    @abstractmethod
    def ids(self, split: Split) -> tuple[str, ...]:
        """The split's ids, ascending; splits are disjoint."""

    @abstractmethod
    def batches(
        self,
        ids: Sequence[str],
        labels: Sequence[Label] | None = None,
        *,
        batch_size: int,
        shuffle: np.random.Generator | None = None,
    ) -> Iterator[Batch]:
        """The samples in batches, in the order given or shuffled."""

    @abstractmethod
    def truth(self, ids: Sequence[str]) -> list[Label]:
        """The labels as the data set knows them: for the oracle and for evaluation only."""

    def given(self) -> Mapping[str, Label] | None:
        """The labels of training samples that a user's own data brings along, by id.

        None, the default, for a data set that is labelled from end to end to play the
        annotator: nobody but the oracle knows its labels.
        """
        return None

    def seen(self) -> Mapping[str, Kept]:
        """All samples of a user's own data, by id; none, the default, where nothing has to be
        remembered of it from cycle to cycle."""
        return {}

    def written(self, ids: Sequence[str]) -> list[Label | None]:
        """What the data itself says now, whatever label is held to."""
        return [None] * len(ids)

    def recognised(self, known: Mapping[str, Kept], keep: Container[str]) -> Mapping[str, str]:
        """Ids of samples that go by another name than they did, by the name they have now.

        Args:
            known: what was seen of the data before.
            keep: ids that something hangs on, where not all copies of a sample are left.
        """
        return {}

    @property
    def held(self) -> Held:
        """The argument of the last `hold`."""
        return Held()

    def hold(self, held: Held) -> None:
        """Go by these ids and labels until the data is looked at again."""

    @abstractmethod
    def check_label(self, label: Label) -> None:
        """Refuse what is not a label of this data.

        Raises:
            LabelError: says what a label looks like.
        """

    @abstractmethod
    def preview(self, id: str) -> Preview:
        """The sample as a person sees it."""

    def picture(self, id: str) -> np.ndarray | None:
        """The sample's image as people draw on it, uint8 [H, W] or [H, W, 3]; None where it has
        none. By default that is the preview."""
        return self.preview(id).image

    def detail(self, id: str) -> np.ndarray | None:
        """The sample's image for who looks closer and draws nothing, as `picture`; by default that
        is all there is."""
        return self.picture(id)

    def picture_size(self, id: str) -> tuple[int, int] | None:
        """Height and width of the picture."""
        found = self.picture(id)
        return None if found is None else (found.shape[0], found.shape[1])

    def on_picture(self, id: str, label: Label) -> Label:
        """A label in the pixels of the picture, where the campaign keeps it in others."""
        return label

    def from_picture(self, id: str, label: Label) -> Label:
        """A label in the pixels of the picture as the campaign keeps it.

        Raises:
            LabelError: it is of another size.
        """
        return label

    @abstractmethod
    def example(self) -> Any:
        """Two samples as a user hands them to a served version; see `Task.inputs`."""

    @property
    def embedded_on(self) -> str:
        """The kind of processor that makes the vectors; empty where no encoder reads samples."""
        return ""

    def embed_by(self, embedder: Embedder | None, processor: Callable[[str], str]) -> None:
        """Who embeds samples whose vectors are missing, where an encoder reads them.

        Args:
            embedder: takes parts of the samples and gives each with what `embedded` makes of it,
                in any order; None for this process, and only what is asked for, as others embed
                the rest.
            processor: the kind of processor here → the kind that makes the vectors, which alone
                are read; see `Engine.processor`.
        """
        return

    def embedded(self, ids: Sequence[str]) -> np.ndarray:
        """What is kept of some samples' vectors, made here and now, [len(ids), row]."""
        raise NotImplementedError

    def summary(self) -> list[str]:
        """Lines of what is made of the data: what is used, what is left out and why."""
        return []

    def oddities(self) -> list[str]:
        """Lines of what looks wrong in the data, and is used nevertheless.

        Raises:
            DataError: it cannot be used.
        """
        return []

    def source(self, id: str) -> str | None:
        """Where the sample itself lies, a path or a URL; None where it has no place of its own."""
        return None

    def features(self, ids: Sequence[str]) -> np.ndarray:
        """What is known of the samples without a model, float32 [len(ids), F]; by default raw
        inputs, flattened."""
        import numpy as np

        parts = [
            np.asarray(batch.inputs, dtype=np.float32).reshape(len(batch.ids), -1)
            for batch in self.batches(ids, batch_size=FEATURES)
        ]
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    def metadata(self, ids: Sequence[str]) -> pd.DataFrame:
        """What else is known of the samples, indexed by id; nothing by default."""
        import pandas as pd

        return pd.DataFrame(index=pd.Index(ids, name="id"))

    def costs(self, ids: Sequence[str]) -> np.ndarray:
        """What annotating each sample costs, [len(ids)], above zero; 1 each by default."""
        import numpy as np

        return np.ones(len(ids))

    def fingerprints(self, ids: Sequence[str]) -> Sequence[str]:
        """Identity of what lies behind each id; scores kept for later die when it changes.

        By default an id means the same sample for ever.
        """
        return ids
