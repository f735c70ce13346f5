"""Which samples of a query are shown with what the model believes of them."""

from __future__ import annotations

from al.contracts import DataLoader, Query


def shown_ranks(query: Query, data: DataLoader) -> frozenset[int]:
    """Ranks of the samples whose guess may be shown to who answers, see `Query.may_show`; none
    of validation and test, which measure the model."""
    measured = {*data.ids("val"), *data.ids("test")}
    return frozenset(
        rank
        for rank, id in enumerate(query.ids)
        if query.may_show(rank) and id not in measured
    )  # fmt: skip
