"""What the rooms promise each other: shapes, not code.

Sizes in comments: N samples, C classes, D dimensions of an embedding, F of raw features,
T stochastic passes, L labelled samples, M members of a committee or samples of a target.

What the model's outputs mean depends on the kind of problem, `DataSpec.kind`:

| kind | "probabilities" [N, C] | a prediction holds |
|---|---|---|
| class | p(class) | one distribution over C classes |
| labels | p(the label applies) | C distributions over yes and no |
| mask | expected share of the pixels of each class | one distribution over C classes a pixel |
| boxes | expected number of boxes of each class | one over C classes and nothing, a box |
| number | mean and variance, so C = 2 | one normal distribution |

"samples" [N, T, C] are the same of each stochastic pass. What a strategy scores is not these
summaries but the distributions themselves; see `PoolView.measured`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Split = Literal["train", "val", "test"]

#: What an annotator answers, as JSON can say it; its form follows from `DataSpec.kind`.
Label = Any

#: Kind of problem → what a label looks like:
#: "class"   name of the class
#: "labels"  names of all classes that apply, sorted; may be empty
#: "mask"    {"size": [H, W], "runs": [class, length, class, length, …]}: positions in
#:           `DataSpec.classes` along the rows; see `al.masks`
#: "boxes"   [{"label": name of the class, "box": [x, y, width, height]}, …] in pixels
#: "number"  a finite number
Kind = Literal["class", "labels", "mask", "boxes", "number"]

#: Reason of a sample that was drawn uniformly to measure the champion on.
AUDIT = "audit"

#: Reason of a sample that has a label already and is asked about once more, as it looks wrong.
SECOND = "second opinion"

S = TypeVar("S")
R = TypeVar("R")


# ------------------------------------------------------------------------------ data


@dataclass(frozen=True)
class DataSpec:
    """What a Graph must know of the data to be built without it.

    Attributes:
        classes: label names in the order of the network's outputs; empty if there are none.
        input_shape: shape of one sample as a user hands it to `predict`.
        input_dtype: numpy dtype of such a sample.
        kind: what a label is.
        details: whatever else the task needs to take its inputs in, as JSON can say it;
            "optional" are names of columns that may be left out.
    """

    classes: tuple[str, ...]
    input_shape: tuple[int, ...]
    input_dtype: str
    kind: Kind = "class"
    details: Mapping[str, Any] = field(default_factory=dict)

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
            values.get("kind", "class"),  # versions of before there were kinds
            values.get("details", {}),
        )


@dataclass(frozen=True)
class Splits:
    """The ids that are no training data, drawn once and kept with the campaign.

    The training samples are all others, so the pool may grow and shrink.
    """

    val: tuple[str, ...]
    test: tuple[str, ...]


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


class DataLoader(ABC):
    """A data set: ids, batches, and the truth for those who may know it.

    Ids are strings that the data gives, never positions; they are sorted and unique.
    """

    spec: DataSpec

    @abstractmethod
    def propose_splits(self, validation_size: int, seed: int) -> Splits:
        """Draw the splits of a new campaign.

        Raises:
            ConfigError: more validation samples are asked for than there are.
        """

    def adopt(self, spec: DataSpec) -> None:
        """Keep to the spec that a campaign began with, whatever the data looks like by now.

        Called before `freeze` where a campaign goes on; data that never changes has nothing to do.

        Raises:
            DataError: the data does not fit it any more.
        """

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

    @abstractmethod
    def check_label(self, label: Label) -> None:
        """Refuse what is no label of this data.

        Raises:
            LabelError: says what a label looks like.
        """

    @abstractmethod
    def preview(self, id: str) -> Preview:
        """The sample as a person sees it."""

    @abstractmethod
    def example(self) -> Any:
        """Two samples as a user hands them to a served version; see `Task.inputs`."""

    def source(self, id: str) -> str | None:
        """Where the sample itself lies, a path or a URL; None where it has no place of its own."""
        return None

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


# ------------------------------------------------------------------------- the model


@dataclass(frozen=True)
class Calibration:
    """How far a model's probabilities are from how often it is right.

    Attributes:
        temperature: what logits are divided by to be right as often as they say.
        before, after: expected calibration error without and with it.
    """

    temperature: float
    before: float
    after: float


class Graph(ABC):
    """Network, optimizer, scheduler and loss of one kind of problem.

    The superclass of a kind holds what its tasks share; a task supplies the network.
    """

    #: Names of what `evaluate` returns.
    metrics: ClassVar[tuple[str, ...]]
    #: Those of them of which less is better.
    lower: ClassVar[frozenset[str]] = frozenset({"loss"})
    #: Whether `calibrate` works.
    calibrates: ClassVar[bool] = False

    def learn_losses(self) -> None:
        """Learn to predict the loss as well, for "losses"; called before anything else.

        Raises:
            NotImplementedError: this kind of graph cannot.
        """
        raise NotImplementedError

    def to(self, device: Any) -> Graph:
        """Move to a device, in place, where that means something; returns itself."""
        return self

    def start_from(self, other: Graph, *, keep: float, fresh: float) -> None:
        """Start training from keep · other's weights + fresh · the random ones of this graph.

        Raises:
            NotImplementedError: this kind of graph cannot.
        """
        raise NotImplementedError

    @abstractmethod
    def prepare_training(self, *, lr: float, epochs: int) -> None:
        """Make optimizer and scheduler for a run of at most `epochs` epochs."""

    @abstractmethod
    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """The metrics over labelled batches, each by the name in `metrics`."""

    def each(self, batches: Iterable[Batch], metric: str) -> np.ndarray | None:
        """The metric of each sample alone, [N], where its value for many is their mean.

        Compare's intervals are exact and quick with it; None, the default, where it is not so.
        """
        return None

    def on_some(
        self, batches: Iterable[Batch], metric: str
    ) -> Callable[[np.ndarray], float] | None:
        """The metric on any of these samples, by row, which may repeat; the model runs once.

        None, the default, where `evaluate` has to be asked each time.
        """
        return None

    @abstractmethod
    def infer(
        self, batch: Batch, wants: Sequence[str], *, samples: int, seed: int
    ) -> dict[str, np.ndarray]:
        """What a strategy asks for, from one pass over the batch.

        Args:
            wants: some of "probabilities" [N, C], "embeddings" [N, D], "samples" [N, T, C],
                and "losses" [N] where the graph has learned to predict its loss. Where a
                prediction holds many distributions also MEASURE.OVER [N], like "bald.patch":
                a measure of `al.measures`, made one number a sample on the way.
            samples: T.
            seed: of the stochastic part; the draw depends on nothing else, not on the batch.
        """

    def check_samples(self) -> None:
        """Refuse to be asked for "samples" where there are none, before anything starts.

        Raises:
            StrategyError: says what has some.
        """

    def committee(self, members: Sequence[Graph]) -> Graph:
        """A graph that only infers, and whose stochastic passes are these graphs.

        Raises:
            NotImplementedError: this kind of graph has one distribution a sample, so that
                the members' outputs can be kept and put together.
        """
        raise NotImplementedError

    def guesses(self, batch: Batch, spec: DataSpec) -> tuple[list[Label], np.ndarray]:
        """The best guess of each sample, as a label, and how sure it is, [N] from 0 to 1.

        For numbers, how sure is the predicted standard deviation.
        """
        p = self.infer(batch, ("probabilities",), samples=1, seed=0)["probabilities"]
        best = p.argmax(axis=1)
        return [spec.classes[c] for c in best], p[range(len(p)), best]

    def calibrate(self, batches: Iterable[Batch], *, apply: bool = False) -> Calibration:
        """Find the temperature that fits labelled batches best.

        Args:
            apply: use it in `infer` from now on; metrics and `predict` stay as they are.

        Raises:
            NotImplementedError: this kind of graph cannot.
        """
        raise NotImplementedError

    @abstractmethod
    def predict(self, inputs: np.ndarray) -> Any:
        """What a served model answers to raw inputs: an array or a pandas DataFrame."""

    @abstractmethod
    def save_weights(self, folder: Path) -> None:
        """Make the folder and write what `load_weights` needs; no code, no pickle."""

    @abstractmethod
    def load_weights(self, folder: Path) -> None:
        """Take over weights that `save_weights` wrote.

        Raises:
            DataError: they are missing, corrupt or of another network.
        """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Weights, optimizer and scheduler, nested dicts of tensors and numbers."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""


class Task(ABC):
    """What to learn: data, network and the metric that counts. One file each.

    The parameters of its constructor are those of the configuration that it takes.
    """

    #: The metric that the KPI speaks of; one of the graph's metrics, which says its direction.
    metric: str
    #: Class of who trains it; None for the supervised Agent.
    agent: Callable[..., Any] | None = None

    @abstractmethod
    def data(self) -> DataLoader:
        """The data set.

        Raises:
            DataError: it is missing or corrupt.
        """

    @abstractmethod
    def graph(self, spec: DataSpec) -> Graph:
        """A new network with random weights, drawn from torch's generator."""

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        """What a user hands to a served version, as `Graph.predict` takes it: [n, *input_shape].

        By default an array that is that already. The data is not there where this is called.
        """
        import numpy as np

        return np.asarray(given)

    def outputs(self, spec: DataSpec, predicted: Any) -> Any:
        """What `Graph.predict` says, as a user gets it from a served version.

        For classes a row a sample: `label`, its `probability`, and `p_CLASS` for each class.
        """
        import pandas as pd

        if spec.kind != "class" or isinstance(predicted, pd.DataFrame):
            return predicted
        best = predicted.argmax(axis=1)
        columns: dict[str, Any] = {
            "label": [spec.classes[place] for place in best],
            "probability": predicted.max(axis=1).astype(float),
        }
        for place, name in enumerate(spec.classes):
            columns[f"p_{name}"] = predicted[:, place].astype(float)
        return pd.DataFrame(columns)


