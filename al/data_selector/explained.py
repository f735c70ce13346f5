"""What a query is like: the champion's view of each sample, and figures of the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from al.contracts import Query
from al.data_selector.view import View
from al.kinds import Trait, kind_named

#: Samples of the pool that the champion's mean confidence is taken over.
_LOOKED_AT = 2000


def explained(query: Query, view: View) -> Query:
    """The query with the champion's best guess of each sample and how sure it is, and with
    the likeliest classes of those that it may be shown for."""
    if not view.has_model:
        return query
    labels, sure = view.guesses(query.ids)
    found = replace(query, predicted=tuple(labels), confidence=tuple(float(s) for s in sure))
    kind = kind_named(view.kind)
    shown = [rank for rank in range(len(query.ids)) if found.may_show(rank)]
    if not (kind.ranked and shown):
        return found
    rows = view.of_samples([query.ids[rank] for rank in shown], "probabilities")
    likely = dict(zip(shown, (kind.likely(view.classes, row) for row in rows), strict=True))
    return replace(found, likely=tuple(likely.get(rank, ()) for rank in range(len(query.ids))))


def pool_figures(view: View, rng: np.random.Generator) -> dict[str, float]:
    """How sure the champion is of the pool, for the estimate from the audit slice.

    * `query/confidence`: the mean;
    * `query/confidence_of`: over how many of its samples, drawn uniformly.
    """
    if not view.has_model:
        return {}
    count = min(len(view.ids), _LOOKED_AT)
    rows = np.sort(rng.choice(len(view.ids), size=count, replace=False))
    _, sure = view.guesses([view.ids[row] for row in rows])
    return {"query/confidence": float(np.mean(sure)), "query/confidence_of": float(count)}


def query_figures(query: Query, view: View, rng: np.random.Generator) -> dict[str, float]:
    """Figures of a query.

    * `query/size`, `query/pool`, `query/mean_score`; `query/explored`, how many were drawn;
    * `query/class_balance`: entropy of the predicted classes over ln C; 1 = even;
    * `query/overlap_with_random`: share of it that a uniform query of that size holds too;
    * `query/distance_to_labelled`: mean distance of its embeddings to the nearest labelled
      one, over the same of that uniform query; above 1 = farther out.
    """
    size = len(query.ids)
    figures = {
        "query/size": float(size),
        "query/pool": float(len(view.ids)),
        "query/mean_score": float(np.mean(query.scores)),
    }
    drawn = sum(reason == "explore" for reason in query.reasons)
    if drawn:
        figures["query/explored"] = float(drawn)
    rows = rng.choice(len(view.ids), size=size, replace=False)
    uniform = [view.ids[row] for row in np.sort(rows)]
    figures["query/overlap_with_random"] = len({*uniform} & {*query.ids}) / size
    of_classes = Trait.CLASSES in kind_named(view.kind).traits
    if query.predicted and len(view.classes) > 1 and of_classes:
        _, counts = np.unique(query.predicted, return_counts=True)
        shares = counts / size
        balance = -(shares * np.log(shares)).sum() / np.log(len(view.classes))
        figures["query/class_balance"] = float(max(balance, 0.0))
    if view.has_model and view.labelled.ids:
        labelled = torch.from_numpy(view.of_samples(view.labelled.ids, "embeddings"))
        own, others = (
            float(_nearest(torch.from_numpy(view.of_samples(ids, "embeddings")), labelled).mean())
            for ids in (query.ids, uniform)
        )
        if others > 0:
            figures["query/distance_to_labelled"] = own / others
    return figures


def _nearest(points: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Distance of each point to the nearest of the others, in blocks."""
    found = [
        torch.cdist(part.float(), others.float()).amin(dim=1) for part in torch.split(points, 256)
    ]
    return torch.cat(found)
