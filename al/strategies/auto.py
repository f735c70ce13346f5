"""Automatic choice of a strategy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.kinds import Trait, kind_named
from al.strategies.expression import build


@strategies.register("auto")
def auto(
    view: PoolView, query_size: int, rng: np.random.Generator, *, low: int = 5, big: int = 500
) -> Picks:
    """Asks as was measured to pay: typical samples first, then what covers the unsure ones.

    Of classes, each rule with its figure: areas under the curve, paired by seed, of
    `benchmarks.strategies_on_tasks` (docs/figures.md):

    * no model: `typiclust`, after which the first model was better than after a random query on
      7 of 8 data sets, by .065 to .187;
    * queries of `big` or more: `badge`, for its cost alone: 0.14 s for 1,000 of 100,000, where
      greedy covering takes 12 s;
    * else `uherding`. After the same first query it was ahead of `typiclust`, then `margin` from
      five labels a class, on five of eight data sets, and not told apart from it on the others;
      on 77 classes, at one to three labels each, of `typiclust` and `margin` alike. So there is
      no switch.

    Other kinds have not been measured like that: they are asked about by `typiclust` below `low`
    labels a class, as uncertainty is misleading then (Hacohen, Dekel and Weinshall 2022, Active
    learning on a budget: opposite strategies suit high and low budgets), then by
    `Kind.strategy`, in big queries by `Kind.diverse`: masks, boxes and labels by `entropy` or
    `entropy(10x) > k_center`, numbers by `igs`.

    What was chosen and why is kept with the query. Costs what the chosen one costs.
    """
    kind = kind_named(view.kind)
    labels, classes = len(view.labelled.ids), max(len(view.classes), 2)
    of_classes = Trait.CLASSES in kind.traits
    if not view.has_model:
        name, why = "typiclust", "there is no model yet"
    elif labels < low * classes and not of_classes:
        few = f"{labels} labels are fewer than {low} for each of {classes} classes"
        name, why = "typiclust", few
    elif query_size >= big:
        name, why = kind.diverse(), f"a query of {query_size} wants diversity"
    elif of_classes:
        name, why = "uherding", "it covers while labels are few, and asks by margin later"
    else:
        name = kind.strategy
        why = f"{labels} labels are {low} or more for each of {classes} classes"
    picks = build(name)(view, query_size, rng)
    reasons = picks.reasons or (name,) * len(picks.positions)
    return replace(picks, reasons=reasons, why=f"auto chose {name}: {why}")