# --------------------------------------------------------------------------- choosing


class LabelledView(Protocol):
    """What a strategy may know of the labelled set, in the order of `ids`."""

    @property
    def ids(self) -> tuple[str, ...]: ...
    @property
    def labels(self) -> tuple[Label, ...]: ...
    @property
    def probabilities(self) -> np.ndarray: ...  # [L, C]
    @property
    def embeddings(self) -> np.ndarray: ...  # [L, D]
    @property
    def features(self) -> np.ndarray: ...  # [L, F]


class PoolView(Protocol):
    """What a strategy may know of the pool, in the order of `ids`, which ascend.

    Nothing is computed before it is read. Labels of the pool are not here. What needs a
    model raises StrategyError where there is none.
    """

    @property
    def ids(self) -> tuple[str, ...]: ...
    @property
    def has_model(self) -> bool: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def cycle(self) -> int: ...
    @property
    def probabilities(self) -> np.ndarray: ...  # [N, C]
    @property
    def samples(self) -> np.ndarray: ...  # [N, T, C], the same T networks for every sample
    @property
    def embeddings(self) -> np.ndarray: ...  # [N, D]
    @property
    def features(self) -> np.ndarray: ...  # [N, F], raw inputs; need no model
    @property
    def committee(self) -> np.ndarray: ...  # [N, M, C], of the latest candidates
    @property
    def losses(self) -> np.ndarray: ...  # [N], as the model predicts its own loss
    @property
    def target_samples(self) -> np.ndarray: ...  # [M, T, C], where the model has to be good
    @property
    def costs(self) -> np.ndarray: ...  # [N], of annotating
    @property
    def metadata(self) -> pd.DataFrame: ...
    @property
    def labelled(self) -> LabelledView: ...
    @property
    def memory(self) -> Mapping[str, Any]: ...  # what Picks.memory was in the cycle before

    def measured(self, measure: str, over: str) -> np.ndarray:  # [N]
        """A measure of `al.measures` on what the model predicts, one number a sample.

        Args:
            over: how the many distributions of a mask, boxes or labels become one number;
                "auto" for what suits the kind. Where a sample has one, it is the number.
        """
        ...

    def prepare(self, names: Sequence[str]) -> None:
        """Compute what will be read of the model, in one pass; optional, it saves passes."""
        ...

    def narrow(self, rows: np.ndarray | slice) -> PoolView:
        """The view of some rows of the pool, which ascend."""
        ...


