"""What is told of two learning curves."""

from __future__ import annotations

from al.report import Curve, ahead, where_ahead

MINE = Curve.of("margin", [10, 20, 30], [0.5, 0.8, 0.9])
OTHER = Curve.of("random", [10, 20], [0.5, 0.6])


def test_a_curve_that_has_gone_on_is_held_against_another_where_both_were_last() -> None:
    gain = ahead(MINE, OTHER, lower=False)
    assert gain is not None
    assert round(gain, 6) == 0.2
    assert where_ahead(MINE, OTHER) == " at 20 labels"
    assert where_ahead(OTHER, MINE) == ""


def test_curves_that_never_had_as_many_labels_are_not_compared() -> None:
    other = Curve.of("random", [11], [0.5])
    assert ahead(MINE, other, lower=True) is None
    assert where_ahead(MINE, other) == ""
