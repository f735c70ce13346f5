"""Entities in Label Studio: places in texts, in whatever unit they are counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from al.annotators.label_studio.project import config, form_of
from al.annotators.label_studio.spans import span_of
from al.contracts import DataSpec
from al.errors import AnnotatorError, LabelError
from tests.studios import Samples, query_of

SPEC = DataSpec(("PER", "LOC"), (16, 10), "int32", "entities")
TEXT = "👩🏾‍🚒 Zoë met 東京 \n in 𝒟-town"


def units(text: str, at: int) -> int:
    """A place in code points as one in UTF-16 code units."""
    return len(text[:at].encode("utf-16-le")) // 2


def result(start: int, end: int, *labels: str, **more: Any) -> dict[str, Any]:
    value = {"start": start, "end": end, "labels": list(labels), **more}
    return {"from_name": "label", "to_name": "sample", "type": "labels", "value": value}


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), st.data())
def test_what_was_marked_is_found_whether_code_points_were_counted_or_utf_16_units(
    text: str, data: Any
) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    quoted = text[start:end]
    points = {"start": start, "end": end, "text": quoted}
    assert span_of(points, text) == (start, end)
    found = span_of({**points, "start": units(text, start), "end": units(text, end)}, text)
    # where both readings hold the same words, the first one counts
    assert " ".join(text[slice(*found)].split()) == " ".join(quoted.split())


def test_an_emoji_before_an_entity_moves_it_in_neither_way_of_counting() -> None:
    start = TEXT.index("Zoë")
    assert units(TEXT, start) == start + 3
    for place in (start, units(TEXT, start)):
        assert span_of({"start": place, "end": place + 3, "text": "Zoë"}, TEXT) == (
            start,
            start + 3,
        )


def test_space_and_ends_of_lines_may_come_back_as_a_browser_has_them() -> None:
    start, end = TEXT.index("東京"), TEXT.index("-town")
    assert span_of({"start": start, "end": end, "text": "東京 \\n in 𝒟"}, TEXT) == (start, end)


@pytest.mark.parametrize(
    ("results", "says"),
    [
        ([result(0, 3, "PER", text="Bob")], "'Bob' there and .* in the sample: mark it again"),
        ([result("/div[1]/text()[1]", 3, "PER")], "marked in HTML: show people the sample by a "),  # type: ignore[arg-type]
        ([result(0, 4, "PER"), result(3, 6, "LOC")], "entities at 0–4 and 3–6 overlap"),
        ([result(0, 4, "ORG")], "'ORG' is not a class"),
        ([result(0, 4, "PER", "LOC")], "a shape has 2 labels"),
    ],
)
def test_what_is_no_label_is_refused_in_a_line(results: Any, says: str) -> None:
    form = form_of(config(SPEC, "text"), SPEC, "text")
    with pytest.raises(LabelError, match=says) as caught:
        form.label(results, TEXT)
    assert "\n" not in str(caught.value)


def test_entities_come_in_their_order_in_whichever_they_were_marked() -> None:
    form = form_of(config(SPEC, "text"), SPEC, "text")
    places = [(one["start"], one["end"]) for one in form.label([result(9, 12, "PER"),
              result(0, 4, "LOC")], TEXT)]  # fmt: skip
    assert places == [(0, 4), (9, 12)]
    assert form.label([], TEXT) == []


def test_entities_are_marked_in_texts_alone() -> None:
    with pytest.raises(AnnotatorError, match="entities are marked in texts; this task shows a "):
        config(SPEC, "image")
    html = config(SPEC, "text").replace("<Text ", "<HyperText ")
    with pytest.raises(AnnotatorError, match="'sample' is HyperText: make it Text"):
        form_of(html, SPEC, "text")


def test_overlapping_entities_name_the_person_and_the_task(studio: Any) -> None:
    data = Samples("entities")
    annotator = studio.annotator(data)
    query = query_of(data, 2)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    task = crowd.tasks()[0]
    places = [{"start": s, "end": s + 3, "label": "place"} for s in (0, 2)]
    crowd.answer(task, "ann", places)
    says = rf"ann@example.com on sample .*\?task={task['id']}\): entities at 0–3 and 2–5 overlap"
    with pytest.raises(LabelError, match=says):
        annotator.collect(query)