@dataclass(frozen=True)
class Picks:
    """What a strategy chose, best first.

    Attributes:
        positions: rows of the view, [query_size], distinct.
        scores: how strongly each was wanted when it was picked, higher = ask sooner.
        reasons: why, one text a pick; the strategy's name where empty.
        propensities: probability of being picked, [query_size], 1 = certain; None where the
            strategy draws and does not know it. Where every sample of the pool had a chance,
            Σ value / propensity over the picks is an unbiased estimate of the pool's sum.
        why: a sentence for the cycle's record, where the strategy decided something.
        short: why there are fewer picks than asked for, where there are.
        memory: what the strategy wants to find as `view.memory` in the next cycle; JSON.
        covers: every sample of the view had a chance, and `propensities` are these chances.
    """

    positions: np.ndarray
    scores: np.ndarray
    reasons: tuple[str, ...] = ()
    propensities: np.ndarray | None = None
    why: str = ""
    short: str = ""
    memory: Mapping[str, Any] | None = None
    covers: bool = False


class Strategy(Protocol):
    """How to choose: a plain function."""

    def __call__(self, view: PoolView, query_size: int, rng: np.random.Generator) -> Picks: ...


@dataclass(frozen=True)
class Query:
    """The ids asked about in a cycle, in the order of asking, and why each.

    Attributes:
        predicted, confidence: the champion's best guess, a label, and how sure it is, as in
            `Graph.guesses`; empty where there is no champion.
        why, memory, covers: as in `Picks`; of the audit slice `covers` says nothing.
        cycle: in which it is asked; 0 where that does not matter.
    """

    ids: tuple[str, ...]
    scores: tuple[float, ...]
    reasons: tuple[str, ...]
    propensities: tuple[float | None, ...]
    strategy: str
    model: str  # models:/NAME/VERSION, or "none"
    predicted: tuple[Label, ...] = ()
    confidence: tuple[float, ...] = ()
    why: str = ""
    memory: Mapping[str, Any] | None = None
    covers: bool = False
    cycle: int = 0

    def without(self, ids: Iterable[str]) -> Query:
        """The query less these ids, in its order."""
        gone = frozenset(ids)
        rows = [row for row, id in enumerate(self.ids) if id not in gone]
        kept: dict[str, Any] = {
            name: tuple(values[row] for row in rows)
            for name in ("ids", "scores", "reasons", "propensities", "predicted", "confidence")
            if (values := getattr(self, name))
        }
        return replace(self, **kept)


