"""Greedy sampling on the inputs."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.arrays import ArrayView
from al.strategies.k_center import k_center
from al.strategies.ranking import reads


@strategies.register("gsx")
@reads("features")
def gsx(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for what is farthest from everything labelled or asked for, in the raw inputs.

    Greedy: pick argmax_n min_{m ∈ labelled ∪ picked} ‖x_n − x_m‖₂, repeat; with nothing
    labelled, the first pick is the sample nearest to the mean. The score of a pick is that
    distance. `k_center` does the same with embeddings where there is a model.

    Wu, Lin and Huang (2019), Active learning for regression using greedy sampling (GSx, after
    Yu and Kim 2010). Reads `view.features` [N, F], which a Data Loader should bring to one
    scale; needs no model. Costs what `k_center` costs.
    """
    inputs = ArrayView(
        view.ids,
        features=view.features,
        labelled=ArrayView(view.labelled.ids, features=view.labelled.features)
        if view.labelled.ids
        else None,
    )
    return k_center(inputs, query_size, rng)
