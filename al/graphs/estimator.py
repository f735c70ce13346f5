"""A scikit-learn estimator as a Graph: fitted in one go, kept as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from al.contracts import Batch, DataSpec, Graph, Label
from al.errors import DataError, StrategyError
from al.graphs.sklearn_files import from_bytes, from_file, to_bytes
from al.kinds import Trait, kind_of

_FILE = "estimator.skops"
#: Least variance of a predicted number, in units of the variance of the training targets.
_LEAST = 1e-6


class EstimatorGraph(Graph):
    """An estimator of classes or of numbers.

    * "probabilities": as the estimator says, [N, C]; of a number mean and variance, [N, 2].
      The variance is what the members of an ensemble differ by, plus the residual variance in
      training, which is all there is where there are no members.
    * "samples": what members of an ensemble say, drawn by the seed: the trees of a forest, the
      members of a bag. Of gradient boosting, what the first half of its steps and more says: a
      virtual ensemble (Malinin, Prokhorenkova and Ustimenko 2021, Uncertainty in gradient
      boosting via ensembles). Others have none.
    * "embeddings": the features themselves.

    Args:
        estimator: not fitted; a copy of it is fitted for each training.
        measures: metrics of classes beside the loss, which are in `al.graphs.class_meters`.
    """

    lower: ClassVar[frozenset[str]] = frozenset({"rmse", "nll", "loss"})

    def __init__(
        self, estimator: Any, spec: DataSpec, measures: Sequence[str] = ("accuracy",)
    ) -> None:
        self._new, self.spec = estimator, spec
        self._number = Trait.NORMAL in kind_of(spec).traits
        metrics = ("rmse", "nll", "loss") if self._number else (*measures, "loss")
        self.metrics = metrics  # type: ignore[misc]  # a graph's own
        self.model = self._blank()
        self._noise = 1.0  # residual variance

    def _blank(self) -> Any:
        """What is believed before anything was learned: every class alike, or 0."""
        from sklearn.dummy import DummyClassifier, DummyRegressor

        width = int(np.prod(self.spec.input_shape))
        if self._number:
            return DummyRegressor(strategy="constant", constant=0.0).fit(np.zeros((1, width)), [0])
        count = len(self.spec.classes)
        return DummyClassifier().fit(np.zeros((count, width)), np.arange(count))

    # -- training ----------------------------------------------------------------------------

    def prepare_training(self, *, lr: float, epochs: int) -> None:
        """Nothing to prepare: `fit` does it all."""

    def fit(self, inputs: np.ndarray, targets: np.ndarray, seed: int) -> None:
        """Fit a new copy of the estimator.

        Raises:
            DataError: the estimator refuses the samples; says why.
        """
        from sklearn.base import clone
        from sklearn.dummy import DummyClassifier

        alone = not self._number and len(np.unique(targets)) == 1  # many refuse a single class
        model = DummyClassifier() if alone else clone(self._new)
        seeds = [name for name in model.get_params() if name.endswith("random_state")]
        model.set_params(**dict.fromkeys(seeds, seed % 2**31))
        try:
            self.model = model.fit(_flat(inputs), targets)
        except ValueError as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(
                f"{type(model).__name__} cannot be fitted to {len(targets)} samples ({reason}): "
                "pass another estimator, or label more"
            ) from error
        if self._number:
            away = np.asarray(targets, np.float64) - self.model.predict(_flat(inputs))
            least = _LEAST * max(float(np.var(targets)), 1e-12)
            self._noise = max(float(np.mean(away**2)), least)

    # -- what it says ------------------------------------------------------------------------

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        return self.measured(self.compared(batches))

    def compared(self, batches: Iterable[Batch]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return ((self._says(_array(b.inputs)), np.asarray(b.targets)) for b in batches)

    def measured(self, parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        said, targets = (np.concatenate(found) for found in zip(*parts, strict=True))
        if self._number:
            away = (targets - said[:, 0]) ** 2
            nll = 0.5 * (np.log(2 * np.pi * said[:, 1]) + away / said[:, 1])
            values = {"rmse": float(np.sqrt(away.mean())), "nll": float(nll.mean())}
            values["loss"] = values["nll"]
        else:
            values = self._of_classes(said, targets)
        return {name: round(value, 6) for name, value in values.items()}

    def _of_classes(self, said: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        from al.graphs.class_meters import class_meters  # late: 1.5 s to import

        values = {}
        for name, meter in class_meters(self.metrics[:-1], len(self.spec.classes)).items():
            meter.update(torch.from_numpy(said), torch.from_numpy(targets))
            values[name] = float(meter.compute())
        right = np.maximum(said[np.arange(len(said)), targets], 1e-7)
        return {**values, "loss": float(-np.log(right).mean())}

    def each(self, batches: Iterable[Batch], metric: str) -> np.ndarray | None:
        if metric != "accuracy":
            return None
        right = [
            self._says(_array(batch.inputs)).argmax(axis=1) == np.asarray(batch.targets)
            for batch in batches
        ]
        return np.concatenate(right).astype(np.float64)

    def infer(
        self, batch: Batch, wants: Sequence[str], *, samples: int = 20, seed: int = 0
    ) -> dict[str, np.ndarray]:
        inputs = _array(batch.inputs)
        found = {}
        if "embeddings" in wants:
            found["embeddings"] = _flat(inputs)
        if "probabilities" in wants:
            found["probabilities"] = self._says(inputs)
        if "samples" in wants:
            found["samples"] = self._drawn(inputs, samples, seed)
        if "losses" in wants:
            raise StrategyError("an estimator does not predict its loss: choose another strategy")
        return {name: array.astype(np.float32) for name, array in found.items()}

    def check_samples(self) -> None:
        from sklearn.base import clone

        # What members there are is seen in one that is fitted, so one is, to next to nothing.
        width = int(np.prod(self.spec.input_shape))
        inputs = np.random.default_rng(0).normal(size=(20, width)).astype(np.float32)
        try:
            model = clone(self._new).fit(inputs, np.arange(20) % 2)
            found = _votes(model, inputs)
        except ValueError:  # it wants other samples than these: the first query tells
            return
        if found is None:
            raise self._memberless()

    def _memberless(self) -> StrategyError:
        kind = "Regressor" if self._number else "Classifier"
        return StrategyError(
            f"a {type(self._new).__name__} has no members to draw samples from: pass "
            f"estimator=sklearn.ensemble.RandomForest{kind} or another ensemble, or another "
            "strategy"
        )

    def guesses(self, batch: Batch, spec: DataSpec) -> tuple[list[Label], np.ndarray]:
        if not self._number:
            return super().guesses(batch, spec)
        said = self._says(_array(batch.inputs))
        return [float(f"{value:.6g}") for value in said[:, 0]], np.sqrt(said[:, 1])

    def predict(self, inputs: np.ndarray) -> Any:
        said = self._says(np.asarray(inputs))
        if not self._number:
            return said
        import pandas as pd

        return pd.DataFrame({"value": said[:, 0], "std": np.sqrt(said[:, 1])})

    def _says(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities [N, C], or mean and variance [N, 2]."""
        flat = _flat(inputs)
        if not self._number:
            return self._spread(self.model.predict_proba(flat))
        votes = _votes(self.model, flat)
        apart = np.zeros(len(flat)) if votes is None else np.stack(votes).var(axis=0)
        mean = np.asarray(self.model.predict(flat), np.float64)
        return np.stack([mean, apart + self._noise], axis=1)

    def _spread(self, said: np.ndarray) -> np.ndarray:
        """Probabilities of all classes, those that training never saw among them."""
        found = np.zeros((len(said), len(self.spec.classes)))
        found[:, np.asarray(self.model.classes_, dtype=np.int64)] = said
        return found

    def _drawn(self, inputs: np.ndarray, samples: int, seed: int) -> np.ndarray:
        """What some members of the ensemble say, [N, T, C] or [N, T, 2]."""
        votes = _votes(self.model, _flat(inputs))
        if votes is None:
            raise self._memberless()
        rng = np.random.default_rng(seed)
        rows = rng.choice(len(votes), size=samples, replace=len(votes) < samples)
        if self._number:
            return np.stack(
                [np.stack([votes[r], np.full(len(inputs), self._noise)], axis=1) for r in rows],
                axis=1,
            )
        return np.stack([self._spread(votes[row]) for row in rows], axis=1)

    # -- weights and state ---------------------------------------------------------------------

    def save_weights(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_bytes(self._kept())

    def load_weights(self, folder: Path) -> None:
        self._take(from_file(folder / _FILE))

    def _kept(self) -> bytes:
        return to_bytes({"model": self.model, "noise": self._noise}, type(self.model).__name__)

    def _take(self, kept: Any) -> None:
        width, classes = int(np.prod(self.spec.input_shape)), len(self.spec.classes)
        try:
            model, noise = kept["model"], float(kept["noise"])
            known = [] if self._number else list(model.classes_)
            fits = model.n_features_in_ == width and max(known, default=0) < max(classes, 1)
        except (AttributeError, KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise DataError(
                f"{_FILE} is of another task: restore it, or promote a version of this task"
            )
        self.model, self._noise = model, noise

    def state(self) -> dict[str, Any]:
        return {"estimator": torch.frombuffer(bytearray(self._kept()), dtype=torch.uint8)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._take(from_bytes(state["estimator"].numpy().tobytes()))


def _votes(model: Any, flat: np.ndarray) -> list[np.ndarray] | None:
    """What each member of an ensemble says: [N, classes of the model] or [N]; None without any."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    says = "predict_proba" if hasattr(model, "classes_") else "predict"
    if isinstance(model, (DummyClassifier, DummyRegressor)):  # learned of one class: all agree
        return [np.asarray(getattr(model, says)(flat), np.float64)]
    staged = getattr(model, f"staged_{says}", None)
    if staged is not None:
        steps = [np.asarray(step, np.float64) for step in staged(flat)]
        return steps[len(steps) // 2 :]
    members = getattr(model, "estimators_", None)
    if members is None or not len(members) or hasattr(model, "final_estimator_"):
        return None
    features = getattr(model, "estimators_features_", None)
    found = []
    for number, member in enumerate(members):
        if not hasattr(member, says):
            return None
        part = flat if features is None else flat[:, features[number]]
        said = np.asarray(getattr(member, says)(part), np.float64)
        if said.ndim == 2 and said.shape[1] < len(model.classes_):  # it never saw some classes
            whole = np.zeros((len(said), len(model.classes_)))
            whole[:, np.asarray(member.classes_, dtype=np.int64)] = said
            said = whole
        found.append(said)
    return found


def _array(inputs: Any) -> np.ndarray:
    return np.asarray(inputs)


def _flat(inputs: np.ndarray) -> np.ndarray:
    return np.asarray(inputs, dtype=np.float32).reshape(len(inputs), -1)