class Engine(Protocol):
    """The one place where work leaves the process."""

    def map(
        self, make_worker: Callable[[], Callable[[S], R]], shards: Iterable[S]
    ) -> Iterator[tuple[S, R]]:
        """Run a worker over each shard exactly once; results come in any order."""
        ...


# -------------------------------------------------------------------------- annotating


@dataclass(frozen=True)
class Answer:
    """One label, and where it came from.

    Attributes:
        seconds: how long it took, where known.
        shown: models:/NAME/VERSION whose prediction the annotator was shown; "" for none.
    """

    id: str
    label: Label
    annotator: str
    answered_at: str  # ISO 8601, UTC
    seconds: float | None = None
    shown: str = ""


@dataclass(frozen=True)
class Answers:
    """What came back so far. Silence is no error: `waiting` says who is still asked.

    Attributes:
        answered: one answer a sample, which is the one to train on.
        votes: all single answers, where several people answered a sample.
    """

    answered: tuple[Answer, ...] = ()
    skipped: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    votes: tuple[Answer, ...] = ()


class Annotator(ABC):
    """Who answers.

    Args:
        data: for previews, and for the oracle the truth.
        campaign: name of the campaign, so that two never mix.
        options: as the user gave them, by name; the names are those of the class's `options`.
    """

    #: What can be given as `annotator_options`: name → help line.
    options: ClassVar[Mapping[str, str]] = {}
    #: Whether a sample can be asked about once more, for the reason `SECOND`; `collect` then
    #: tells the second answer only.
    asks_again: ClassVar[bool] = False
    #: Where the annotator works, for the line that says the pipeline waits.
    where: str = ""
    #: It answers with labels that the data has: it can be asked about these samples alone,
    #: and they count as unlabelled until then.
    tells_truth: ClassVar[bool] = False

    def __init__(
        self, data: DataLoader, campaign: str, options: Mapping[str, str] | None = None
    ) -> None:
        self.data = data
        self.campaign = campaign
        self.given = dict(options or {})

    @abstractmethod
    def request(self, query: Query) -> None:
        """Ask about the query; asking again changes nothing."""

    @abstractmethod
    def collect(self, query: Query) -> Answers:
        """What has been answered of the query by now; each id of it is in one of the three.

        The query may also hold ids of earlier cycles, which were asked about then and never
        answered.
        """

    def revised(self, labels: Mapping[str, Label]) -> tuple[Answer, ...]:
        """Answers to samples of earlier cycles that were changed after they were collected.

        Args:
            labels: what was collected, by id; None where the sample was skipped.
        """
        return ()

    def withdraw(self, ids: Sequence[str]) -> None:
        """Samples that are no longer wanted; what has been answered of them stays."""
        return

    def attending(self) -> AbstractContextManager[None]:
        """Open while the pipeline waits: what people need meanwhile, like a page; else nothing."""
        return nullcontext()

    def serve(self) -> None:
        """Serve a page of its own until people are through.

        Raises:
            NotImplementedError: people work elsewhere.
        """
        raise NotImplementedError


