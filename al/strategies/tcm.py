"""TypiClust, then margin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.errors import ConfigError
from al.measures import check_over
from al.strategies.expression import build
from al.strategies.ranking import by_measure, reads


@strategies.register("tcm")
@by_measure("margin")
@reads("embeddings")
def tcm(
    view: PoolView,
    query_size: int,
    rng: np.random.Generator,
    *,
    switch: int = 5,
    over: str = "auto",
) -> Picks:
    """Asks for typical samples while labels are few, then by margin.

    `typiclust` while there is no model or there are fewer than `switch` labels for each class
    (of two at least), then `margin`; `over` is margin's. Which one it was is kept with the
    query.

    Doucet, Estermann, Aczel and Wattenhofer (2024), Bridging diversity and uncertainty in
    active learning with self-supervised pre-training (TCM). They find the switch best early
    where features are pretrained, and count it in queries; here it is in labels a class, so
    that it depends neither on the query's size nor on how many classes there are. Five because,
    on frozen features, margin was no worse from 8 labels a class on (6 classes) and typiclust
    throughout still better at 4 (banking77, 77 classes: accuracy .79 at 300 labels, against .75
    with margin from 50 labels on). Reads embeddings, and probabilities from the switch on.
    Costs what the one that asks costs.
    """
    labels, classes = len(view.labelled.ids), max(len(view.classes), 2)
    if not view.has_model:
        text, why = "typiclust", "there is no model yet"
    elif labels < switch * classes:
        why = f"{labels} labels are fewer than {switch} for each of {classes} classes"
        text = "typiclust"
    else:
        why = f"{labels} labels are {switch} or more for each of {classes} classes"
        text = f"margin(over={over})"
    picks = build(text)(view, query_size, rng)
    name = text.partition("(")[0]
    return replace(picks, reasons=(name,) * len(picks.positions), why=f"tcm asks by {name}: {why}")


def _check(*, switch: int = 5, over: str = "auto") -> None:
    if switch < 0:
        raise ConfigError(f"switch={switch} is not a number of labels: give 0 or more")
    check_over(over)


tcm.check = _check
