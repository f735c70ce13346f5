"""What an experiment tries: strategies × settings × seeds, each of which is a trial."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from al import parameter as of
from al.config import DEFAULT, Config
from al.errors import ConfigError, StrategyError, UnknownName, did_you_mean
from al.strategies import build, check_reads

#: The strategy that all others are held against; it is always in the race.
RANDOM = "random"
#: Parameters that a trial heeds, and in which settings may differ. In a trial answers are
#: simulated, nothing is registered and nobody waits, so the others mean nothing to it.
HEEDED = (
    *(p.name for p in dataclasses.fields(Config) if p.metadata["group"] in ("data", "training")),
    "cold_start", "initial_size", "query_size", "explore", "balance", "costs", "copies", "passes",
    "calibrate", "embeddings", "precision", "cycles", "label_budget", "criterion", "metric",
    "promote", "device",
)  # fmt: skip
#: Of those, what an experiment itself decides or does not know yet.
UNHEEDED = ("labels_from", "missing")
#: What trials have unless it is given: a point is what training on these labels gives.
ALWAYS = {"promote": "always"}
#: What parts strategies, and parameters of a grid; what joins those that vary together.
PARTED, JOINED = ";", "+"
#: Whose first query trials begin with.
FIRST = ("shared", "own")
#: Parameters that say which data set is learned: the others are ways to learn it.
DATA_SET = ("task", "data", "target", "text", "sheet")

Setting = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Job:
    """A trial that is to be run.

    Attributes:
        setting: values of the grid's parameters.
        config: of the campaign that the trial is.
        of_what: identity of data and code.
    """

    strategy: str
    seed: int
    setting: Setting
    config: Config
    of_what: str = ""

    @property
    def key(self) -> str:
        """Identity of the trial in its experiment."""
        text = json.dumps([self.config.to_dict(), self.of_what], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __str__(self) -> str:
        also = "".join(f", {name}={value}" for name, value in self.setting)
        return f"{self.strategy}, seed {self.seed}{also}"


@dataclass(frozen=True)
class Plan:
    """What an experiment compares.

    Args:
        base: parameters that all trials share, as they were given.
        strategies: in the race, random among them.
        grid: values of parameters that differ between settings; tuples where names are joined.
        first: "shared": all strategies of a seed begin with the same first query; "own": each
            chooses it as well, where it can without a model.
        name: of the experiment; "auto" names it after what all trials share.

    Raises:
        ConfigError, UnknownName: something cannot be compared.
    """

    base: Mapping[str, Any]
    strategies: tuple[str, ...]
    seeds: int
    grid: Mapping[str, Sequence[Any]]
    first: str = "shared"
    name: str = "auto"

    def __post_init__(self) -> None:
        for name in self.base:
            _check_heeded(name)
        begins = {dict(setting).get("first", self.first) for setting in self.settings}
        if wrong := begins - set(FIRST):
            raise ConfigError(f"first={min(wrong)}: {did_you_mean(min(wrong), FIRST)}")
        varied = {name for setting in self.settings for name, _ in setting}
        if "own" in begins and "cold_start" in {*self.base, *varied}:
            raise ConfigError("first=own lets each strategy begin: leave cold_start out")
        if both := sorted(varied & set(self.base)):
            raise ConfigError(f"{both[0]} is in the grid and beside it: give it once")
        if self.seeds < 2:
            raise ConfigError(
                f"seeds={self.seeds}: one campaign cannot show what is chance: give 5 to "
                "explore, 20 to claim"
            )
        if not re.fullmatch(r"[\w.\-]{1,200}", self.name):
            raise ConfigError(
                f"name={self.name!r} is not a name: use letters, digits, '.', '_' and '-'"
            )
        for setting in self.settings:
            Config.from_dict({**self.base, **_of_config(setting)})

    @property
    def settings(self) -> list[Setting]:
        """All combinations of the grid's values."""
        parts = [[_pairs(name, value) for value in values] for name, values in self.grid.items()]
        return [tuple(itertools.chain(*some)) for some in itertools.product(*parts)]

    def jobs(self) -> list[Job]:
        """All trials; those of one seed after each other, so that pairs are whole early."""
        return [
            self._job(strategy, seed, setting)
            for seed in range(self.seeds)
            for setting in self.settings
            for strategy in self.strategies
        ]

    def _job(self, strategy: str, seed: int, setting: Setting) -> Job:
        own = dict(setting).get("first", self.first) == "own"
        begins = _begins(strategy) if own else None
        given = {
            **ALWAYS,
            **self.base,
            **_of_config(setting),
            **({"cold_start": begins} if begins else {}),
            "strategy": strategy,
            "seed": seed,
            "baseline": "none",
        }
        return Job(strategy, seed, setting, Config.from_dict(given))

    @property
    def called(self) -> str:
        """The experiment's name: what all trials share, so that more seeds or strategies go on
        with those that are there."""
        if self.name != "auto":
            return self.name
        tasks = dict.fromkeys(dict(setting).get("task") for setting in self.settings)
        task = {} if None in tasks else {"task": "-".join(map(str, tasks))}
        config = Config.from_dict({**self.base, **task, "strategy": RANDOM})
        shared = re.sub(r"-random-seed0", "", config.name, count=1)
        return f"experiment-{shared}" + ("-own-first" if self.first == "own" else "")


