"""Do new samples look different from others? A classifier two-sample test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: With fewer samples on a side the test says nothing.
LEAST = 20
#: More samples on a side are a uniform draw of so many.
MOST = 2000


@dataclass(frozen=True)
class Drift:
    """How well the two can be told apart.

    Attributes:
        auc: area under the ROC curve of a classifier on samples it has not seen: 0.5 where
            they look alike, 1 where nothing is shared.
        p: probability of such an area or a larger one if they were drawn alike.
        new, others: rank of each sample's held-out score within its fold, 0 to 1: where they
            look alike both are spread evenly.
    """

    auc: float
    p: float
    new: np.ndarray
    others: np.ndarray

    def figure(self, title: str, new: str, others: str) -> Figure:
        """Both sides by how new the classifier holds each sample, as a matplotlib figure."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        axes = figure.subplots()
        bins = 5 if min(len(self.new), len(self.others)) < 100 else 10
        for ranks, name, filled in ((self.others, others, True), (self.new, new, False)):
            kind = {"alpha": 0.45} if filled else {"histtype": "step", "linewidth": 2}
            axes.hist(ranks, bins=bins, range=(0, 1), density=True,
                      label=f"{len(ranks)} {name}", **kind)  # fmt: skip
        axes.axhline(1, color="grey", linewidth=0.8, linestyle=":")
        axes.set(xlabel="held for old  →  held for new", ylabel="density",
                 title=f"{title}: AUC {self.auc:.3f} (0.5 is alike), p = {self.p:.2g}")  # fmt: skip
        axes.set_ylim(top=1.3 * axes.get_ylim()[1])  # room for the legend
        axes.legend(loc="upper left", ncols=2)
        return figure


def drift(new: np.ndarray, others: np.ndarray, rng: np.random.Generator) -> Drift | None:
    """Test embeddings [n, D] against [m, D]; None where a side has fewer than 20.

    Lopez-Paz and Oquab (2017), Revisiting classifier two-sample tests: a classifier is
    trained to tell the two apart, and its success on held-out samples is the statistic. Here
    logistic regression, cross-validated five-fold; the p-value is that of the Mann–Whitney
    test on the held-out scores, within folds (each fold has a scale of its own).
    """
    if min(len(new), len(others)) < LEAST:
        return None
    from scipy.stats import norm, rankdata
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    sides = [_some(new, rng), _some(others, rng)]
    x = np.concatenate(sides).astype(np.float64)
    y = np.repeat((1, 0), [len(side) for side in sides])
    folds = StratifiedKFold(5, shuffle=True, random_state=int(rng.integers(2**31)))
    wins = expected = variance = 0.0
    held = np.empty(len(y))
    for train, test in folds.split(x, y):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced"))
        scores = model.fit(x[train], y[train]).decision_function(x[test])
        ones, zeros = int(y[test].sum()), int((1 - y[test]).sum())
        ranks = rankdata(scores)
        held[test] = (ranks - 0.5) / len(ranks)
        wins += float(ranks[y[test] == 1].sum()) - ones * (ones + 1) / 2
        expected += ones * zeros / 2
        variance += ones * zeros * (ones + zeros + 1) / 12
    p = float(norm.sf((wins - expected) / np.sqrt(variance)))
    return Drift(wins / (2 * expected), p, held[y == 1], held[y == 0])


def _some(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if len(rows) <= MOST:
        return rows
    return rows[np.sort(rng.choice(len(rows), size=MOST, replace=False))]
