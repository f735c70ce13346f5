"""Samples that were moved or renamed are the same by what they hold."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from al.contracts import Kept
from al.data.identity import known_as

SAMPLES = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["x", "y", None]), st.integers(0, 12)),
    max_size=12,
    unique_by=lambda sample: sample[2],
).map(lambda rows: [Kept(content, label, f"n{name}") for content, label, name in rows])


def ids_of(found: list[Kept], known: dict[str, Kept], keep: Any = ()) -> dict[str, Kept]:
    """The samples by their ids."""
    renamed = known_as(found, known, keep)
    ids = {renamed.get(sample.name, sample.name): sample for sample in found}
    assert len(ids) == len(found)  # no two have one id
    return ids


@settings(max_examples=200, deadline=None)
@given(SAMPLES, SAMPLES, SAMPLES, st.randoms(use_true_random=False))
def test_a_content_that_is_there_again_keeps_an_id_whatever_it_is_called_and_in_any_order(
    first: list[Kept], second: list[Kept], third: list[Kept], random: Any
) -> None:
    known: dict[str, Kept] = {}
    for found in (first, second, third):
        ids = ids_of(found, known)
        shuffled = list(found)
        random.shuffle(shuffled)
        assert ids_of(shuffled, known) == ids
        assert ids_of(found, ids) == ids  # nothing has changed, so nothing changes
        for content in "abcdef":
            was = {id for id, kept in known.items() if kept.content == content}
            now = {id for id, kept in ids.items() if kept.content == content}
            assert len(was & now) == min(len(was), len(now))
        known = ids


def test_a_moved_sample_keeps_its_id_and_another_that_takes_its_place_gets_a_new_one() -> None:
    known = {"inbox/1.jpg": Kept("aaaaaaaaaaaa", None, "inbox/1.jpg")}
    moved = Kept("aaaaaaaaaaaa", "cat", "train/cat/1.jpg")
    new = Kept("bbbbbbbbbbbb", None, "inbox/1.jpg")
    ids = ids_of([moved, new], known)
    assert ids == {"inbox/1.jpg": moved, "inbox/1.jpg#bbbbbbbb": new}
    assert ids_of([moved, new], ids) == ids
    assert ids_of([new], known) == {"inbox/1.jpg": new}  # one that was edited stays the same


def test_of_copies_each_is_known_by_name_and_label_and_what_is_kept_stays_longest() -> None:
    known = {"a": Kept("c", "x", "a"), "b": Kept("c", "y", "b")}
    swapped = [Kept("c", "y", "a"), Kept("c", "x", "b")]  # rows of a table in another order
    assert ids_of(swapped, known) == {"b": swapped[0], "a": swapped[1]}
    corrected = [Kept("c", "y", "a"), Kept("c", "y", "b")]
    assert ids_of(corrected, known) == {"a": corrected[0], "b": corrected[1]}
    left = [Kept("c", "y", "b")]
    assert set(ids_of(left, known)) == {"b"}
    assert set(ids_of(left, known, {"a"})) == {"a"}
