"""What a user says of how the page looks: suggestions, instructions, what a number is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from al.errors import ConfigError

#: The options, with their help lines.
OPTIONS = {
    "suggest": "show the model's guess where the sample counts in no estimate: on or off; off, "
    "as people accept what they see",
    "instructions": "a Markdown file that says how to answer, shown beside the samples",
    "range": "of numbers, as LOW..HIGH: others are asked for twice, and a slider is shown",
    "unit": "of numbers, like kg",
}
#: Most bytes of instructions.
LONGEST = 200_000


@dataclass(frozen=True)
class Look:
    """How the page looks.

    Attributes:
        instructions: the file, read anew each time it is asked for.
        range: of numbers, lowest and highest.
    """

    suggest: bool = False
    instructions: Path | None = None
    range: tuple[float, float] | None = None
    unit: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Look:
        """As the options say.

        Raises:
            ConfigError: one says nothing that can be done.
        """
        suggest = given.get("suggest", "off")
        if suggest not in ("on", "off"):
            raise ConfigError(f"annotator 'page': suggest={suggest!r}: choose on or off")
        path = Path(given["instructions"]) if given.get("instructions") else None
        if path is not None:
            _read(path)
        low_high = _range(given["range"]) if given.get("range") else None
        return cls(suggest == "on", path, low_high, given.get("unit", ""))

    def guide(self) -> str:
        """The instructions by now; "" where there are none, or none any more."""
        try:
            return "" if self.instructions is None else _read(self.instructions)
        except ConfigError:
            return ""


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise ConfigError(
            f"annotator 'page': instructions={path} cannot be read ({what}): give a Markdown file"
        ) from None
    if len(content) > LONGEST:
        raise ConfigError(
            f"annotator 'page': instructions={path} is too long: give up to {LONGEST // 1000} kB"
        )
    return text


def _range(text: str) -> tuple[float, float]:
    low, dots, high = text.partition("..")
    try:
        found = float(low), float(high)
    except ValueError:
        found = math.nan, math.nan
    if not (dots and math.isfinite(found[1] - found[0]) and found[0] < found[1]):
        raise ConfigError(f"annotator 'page': range={text!r}: give LOW..HIGH, like 0..100")
    return found
