"""What learns: the Graph, and the Task that brings data and Graph together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from al.contracts.data import Batch, DataLoader, DataSpec, Label

if TYPE_CHECKING:
    import numpy as np


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
    #: Whether `evaluate` is `measured` over what is `compared` batch by batch, wherever that is.
    in_parts: ClassVar[bool] = False

    @property
    def alone(self) -> bool:
        """Whether `infer` says the same of a sample, to the last bit, whichever are beside it."""
        return False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "evaluate" in vars(cls):  # an `evaluate` of its own is asked, whatever it inherits
            cls.in_parts = "measured" in vars(cls)

    def learn_losses(self) -> None:
        """Learn to predict the loss as well, for "losses"; called before anything else.

        Raises:
            NotImplementedError: this kind of graph cannot.
        """
        raise NotImplementedError

    def measure(self, names: Sequence[str]) -> None:
        """Measure these metrics as well, beside those that it has; called before anything else.

        Raises:
            UnknownName: the kind of problem has no metric of that name.
            NotImplementedError: this graph measures nothing but its own.
        """
        raise NotImplementedError

    def weigh(self, weights: np.ndarray) -> None:
        """Let classes count so much in training, as `Kind.balanced` says; 1 on average.

        Raises:
            NotImplementedError: this graph cannot.
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

    def compared(self, batches: Iterable[Batch]) -> Iterable[Any] | None:
        """What the model says of labelled batches beside the truth, in parts that can be pickled.

        None, the default, where there is no such thing and `evaluate` has to be asked.
        """
        return None

    def measured(self, parts: Iterable[Any]) -> dict[str, float]:
        """The metrics by what `compared` made of all batches, in their order."""
        raise NotImplementedError

    def each(self, batches: Iterable[Batch], metric: str) -> np.ndarray | None:
        """The metric of each sample alone, [N], where its value for many is their mean.

        Compare's intervals are exact and quick with it; None, the default, where it is not so.
        """
        return None

    def on_some(self, parts: Iterable[Any], metric: str) -> Callable[[np.ndarray], float] | None:
        """The metric on any of some samples, by row, which may repeat; the model ran once.

        None, the default, where `evaluate` has to be asked each time.

        Args:
            parts: what `compared` made of the samples.
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

    def check_kept(self) -> None:
        """Refuse what `save_weights` could not keep, before anything starts.

        Raises:
            ConfigError: says what.
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

    def calibrate(self, batches: Iterable[Batch]) -> Calibration:
        """Find the temperature that fits labelled batches best.

        Raises:
            NotImplementedError: this kind of graph cannot.
        """
        return self.calibrated(self.logits(batches))

    def logits(self, batches: Iterable[Batch]) -> Iterable[Any]:
        """What a temperature is found by: logits of labelled batches beside the truth, in parts.

        Raises:
            NotImplementedError: this kind of graph has none.
        """
        raise NotImplementedError

    def calibrated(self, parts: Iterable[Any]) -> Calibration:
        """The temperature by what `logits` made of all batches, by one model or several."""
        raise NotImplementedError

    def scaled(self, temperature: float) -> Graph:
        """This model with its logits divided in `infer`; metrics and `predict` stay as they are.

        The weights are shared.

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

    def snapshot(self) -> Any:
        """The weights as they are now, in memory, which training does not change any more; by
        default the files of `save_weights`."""
        with TemporaryDirectory() as scratch:
            folder = Path(scratch)
            self.save_weights(folder)
            files = (path for path in folder.rglob("*") if path.is_file())
            return {path.relative_to(folder): path.read_bytes() for path in files}

    def put_back(self, snapshot: Any) -> None:
        """Take over weights of `snapshot`, of this graph or of another of the same network."""
        with TemporaryDirectory() as scratch:
            for name, content in snapshot.items():
                path = Path(scratch) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            self.load_weights(Path(scratch))

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
    #: "" for that of the kind of problem.
    metric: str = ""
    #: Files beside its module that it reads where a version is loaded; a folder travels whole.
    files: tuple[str, ...] = ()
    #: Class of who trains it; None for the supervised Agent.
    agent: Callable[..., Any] | None = None

    @classmethod
    def encodes(cls, given: Mapping[str, Any]) -> str:
        """What a pretrained encoder would have to take: "images", "texts", or "" for none.

        Args:
            given: parameters of the task that are not at their default.
        """
        return ""

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

    def ready(self, spec: DataSpec) -> None:
        """What a served version does before its first call, so that none waits; by default nothing.

        Raises:
            DataError: something that it needs is not there, or another than it was.
        """

    def answers(self, spec: DataSpec, given: Any, predicted: Any) -> Any:
        """What `Graph.predict` says, in terms of the samples as they were handed in.

        By default it is that already; sizes of images are what may have to be brought back.
        """
        return predicted

    def outputs(self, spec: DataSpec, predicted: Any) -> Any:
        """What `Graph.predict` says, as a user gets it from a served version.

        None, the default, leaves it to the kind of problem; see `al.kinds.Kind.outputs`.
        """
        return None
