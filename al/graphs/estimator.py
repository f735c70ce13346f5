"""A scikit-learn estimator as a Graph: fitted in one go, kept as numbers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from al.contracts import Batch, DataSpec, Label
from al.errors import ConfigError, DataError, StrategyError
from al.graphs.comparing import Compared
from al.graphs.measured import MeasuredGraph
from al.graphs.sklearn_files import from_bytes, from_file, to_bytes
from al.kinds import Trait, kind_of

_log = logging.getLogger(__name__)

_FILE = "estimator.skops"
#: Estimators of scikit-learn whose sums over trees do not depend on other rows.
_ROW_BY_ROW = frozenset({"HistGradientBoostingClassifier"})
#: Labels that an estimator which depends on their number is made for where none are there yet.
FEW = 40
#: Least variance of a predicted number, in units of the variance of the training targets.
_LEAST = 1e-6


class EstimatorGraph(MeasuredGraph):
    """An estimator of classes or of numbers.

    * "probabilities": as the estimator says, [N, C]; of a number mean and variance, [N, 2].
      The variance is what the members of an ensemble differ by, plus the residual variance in
      training, which is all there is where there are no members.
    * "samples": what members of an ensemble say, drawn by the seed: the trees of a forest, the
      members of a bag. Of gradient boosting, what the first half of its steps and more says: a
      virtual ensemble (Malinin, Prokhorenkova and Ustimenko 2021, Uncertainty in gradient
      boosting via ensembles). Where several estimators vote, of each in turn, as many of each.
      Others have none.
    * "embeddings": the features themselves.

    Args:
        estimator: not fitted; a copy of it is fitted for each training. Or what makes one for
            so many labels.
        measures: metrics of classes beside the loss, of those in `al.kinds.metrics.OF_CLASSES`.
    """

    def __init__(
        self,
        estimator: Any | Callable[[int], Any],
        spec: DataSpec,
        measures: Sequence[str] = ("accuracy",),
    ) -> None:
        self._for = estimator if callable(estimator) else None
        self._new = estimator(FEW) if callable(estimator) else estimator
        self.spec = spec
        self._number = Trait.NORMAL in kind_of(spec).traits
        self.metrics = ("loss",)  # type: ignore[misc]  # a graph's own
        self.measure(("rmse", "nll") if self._number else measures)
        self._weights: np.ndarray | None = None
        self.model = self._blank()
        self._noise = 1.0  # residual variance
        self._written: bytes | None = None  # the model as a file, once it was asked for

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

    def weigh(self, weights: np.ndarray) -> None:
        from sklearn.utils.validation import has_fit_parameter

        voters = [one for _, one in self._new.estimators] if _is_vote(self._new) else [self._new]
        if self._number or not all(has_fit_parameter(one, "sample_weight") for one in voters):
            raise NotImplementedError
        self._weights = weights

    def fit(self, inputs: np.ndarray, targets: np.ndarray, seed: int) -> None:
        """Fit a new copy of the estimator.

        One that cannot learn from so few labels yet, or says nothing after it, leaves the shares
        of the classes, or the mean of the numbers, until there are more.

        Raises:
            ConfigError: a parameter is out of range, which more labels do not mend.
        """
        flat, targets = _flat(inputs), np.asarray(targets)
        alone = not self._number and len(np.unique(targets)) == 1  # many refuse a single class
        plain = self._plain().fit(flat, targets) if alone else None
        self.model = self._fitted(flat, targets, seed) if plain is None else plain
        self._written = None
        if self._number:
            away = targets.astype(np.float64) - self.model.predict(flat)
            least = _LEAST * max(float(np.var(targets)), 1e-12)
            self._noise = max(float(np.mean(away**2)), least)

    def _fitted(self, flat: np.ndarray, targets: np.ndarray, seed: int) -> Any:
        """A copy of the estimator fitted, or what stands for it until there are more labels."""
        from sklearn.utils._param_validation import InvalidParameterError

        model = self._copy(seed, len(targets))
        weighed = {} if self._weights is None else {"sample_weight": self._weights[targets]}
        try:
            model.fit(flat, targets, **weighed)
            (model.predict if self._number else model.predict_proba)(flat[:1])
            return model
        except InvalidParameterError as error:
            raise ConfigError(f"{_named(model, error)}: pass another estimator") from error
        except (ValueError, ArithmeticError, IndexError) as error:
            stands = "their mean" if self._number else "the share of each class"
            _log.warning(
                f"{_named(model, error)}, from {len(targets)} labels: until there are more the "
                f"model says {stands}; another estimator may need fewer"
            )
            return self._plain().fit(flat, targets)

    def _copy(self, seed: int, labels: int = FEW) -> Any:
        from sklearn.base import clone

        model = self._for(labels) if self._for else clone(self._new)
        if getattr(model, "algorithm", "") == "auto" and hasattr(model, "n_neighbors"):
            # A tree finds the same, but is not an array of numbers.
            model.set_params(algorithm="brute")
        seeds = [name for name in model.get_params() if name.endswith("random_state")]
        return model.set_params(**dict.fromkeys(seeds, seed % 2**31))

    def _plain(self) -> Any:
        from sklearn.dummy import DummyClassifier, DummyRegressor

        return DummyRegressor() if self._number else DummyClassifier()

    # -- what it says ------------------------------------------------------------------------

    def compared(self, batches: Iterable[Batch]) -> Iterator[Compared]:
        each = kind_of(self.spec).metrics["nll" if self._number else "log_loss"].each
        assert each is not None
        for batch in batches:
            out, targets = self._says(_array(batch.inputs)), np.asarray(batch.targets)
            yield Compared(out, targets, float(each(out, targets).mean()))

    @property
    def alone(self) -> bool:
        """Trees are walked row by row; others multiply matrices."""
        return not self._number and type(self.model).__name__ in _ROW_BY_ROW

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
        if (tried := self._tried()) is not None and _votes(*tried) is None:
            raise self._memberless()

    def check_kept(self) -> None:
        if (tried := self._tried()) is not None:
            to_bytes(tried[0], type(tried[0]).__name__)

    def _tried(self) -> tuple[Any, np.ndarray] | None:
        """The estimator fitted to next to nothing, which shows what it is made of, and that; None
        where it wants other samples."""
        width = int(np.prod(self.spec.input_shape))
        inputs = np.random.default_rng(0).normal(size=(40, width)).astype(np.float32)
        try:
            return self._copy(0).fit(inputs, np.arange(40) % 2), inputs
        except ValueError:
            return None

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
        out = self._says(_array(batch.inputs))
        return [float(f"{value:.6g}") for value in out[:, 0]], np.sqrt(out[:, 1])

    def predict(self, inputs: np.ndarray) -> Any:
        out = self._says(np.asarray(inputs))
        if not self._number:
            return out
        import pandas as pd

        return pd.DataFrame({"value": out[:, 0], "std": np.sqrt(out[:, 1])})

    def _says(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities [N, C], or mean and variance [N, 2]."""
        flat = _flat(inputs)
        if not self._number:
            return self._spread(self.model.predict_proba(flat))
        votes = _votes(self.model, flat)
        apart = np.zeros(len(flat)) if votes is None else _variance(votes)
        mean = np.asarray(self.model.predict(flat), np.float64)
        return np.stack([mean, apart + self._noise], axis=1)

    def _spread(self, out: np.ndarray) -> np.ndarray:
        """Probabilities of all classes, those that training never saw among them."""
        found = np.zeros((len(out), len(self.spec.classes)))
        found[:, np.asarray(self.model.classes_, dtype=np.int64)] = out
        return found

    def _drawn(self, inputs: np.ndarray, samples: int, seed: int) -> np.ndarray:
        """What some members of the ensemble say, [N, T, C] or [N, T, 2]."""
        votes = _votes(self.model, _flat(inputs))
        if votes is None:
            raise self._memberless()
        drawn = _in_turn(votes, samples, np.random.default_rng(seed))
        if self._number:
            noise = np.full(len(inputs), self._noise)
            return np.stack([np.stack([out, noise], axis=1) for out in drawn], axis=1)
        return np.stack([self._spread(out) for out in drawn], axis=1)

    # -- weights and state ---------------------------------------------------------------------

    def save_weights(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_bytes(self._kept())

    def load_weights(self, folder: Path) -> None:
        self._take(from_file(folder / _FILE))

    def snapshot(self) -> tuple[Any, float]:
        return self.model, self._noise  # who learns more fits another estimator

    def put_back(self, snapshot: tuple[Any, float]) -> None:
        (self.model, self._noise), self._written = snapshot, None

    def _kept(self) -> bytes:
        if self._written is None:
            kept = {"model": self.model, "noise": self._noise}
            self._written = to_bytes(kept, type(self.model).__name__)
        return self._written

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
        self.model, self._noise, self._written = model, noise, None

    def state(self) -> dict[str, Any]:
        return {"estimator": torch.frombuffer(bytearray(self._kept()), dtype=torch.uint8)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._take(from_bytes(state["estimator"].numpy().tobytes()))


def _votes(model: Any, flat: np.ndarray) -> list[list[np.ndarray]] | None:
    """What each member of each estimator that votes says; None where there is one, without any."""
    if not _is_vote(model):
        votes = _own_votes(model, flat)
        return None if votes is None else [votes]
    says = "predict_proba" if hasattr(model, "classes_") else "predict"
    try:
        return [_own_votes(one, flat) or [getattr(one, says)(flat)] for one in model.estimators_]
    except AttributeError:  # one that says classes alone
        return None


def _is_vote(model: Any) -> bool:
    """Whether it is several estimators that vote."""
    from sklearn.ensemble import VotingClassifier, VotingRegressor

    return isinstance(model, (VotingClassifier, VotingRegressor))


def _variance(votes: list[list[np.ndarray]]) -> np.ndarray:
    """Variance of numbers over all members, each group of them counting alike, [N]."""
    groups = [np.stack(group) for group in votes]
    mean = np.mean([group.mean(axis=0) for group in groups], axis=0)
    return np.asarray(np.mean([((group - mean) ** 2).mean(axis=0) for group in groups], axis=0))


def _in_turn(
    votes: list[list[np.ndarray]], samples: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """So many draws of what members say, from each group in turn."""
    found: list[list[np.ndarray]] = []
    for place, group in enumerate(votes):
        size = len(range(place, samples, len(votes)))
        rows = rng.choice(len(group), size=size, replace=len(group) < size)
        found.append([group[row] for row in rows])
    return [found[draw % len(votes)][draw // len(votes)] for draw in range(samples)]


def _own_votes(model: Any, flat: np.ndarray) -> list[np.ndarray] | None:
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
        out = np.asarray(getattr(member, says)(part), np.float64)
        if out.ndim == 2 and out.shape[1] < len(model.classes_):  # it never saw some classes
            whole = np.zeros((len(out), len(model.classes_)))
            whole[:, np.asarray(member.classes_, dtype=np.int64)] = out
            out = whole
        found.append(out)
    return found


def _named(model: Any, error: Exception) -> str:
    return f"{type(model).__name__} cannot learn ({' '.join(str(error).split())[:200]})"


def _array(inputs: Any) -> np.ndarray:
    return np.asarray(inputs)


def _flat(inputs: np.ndarray) -> np.ndarray:
    return np.asarray(inputs, dtype=np.float32).reshape(len(inputs), -1)
