"""Where who answers may see what the model believes: one rule for all annotators."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from al.annotators.page import Page
from al.annotators.page.log import AnswerLog
from al.annotators.showing import shown_ranks
from al.contracts import AUDIT, DOUBTED, SECOND, DataLoader, Query
from al.data import ArrayLoader
from al.kinds import kind_named

MODEL = "models:/m/3"


def data() -> DataLoader:
    ids = [f"s{number}" for number in range(9)]
    found = ArrayLoader(ids, np.zeros((9, 2)), np.zeros(9, int), ["cat", "dog"], ids[-1:])
    found.freeze(found.propose_splits(2, 0))
    return found


def query(
    ids: tuple[str, ...],
    reasons: tuple[str, ...],
    chance: float | None = None,
    covers: bool = False,
) -> Query:
    many = len(ids)
    return Query(
        ids, (0.0,) * many, reasons, (chance,) * many, "margin", MODEL, ("dog",) * many,
        (0.8,) * many, ((("dog", 0.8), ("cat", 0.2)),) * many, covers=covers,
    )  # fmt: skip


@given(
    reasons=st.lists(st.sampled_from([AUDIT, DOUBTED, SECOND, "margin", "explore"]), max_size=6),
    chance=st.none() | st.floats(0.01, 1.0),
    covers=st.booleans(),
)
def test_no_guess_is_shown_of_what_counts_in_an_estimate_or_is_a_second_opinion(
    reasons: list[str], chance: float | None, covers: bool
) -> None:
    found = data()
    ids = found.ids("train")[: len(reasons)]
    asked = query(ids, tuple(reasons), chance, covers)
    shown = shown_ranks(asked, found)
    for rank, reason in enumerate(reasons):
        counts = reason in (AUDIT, DOUBTED) or (covers and chance is not None)
        assert (rank in shown) == (not counts and reason != SECOND)
    assert not shown_ranks(replace(asked, predicted=()), found)


def test_no_guess_is_shown_of_validation_and_test() -> None:
    found = data()
    ids = (found.ids("val")[0], found.ids("test")[0], found.ids("train")[0])
    assert shown_ranks(query(ids, ("margin",) * 3), found) == {2}


@pytest.mark.parametrize("suggest", ["on", "off"])
def test_a_suggestion_is_written_with_what_is_asked_and_only_where_it_may_be_shown(
    suggest: str, tmp_path: Path
) -> None:
    found = data()
    page = Page(found, "c", {"folder": str(tmp_path), "suggest": suggest})
    ids = found.ids("train")[:3]
    asked = query(ids, ("margin", AUDIT, SECOND))
    page.request(asked)
    page.request(asked)
    kept = AnswerLog(tmp_path).suggestions()
    assert list(kept) == ([(ids[0], False)] if suggest == "on" else [])
    assert not [s for s in kept.values() if (s.label, s.confidence, s.model) != ("dog", 0.8, MODEL)]


def test_the_likeliest_classes_come_first_and_are_as_many_as_there_are_keys() -> None:
    shares = np.array([0.02, 0.5, 0.02, 0.3, *[0.02] * 8])
    classes = [f"c{number}" for number in range(len(shares))]
    found = kind_named("class").likely(classes, shares)
    assert [name for name, _ in found[:4]] == ["c1", "c3", "c0", "c2"]
    assert len(found) == 9
    assert kind_named("number").likely(classes, shares) == ()
