"""The pool is derived once for a labelled set, and is what its definition says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from al.pipeline.cycle import begin_cycle
from al.pipeline.driving import advance
from al.pipeline.opening import open_session
from al.pipeline.pools import KEPT, Pools, unasked

IDS = st.lists(st.text("abc", min_size=1, max_size=2), unique=True).map(sorted)


@given(IDS, st.frozensets(st.text("abc", max_size=2)), st.none() | st.frozensets(st.text("abc")))
def test_the_pool_is_who_can_be_asked_and_was_not(
    ids: list[str], asked: frozenset[str], known: frozenset[str] | None
) -> None:
    slow = sorted((set(ids) if known is None else set(ids) & known) - asked)
    assert list(unasked(ids, asked, known)) == slow


def test_a_pool_is_derived_anew_for_other_objects_alone() -> None:
    pools, derived = Pools(), list[int]()
    labels = [object() for _ in range(KEPT + 1)]

    def of(number: int) -> Callable[[], tuple[str, ...]]:
        return lambda: (derived.append(number), (str(number),))[1]

    for _ in range(3):
        assert pools.of((labels[0], None), of(0)) == ("0",)
        assert pools.of((labels[1], None), of(1)) == ("1",)
    assert derived == [0, 1]
    assert pools.of((labels[0], labels[1]), of(2)) == ("2",)
    assert pools.of((labels[0], None), of(3)) == ("3",)  # no longer kept
    assert derived == [0, 1, 2, 3]


def test_a_session_tells_the_pool_of_its_labels_after_each_cycle(client: Any) -> None:
    given_ = {"task": "digits", "query_size": 10, "cycles": 3, "epochs": 2, "baseline": "none"}
    session = open_session({**given_, "report": "off"})
    pools = []
    for _ in range(3):
        assert advance(begin_cycle(session))
        slow = [id for id in session.data.ids("train") if id not in session.state.labels.asked]
        assert list(session.pool) == slow
        assert session.pool is session.pool
        assert session.contents is session.contents
        pools.append(len(session.pool))
    assert pools == sorted(pools, reverse=True)
    assert len(set(pools)) == 3
    assert session.driver is not None
    session.driver.release()
