"""What learns from few rows of a table: area under the ROC curve and log loss by number of labels.

Every learner of a seed gets the same random rows, as `task=table` makes numbers of them, and is
measured on the same up to 2,000 others. Intervals are 95 % t intervals of the mean over seeds of
the difference to gradient boosting, which was the default. What was measured is kept in a CSV, so
the same command goes on; tables of statsmodels are left out where that is not installed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import click
import numpy as np
import pandas as pd
from scipy import stats
from sklearn import datasets, metrics

from al.contracts import DataSpec
from al.data.columns import encoded, learned
from al.data.places import find
from al.graphs import EstimatorGraph, classifier, estimator_named
from al.tasks.adult import COLUMNS, FILES
from al.tasks.table import BOOSTING
from benchmarks.common import RESULTS, Row, report

SIZES = (20, 40, 80, 200, 1000, 5000)
TEST = 2000
FILE = RESULTS / "table_learners.csv"
KEYS = ["table", "learner", "labels", "seed"]


# ------------------------------------------------------------------------------------ tables


def bundled(name: str) -> Callable[[], tuple[pd.DataFrame, Any]]:
    """A table of scikit-learn."""

    def load() -> tuple[pd.DataFrame, Any]:
        found = getattr(datasets, f"load_{name}")(as_frame=True)
        return found.data, found.target.to_numpy()

    return load


def packaged(
    name: str, target: str, made: Callable[[pd.Series], Any] = lambda column: column.to_numpy()
) -> Callable[[], tuple[pd.DataFrame, Any]]:
    """A table of statsmodels."""

    def load() -> tuple[pd.DataFrame, Any]:
        import statsmodels.api as sm

        frame = getattr(sm.datasets, name).load_pandas().data
        return frame.drop(columns=target), made(frame[target])

    return load


def adult() -> tuple[pd.DataFrame, Any]:
    path = find("adult", folder=True) / FILES["train"][0]
    frame = pd.read_csv(path, names=COLUMNS, skipinitialspace=True, dtype=str)
    return frame.drop(columns="income"), frame["income"].to_numpy()


def ionosphere() -> tuple[pd.DataFrame, Any]:
    frame = pd.read_csv(find("ionosphere", folder=True) / "ionosphere.csv", header=None)
    frame.columns = [f"c{column}" for column in frame.columns]
    return frame.iloc[:, :-1], frame.iloc[:, -1].to_numpy()


TABLES: dict[str, Callable[[], tuple[pd.DataFrame, Any]]] = {
    "iris": bundled("iris"),
    "wine": bundled("wine"),
    "ionosphere": ionosphere,
    "breast cancer": bundled("breast_cancer"),
    "digits as rows": bundled("digits"),
    "anes96: vote": packaged("anes96", "vote"),
    "fair: any affairs": packaged("fair", "affairs", lambda column: (column > 0).to_numpy()),
    "adult": adult,
}


# ---------------------------------------------------------------------------------- learners

DEFAULT, BEFORE = "default", "boosting"
NAMED = {
    BEFORE: BOOSTING.format("Classifier"),
    "forest": "sklearn.ensemble.RandomForestClassifier(n_estimators=200)",
    "linear": "sklearn.linear_model.LogisticRegression(C=0.3, max_iter=1000)",
}
LEARNERS = (DEFAULT, *NAMED)


def graph(learner: str, spec: DataSpec) -> EstimatorGraph:
    if learner == DEFAULT:
        return EstimatorGraph(classifier, spec)
    return EstimatorGraph(estimator_named(NAMED[learner], of_numbers=False), spec)


# ------------------------------------------------------------------------------- measuring


def measured(name: str, seeds: range, known: set[tuple[Any, ...]]) -> Iterator[Row]:
    """What each learner comes to on a table, a row for each size and seed."""
    try:
        frame, target = TABLES[name]()
    except ImportError as error:
        click.echo(f"{name} is left out: {error}", err=True)
        return
    names, labels = np.unique(np.asarray(target), return_inverse=True)
    inputs = encoded(frame, learned(frame)[0])
    spec = DataSpec(tuple(map(str, names)), inputs.shape[1:], "float32", "class")
    for seed in seeds:
        drawn = np.random.default_rng(seed).permutation(len(labels))
        test = drawn[-min(TEST, len(labels) // 3) :]
        for size in (size for size in SIZES if size <= len(labels) - len(test)):
            for learner in LEARNERS:
                if (name, learner, size, seed) in known:
                    continue
                made, rows = graph(learner, spec), drawn[:size]
                began = time.process_time()
                made.fit(inputs[rows], labels[rows], seed)
                took = time.process_time() - began
                said = made.predict(inputs[test])
                yield {
                    "table": name, "learner": learner, "labels": size, "seed": seed,
                    "auroc": _auroc(said, labels[test]), "log_loss": _log_loss(said, labels[test]),
                    "seconds": took,
                }  # fmt: skip


def _auroc(said: np.ndarray, labels: np.ndarray) -> float:
    """The mean over classes, each against the others."""
    there = np.unique(labels)
    return float(np.mean([metrics.roc_auc_score(labels == c, said[:, c]) for c in there]))


def _log_loss(said: np.ndarray, labels: np.ndarray) -> float:
    """In nats; a probability under 0.001 counts as that, so that one row does not decide."""
    return float(-np.log(said[np.arange(len(labels)), labels].clip(1e-3)).mean())


def compared(found: pd.DataFrame) -> list[Row]:
    """The default's figures, and what it is ahead of boosting, by table and size."""
    rows: list[Row] = []
    for (name, size), part in found.groupby(["table", "labels"], sort=False):
        row: Row = {"table": name, "labels": size}
        for metric in ("auroc", "log_loss"):
            values = part.pivot(index="seed", columns="learner", values=metric).dropna()
            row |= {f"{metric} {learner}": values[learner].mean() for learner in LEARNERS}
            ahead = values[DEFAULT] - values[BEFORE]
            half = stats.t.ppf(0.975, len(ahead) - 1) * ahead.sem() if len(ahead) > 1 else np.nan
            row[f"{metric}, default − boosting"] = f"{ahead.mean():+.3f} ± {half:.3f}"
        medians = part.groupby("learner")["seconds"].median()
        row["seconds of a fit"] = f"{medians[DEFAULT]:.2f} / {medians[BEFORE]:.2f}"
        rows.append(row | {"seeds": part["seed"].nunique()})
    return rows


@click.command(context_settings={"show_default": True})
@click.option("--seeds", default=20, type=click.IntRange(min=2))
@click.option("--table", "names", multiple=True, type=click.Choice(list(TABLES)), help="All.")
def main(seeds: int, names: tuple[str, ...]) -> None:
    """Measure what is missing and print the table."""
    RESULTS.mkdir(exist_ok=True)
    for name in names or TABLES:
        found = pd.read_csv(FILE) if FILE.exists() else pd.DataFrame(columns=KEYS)
        known = set(found[KEYS].itertuples(index=False, name=None))
        for row in measured(name, range(seeds), known):
            pd.DataFrame([row]).to_csv(FILE, mode="a", header=not FILE.exists(), index=False)
    if FILE.exists():
        report("table_learners", {"Learners of tables": compared(pd.read_csv(FILE))}, seeds=seeds)


if __name__ == "__main__":
    main()
