"""Which values in masks are of which class, and which are of none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from al.contracts import DataSpec
from al.data.colour_map import colour_of
from al.data.places import find
from al.data.reading import names_in, read_text
from al.errors import ConfigError, DataError, did_you_mean
from al.kinds import kind_of
from al.masks import VOID

#: Files beside masks that say what values mean; the third is Roboflow's, the last CVAT's.
FILES = ("classes.json", "classes.txt", "_classes.csv", "labelmap.txt")
#: Names that a background class usually has, where none was named.
BACKGROUND = ("background", "_background_", "__background__", "bg")
_VALUED = re.compile(r"\s*(\d+|#[0-9a-fA-F]{6})\s*[=,;:\t ]\s*(.*\S)\s*")
_CVAT = re.compile(r"([^:]+):(\d+),(\d+),(\d+)(:.*)?")


@dataclass(frozen=True)
class Legend:
    """What values mean.

    Attributes:
        names: the classes, the background first where there is one.
        positions: of the class that each value is of.
        ignored: values of pixels that are of no known class.
    """

    names: tuple[str, ...]
    positions: Mapping[int, int]
    ignored: tuple[int, ...]
    background: bool

    def strange(self, values: Iterable[int]) -> list[int]:
        """Values that mean nothing."""
        return [v for v in values if v not in self.positions and v not in self.ignored]

    def table(self) -> np.ndarray:
        """The position of the class of each value, or `VOID`: uint8 [65536]."""
        found = np.full(65536, VOID, np.uint8)
        for value, position in self.positions.items():
            found[value] = position
        return found

    def details(self) -> dict[str, object]:
        """What a spec keeps of it."""
        return {"values": {str(v): p for v, p in self.positions.items()},
                "ignored": list(self.ignored), "void": True}  # fmt: skip

    @classmethod
    def of(cls, spec: DataSpec) -> Legend:
        """What a spec kept."""
        positions = {int(value): place for value, place in spec.details["values"].items()}
        ignored = tuple(spec.details["ignored"])
        return cls(spec.classes, positions, ignored, kind_of(spec).first > 0)


def legend_of(
    found: Sequence[int], named: Mapping[int, str] | None, background: str, ignore: str
) -> Legend:
    """The legend of masks.

    Args:
        found: values that there are, ascending.
        named: names of values; None to call each class by its value.
        background: name or value of the class that nobody looks for, none, or auto by its name.
        ignore: values or names that stand for what is not known, separated by commas; or none.

    Raises:
        ConfigError: a parameter names what is not there.
        DataError: fewer than two classes, or too many.
    """
    names = dict(named) if named is not None else {value: str(value) for value in found}
    by_name = {name: value for value, name in reversed(names.items())}

    def value_of(text: str, parameter: str) -> int:
        if text in by_name:
            return by_name[text]
        if text.isdecimal() and int(text) <= 65535:
            return int(text)
        near = did_you_mean(text, by_name)
        raise ConfigError(f"{parameter}={text} is not a value or class of the masks: {near}")

    ignored = {value_of(text, "ignore") for text in names_in(ignore)}
    names = {value: name for value, name in sorted(names.items()) if value not in ignored}
    order = list(dict.fromkeys(names.values()))
    if background == "auto":
        first = next((name for name in order if name.lower() in BACKGROUND), None)
    elif background == "none":
        first = None
    else:
        first = names.get(value_of(background, "background"))
        if first is None:
            raise ConfigError(
                f"background={background} is not a class: {did_you_mean(background, order)}"
            )
    if first is not None:
        order = [first, *(name for name in order if name != first)]
    if len(order) < 2 or len(order) > VOID:
        raise DataError(
            f"the masks hold {len(order)} classes ({', '.join(order[:3]) or 'none'}): give masks "
            f"of 2 to {VOID}"
        )
    positions = {value: order.index(name) for value, name in names.items()}
    return Legend(tuple(order), positions, tuple(sorted(ignored)), first is not None)


def names_given(text: str, root: Path) -> tuple[Mapping[int, str] | None, str]:
    """Names of values as a user gives them, and the file that they are from, "" where none.

    What value a colour is `al.data.colour_map.colour_of` says.

    Args:
        text: the parameter `classes`: names in the order of values 0, 1, … or `VALUE=NAME`,
            separated by commas, a value being a number or a colour, #ff8000; a file of names;
            or none, for a file beside the masks, if there is.

    Raises:
        DataError: a file that is none.
    """
    if text == "none":
        file = next((root / name for name in FILES if (root / name).is_file()), None)
        return (None, "") if file is None else (_in_file(file), file.name)
    if re.search(r"\.(txt|json|csv)$", text):
        file = root / text if (root / text).is_file() else find(text, folder=False, name="classes")
        return _in_file(file), file.name
    return _numbered(names_in(text)), ""


def classes_named(text: str, root: Path | None = None) -> tuple[str, ...]:
    """The classes that the parameter `classes` names; () where it names none.

    Args:
        root: where a file of names may lie beside the data.
    """
    named = names_given(text, root or Path())[0] if text != "none" else None
    return tuple(dict.fromkeys((named or {}).values()))


def _in_file(file: Path) -> dict[int, str]:
    try:
        if file.suffix != ".json":
            lines = [line for line in read_text(file).splitlines() if line.strip()]
            parts = [_CVAT.fullmatch(line) for line in lines if not line.startswith("# ")]
            if parts and all(parts):
                return {_value(part.groups()[1:4]): part[1].strip() for part in parts if part}
            return _numbered(lines)
        found = json.loads(read_text(file))
        if isinstance(found, list):
            return _numbered([str(name) for name in found])
        if all(key.isdecimal() or colour_of(key) is not None for key in found):
            return {_value(key): str(name) for key, name in found.items()}
        return {_value(value): str(name) for name, value in found.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise DataError(
            f"{file} holds no names of classes ({error}): write one a line, or value=name"
        ) from None


def _value(text: Any) -> int:
    """A value as a number; a colour as `colour_of` has it.

    Raises:
        ValueError: it is neither.
    """
    colour = colour_of(text)
    if colour is None and isinstance(text, list | tuple):
        raise ValueError(f"{text} is not a colour")
    return int(text) if colour is None else colour


def _numbered(entries: Sequence[str]) -> dict[int, str]:
    """Names by value: as they say it, all or none, or in their order from 0."""
    pairs = [_VALUED.fullmatch(line) for line in entries]
    if len(pairs) > 1 and pairs[0] is None and all(pairs[1:]):
        pairs = pairs[1:]  # a header
    known = [pair for pair in pairs if pair]
    if known and len(known) == len(pairs):
        return {_value(pair[1]): pair[2] for pair in known}
    return {value: name.strip() for value, name in enumerate(entries)}
