"""What is read back from JSON, as the type that was written."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from al.contracts import Verdict
from al.errors import StateError
from al.state import read_as

WHOLE = Verdict(True, "misses the KPI", "accuracy", 0.5, (0.25, 0.75), kpi=1)


def test_what_was_written_comes_back_as_its_type() -> None:
    assert read_as(Verdict, json.dumps(asdict(WHOLE)), "verdict.json") == WHOLE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "invalid JSON: EOF"),
        ("[" * 100_000, "invalid JSON: recursion limit exceeded"),
        ('{"a":' * 100_000, "invalid JSON: recursion limit exceeded"),
        ("[]", "input should be an object"),
        (json.dumps({**asdict(WHOLE), "retrain": 1}), "a valid boolean at retrain"),
        (json.dumps({**asdict(WHOLE), "why": None}), "a valid string at why"),
        (json.dumps({**asdict(WHOLE), "samples": True}), "a valid integer at samples"),
        (json.dumps({**asdict(WHOLE), "interval": [0, "x"]}), r"a valid number at interval\.1"),
        (json.dumps({"retrain": True, "why": "x"}), "field required at metric"),
    ],
)
def test_another_shape_is_one_line_that_says_where(text: str, says: str) -> None:
    with pytest.raises(StateError, match=says) as caught:
        read_as(Verdict, text, "verdict.json")
    assert str(caught.value).startswith("verdict.json is damaged (")
    assert "\n" not in str(caught.value)


def test_a_dict_of_anything_may_hold_what_is_no_number() -> None:
    found = read_as(dict[str, Any], '{"a": NaN, "b": [1, {"c": null}]}', "memory.json")
    assert found["b"] == [1, {"c": None}]
    assert found["a"] != found["a"]
