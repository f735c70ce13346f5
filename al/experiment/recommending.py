"""Which strategy, first query, query size and head to begin a campaign with.

Four small experiments on data whose labels are known, one after the other, each with what the
one before it chose. Where no difference to the plain choice is shown, the plain choice stays, so
that chance alone recommends nothing.
"""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from al.config import Config
from al.errors import AlError, ConfigError
from al.experiment.experiment import Experiment
from al.experiment.plan import RANDOM, Plan, Setting
from al.experiment.prepared import look_again, settled, task_of
from al.experiment.results import Results, in_words
from al.experiment.statistics import Difference, area, differences
from al.kinds import kind_of

_log = logging.getLogger(__name__)

#: Strategies that are tried where they mean something, beside that of the kind of labels.
STRATEGIES = (
    "margin", "entropy", "badge", "typiclust", "max_herding", "uherding", "margin(10x) > k_center",
    "power(margin)", "igs", "k_center",
)  # fmt: skip
#: First queries that are tried beside the one that a campaign would make.
FIRST = ("random", "typiclust", "max_herding", "k_center")
#: Query sizes, as parts of the one that was given.
SIZES = (0.5, 1, 2)
HEADS = ("linear", "mlp")
#: Cycles of a trial unless given.
CYCLES = 6


@dataclass(frozen=True)
class Choice:
    """What an experiment chose.

    Attributes:
        name: of the parameter.
        value: of it that is recommended.
        why: in a sentence, with how sure that is.
    """

    name: str
    value: Any
    why: str


@dataclass(frozen=True, repr=False)
class Recommendation:
    """What to begin with.

    Attributes:
        choices: in the order in which they were made.
        given: parameters that were given.
        results: of the experiments, by what they chose.
        left_out: what was not tried, with the reason.
    """

    choices: tuple[Choice, ...]
    given: Mapping[str, Any]
    results: Mapping[str, Results] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Recommendation: {self.command}>"

    @property
    def parameters(self) -> dict[str, Any]:
        """Of the campaign, for `al.Campaign`."""
        chosen = {choice.name: choice.value for choice in self.choices}
        return {name: v for name, v in self.given.items() if name != "cycles"} | chosen

    @property
    def command(self) -> str:
        """The campaign's, for a terminal."""
        words = [f"--{name} {shlex.quote(str(v))}" for name, v in self.parameters.items()]
        return " ".join(["al main", *words])

    def text(self) -> str:
        """All of it, for a terminal."""
        lines = [f"{choice.name}={choice.value}: {choice.why}" for choice in self.choices]
        lines += [f"not tried: {name} ({why})" for name, why in self.left_out.items()]
        return "\n".join([*lines, "", self.command])


def recommend(
    *,
    seeds: int = 5,
    workers: int | str = "auto",
    tracking_uri: str | None = None,
    experiment: str | None = None,
    show_progress: bool | None = None,
    entry: str | None = None,
    **parameters: Any,
) -> Recommendation:
    """Try what there is on labelled data, and say what to begin with.

        al.recommend(task="table", data="my.csv", target="COLUMN").command

    It goes on where it was killed: its experiments are kept as others are.

    Args:
        seeds: campaigns of each thing that is tried.
        workers, tracking_uri, experiment, show_progress, entry: as for `al.Experiment`.
        parameters: of the campaign; what is given is not chosen.

    Raises:
        AlError: something is wrong that can be mended.
    """
    if "strategy" in parameters:
        raise ConfigError("strategy is the first that is chosen: leave it out")
    given = {"cycles": CYCLES, **parameters}
    if Config.from_dict(given).cycles < 2:
        raise ConfigError("cycles=1 has a first query alone: give 2 or more")
    choosing = _Choosing(
        given,
        lambda strategies, grid, name, more: Experiment(
            strategies="; ".join(strategies),
            seeds=seeds,
            grid=grid,
            name=name,
            workers=workers,
            tracking_uri=tracking_uri,
            experiment=experiment,
            show_progress=show_progress,
            **{**given, **more},
        ).run(),
    )
    choosing.strategy()
    choosing.first_query()
    choosing.query_size()
    choosing.head()
    found = Recommendation(tuple(choosing.choices), parameters, choosing.results, choosing.left_out)
    if entry is not None:
        _log.info(found.text())
    return found


#: Runs an experiment: strategies, grid, name and further parameters.
Run = Callable[[Sequence[str], str, str, Mapping[str, Any]], Results]


