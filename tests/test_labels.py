"""The label table: late answers, corrections, votes, second opinions."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.contracts import SECOND, Answer, Answers, Query
from al.errors import StateError
from al.state import LabelTable
from al.state.many import PIECES, labels_in, pairs_digest, texts_of


def query(*ids: str, model: str = "models:/m/1", why: str = "margin") -> Query:
    count = len(ids)
    return Query(ids, (0.5,) * count, (why,) * count, (0.25,) * count, why, model, covers=True)


def answer(id: str, label: Any, who: str = "anna", when: str = "2026-01-01", **more: Any) -> Answer:
    return Answer(id, label, who, when, **more)


@pytest.fixture
def late() -> LabelTable:
    """One of two answers of cycle 1 came in cycle 2."""
    first = LabelTable().with_answers(Answers((answer("a", "cat"),)), query("a", "b"), 1)
    both = Answers((answer("b", "dog"), answer("c", "cat")))
    return first.with_answers(both, query("c", model="models:/m/2"), 2)


def test_a_late_answer_keeps_what_was_said_when_it_was_asked_for(late: LabelTable) -> None:
    row = late.frame.set_index("id").loc["b"]
    assert (row["cycle"], row["model"], row["rank"], row["propensity"]) == (
        1,
        "models:/m/1",
        1,
        0.25,
    )
    assert row["collected"] == 2
    assert late.ids == ("a", "b", "c")


def test_what_is_waited_for_is_never_asked_again_and_has_no_label() -> None:
    table = LabelTable().with_answers(Answers((answer("a", "cat"),)), query("a", "b"), 1)
    assert table.asked == {"a", "b"}
    assert table.ids == ("a",)
    assert list(table.waiting["id"]) == ["b"]
    with pytest.raises(StateError, match="'b' was answered twice"):
        table.with_answers(Answers(), query("b"), 2)


def test_a_correction_keeps_what_the_label_was_by_whom_and_when(late: LabelTable) -> None:
    found = late.with_corrections([answer("a", "dog", "bob", "2026-02-02", seconds=3.0)], 3)
    row = found.frame.set_index("id").loc["a"]
    assert (json.loads(row["label"]), row["annotator"], row["answered_at"]) == (
        "dog", "bob", "2026-02-02",
    )  # fmt: skip
    assert json.loads(row["before"]) == [
        {"label": "cat", "annotator": "anna", "answered_at": "2026-01-01", "until_cycle": 3}
    ]
    assert (row["cycle"], row["collected"], row["rank"]) == (1, 1, 0)
    assert found.ids == late.ids
    assert found.digest != late.digest
    again = found.with_corrections([answer("a", "cat")], 4)
    assert len(json.loads(again.frame["before"][0])) == 2
    assert again.digest == late.digest


def test_a_correction_that_says_the_same_changes_nothing(late: LabelTable) -> None:
    assert late.with_corrections([answer("a", "cat", "bob")], 3).frame.equals(late.frame)


def test_a_skipped_sample_that_is_answered_after_all_gets_its_label() -> None:
    table = LabelTable().with_answers(Answers(skipped=("a",)), query("a"), 1)
    assert table.collected == {"a": None}
    found = table.with_corrections([answer("a", "cat")], 2)
    assert found.collected == {"a": "cat"}
    assert found.frame["collected"][0] == 2


@pytest.mark.parametrize("id", ["b", "z"])
def test_a_correction_of_what_was_never_answered_is_refused(id: str) -> None:
    table = LabelTable().with_answers(Answers((answer("a", "cat"),)), query("a", "b"), 1)
    with pytest.raises(StateError, match=f"'{id}' was corrected but never answered"):
        table.with_corrections([answer(id, "cat")], 2)


def test_all_votes_are_kept_where_several_people_answered() -> None:
    votes = (answer("a", "cat", "anna", seconds=2.0), answer("a", "dog", "bob", seconds=5.0))
    table = LabelTable().with_answers(Answers((votes[0],), votes=votes), query("a"), 1)
    assert [v["annotator"] for v in json.loads(table.frame["votes"][0])] == ["anna", "bob"]
    assert table.seconds == 7.0
    assert table.paid == 1


def test_a_second_opinion_counts_and_both_answers_are_kept() -> None:
    first = Answers((answer("a", "cat", seconds=1.0), answer("b", "cat", seconds=1.0)))
    table = LabelTable().with_answers(first, query("a", "b"), 1)
    asked = table.with_answers(Answers(waiting=("a", "b")), query("a", "b", why=SECOND), 2)
    assert list(asked.waiting["strategy"]) == [SECOND, SECOND]
    assert asked.collected == {"a": "cat", "b": "cat"}
    second = Answers((answer("a", "dog", "bob", seconds=4.0),), skipped=("b",))
    found = asked.with_answers(second, query(), 3)
    assert not len(found.waiting)
    assert found.collected == {"a": "dog", "b": "cat"}
    assert [v["label"] for v in json.loads(found.frame["votes"][0])] == ["cat", "dog"]
    assert json.loads(found.frame["before"][0])[0]["label"] == "cat"
    assert (found.paid, found.seconds) == (3, 6.0)
    assert (found.frame["cycle"] == 1).all()


def test_a_class_called_again_is_no_second_opinion() -> None:
    votes = (answer("a", "again", "anna"), answer("a", "again", "bob"))
    table = LabelTable().with_answers(Answers((votes[0],), votes=votes), query("a"), 1)
    asked = table.with_answers(Answers(waiting=("a",)), query("a", why=SECOND), 2)
    assert list(asked.waiting["id"]) == ["a"]


NAMES = st.sampled_from("abcdefgh")


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.lists(NAMES, unique=True), st.lists(NAMES)), max_size=5))
def test_whatever_comes_when_each_sample_has_one_row_and_changes_can_be_replayed(
    cycles: list[tuple[list[str], list[str]]],
) -> None:
    table = LabelTable()
    for number, (asked, answered) in enumerate(cycles, start=1):
        new = query(*[id for id in asked if id not in table.asked])
        open_ids = {*new.ids, *table.waiting["id"]}
        back = [answer(id, f"{id}{number}") for id in dict.fromkeys(answered) if id in open_ids]
        fixes = [answer(id, f"{id}{number}") for id in answered if id in table.collected]
        after = table.with_corrections(fixes, number).with_answers(
            Answers(tuple(back)), new, number
        )
        assert after.asked == table.asked | set(new.ids)
        assert set(after.ids) == set(table.ids) | {a.id for a in back}
        assert not after.frame["id"].duplicated().any()
        assert table.updated(after.since(table)).frame.equals(after.frame)
        assert list(after.frame["cycle"]) == sorted(after.frame["cycle"])
        table = after


def slow_updated(table: LabelTable, new: LabelTable) -> pd.DataFrame:
    """The rows of one table, those of the other in their places, and then the others."""
    rows = {row["id"]: row for row in table.frame.to_dict("records")}
    rows |= {row["id"]: row for row in new.frame.to_dict("records")}
    return LabelTable(pd.DataFrame(list(rows.values()))).frame if rows else LabelTable().frame


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_table_that_grows_is_what_all_its_rows_say(data: st.DataObject) -> None:
    draw, table = data.draw, LabelTable()
    for cycle in (1, 2, 3):
        ids = [
            f"{cycle}{letter}" for letter in draw(st.lists(st.sampled_from("abcde"), unique=True))
        ]
        before, known = table, table.asked
        back = [id for id in [*ids, *table.waiting["id"]] if draw(st.booleans())]
        table = table.with_answers(
            Answers(tuple(answer(i, "cat") for i in back)), query(*ids), cycle
        )
        since = table.since(before)
        assert set(since.frame["id"]) == {*ids, *back}
        assert slow_updated(before, since).equals(table.frame)
        assert before.updated(since).frame.equals(table.frame)
        assert table.since(table).frame.empty
        assert table.asked == known | set(ids) == set(table.frame["id"])
        shuffled = LabelTable(before.frame.iloc[::-1])  # rows in another order are the same rows
        assert set(table.since(shuffled).frame["id"]) == {*ids, *back}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(max_size=4), st.sampled_from(['"a"', '"\\u00e4"', '["b", "c"]', "1.5"])),
        max_size=5,
        unique_by=lambda pair: pair[0],
    ),
    st.booleans(),
)
def test_the_digest_is_that_of_the_sorted_pairs_in_json(
    pairs: list[tuple[str, str]], many: bool
) -> None:
    pairs += [(f"row-{number * 7919 % 1009}", '"a"') for number in range(100 if many else 0)]
    text = json.dumps(sorted(pairs))
    ids, labels = (pd.Series([pair[at] for pair in pairs], dtype="str") for at in (0, 1))
    assert pairs_digest(ids, labels) == hashlib.sha256(text.encode()).hexdigest()[:32]


def test_texts_that_lie_in_many_pieces_are_brought_together() -> None:
    table = LabelTable()
    for number in range(PIECES + 5):
        table = table.with_answers(Answers((answer(f"s{number}", "cat"),)), query(f"s{number}"), 1)
    assert list(table.frame["id"]) == [f"s{number}" for number in range(PIECES + 5)]
    assert set(table.labels) == {"cat"}
    assert table.frame.dtypes.equals(LabelTable().frame.dtypes)


def test_labels_that_can_be_changed_are_nobody_elses() -> None:
    first, second, *rest = labels_in(['["a"]', '["a"]', '"b"', "", "1"])
    assert first == second == ["a"]
    assert first is not second
    assert rest == ["b", None, 1]


@given(st.lists(st.one_of(st.none(), st.text(max_size=2), st.integers(), st.lists(st.text()))))
def test_labels_come_back_from_their_texts(labels: list[Any]) -> None:
    assert labels_in(texts_of(labels)) == labels
