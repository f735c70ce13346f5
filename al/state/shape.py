"""What is read back from JSON, as the type that was written; another shape is one line."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from al.errors import StateError

T = TypeVar("T")

_reader: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def read_as(kind: type[T], text: str | bytes, name: str) -> T:
    """JSON, as an object of a type: a dataclass, or a dict of what.

    A value is never turned into another kind of value; what a later version added is passed over.

    Args:
        name: of the file, for the message.

    Raises:
        StateError: says what is wrong, and where.
    """
    try:
        found: T = _reader(kind).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        what = first["msg"][0].lower() + first["msg"][1:] + (f" at {where}" if where else "")
        raise StateError(f"{name} is damaged ({what}): restore it") from None
    return found


def as_written(value: Any) -> Any:
    """An object as `read_as` reads it back, in plain values under the names of the file."""
    return _reader(type(value)).dump_python(value, by_alias=True)
