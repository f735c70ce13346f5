"""Query strategies: how the Data Selector chooses. One file each, needing numpy and torch only.

A strategy is a plain function of a lazy view of the pool, the query's size and a generator;
see `docs/add-a-strategy.md`.
"""

from al.strategies.ranking import by_score, top

__all__ = ["by_score", "top"]
