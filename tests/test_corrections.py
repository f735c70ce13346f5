"""What labels that were written into the data later say, by hand."""

from __future__ import annotations

from typing import Any

from al.contracts import Answer, Answers, Kept, Query
from al.state import LabelTable
from al.state.corrections import changed_labels, of_copies, with_written
from al.state.rows import GIVEN


def kept(**labels: Any) -> dict[str, Kept]:
    """What each id holds, by its first letter, and its label."""
    return {id: Kept(id[0], label, id) for id, label in labels.items()}


def test_a_label_has_changed_where_the_data_says_another_now() -> None:
    before = kept(a="cat", b="cat", c=None, d="cat", gone="cat")
    now = kept(a="cat", b="dog", c="dog", d=None, new="cat")
    asked = ["new", "a", "b", "c", "d", "gone", "never"]
    assert changed_labels(before, now, asked) == {"b": "dog", "c": "dog", "new": "cat"}


def test_copies_of_which_the_data_says_nothing_have_what_it_says_now_of_their_content() -> None:
    ids = ("a1", "a2", "a3", "b1", "b2", "b3", "c1")
    query = Query(ids, (0.5,) * 7, ("margin",) * 7, (None,) * 7, "margin", "none")
    answers = tuple(Answer(id, "cat", "anna", "2026-01-01") for id in ids)
    labels = LabelTable().with_answers(Answers(answers), query, 1)
    now = kept(a1="dog", a2=None, a3="cat", b1="dog", b2="bird", b3=None, c1=None)
    changed = {"a1": "dog", "b1": "dog", "b2": "bird"}
    # a3 has a label of its own, and b1 and b2 contradict each other
    assert of_copies(labels, changed, now) == {"a2": "dog"}


def test_what_is_written_counts_and_what_says_the_same_changes_nothing() -> None:
    ids = ("a", "b", "c")
    query = Query(ids, (0.5,) * 3, ("margin",) * 3, (None,) * 3, "margin", "none")
    answers = tuple(Answer(id, "cat", "anna", "2026-01-01") for id in ids[:2])
    labels = LabelTable().with_answers(Answers(answers, waiting=("c",)), query, 1)
    written = with_written(
        labels, {"a": "dog", "b": "cat", "c": "cow", "x": "cat"}, 2, "2026-02-02"
    )
    rows = written.frame.set_index("id")
    assert rows["label"].tolist() == ['"dog"', '"cat"', '"cow"']
    assert rows["annotator"].tolist() == [GIVEN, "anna", GIVEN]
    assert [bool(text) for text in rows["before"]] == [True, False, False]
    assert (rows.loc["c", "status"], rows.loc["c", "collected"]) == ("answered", 2)
    assert with_written(labels, {"b": "cat", "x": "cat"}, 2, "2026-02-02") is labels
