"""Whether what was read from a file has the shape that was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from al.errors import StateError


def check_shape(content: Any, shape: Any, name: str, at: str = "") -> None:
    """Refuse content of another shape.

    Args:
        shape: a type, a tuple of types, a list of one shape for each of many, or a mapping from
            names, all of which have to be there and no others.
        name: of the file, for the message.

    Raises:
        StateError: says what is wrong, and where.
    """
    where = f" at {at}" if at else ""
    if isinstance(shape, Mapping):
        if not isinstance(content, Mapping):
            raise StateError(f"{name} is damaged (no object{where}): restore it")
        for key in [*shape, *content]:
            if key not in content or key not in shape:
                what = "lacks" if key not in content else "has an unknown"
                raise StateError(f"{name} is damaged ({what} {key!r}{where}): restore it")
        for key, inner in shape.items():
            check_shape(content[key], inner, name, f"{at}.{key}".lstrip("."))
    elif isinstance(shape, list):
        if not isinstance(content, list):
            raise StateError(f"{name} is damaged (no list{where}): restore it")
        for place, item in enumerate(content):
            check_shape(item, shape[0], name, f"{at}[{place}]")
    else:
        wanted = shape if isinstance(shape, tuple) else (shape,)
        strange = isinstance(content, bool) and bool not in wanted
        if strange or not isinstance(content, wanted):
            raise StateError(f"{name} is damaged (another kind of value{where}): restore it")