# --------------------------------------------------------------- judging and training


@dataclass(frozen=True)
class Verdict:
    """Whether to retrain, and why.

    Attributes:
        value: the metric on the newly annotated samples; None where nothing was measured.
        interval: its 95 % confidence interval, where there is one.
        samples: how many it was measured on.
        rule: "interval" or "plain".
        estimator: "audit", "weighted" or "plain": which samples count, and how.
        plain: the metric on all samples of the cycle, as chosen.
        drift: how well uniformly drawn new samples can be told from the validation split,
            which was drawn uniformly when the campaign began (AUC; 0.5 = not at all).
        drift_p: probability of such a difference by chance.
        drift_from_training: the same for all new samples against the labelled set; both were
            chosen, so it says how far selection has moved, not whether the world has.
    """

    retrain: bool
    why: str
    metric: str
    value: float | None = None
    interval: tuple[float, float] | None = None
    samples: int = 0
    rule: str = "plain"
    estimator: str = "plain"
    plain: float | None = None
    kpi: float | None = None
    drift: float | None = None
    drift_p: float | None = None
    drift_from_training: float | None = None


class Criterion(ABC):
    """What makes one checkpoint better than another."""

    #: The metric it reads, like "val/accuracy"; checked before anything starts.
    metric: str

    @abstractmethod
    def __call__(self, metrics: Mapping[str, float]) -> float:
        """Higher is better."""

    def rank(self, metrics: Mapping[str, float]) -> list[float]:
        """What checkpoints are ordered by: the criterion, then the lower validation loss."""
        return [self(metrics), -metrics.get("val/loss", 0.0)]


@dataclass(frozen=True)
class Candidate:
    """A checkpoint standing for election.

    Attributes:
        checkpoint: where its weights are; opaque to the Model Selector.
    """

    checkpoint: str
    number: int  # of the training run that made it
    epoch: int
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Election:
    """Who won, against whom, and why."""

    winner: Candidate
    promoted: bool
    why: str
    champion_metrics: Mapping[str, float] | None = None


class Recorder(Protocol):
    """Where an Agent leaves what must outlive it."""

    def log(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Figures of one epoch; may be kept back until the next checkpoint."""
        ...

    def checkpoint(
        self, epoch: int, best_epoch: int, metrics: Mapping[str, float], weights: Path, resume: Path
    ) -> None:
        """Keep a folder of weights with its metrics, and the file to resume from."""
        ...

    def resume_file(self) -> Path | None:
        """The resume file of the last checkpoint that is whole; None if there is none."""
        ...
