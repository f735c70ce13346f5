"""Strategies put together: one with its arguments, and a chain of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from al.contracts import Picks, PoolView
from al.errors import StrategyError
from al.kinds import Kind, kind_named
from al.strategies.ranking import suits


@dataclass(frozen=True)
class Call:
    """A strategy of the catalog with its arguments.

    Attributes:
        text: how it is written, in one way.
        size: how much it leaves to the next link of a chain; "" if not given.
    """

    text: str
    function: Any
    arguments: tuple[Any, ...] = ()
    parameters: tuple[tuple[str, Any], ...] = ()
    size: str = ""

    @property
    def reads(self) -> tuple[str, ...]:
        """What of the view it reads, its arguments' included."""
        reads_of = getattr(self.function, "reads_of", None)
        own = getattr(self.function, "reads", ())
        own = tuple(reads_of(*self.arguments, **self.named)) if reads_of else tuple(own)
        inner = (n for a in self.arguments if isinstance(a, (Call, Chain)) for n in a.reads)
        return tuple(dict.fromkeys((*own, *inner)))

    def suits(self, kind: type[Kind]) -> bool:
        """Whether it and its arguments have a meaning for a kind of problem."""
        inner = (a for a in self.arguments if isinstance(a, (Call, Chain)))
        own = suits(self.function, kind, *self.arguments, **self.named)
        return own and all(argument.suits(kind) for argument in inner)

    @property
    def named(self) -> dict[str, Any]:
        """Its keyword arguments."""
        return dict(self.parameters)

    @property
    def filters(self) -> bool:
        """Whether it can narrow a pool without a given size."""
        return hasattr(self.function, "all_of")

    def __call__(self, view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
        view.prepare(self.reads)
        return self.function(view, query_size, rng, *self.arguments, **dict(self.parameters))

    def __getattr__(self, name: str) -> Any:
        if name != "score":  # there only where the function has one
            raise AttributeError(name)
        score = object.__getattribute__(self, "function").score
        return lambda view: score(view, *self.arguments, **dict(self.parameters))

    def leaves(self, query_size: int, given: int) -> int:
        """How many of the samples it is given it leaves to the next link."""
        if self.size.endswith("x"):
            wanted = round(float(self.size[:-1]) * query_size)
        elif self.size.endswith("%"):
            wanted = round(float(self.size[:-1]) / 100 * given)
        else:
            wanted = int(self.size) if self.size else given
        return min(max(wanted, query_size), given)


@dataclass(frozen=True)
class Chain:
    """Links that each narrow the pool for the next; the last one picks."""

    links: tuple[Call, ...]

    @property
    def text(self) -> str:
        return " > ".join(link.text for link in self.links)

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for link in self.links for name in link.reads))

    def suits(self, kind: type[Kind]) -> bool:
        """Whether all its links have a meaning for a kind of problem."""
        return all(link.suits(kind) for link in self.links)

    def __call__(self, view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
        """Pick; the propensities are known where all links before the last are certain."""
        view.prepare(self.reads)
        rows = np.arange(len(view.ids))
        known, why, short = True, [], ""
        whole = len(rows)
        for link in self.links[:-1]:
            if link.filters and not link.size:
                picks = link.function.all_of(view, query_size, *link.arguments, **link.named)
            else:
                picks = link(view, link.leaves(query_size, len(rows)), rng)
            known &= picks.propensities is not None and bool((picks.propensities == 1).all())
            if picks.why:
                why.append(picks.why)
            kept = np.sort(picks.positions)
            if len(kept) < query_size:
                short = picks.short or short
            rows, view = rows[kept], view.narrow(kept)
        last = self.links[-1]
        picks = last(view, min(query_size, len(rows)), rng)
        return Picks(
            rows[picks.positions],
            picks.scores,
            picks.reasons or (last.text,) * len(picks.positions),
            picks.propensities if known else None,
            "; ".join([*why, picks.why] if picks.why else why),
            picks.short or short,
            picks.memory,
            covers=picks.covers and len(rows) == whole,
        )


def check_reads(strategy: Call | Chain, *, candidates: int, has_model: bool) -> None:
    """Refuse a strategy that could never run in a campaign, before anything starts.

    Raises:
        StrategyError: it reads the model where there is none yet, or a committee of one.
    """
    of_model = {"probabilities", "samples", "committee", "losses"}  # embeddings: or features
    needs = sorted(of_model & set(strategy.reads))
    if needs and not has_model:
        raise StrategyError(
            f"cold_start={strategy.text} reads the model's {needs[0]} and there is no model yet: "
            "choose another, like random, k_center or typiclust"
        )
    if "committee" in strategy.reads and candidates < 2:
        raise StrategyError(
            f"{strategy.text} asks a committee and candidates={candidates} makes none: "
            "give candidates=3 or more"
        )


def check_kind(strategy: Call | Chain, name: str) -> None:
    """Refuse a strategy that has no meaning for a kind of problem, before anything starts.

    Raises:
        UnknownName: there is no kind of that name.
        StrategyError: says so, and what has one.
    """
    kind = kind_named(name)
    links = strategy.links if isinstance(strategy, Chain) else (strategy,)
    for link in links:
        if not link.suits(kind):
            raise StrategyError(
                f"strategy {link.text} has no meaning where labels are {kind.labels_are}: "
                f"choose {kind.suits}"
            )
        for read in link.reads:
            _, dot, over = read.partition(".")
            if dot:
                try:
                    kind.reduction(over)
                except StrategyError as error:
                    raise StrategyError(f"strategy {link.text}: {error}") from None
