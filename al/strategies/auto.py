"""Automatic choice of a strategy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.kinds import kind_named
from al.strategies.expression import build


@strategies.register("auto")
def auto(
    view: PoolView, query_size: int, rng: np.random.Generator, *, low: int = 5, big: int = 500
) -> Picks:
    """Asks as the evidence suggests for the labels there are: typical, diverse or by margin.

    * no model, or fewer than `low` labels a class: `typiclust`, as uncertainty is misleading
      then (Hacohen, Dekel and Weinshall 2022, Active learning on a budget: opposite strategies
      suit high and low budgets);
    * queries of `big` or more: `badge`, because the highest scores of a big query are alike
      (Ash et al. 2020; Citovsky et al. 2021);
    * else `margin`, the strongest simple default over 69 tabular sets (Bahri et al. 2022).

    Other kinds of problem say what they are asked about by instead, `Kind.strategy` and
    `Kind.diverse`: masks, boxes and labels by `entropy`, in big queries as `entropy(10x) >
    k_center`; numbers by `igs`.

    What was chosen and why is kept with the query. Costs what the chosen one costs.
    """
    kind = kind_named(view.kind)
    labels, classes = len(view.labelled.ids), max(len(view.classes), 2)
    if not view.has_model:
        name, why = "typiclust", "there is no model yet"
    elif labels < low * classes:
        name, why = (
            "typiclust",
            f"{labels} labels are fewer than {low} for each of {classes} classes",
        )
    elif query_size >= big:
        name, why = kind.diverse(), f"a query of {query_size} wants diversity"
    else:
        name = kind.strategy
        why = f"{labels} labels are {low} or more for each of {classes} classes"
    picks = build(name)(view, query_size, rng)
    reasons = picks.reasons or (name,) * len(picks.positions)
    return replace(picks, reasons=reasons, why=f"auto chose {name}: {why}")