def _pairs(name: str, value: Any) -> Setting:
    """What a value of the grid sets: several parameters where their names are joined."""
    return (
        tuple(zip(name.split(JOINED), value, strict=True)) if JOINED in name else ((name, value),)
    )


def _of_config(setting: Setting) -> dict[str, Any]:
    """What a setting gives the campaigns; `first` is the experiment's own."""
    return {name: value for name, value in setting if name != "first"}


def _begins(strategy: str) -> str | None:
    """A strategy as that of the first query, where it can do without a model."""
    try:
        check_reads(build(strategy), candidates=1, has_model=False)
    except StrategyError:
        return None
    return strategy


def strategies_of(text: str) -> tuple[str, ...]:
    """Strategies separated by semicolons, and random.

    Raises:
        ConfigError: none is given, or one twice.
    """
    found = [" ".join(part.split()) for part in text.split(PARTED) if part.strip()]
    if not found:
        raise ConfigError("no strategy to try: give strategies='auto; margin', say")
    for name in found:
        if found.count(name) > 1:
            raise ConfigError(f"strategy {name!r} is given twice: give it once")
        if name == DEFAULT:
            raise ConfigError(
                f"strategies={text!r}: {DEFAULT} is another one for each kind of labels: name it"
            )
    return tuple(found if RANDOM in found else [*found, RANDOM])


def grid_of(text: str) -> dict[str, list[Any]]:
    """A grid like `query_size=10,50; head=linear,mlp`; values of names that are joined vary
    together, as in `data+target=a.csv+income, b.csv+class`.

    Raises:
        ConfigError: it has another form, or a value twice.
        UnknownName: there is no such parameter.
    """
    found: dict[str, list[Any]] = {}
    for part in _parted(text, PARTED):
        if part in ("", "none"):
            continue
        name, given, values = (word.strip() for word in part.partition("="))
        names = [one.strip().replace("-", "_") for one in name.split(JOINED)]
        if not given or not values:
            raise ConfigError(f"grid={text!r}: give name=value,value; name=value,value")
        for one in names:
            _check_heeded(one, grid=True)
            if any(one in other.split(JOINED) for other in found) or names.count(one) > 1:
                raise ConfigError(f"grid gives {one} twice: give it once")
        read = [_typed(names, value) for value in _parted(values, ",")]
        if len(set(read)) < len(read):
            raise ConfigError(f"grid gives a value of {name} twice: {values}")
        found[JOINED.join(names)] = read
    return found


def _typed(names: Sequence[str], text: str) -> Any:
    """A value of the grid in the type of its parameter; a tuple for several."""
    parts = [text] if len(names) == 1 else [part.strip() for part in text.split(JOINED)]
    if len(parts) != len(names) or not all(parts):
        raise ConfigError(
            f"grid gives {JOINED.join(names)} the value {text!r}: give as many as there are names, "
            f"joined by {JOINED}"
        )
    fields = {parameter.name: parameter for parameter in dataclasses.fields(Config)}
    found = tuple(
        part if name == "first" else of.typed(fields[name], part)
        for name, part in zip(names, parts, strict=True)
    )
    return found if len(names) > 1 else found[0]


def _parted(text: str, mark: str) -> list[str]:
    """The parts of a text; marks in parentheses belong to their part."""
    found, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == mark and not depth:
            found.append("")
        else:
            found[-1] += letter
    return [part.strip() for part in found]


def _check_heeded(name: str, *, grid: bool = False) -> None:
    """Refuse a parameter that means nothing to a trial.

    Raises:
        UnknownName: there is no such parameter.
        ConfigError: an experiment decides it, or simulates what it is about.
    """
    if grid and name == "first":
        return
    known = {parameter.name for parameter in dataclasses.fields(Config)}
    if name not in known:
        raise UnknownName(f"unknown parameter {name!r}: {did_you_mean(name, known)}")
    if name in ("strategy", "baseline"):
        raise ConfigError(f"{name} is what an experiment varies: give strategies='a; b'")
    if name == "seed":
        raise ConfigError("an experiment has many seeds: give seeds=20, say")
    if name in UNHEEDED or name not in HEEDED:
        raise ConfigError(
            f"{name} means nothing in an experiment, where answers are simulated and no campaign "
            "outlives it: leave it out"
        )
