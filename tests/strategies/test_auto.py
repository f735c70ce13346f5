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
        (19, 5, True, "typiclust: 19 labels are fewer than 5 for each of 4 classes"),
        (20, 5, True, "margin: 20 labels are 5 or more for each of 4 classes"),
        (20, 30, True, "badge: a query of 30 wants diversity"),
    ],
)
def test_it_chooses_by_labels_and_size_and_says_why(
    labels: int, size: int, has_model: bool, chosen: str
) -> None:
    over = view(0, 60, labels, has_model=has_model)
    picks = build("auto(big=30)")(over, size, np.random.default_rng(0))
    assert picks.why == f"auto chose {chosen}"
    name = chosen.partition(":")[0]
    alone = build(name)(over, size, np.random.default_rng(0))
    assert picks.positions.tolist() == alone.positions.tolist()
    assert set(picks.reasons) == {name}
