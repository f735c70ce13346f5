"""Query strategies: how the Data Selector chooses. One file each, needing numpy and torch only.

A strategy is a plain function of a lazy view of the pool, the query's size and a generator;
see `docs/add-a-strategy.md`. `build` makes one from a text like `margin(10x) > k_center`.
`ArrayView` lets them run by themselves, over arrays in memory.
"""

from al.strategies.arrays import ArrayView
from al.strategies.expression import build
from al.strategies.links import check_kind, check_reads
from al.strategies.ranking import by_measure, by_score, certain, needs, of_kinds, reads, top

__all__ = [
    "ArrayView",
    "build",
    "by_measure",
    "by_score",
    "certain",
    "check_kind",
    "check_reads",
    "needs",
    "of_kinds",
    "reads",
    "top",
]
