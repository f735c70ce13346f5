"""What was seen of the data, by column."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from al.contracts import Kept, Seen
from al.state import as_json, changed_labels

IDS = [f"s{number}" for number in range(5)]
LABELS = st.sampled_from([None, "cat", "dog", 0.0, -0.0, 1, True, 1.0, ["a"], ["b", "a"]])
KEPT = st.builds(Kept, st.sampled_from("xy"), LABELS, st.sampled_from(["s0", "s1", "moved"]))
SEEN = st.dictionaries(st.sampled_from(IDS), KEPT)


def label_of(kept: Kept) -> str:
    return json.dumps(kept)


@settings(max_examples=200, deadline=None)
@given(SEEN, SEEN)
def test_what_is_otherwise_is_what_a_look_at_each_sample_finds(
    now: dict[str, Kept], before: dict[str, Kept]
) -> None:
    slow = [id for id in now if id not in before or label_of(now[id]) != label_of(before[id])]
    assert Seen.of(now).otherwise(Seen.of(before)) == slow


@settings(max_examples=200, deadline=None)
@given(SEEN, st.data())
def test_so_it_is_where_ids_stand_in_the_same_order(
    before: dict[str, Kept], data: st.DataObject
) -> None:
    now = {id: data.draw(st.one_of(st.just(kept), KEPT)) for id, kept in before.items()}
    slow = [id for id in now if label_of(now[id]) != label_of(before[id])]
    assert Seen.of(now).otherwise(Seen.of(before)) == slow


@settings(max_examples=200, deadline=None)
@given(SEEN, SEEN, st.lists(st.sampled_from(IDS), unique=True))
def test_changed_labels_are_those_that_json_writes_otherwise(
    before: dict[str, Kept], now: dict[str, Kept], ids: list[str]
) -> None:
    was = {id: before[id].label if id in before else None for id in ids}
    slow = {
        id: now[id].label
        for id in sorted(was)
        if id in now and now[id].label is not None and as_json(now[id].label) != as_json(was[id])
    }
    found = changed_labels(Seen.of(before), Seen.of(now), ids)
    assert (list(found), as_json(found)) == (list(slow), as_json(slow))
    assert as_json(changed_labels(before, now, ids)) == as_json(slow)  # whatever mapping it is


@given(SEEN)
def test_columns_are_the_mapping_that_they_were_made_of(seen: dict[str, Kept]) -> None:
    columns = Seen.of(seen)
    assert dict(columns) == seen
    assert columns == seen
    assert list(columns) == list(seen)
    assert ("s9" in columns, len(columns)) == (False, len(seen))
