"""What every kind of problem says of itself."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from al.catalog import kinds
from al.contracts import DataSpec, Label, Likely, Task
from al.errors import ConfigError, DataError, LabelError, StrategyError, did_you_mean
from al.kinds.metrics import Metric
from al.measures import CLASSWISE, Measure, is_top

if TYPE_CHECKING:
    from PIL.Image import Image

#: How many classes are kept as likely: as many as there are keys for them.
LIKELY = 9
#: Most letters of a label that stands in a line as it is.
_SHORT = 60


class Trait(Enum):
    """What the predictions of a kind are like, as far as strategies can need it."""

    CLASSES = "one distribution over classes a sample; a target is the position of its class"
    FIELDS = "many distributions over classes a sample, which `Kind.over` makes one number"
    NORMAL = "one normal distribution a sample, by mean and variance; labels are numbers"
    PIXELS = "one distribution over classes a pixel"
    BACKGROUND = "class 0 is the background, and its probability is its share"
    COUNTS = "probabilities are expected numbers of things"


class Kind(ABC):
    """A kind of problem, bound to the data that it speaks of.

    A *target* is a label in the form that a Data Loader holds it; a subclass says what that is.

    Args:
        spec: of the data.
    """

    #: What labels are, to end the sentence "where labels are …".
    labels_are: ClassVar[str]
    #: The form in which it is answered: "choice" (the name of a class), "choices" (a list of
    #: them), "value" (a number), "regions" (a mask), "rectangles" (boxes), "spans" (entities), or a
    #: word of its own; annotators name the forms that they take.
    form: ClassVar[str]
    #: Metric of a task that names none; one of its graph's metrics.
    metric: ClassVar[str]
    #: Metrics that have a meaning, by name.
    metrics: ClassVar[Mapping[str, Metric]] = {}
    #: Strategy of a campaign that names none: where uncertainty leads, for queries of usual size.
    strategy: ClassVar[str] = "typiclust"
    #: Strategy of the first query, where no encoder reads the data.
    cold_start: ClassVar[str] = "random"
    #: Strategies to choose from instead of one that has no meaning.
    suits: ClassVar[str] = "typiclust or k_center"
    #: What its predictions are like.
    traits: ClassVar[frozenset[Trait]] = frozenset()
    #: How many distributions become one number, see `al.measures.reduced`; "auto" is the first.
    over: ClassVar[tuple[str, ...]] = ()
    #: Where regions are drawn: position of the first class that people draw, and the value of a
    #: pixel that nobody drew.
    first: ClassVar[int] = 1
    blank: ClassVar[int] = 0
    #: Whether samples have to be large on a contact sheet, for what is drawn or written into them.
    large: ClassVar[bool] = True
    #: Whether `likely` says something, of probabilities that speak of classes.
    ranked: ClassVar[bool] = False
    #: Position of the first class that is drawn in a colour; None where none is.
    coloured: ClassVar[int | None] = None
    #: What `compared` counts of a class, to follow a number.
    things: ClassVar[str] = "labels"

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "said" in vars(cls):  # the name that `labels_are` had in version 0.2
            cls.labels_are = vars(cls)["said"]

    def __init__(self, spec: DataSpec) -> None:
        self.spec = spec
        self.place = {name: position for position, name in enumerate(spec.classes)}

    @property
    def void(self) -> bool:
        """Whether pixels of regions may be of no known class, `al.masks.VOID`."""
        return False

    @property
    def drawable(self) -> tuple[str, ...]:
        """The classes that people choose from, or draw."""
        return self.spec.classes[self.first if self.form == "regions" else 0 :]

    # -- labels ----------------------------------------------------------------------------

    @abstractmethod
    def check(self, label: Label) -> None:
        """Refuse what is not a label.

        Raises:
            LabelError: says what one looks like.
        """

    @abstractmethod
    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        """Labels as a Graph takes them, one row each."""

    def from_form(self, value: Any) -> Label:
        """What an annotator says in this kind's form, as a label; by default it is one.

        Raises:
            LabelError: it says none.
        """
        return value

    def to_form(self, label: Label) -> Any:
        """What an annotator would say to give this label."""
        return label

    def renamed(self, label: Label, to: Callable[[str], str]) -> Label:
        """The label with other names for its classes; it may be of another task's classes.

        Raises:
            NotImplementedError: labels of this kind name no classes.
        """
        raise NotImplementedError

    def unknown(self, label: Label) -> list[str]:
        """Classes that a label names and the task does not know, each once."""
        found = dict[str, None]()

        def seen(name: str) -> str:
            if name not in self.place:
                found[name] = None
            return name

        try:
            self.renamed(label, seen)
        except (NotImplementedError, TypeError, KeyError, AttributeError):
            return []
        return [name for name in found if isinstance(name, str) and name.strip()]

    def majority(self, labels: Sequence[Label]) -> Label:
        """One label out of those of several people: the commonest; a tie goes to the first."""
        votes = Counter(json.dumps(label, sort_keys=True) for label in labels)
        return json.loads(votes.most_common(1)[0][0])

    def position(self, label: Label) -> int:
        """The class that a label names, by its position; kinds of one class a sample have it."""
        return self._class(label)

    def _class(self, name: Any) -> int:
        if not isinstance(name, str) or name not in self.place:
            raise LabelError(f"{name!r} is not a class: {did_you_mean(str(name), self.place)}")
        return self.place[name]

    # -- targets, as a Data Loader holds them ----------------------------------------------

    @abstractmethod
    def wrong(self, target: Any) -> str:
        """What is wrong with a target, in words; "" where nothing is."""

    @abstractmethod
    def label(self, target: Any) -> Label:
        """The label that a target stands for, as annotators would answer it."""

    def compared(self, truth: Sequence[Label], guessed: Sequence[Label]) -> np.ndarray | None:
        """What of each class is found rightly, found wrongly and missed in each sample, [N, C, 3].

        None, the default, where labels name no classes.
        """
        return None

    def balanced(self, labels: Sequence[Label]) -> np.ndarray:
        """What each class counts in training, so that all classes count alike; 1 on average.

        Raises:
            NotImplementedError: labels of this kind have no classes to even out.
        """
        if Trait.CLASSES not in self.traits:
            raise NotImplementedError
        places = [self.position(label) for label in labels]
        return even(np.bincount(places, minlength=len(self.place)))

    def cost(self, target: Any) -> float:
        """What annotating the sample takes, above zero."""
        return 1.0

    def check_targets(self, targets: Sequence[Any], ids: Sequence[str]) -> None:
        """Refuse targets that are none.

        Raises:
            DataError: names the first sample whose target is wrong.
        """
        for id, target in zip(ids, targets, strict=True):
            if problem := self.wrong(target):
                raise DataError(f"sample {id!r}: {problem}: check the data file")

    @classmethod
    def metric_for(cls, labels: Sequence[Label]) -> tuple[str, str]:
        """The metric that suits these labels, and why, in words that follow a comma."""
        return cls.metric, ""

    # -- in a table, and shown -------------------------------------------------------------

    @classmethod
    def written(cls, label: Label) -> str:
        """A label as a cell of a table holds it: JSON."""
        return json.dumps(label, sort_keys=True)

    @classmethod
    def read(cls, cell: str) -> Label:
        """The label that `written` wrote.

        Raises:
            ValueError: it wrote no such thing.
        """
        return json.loads(cell)

    def names(self, label: Label) -> list[str]:
        """The classes that a label names, as often as it does; none by default."""
        return []

    def brief(self, label: Label) -> str:
        """A label in a few letters."""
        return str(label)

    def in_line(self, label: Label) -> str:
        """A label as a line says it: itself where it is short."""
        whole = repr(label)
        return whole if len(whole) <= _SHORT else self.brief(label)

    def believed(self, label: Label, sure: float) -> str:
        """What a model believes and how sure it is, as in `Graph.guesses`, in a few letters."""
        return f"{self.brief(label)} {sure:.0%}"

    def drawn(self, image: np.ndarray, label: Label | None, size: tuple[int, int]) -> Image:
        """A sample's image brought to a width and height, with a label where it has a place.

        Args:
            image: uint8 [H, W] or [H, W, 3].
            label: None where nothing is believed.
        """
        from PIL import Image

        return Image.fromarray(image).convert("RGB").resize(size, Image.Resampling.BICUBIC)

    @classmethod
    def likely(cls, classes: Sequence[str], probabilities: np.ndarray) -> Likely:
        """The classes that a model finds likeliest, `LIKELY` of them; none by default.

        Args:
            probabilities: of one sample, [C].
        """
        return ()

    def marks(self, label: Label) -> list[tuple[int, int, str]]:
        """What a label marks in a text: first character, the one behind the last, and the name
        of the class, ordered and without overlap; nothing by default."""
        return []

    # -- what is chosen by, and what is served ---------------------------------------------

    @classmethod
    def diverse(cls) -> str:
        """The strategy of queries so large that the highest scores are alike."""
        return f"{cls.strategy}(10x) > k_center"

    @classmethod
    def takes(cls, measure: Measure) -> bool:
        """Whether a measure has a meaning for what is predicted."""
        if Trait.NORMAL in cls.traits:
            return measure.normals is not None
        return bool({Trait.CLASSES, Trait.FIELDS} & cls.traits)

    @classmethod
    def measured(cls, measure: Measure, array: np.ndarray) -> np.ndarray:
        """A measure of what a view holds, where a sample has one distribution; [N]."""
        if Trait.NORMAL in cls.traits:
            assert measure.normals is not None  # it takes the measure
            return measure.normals(array)
        return measure.classes(array)

    @classmethod
    def reduction(cls, over: str) -> str:
        """The name of a reduction, with what "auto" means here.

        Raises:
            StrategyError: this kind has no measure of that name.
        """
        if over == "auto":
            return cls.over[0] if cls.over else "one"
        if not cls.over:
            raise StrategyError(
                f"over={over}: a prediction of this task is one distribution: leave over out"
            )
        apart = over == CLASSWISE and Trait.PIXELS in cls.traits
        if apart or over in cls.over or ("top" in cls.over and is_top(over)):
            return over
        raise StrategyError(f"over={over}: choose one of {', '.join(cls.over)}")

    def outputs(self, predicted: Any) -> Any:
        """What `Graph.predict` says, as a user gets it from a served version; as it is."""
        return predicted


def likeliest(classes: Sequence[str], probabilities: np.ndarray) -> Likely:
    """The `LIKELY` classes of the highest probability, ties in their order."""
    order = np.argsort(-probabilities, kind="stable")[:LIKELY]
    return tuple((classes[place], float(probabilities[place])) for place in order)


def even(counts: np.ndarray) -> np.ndarray:
    """N / (C n_c) of counts n_c along the last axis, with C classes that are there; 1 of others."""
    there, every = counts > 0, counts.sum(axis=-1, keepdims=True)
    kinds = there.sum(axis=-1, keepdims=True)
    return np.where(there, every / (np.maximum(kinds, 1) * np.maximum(counts, 1)), 1.0)


def kind_named(name: str) -> type[Kind]:
    """The kind of that name, not bound to any data.

    Raises:
        UnknownName: there is no such kind.
        ConfigError: what has that name is not a kind.
    """
    found = kinds.get(name)
    if not (isinstance(found, type) and issubclass(found, Kind)):
        raise ConfigError(f"kind {name!r} is not a kind: name a subclass of al.kinds.Kind")
    return found


def kind_of(spec: DataSpec) -> Kind:
    """The kind of some data, bound to it.

    Raises:
        UnknownName, ConfigError: there is none of that name.
    """
    return kind_named(spec.kind)(spec)


def served(task: Task, spec: DataSpec, predicted: Any) -> Any:
    """What a served version answers: as the task says, or else its kind."""
    own = task.outputs(spec, predicted)
    return kind_of(spec).outputs(predicted) if own is None else own
