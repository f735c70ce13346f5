"""Pictures in SVG that take their colours from the page: they suit light, dark and paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup, escape

#: Of a picture and of what lies left, right, above and below the axes, in units of its own.
WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 14, 44


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from low to high, at most so many."""
    span = high - low
    if not span > 0:
        return [low]
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    found = [first * step]
    while found[-1] + step <= high + 1e-9 * span:
        found.append(found[-1] + step)
    return [round(value, 12) for value in found]


def widened(low: float, high: float, by: float = 0.06) -> tuple[float, float]:
    """A range with some room around it, which is never empty."""
    reach = (high - low) * by or max(abs(high), 1.0) * by
    return low - reach, high + reach


class Plot:
    """A picture with two axes.

    Args:
        x, y: ranges of the axes.
        names: what stands at both axes.
        x_marks: texts at places of the x axis, instead of numbers.
        bare: no numbers at the axes, for places that mean nothing by themselves.
        rows: what stands above each other has labels of its own, so the y axis has no marks.
    """

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        names: tuple[str, str],
        *,
        x_marks: Sequence[tuple[float, str]] | None = None,
        width: int = WIDTH,
        height: int = HEIGHT,
        bottom: int = BOTTOM,
        bare: bool = False,
        rows: bool = False,
    ) -> None:
        self.x, self.y, self.size = x, y, (width, height)
        self._bottom = bottom
        self._parts: list[str] = []
        self._series: list[tuple[int, str, bool]] = []
        self._axes(names, [] if bare else x_marks, unmarked=bare or rows)

    def at(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Where a point is, in units of the picture."""
        wide, high = self.size
        along = (np.asarray(x, float) - self.x[0]) / (self.x[1] - self.x[0])
        up = (np.asarray(y, float) - self.y[0]) / (self.y[1] - self.y[0])
        return (
            LEFT + along * (wide - LEFT - RIGHT),
            high - self._bottom - up * (high - self._bottom - TOP),
        )

    def line(
        self, xs: Any, ys: Any, series: int, name: str = "", *, dashed: bool = False,
        marks: bool = True,
    ) -> None:  # fmt: skip
        """A line through points, which belongs to a series: its colour, and its legend."""
        places = [(x, y) for x, y in zip(*self.at(xs, ys), strict=True) if math.isfinite(y)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        kind = f"line s{series}" + (" dashed" if dashed else "")
        self._parts.append(f'<polyline class="{kind}" points="{path}"/>')
        if marks:
            self._parts += [
                f'<circle class="mark s{series}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
                for x, y in places
            ]
        if name:
            self._series.append((series, name, dashed))

    def band(self, xs: Any, lows: Any, highs: Any, series: int) -> None:
        """What lies between two lines."""
        across, down = self.at(xs, lows)
        up = self.at(xs, highs)[1]
        there = [*zip(across, down, strict=True), *zip(across[::-1], up[::-1], strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in there)
        self._parts.append(f'<polygon class="band s{series}" points="{path}"/>')

    def points(
        self, xs: Any, ys: Any, series: int, name: str = "", *, size: float = 2.5,
        titles: Sequence[str] = (), kind: str = "dot",
    ) -> None:  # fmt: skip
        """Points, which may have a text each that shows under the pointer."""
        shown = [*titles] or [""] * len(xs)
        for x, y, title in zip(*self.at(xs, ys), shown, strict=True):
            inside = f"<title>{escape(title)}</title>" if title else ""
            self._parts.append(
                f'<circle class="{kind} s{series}" cx="{x:.1f}" cy="{y:.1f}" r="{size}">'
                f"{inside}</circle>"
            )
        if name:
            self._series.append((series, name, False))

    def bar(
        self, x: tuple[float, float], y: tuple[float, float], series: int, title: str = ""
    ) -> None:
        """A rectangle between two places on each axis."""
        (left, right), (low, high) = self.at(x, y)
        self._parts.append(
            f'<rect class="bar s{series}" x="{left:.1f}" y="{min(low, high):.1f}" '
            f'width="{max(right - left, 0.5):.1f}" height="{abs(low - high):.1f}">'
            f"<title>{escape(title)}</title></rect>"
        )

    def named(self, series: int, name: str) -> None:
        """A row of the legend."""
        self._series.append((series, name, False))

    def rule(self, *, y: float | None = None, x: float | None = None, text: str = "") -> None:
        """A thin line across, with a text at its end."""
        ends = (self.x, (y, y)) if y is not None else ((x, x), self.y)
        (x1, x2), (y1, y2) = self.at(*ends)
        self._parts.append(
            f'<line class="rule" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
        )
        if text:
            self._parts.append(
                f'<text class="tick" x="{x2 - 4:.1f}" y="{min(y1, y2) - 4:.1f}" '
                f'text-anchor="end">{escape(text)}</text>'
            )

    def label(self, x: float, y: float, text: str) -> None:
        """A text that begins at a point."""
        across, up = self.at(x, y)
        self._parts.append(
            f'<text class="value" x="{across:.1f}" y="{up:.1f}">{escape(text)}</text>'
        )

    def slope(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A thin straight line from point to point."""
        (x1, x2), (y1, y2) = self.at((start[0], end[0]), (start[1], end[1]))
        self._parts.append(
            f'<line class="rule" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
        )

    def svg(self, what: str) -> Markup:
        """The picture with its legend; `what` says to those who do not see it what it shows."""
        wide, high = self.size
        picture = (
            f'<svg viewBox="0 0 {wide} {high}" role="img" aria-label="{escape(what)}">'
            + "".join(self._parts)
            + "</svg>"
        )
        return Markup(picture) + self._legend()  # every text in it was escaped

    def _legend(self) -> Markup:
        rows = [
            Markup('<span><i class="s{}{}"></i>{}</span>').format(
                series, " dashed" if dashed else "", name
            )
            for series, name, dashed in self._series
        ]
        return (
            Markup('<div class="legend">{}</div>').format(Markup("").join(rows))
            if rows
            else (Markup(""))
        )

    def _axes(
        self, names: tuple[str, str], x_marks: Sequence[tuple[float, str]] | None, *, unmarked: bool
    ) -> None:
        wide, high = self.size
        floor = high - self._bottom
        for value in () if unmarked else ticks(*self.y):
            y = self.at(self.x[0], value)[1]
            self._parts.append(
                f'<line class="grid" x1="{LEFT}" x2="{wide - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                f"{value:g}</text>"
            )
        marks = [(v, f"{v:,g}") for v in ticks(*self.x)] if x_marks is None else x_marks
        for value, text in marks:
            x = self.at(value, self.y[0])[0]
            self._parts.append(
                f'<text class="tick" x="{x:.1f}" y="{floor + 16}" text-anchor="middle">'
                f"{escape(text)}</text>"
            )
        across, up = names
        self._parts.append(
            f'<line class="axis" x1="{LEFT}" x2="{wide - RIGHT}" y1="{floor}" y2="{floor}"/>'
            f'<text class="name" x="{(LEFT + wide - RIGHT) / 2}" y="{high - 6}" '
            f'text-anchor="middle">{escape(across)}</text>'
            f'<text class="name" transform="rotate(-90)" x="{-(TOP + floor) / 2}" y="13" '
            f'text-anchor="middle">{escape(up)}</text>'
        )
