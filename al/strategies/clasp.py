"""Power noise on entropy, shared among the classes."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.errors import ConfigError
from al.kinds import Trait
from al.strategies import gumbel
from al.strategies.ranking import needs, reads


@strategies.register("clasp")
@needs(Trait.BACKGROUND)
@reads("probabilities", "entropy.classes", "entropy.mean")
def clasp(
    view: PoolView,
    query_size: int,
    rng: np.random.Generator,
    *,
    share: float = 0.66,
    beta: float = 1.0,
) -> Picks:
    """Asks for a share of the query class by class, the rest by entropy; each drawn with noise.

    weight_c(x) = s_c(x)^β with s_c(x) the mean over the pixels of H[p] p(c): the share is parted
    evenly among the classes but the background (class 0), and each class draws its part by its
    own weight; the rest is drawn by weight(x) = (mean over the pixels of H[p])^β. All without
    replacement. So that no class goes without labels, and no query consists of images that are
    alike.

    After ClaSP PE (2026, arXiv 2601.13677), of 3D patches, which anneals its noise over the
    cycles; here β is fixed, as with `power`, and a sample is an image. Which classes get one
    more where the share does not part evenly is drawn. Does not know its propensities. Reads
    H[p] p(c) [N, C] and H[p] [N]; O(N C) time and memory.
    """
    apart = view.measured("entropy", "classes")[:, 1:].T  # [C − 1, N]
    weights = [*apart, view.measured("entropy", "mean")]
    names = [*(f"clasp: {name}" for name in view.classes[1:]), "clasp: entropy"]
    counts = _parts(query_size, share, len(apart), rng)
    left = np.arange(len(view.ids))
    positions, scores, reasons = list[np.ndarray](), list[np.ndarray](), list[str]()
    for weight, name, count in zip(weights, names, counts, strict=True):
        if not (count := min(count, len(left))):
            continue
        drawn = gumbel.draw(gumbel.powers(weight[left].astype(np.float64), beta), count, rng)
        positions.append(left[drawn.positions])
        scores.append(drawn.scores)
        reasons += [name] * len(drawn.positions)
        left = np.delete(left, drawn.positions)
    return Picks(np.concatenate(positions), np.concatenate(scores), tuple(reasons))


def _parts(query_size: int, share: float, classes: int, rng: np.random.Generator) -> list[int]:
    """How many each class draws, and how many entropy does."""
    each, more = divmod(round(share * query_size), classes)
    counts = np.full(classes, each)
    counts[rng.permutation(classes)[:more]] += 1
    return [*counts.tolist(), query_size - int(counts.sum())]


def _check(*, share: float = 0.66, beta: float = 1.0) -> None:
    if not 0 <= share <= 1:
        raise ConfigError(f"clasp: share={share:g}: give a share from 0 to 1")
    gumbel.check(None, beta=beta)


clasp.check = _check