class _Choosing:
    """What has been chosen so far."""

    def __init__(self, given: Mapping[str, Any], run: Run) -> None:
        look_again()
        self._given, self._run = given, run
        self._name = Plan(given, (RANDOM,), 2, {}).called.removeprefix("experiment-")
        config = Config.from_dict({**given, "strategy": RANDOM, "baseline": "none"})
        self._config = settled(config, telling=False)
        _, data = task_of(self._config)
        self._plain = kind_of(data.spec).strategy
        self.choices: list[Choice] = []
        self.results: dict[str, Results] = {}
        self.left_out: dict[str, str] = {}

    def strategy(self) -> None:
        """Among those that suit the labels; the kind's own where none is shown to beat random."""
        plain = self._plain
        names = dict.fromkeys((plain, *STRATEGIES))
        if plain == "auto":
            del names["uherding"]  # what it asks by, once there is a model
        fit = [name for name in names if self._fits("strategy", name)]
        results = self._ran("strategy", fit, "none", {})
        (board,) = results.boards.values()
        better = [
            row.strategy
            for row in board.rows
            if row.against_random is not None and row.against_random.verdict == "better"
        ]
        # Among those not told apart from the best, take the plain one.
        alike = [
            row.strategy
            for row in board.rows
            if row.against_best is None or row.against_best.verdict == "not told apart"
        ]
        chosen = plain if not better or plain in alike else better[0]
        self._chose("strategy", chosen, board.sentence())

    def first_query(self) -> None:
        """That of a campaign, unless another is shown to be better."""
        plain = self._config.cold_start
        names = dict.fromkeys((plain, *FIRST))
        fit = [name for name in names if self._fits("cold_start", name)]
        self._settings("cold_start", fit, plain)

    def query_size(self) -> None:
        """The largest that is not shown to be worse than the smallest: fewer cycles."""
        if "query_size" in self._given:
            return
        config = self._config
        budget = config.initial_size + config.query_size * (config.cycles - 1)
        budget = min(budget, config.label_budget or budget)
        sizes = sorted({max(1, round(part * config.query_size)) for part in SIZES})
        sizes = [size for size in sizes if config.initial_size + size <= budget]
        if len(sizes) < 2:
            return
        most = {"label_budget": budget, "cycles": 2 + (budget // sizes[0])}
        results = self._ran("query_size", [self._strategy], _grid("query_size", sizes), most)
        heights = self._heights(results)
        smallest, *larger = heights
        lower = self._lower(results)
        compared = differences([heights[s] for s in larger], heights[smallest], lower=lower)
        fine = [s for s, found in zip(larger, compared, strict=True) if found.verdict != "worse"]
        chosen = (fine or [smallest])[-1]
        why = "; ".join(_compared(s, smallest, f) for s, f in zip(larger, compared, strict=True))
        self._chose("query_size", dict(chosen)["query_size"], why)

    def head(self) -> None:
        """Of an encoder's features, where there is one."""
        if self._config.encoder in ("none", "auto"):
            return
        fit = [name for name in HEADS if self._fits("head", name)]
        self._settings("head", fit, self._config.head)

    def _settings(self, name: str, values: Sequence[str], plain: str) -> None:
        """Choose a parameter's value by the curves of the strategy: the plain one, unless the
        best of the others is shown to be better."""
        if name in self._given or len(values) < 2:
            return
        results = self._ran(name, [self._strategy], _grid(name, values), {})
        heights = self._heights(results)
        start: Setting = ((name, plain),)
        others = [setting for setting in heights if setting != start]
        lower = self._lower(results)
        compared = differences([heights[s] for s in others], heights[start], lower=lower)
        better = [
            (f.mean.value * (1 if lower else -1), s)
            for s, f in zip(others, compared, strict=True)
            if f.verdict == "better"
        ]
        chosen = min(better)[1] if better else start
        why = "; ".join(_compared(s, start, f) for s, f in zip(others, compared, strict=True))
        self._chose(name, dict(chosen)[name], why)

    def _ran(
        self, name: str, strategies: Sequence[str], grid: str, more: Mapping[str, Any]
    ) -> Results:
        _log.info(f"which {name}?")
        chosen = {choice.name: choice.value for choice in self.choices}
        words = ["recommend", name, self._name, *map(str, chosen.values())]
        called = "-".join(re.sub(r"[^\w.\-]+", "_", word).strip("_") for word in words)[:200]
        chosen.pop("strategy", None)
        self.results[name] = self._run(strategies, grid, called, {**chosen, **more})
        return self.results[name]

    @property
    def _strategy(self) -> str:
        """The one that was chosen, the first choice of all."""
        return str(self.choices[0].value)

    def _heights(self, results: Results) -> dict[Setting, np.ndarray]:
        """Mean height of the strategy's curves, [seeds], by setting."""
        return {
            setting: area(board.curves.labels, board.curves.values[self._strategy])
            for setting, board in results.boards.items()
        }

    def _lower(self, results: Results) -> bool:
        return next(iter(results.boards.values())).lower

    def _fits(self, parameter: str, name: str) -> bool:
        """Whether a campaign would take it; parameters it would not are left out and reported."""
        try:
            settled(self._config.replace(**{parameter: name}), telling=False)
        except AlError as error:
            self.left_out.setdefault(name, str(error))
            return False
        return True

    def _chose(self, name: str, value: Any, why: str) -> None:
        self.choices.append(Choice(name, value, why))


def _grid(name: str, values: Sequence[Any]) -> str:
    return f"{name}={','.join(map(str, values))}"


def _compared(setting: Setting, other: Setting, found: Difference) -> str:
    words = found.mean.text(sign=True)
    return f"{in_words(setting)} against {in_words(other)} {words}, {found.verdict}"
