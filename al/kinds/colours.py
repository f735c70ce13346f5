"""Colours that labels are drawn in."""

from __future__ import annotations

#: Colours of classes, in their order; then they begin anew.
COLOURS = (
    (230, 60, 60), (60, 140, 240), (70, 190, 80), (240, 170, 40), (170, 90, 220), (40, 190, 190),
)  # fmt: skip


def of_class(position: int) -> tuple[int, int, int]:
    """Red, green and blue of a class, 0 to 255."""
    return COLOURS[position % len(COLOURS)]
