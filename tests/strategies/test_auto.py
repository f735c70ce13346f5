"""The strategy that chooses for the user."""

from __future__ import annotations

import numpy as np
import pytest

from al.strategies import build
from tests.views import view


@pytest.mark.parametrize(
    ("labels", "size", "has_model", "chosen"),
    [
        (0, 5, False, "typiclust: there is no model yet"),
        (8, 5, True, "uherding: it covers while labels are few, and asks by margin later"),
        (40, 5, True, "uherding: it covers while labels are few, and asks by margin later"),
        (8, 30, True, "badge: a query of 30 wants diversity"),
    ],
)
def test_it_chooses_by_model_and_size_and_says_why(
    labels: int, size: int, has_model: bool, chosen: str
) -> None:
    over = view(0, 60, labels, has_model=has_model)
    picks = build("auto(big=30)")(over, size, np.random.default_rng(0))
    assert picks.why == f"auto chose {chosen}"
    name = chosen.partition(":")[0]
    alone = build(name)(over, size, np.random.default_rng(0))
    assert picks.positions.tolist() == alone.positions.tolist()
    assert set(picks.reasons) == {name}


@pytest.mark.parametrize(
    ("labels", "chosen"),
    [
        (19, "typiclust: 19 labels are fewer than 5 for each of 4 classes"),
        (20, "igs: 20 labels are 5 or more for each of 4 classes"),
    ],
)
def test_other_kinds_are_asked_about_by_typical_samples_until_labels_suffice(
    labels: int, chosen: str
) -> None:
    over = view(0, 60, labels, kind="number")
    picks = build("auto")(over, 5, np.random.default_rng(0))
    assert picks.why == f"auto chose {chosen}"
