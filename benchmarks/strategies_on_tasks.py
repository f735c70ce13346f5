"""Which strategy pays on which data: curves of many strategies over the built-in tasks' data.

A bare loop of select, fit and measure, with the project's strategies and learners: the linear
head on kept vectors of the catalog's encoders for photographs and texts, on their own pixels for
digits; a linear model for the classes of tables, extra trees for numbers. No label goes to
validation. All that a seed tries shares its pool, test split and draws; what has the same first
query shares that and its model too. Strategies are compared after the same first query, and each
with one of its own, in tables apart.

Curves are kept in `benchmarks/results/strategies_on_tasks.csv`, which is committed; what it holds
already is not run again. The table is made from it by the statistics of `al experiment`.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
import numpy as np
import pandas as pd
import torch
from PIL import Image
from sklearn import datasets, ensemble, linear_model, metrics, preprocessing

from al.catalog import tasks
from al.contracts import DataSpec, Graph
from al.data.images import decode, digest
from al.data.places import find
from al.experiment.statistics import (
    Difference,
    area,
    differences,
    labels_to,
    mean_of,
    ranking,
    saving,
)
from al.graphs import EstimatorGraph, TorchGraph, fit_head, head_on
from al.kinds.metrics import OF_CLASSES
from al.measures import MEASURES
from al.processor import processor_of
from al.strategies import ArrayView, build
from benchmarks import encoders
from benchmarks.common import RESULTS, Row, report

CURVES = RESULTS / "strategies_on_tasks.csv"
COLUMNS = ["data", "seed", "first", "strategy", "labels", "values"]
#: Samples of large data sets: the pool and the test split.
MOST = (2000, 1000)
#: The first query and what goes on from it: the yardstick, and what `auto` is for classes.
RANDOM, AUTO = ("random", "random"), ("typiclust", "uherding")
#: Strategies by the first query that they go on from, by kind of labels.
RUNS: dict[str, dict[str, tuple[str, ...]]] = {
    "class": {
        "random": (
            "random", "margin", "badge", "typiclust", "max_herding", "uherding", "power(margin)",
            "margin(10x) > k_center", "tcm",
        ),
        "typiclust": ("margin", "typiclust", "uherding", "tcm"),
        "max_herding": ("margin", "max_herding", "uherding"),
    },
    # a fit takes a second: only what `auto` chooses between
    "many classes": {"random": ("random",), "typiclust": ("margin", "typiclust", "uherding")},
    "labels": {
        "random": (
            "random", "entropy", "margin", "typiclust", "max_herding", "uherding",
            "entropy(10x) > k_center", "auto",
        ),
        "typiclust": ("entropy", "typiclust"),
        "max_herding": ("entropy", "max_herding"),
    },
    "number": {
        "random": (
            "random", "igs", "gsx", "variance", "typiclust", "max_herding", "k_center", "auto",
        ),
        "typiclust": ("igs", "typiclust"),
        "gsx": ("igs", "gsx"),
    },
}  # fmt: skip


HEAD, ESTIMATOR = "head", "estimator"


@dataclass(frozen=True)
class Problem:
    """Samples as a learner takes them.

    Attributes:
        features: [N, D].
        targets: position of the class, [N], flags [N, C], or numbers [N].
        metric: name of it.
        budgets: labels after each query.
        learner: the linear head or an estimator.
    """

    features: np.ndarray
    targets: np.ndarray
    metric: str
    budgets: tuple[int, ...]
    kind: str = "class"
    learner: str = HEAD

    @property
    def spec(self) -> DataSpec:
        count = self.targets.shape[1] if self.kind == "labels" else int(self.targets.max()) + 1
        classes = () if self.kind == "number" else tuple(map(str, range(count)))
        details = {}
        if self.kind == "number":
            details = {"middle": float(self.targets.mean()), "unit": float(self.targets.std())}
        shape = (self.features.shape[1],)
        return DataSpec(classes, shape, "float32", kind=self.kind, details=details)

    def learned(self, rows: np.ndarray, seed: int) -> Graph:
        """A model of some samples."""
        x, y = self.features[rows], self.targets[rows]
        if self.learner == ESTIMATOR:
            fitted = EstimatorGraph(_estimator(self.kind), self.spec)
            fitted.fit(x, y, seed)
            return fitted
        inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
        graph = head_on(self.spec)
        fit_head(graph, graph.trunk(inputs), targets, torch.ones(len(rows)))
        return graph

    def measured(self, graph: Graph, rows: np.ndarray) -> float:
        """The metric on some samples."""
        said, truth = self.said(graph, rows), self.targets[rows]
        if self.metric in METRICS:
            return float(METRICS[self.metric](truth, said))
        return OF_CLASSES[self.metric](said, truth, self.spec)

    def said(self, graph: Graph, rows: np.ndarray) -> np.ndarray:
        """Probabilities [n, C], or mean and variance [n, 2]."""
        if not len(rows):
            return np.zeros((0, max(len(self.spec.classes), 2)))
        found = graph.predict(self.features[rows])
        if self.kind == "number":
            return np.stack([found["value"], found["std"] ** 2], axis=1)
        return np.asarray(found[list(self.spec.classes)] if self.kind == "labels" else found)


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "accuracy": lambda truth, p: metrics.accuracy_score(truth, p.argmax(axis=1)),
    "macro F1": lambda truth, p: metrics.f1_score(
        truth, p > 0.5 if truth.ndim > 1 else p.argmax(axis=1), average="macro", zero_division=0
    ),
    "rmse": lambda truth, said: metrics.root_mean_squared_error(truth, said[:, 0]),
}


def _estimator(kind: str) -> Any:
    """Of few labels, and fitted in milliseconds, so that there is time for seeds."""
    if kind == "number":
        return ensemble.ExtraTreesRegressor(30, min_samples_leaf=2)
    return linear_model.LogisticRegression(C=0.3, max_iter=1000)


# -- the data ------------------------------------------------------------------------------------

FEW = (10, 20, 40, 70, 100)
SOME = (20, 50, 100, 150, 200)
MANY = (80, 160, 240)


def _some(task: str, size: int) -> tuple[Any, list[str]]:
    """Data of a built-in task, and training samples of it."""
    data = tasks.get(task)().data()
    return data, np.random.default_rng(0).permutation(data.ids("train"))[:size].tolist()


def _places(labels: Sequence[str]) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1]


def _digits() -> Problem:
    x, y = datasets.load_digits(return_X_y=True)
    return Problem(x.astype(np.float32), y, "accuracy", SOME)


def _uci(x: Any, y: Any) -> Problem:
    scaled = preprocessing.StandardScaler().fit_transform(np.asarray(x, np.float64))
    return Problem(scaled.astype(np.float32), np.asarray(y), "accuracy", FEW, learner=ESTIMATOR)


def _ionosphere() -> Problem:
    table = pd.read_csv(find("ionosphere", folder=True) / "ionosphere.csv", header=None)
    return _uci(table.iloc[:, :-1], (table.iloc[:, -1] == "g").astype(int))


def _vectors(images: Iterable[np.ndarray]) -> np.ndarray:
    """By the encoder of photographs, of images [H, W] or [H, W, 3] scaled to its square."""
    squares, contents = [], []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "png")
        squares.append(decode(file.getvalue(), 160))
        contents.append(digest(file.getvalue()))
    return encoders.vectors("images", squares, contents)


def _grey(task: str) -> Problem:
    data, ids = _some(task, 2000)
    found = _vectors(data.inputs(data.rows(ids)).numpy())
    return Problem(found, _places(data.truth(ids)), "accuracy", SOME)


def _texts(task: str, metric: str, budgets: tuple[int, ...]) -> Problem:
    data, ids = _some(task, sum(MOST))
    ids = list({data.preview(id).text: id for id in ids}.values())  # each text once
    texts = [data.preview(id).text for id in ids]
    found = encoders.vectors("texts", texts, data.fingerprints(ids))
    return Problem(found, _places(data.truth(ids)), metric, budgets)


def _adult() -> Problem:
    from al.tasks.adult import COLUMNS as NAMES

    path = find("adult", folder=True) / "adult.data"
    table = pd.read_csv(path, names=NAMES, skipinitialspace=True).drop_duplicates()
    table = table.sample(sum(MOST), random_state=0)
    rich = (table.pop("income") == ">50K").astype(int)
    x = pd.get_dummies(table, dtype=float)
    numbers = table.select_dtypes("number").columns
    x[numbers] = preprocessing.StandardScaler().fit_transform(x[numbers])
    return Problem(x.to_numpy(np.float32), rich.to_numpy(), "auroc", SOME, learner=ESTIMATOR)


def _bike_sharing() -> Problem:
    data, ids = _some("bike-sharing", sum(MOST))
    truth = np.array(data.truth(ids), np.float32)
    x = data.inputs(data.rows(ids)).numpy()
    return Problem(x, truth, "rmse", SOME, "number", learner=ESTIMATOR)


def _diabetes() -> Problem:
    x, y = datasets.load_diabetes(return_X_y=True)
    scaled = preprocessing.StandardScaler().fit_transform(x).astype(np.float32)
    return Problem(scaled, y.astype(np.float32), "rmse", FEW, "number", learner=ESTIMATOR)


def _bccd_presence() -> Problem:
    from al.tasks.bccd import CLASSES, load

    _, images, boxes, _ = load()
    occurs = np.stack([np.isin(range(len(CLASSES)), rows[:, 0]) for rows in boxes])
    return Problem(_vectors(images), occurs.astype(np.int64), "macro F1", FEW, "labels")


DATA: dict[str, Callable[[], Problem]] = {
    "digits": _digits,
    "pets3": lambda: Problem(*encoders.pets3(), "accuracy", FEW),
    "ionosphere": _ionosphere,
    "breast cancer": lambda: _uci(*datasets.load_breast_cancer(return_X_y=True)),
    "adult": _adult,
    "sms-spam": lambda: _texts("sms-spam", "average_precision", SOME),
    "bike-sharing": _bike_sharing,
    "fashion-mnist": lambda: _grey("fashion-mnist"),
    "banking77": lambda: _texts("banking77", "macro F1", MANY),
    "mnist": lambda: _grey("mnist"),
    "bccd-presence": _bccd_presence,
    "diabetes": _diabetes,
}


#: What races on data, of `RUNS`, where it is not "class".
RACES = {
    "bike-sharing": "number", "diabetes": "number", "bccd-presence": "labels",
    "banking77": "many classes",
}  # fmt: skip


# -- the loop ------------------------------------------------------------------------------------


class Trial:
    """What one seed tries on one problem; models are shared by those with the same labels."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem, self.seed = problem, seed
        order = np.random.default_rng([seed, 1]).permutation(len(problem.features))
        held = min(len(order) // 3, MOST[1])
        self.test, self.pool = order[:held], np.sort(order[held:])[: MOST[0]]
        self._models: dict[bytes, tuple[Graph, float]] = {}

    def curve(self, first: str, strategy: str) -> list[float]:
        """The metric at each budget."""
        chosen, values = np.zeros(0, np.int64), list[float]()
        for budget in self.problem.budgets:
            rng = np.random.default_rng([self.seed, budget])
            left = np.setdiff1d(self.pool, chosen)
            view = self._view(left, chosen)
            picks = build(strategy if len(chosen) else first)(view, budget - len(chosen), rng)
            chosen = np.concatenate([chosen, left[np.asarray(picks.positions)]])
            values.append(self._model(chosen)[1])
        return values

    def _model(self, chosen: np.ndarray) -> tuple[Graph, float]:
        key = chosen.tobytes()
        if key not in self._models:
            graph = self.problem.learned(chosen, self.seed)
            self._models[key] = graph, self.problem.measured(graph, self.test)
        return self._models[key]

    def _view(self, left: np.ndarray, chosen: np.ndarray) -> ArrayView:
        graph = self._model(chosen)[0] if len(chosen) else None
        labels = [self._label(target) for target in self.problem.targets[chosen]]
        known = self._seen(graph, chosen, labels=labels)
        return self._seen(graph, left, labelled=known)

    def _label(self, target: Any) -> Any:
        kind = self.problem.kind
        if kind == "class":
            return str(target)
        return [str(c) for c in np.flatnonzero(target)] if kind == "labels" else float(target)

    def _seen(self, graph: Graph | None, rows: np.ndarray, **more: Any) -> ArrayView:
        """Some samples as a strategy sees them; without a model, embeddings are the features."""
        some, spec = self.problem.features[rows], self.problem.spec
        ids, arrays = [f"{row:06d}" for row in rows], {"features": some, "embeddings": some}
        measures = {}
        if graph is not None:
            p = arrays["probabilities"] = self.problem.said(graph, rows)
            if isinstance(graph, TorchGraph):
                with torch.inference_mode():
                    arrays["embeddings"] = graph.trunk(torch.from_numpy(some)).numpy()
            if self.problem.kind == "labels":
                each = np.stack([1 - p, p], axis=2).reshape(-1, 2).astype(np.float32)
                for name in ("entropy", "margin"):
                    scores = MEASURES[name].classes(each).reshape(p.shape)
                    measures[f"{name}.mean"] = scores.mean(axis=1)
        return ArrayView(ids, kind=self.problem.kind, classes=spec.classes, measures=measures,
                         **arrays, **more)  # fmt: skip


def run(data: Sequence[str], seeds: int, minutes: float) -> None:
    """Add what the table lacks, until the minutes of the processor are spent."""
    RESULTS.mkdir(exist_ok=True)
    known = pd.read_csv(CURVES) if CURVES.exists() else pd.DataFrame(columns=COLUMNS)
    done = set(known[["data", "seed", "first", "strategy"]].itertuples(index=False, name=None))
    problems: dict[str, Problem] = {}
    end = time.process_time() + 60 * minutes
    for name, seed in [(name, seed) for name in data for seed in range(seeds)]:
        kind = RACES.get(name, "class")
        pairs = [(first, by) for first, names in RUNS[kind].items() for by in names]
        left = [pair for pair in pairs if (name, seed, *pair) not in done]
        if not left:
            continue
        if time.process_time() > end:
            click.echo(f"{minutes:g} minutes of the processor are spent: run it again to go on")
            return
        if name not in problems:
            problems[name] = DATA[name]()
        problem, begun, rows = problems[name], time.process_time(), list[Row]()
        trial = Trial(problem, seed)
        for first, by in left:
            values = " ".join(f"{v:.4f}" for v in trial.curve(first, by))
            row = (name, seed, first, by, " ".join(map(str, problem.budgets)), values)
            rows.append(dict(zip(COLUMNS, row, strict=True)))
        pd.DataFrame(rows).to_csv(CURVES, mode="a", header=not CURVES.exists(), index=False)
        click.echo(f"{name}, seed {seed}: {time.process_time() - begun:.1f} s")


# -- the tables ----------------------------------------------------------------------------------


class Curves:
    """What is known of one data set, over the seeds that have been run."""

    def __init__(self, name: str, rows: pd.DataFrame, lower: bool) -> None:
        self.name, self.lower = name, lower
        self.labels = np.array(rows["labels"].iloc[0].split(), float)
        self.runs: dict[tuple[str, str], np.ndarray] = {}  # [seeds, budgets]
        for run, of in rows.sort_values("seed").groupby(["first", "strategy"]):
            first, strategy = map(str, run)
            self.runs[first, strategy] = np.array([v.split() for v in of["values"]], float)
        self.areas = {run: area(self.labels, values) for run, values in self.runs.items()}

    @property
    def seeds(self) -> int:
        return len(self.runs[RANDOM])

    def against_random(self, runs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Difference]:
        """The areas of runs less that of random, corrected for how many there are."""
        runs = [run for run in runs if run != RANDOM]
        areas = [self.areas[run] for run in runs]
        found = differences(areas, self.areas[RANDOM], lower=self.lower)
        return dict(zip(runs, found, strict=True))

    def table(self, runs: Sequence[tuple[str, str]]) -> list[Row]:
        """Each against random, and the labels that it saves to a level."""
        base = RANDOM
        level = float(self.runs[base].mean(axis=0)[-2])
        theirs = labels_to(level, self.labels, self.runs[base], lower=self.lower)
        rows = [self._row(base) | {"less random": "", "Holm": "", f"saved to {level:.3f}": ""}]
        for run, one in self.against_random(runs).items():
            ours = labels_to(level, self.labels, self.runs[run], lower=self.lower)
            saved = saving(ours, theirs, self.labels[-1])
            shown = "" if saved is None else (
                f"{saved.value:.0%} ({saved.low:.0%} … {saved.high:.0%})"
            )  # fmt: skip
            rows.append(
                self._row(run)
                | {"less random": one.mean.text(4, sign=True), "Holm": one.verdict}
                | {f"saved to {level:.3f}": shown}
            )
        return rows

    def _row(self, run: tuple[str, str]) -> Row:
        at = {f"{labels:.0f}": f"{v:.3f}" for labels, v in
              zip(self.labels, self.runs[run].mean(axis=0), strict=True)}  # fmt: skip
        return {"first": run[0], "then": run[1], **at, "area": mean_of(self.areas[run]).text(4)}


def tables(curves: Sequence[Curves]) -> dict[str, list[Row]]:
    """The same first query for all, then each with its own, and both over all data of classes."""
    found: dict[str, list[Row]] = {}
    for one in curves:
        shared = [run for run in one.runs if run[0] == "random" and run[1] != "random"]
        own = [run for run in one.runs if run[0] != "random"]
        for runs, how in ((shared, "the same random first query"), (own, "their own first query")):
            if runs:
                found[f"{one.name}, {one.seeds} seeds: {how}"] = one.table(runs)
    classes = [one for one in curves if {*RUNS_OF_CLASSES} <= {*one.runs}]
    if classes:
        found["Area less random, the same random first query"] = _beside(classes, own=False)
        found["Area less random, each its own first query"] = _beside(classes, own=True)
    for title, of in (
        ("the same random first query", "random"),
        ("with a first query of their own", ""),
    ):
        runs = [r for r in RUNS_OF_CLASSES if not of or r[0] == of]
        if not classes:
            continue
        scores = np.array([[one.areas[run].mean() for run in runs] for one in classes])
        ranked = ranking(-scores)  # there, less is better
        if ranked is None:
            continue
        base = scores[:, [runs.index(RANDOM)]]
        told = {run: _told(classes, run, runs) for run in runs}
        name = f"{len(classes)} data sets of classes, {title}; Friedman p = {ranked.p:.2g}, "
        name += f"critical difference of ranks {ranked.critical:.1f}"
        found[name] = [
            {
                "first": run[0], "then": run[1], "mean rank": f"{ranked.ranks[at]:.1f}",
                "mean area less random": f"{(scores - base)[:, at].mean():+.4f}",
                "better": told[run].count("better"), "worse": told[run].count("worse"),
                "not told apart": told[run].count("not told apart"),
            }
            for at, run in sorted(enumerate(runs), key=lambda pair: ranked.ranks[pair[0]])
        ]  # fmt: skip
    return found


def of_auto(curves: Sequence[Curves]) -> dict[str, list[Row]]:
    """What `auto` rests on: `AUTO`, which it is for classes, against what else it could be.

    Each cell is corrected for all cells of its table.
    """
    classes = [one for one in curves if AUTO in one.runs]
    first, then = AUTO
    others = {run: run[1] for run in RUNS_OF_CLASSES if run[0] == first and run != AUTO}
    firsts = {(of, then): of for of in OTHER_FIRSTS}
    return {
        f"After a first query by {first}: area of {then} less that of …": _less(
            classes, others, lambda one, run: one.areas[run]
        ),
        f"The first query alone: the metric after {first} less that after …": _less(
            classes, firsts, lambda one, run: one.runs[run][:, 0]
        ),
        f"Area of {then} after {first} less that after …": _less(
            classes, firsts, lambda one, run: one.areas[run]
        ),
    }


def _less(
    classes: Sequence[Curves],
    others: dict[tuple[str, str], str],
    figure: Callable[[Curves, tuple[str, str]], np.ndarray],
) -> list[Row]:
    """A figure of `AUTO` less that of others, by data set; all cells are corrected together."""
    there = [(one, run) for one in classes for run in others if run in one.runs]
    gains = [figure(one, AUTO) - figure(one, run) for one, run in there]
    rows = {
        one.name: Row(data=one.name, seeds=one.seeds) | dict.fromkeys(others.values(), "")
        for one in classes
    }
    for (one, run), gain in zip(there, differences(gains, np.zeros(())), strict=True):
        rows[one.name][others[run]] = f"{gain.mean.text(4, sign=True)} {gain.verdict}"
    return list(rows.values())


OTHER_FIRSTS = ("random", "max_herding")
RUNS_OF_CLASSES = [(first, name) for first, names in RUNS["class"].items() for name in names]


def _told(
    classes: Sequence[Curves], run: tuple[str, str], runs: Sequence[tuple[str, str]]
) -> list[str]:
    """How a run compares with random on each data set, corrected for all runs of its table."""
    return [one.against_random(runs)[run].verdict for one in classes if run != RANDOM]


def _beside(classes: Sequence[Curves], *, own: bool) -> list[Row]:
    """Areas less that of random, a row a data set, as docs/figures.md has them."""
    rows = []
    for one in classes:
        runs = [run for run in one.runs if (run[0] != "random") == own]
        found = one.against_random(runs)
        row: Row = {
            "data": one.name,
            "seeds": one.seeds,
            "random": f"{one.areas[RANDOM].mean():.3f}",
        }
        for run in [run for run in RUNS_OF_CLASSES if run in found]:
            cell = found[run]
            told = "" if cell.verdict == "not told apart" else f" {cell.verdict}"
            row[" then ".join(run) if own else run[1]] = cell.mean.text(3, sign=True) + told
        rows.append(row)
    return rows


@click.command(context_settings={"show_default": True})
@click.option("--data", multiple=True, type=click.Choice(list(DATA)), default=list(DATA))
@click.option("--seeds", default=20, type=click.IntRange(min=2))
@click.option("--minutes", default=1000.0, help="Of the processor, after which it ends.")
def main(data: Sequence[str], seeds: int, minutes: float) -> None:
    """Run what is missing from the curves, then write the tables, each with its seeds."""
    torch.set_num_threads(1)
    run(data, seeds, minutes)
    known = pd.read_csv(CURVES)
    known = known[known["seed"] < seeds]
    counts = known.groupby("data")["seed"].nunique()
    curves = [
        Curves(name, known[known["data"] == name], RACES.get(name) == "number")
        for name in data
        if counts.get(name, 0) > 1
    ]
    report(
        "strategies_on_tasks",
        tables(curves) | of_auto(curves),
        command=f"python -m benchmarks.strategies_on_tasks --seeds {seeds}",
        seeds={one.name: f"0 … {one.seeds - 1}" for one in curves},
        processor=processor_of("cpu"),
        date=datetime.now(UTC).date().isoformat(),
    )


if __name__ == "__main__":
    main()
