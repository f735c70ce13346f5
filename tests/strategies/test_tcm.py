"""TypiClust until there are enough labels, then margin."""

from __future__ import annotations

import numpy as np
import pytest

from al.errors import ConfigError
from al.strategies import build
from tests.views import view


@pytest.mark.parametrize(
    ("text", "labels", "has_model", "chosen"),
    [
        ("tcm", 0, False, "typiclust: there is no model yet"),
        ("tcm", 40, False, "typiclust: there is no model yet"),
        ("tcm", 19, True, "typiclust: 19 labels are fewer than 5 for each of 4 classes"),
        ("tcm", 20, True, "margin: 20 labels are 5 or more for each of 4 classes"),
        ("tcm(switch=2)", 8, True, "margin: 8 labels are 2 or more for each of 4 classes"),
        ("tcm(switch=0)", 0, True, "margin: 0 labels are 0 or more for each of 4 classes"),
    ],
)
def test_it_switches_at_so_many_labels_a_class_and_says_so(
    text: str, labels: int, has_model: bool, chosen: str
) -> None:
    over = view(0, 60, labels, has_model=has_model)
    picks = build(text)(over, 10, np.random.default_rng(0))
    assert picks.why == f"tcm asks by {chosen}"
    name = chosen.partition(":")[0]
    alone = build(name)(over, 10, np.random.default_rng(0))
    assert picks.positions.tolist() == alone.positions.tolist()
    assert picks.scores.tolist() == alone.scores.tolist()
    assert set(picks.reasons) == {name}


@pytest.mark.parametrize(
    ("text", "says"), [("tcm(switch=-1)", "give 0 or more"), ("tcm(over='most')", "over")]
)
def test_what_makes_no_sense_is_reported_before_anything_starts(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        build(text)
