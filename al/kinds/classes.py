"""One class a sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from al.catalog import kinds
from al.contracts import Label, Likely
from al.errors import DataError
from al.kinds.base import Kind, Trait, likeliest
from al.kinds.metrics import OF_CLASSES

#: Share of the commonest class from which on accuracy says little.
ONE_SIDED = 0.75


@kinds.register("class")
class Classes(Kind):
    """One class each: a label is the class's name, a target its position."""

    labels_are = "one class each"
    form = "choice"
    ranked = True
    metric = "accuracy"
    strategy = "auto"
    cold_start = "typiclust"
    suits = "margin, bald or typiclust"
    traits = frozenset({Trait.CLASSES})
    large = False
    metrics = OF_CLASSES

    def check(self, label: Label) -> None:
        self._class(label)

    def renamed(self, label: Label, to: Callable[[str], str]) -> Label:
        return to(label)

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        return torch.tensor([self.place[label] for label in labels], dtype=torch.int64)

    def wrong(self, target: Any) -> str:
        count = len(self.spec.classes)
        return "" if 0 <= target < count else f"{target} is not one of the {count} classes"

    def check_targets(self, targets: Any, ids: Sequence[str]) -> None:
        count = len(self.spec.classes)  # a look at both ends does for millions
        if len(targets) and not 0 <= targets.min() <= targets.max() < count:
            raise DataError(f"a target is not one of the {count} classes: check the data file")

    def label(self, target: Any) -> Label:
        return self.spec.classes[target]

    def compared(self, truth: Sequence[Label], guessed: Sequence[Label]) -> np.ndarray:
        true, guess = (np.array([self.place[n] for n in names]) for names in (truth, guessed))
        rows, right = np.arange(len(true)), true == guess
        found = np.zeros((len(true), len(self.place), 3))
        found[rows[right], true[right], 0] = 1
        found[rows[~right], guess[~right], 1] = 1
        found[rows[~right], true[~right], 2] = 1
        return found

    @classmethod
    def likely(cls, classes: Sequence[str], probabilities: np.ndarray) -> Likely:
        return likeliest(classes, probabilities)

    def names(self, label: Label) -> list[str]:
        return [label]

    @classmethod
    def metric_for(cls, labels: Sequence[Label]) -> tuple[str, str]:
        """Accuracy, or the mean over classes of the share that is right, where always saying the
        commonest class would be right three times out of four or more."""
        if not labels:
            return cls.metric, ""
        ((name, count),) = Counter(labels).most_common(1)
        share = count / len(labels)
        reason = f"as {share:.0%} of {len(labels)} labels are {name!r}"
        if share < ONE_SIDED:
            return cls.metric, reason
        return "balanced_accuracy", f"{reason} and always saying so has accuracy {share:.2f}"

    @classmethod
    def written(cls, label: Label) -> str:
        return str(label)

    @classmethod
    def read(cls, cell: str) -> Label:
        return cell

    def believed(self, label: Label, sure: float) -> str:
        name = self.brief(label)
        return f"{name if len(name) <= 9 else f'{name[:8]}…'} {sure:.0%}"

    @classmethod
    def diverse(cls) -> str:
        return "badge"

    def outputs(self, predicted: Any) -> Any:
        """A row a sample: `label`, its `probability`, and `p_CLASS` for each class.

        Args:
            predicted: probabilities [N, C]; a table is left as it is.
        """
        import pandas as pd

        if isinstance(predicted, pd.DataFrame):
            return predicted
        columns: dict[str, Any] = {
            "label": [self.spec.classes[place] for place in predicted.argmax(axis=1)],
            "probability": predicted.max(axis=1).astype(float),
        }
        for place, name in enumerate(self.spec.classes):
            columns[f"p_{name}"] = predicted[:, place].astype(float)
        return pd.DataFrame(columns)
