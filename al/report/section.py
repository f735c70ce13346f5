"""What a section is, and the pieces of HTML that sections are made of; every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

#: Units of time with their seconds, the longest first, and how those are written that have signs.
UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))
SHORT = {"hours": "h", "minutes": "min", "seconds": "s"}


def plus(validation: int) -> str:
    """What models are judged by, in words beside a number of labels.

    Args:
        validation: samples put aside for it; none with `validation=folds`.
    """
    return f"plus {validation:,} for validation" if validation else "validated by folds"


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        name: of its files, and where links lead.
        figures: what its pictures show, as a table each: written as NAME.csv beside the report.
        pictures: PNG files by name.
    """

    name: str
    title: str
    body: Markup
    figures: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def join(parts: Sequence[Any]) -> Markup:
    """Pieces one after the other."""
    return Markup("\n").join(parts)


def p(text: Any, kind: str = "") -> Markup:
    """A paragraph; `kind` is "note" for small print."""
    return Markup('<p class="{}">{}</p>').format(kind, text)


def figure(picture: Markup, caption: Any, *, wide: bool = False) -> Markup:
    """A picture with what it shows."""
    shape = "wide" if wide else ""
    return Markup('<figure class="{}">{}<figcaption>{}</figcaption></figure>').format(
        shape, picture, caption
    )


def grid(*parts: Any) -> Markup:
    """Pieces beside each other, where there is room."""
    cells = [Markup("<div>{}</div>").format(part) for part in parts if part]
    return Markup('<div class="grid">{}</div>').format(join(cells))


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], texts: int = 1) -> Markup:
    """A table whose first columns are texts and the others numbers, on the right.

    Args:
        texts: columns of text at the left; those after them are numbers.
    """

    def cell(name: str, place: int, value: Any) -> Markup:
        kind = "" if place < texts else ' class="n"'
        return Markup(f"<{name}{kind}>{{}}</{name}>").format(value)

    def row(name: str, values: Sequence[Any]) -> Markup:
        cells = [cell(name, place, value) for place, value in enumerate(values)]
        return Markup("<tr>{}</tr>").format(Markup("").join(cells))

    body = join([row("td", values) for values in rows])
    return Markup(
        '<div class="scroll"><table><thead>{}</thead><tbody>{}</tbody></table></div>'
    ).format(row("th", heads), body)


def details(title: str, body: Any) -> Markup:
    """What is shown when somebody asks for it, and on paper."""
    return Markup("<details><summary>{}</summary>{}</details>").format(title, body)


def breakable(text: str) -> Markup:
    """A text that may go on in the next line after an underscore, as names of classes are long."""
    return escape(text).replace("_", Markup("_<wbr>"))


def counted(number: int, what: str) -> str:
    """A number of things in words: 1 label, 2 labels."""
    return f"{number:,} {what if number == 1 else f'{what}s'}"


def unit_of(seconds: float) -> tuple[str, int]:
    """The unit in which a span of time reads well, and its seconds."""
    return next((unit for unit in UNITS if seconds >= 2 * unit[1]), UNITS[-1])


def lasting(seconds: float) -> str:
    """A span of time in the unit that suits it."""
    name, size = unit_of(seconds)
    value = seconds / size
    digits = 1 if value < 10 else 0
    return f"{value:.{digits}f} {SHORT.get(name, name)}"


def dated(seconds: float) -> str:
    """A moment, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


__all__ = [
    "Markup", "Section", "breakable", "counted", "dated", "details", "escape", "figure", "grid",
    "join", "lasting", "p", "table", "unit_of",
]  # fmt: skip
