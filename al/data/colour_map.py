"""Masks in colours: of which class each colour is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from al.data.images import digest
from al.errors import ConfigError, DataError

#: A colour among values of masks is this and its red, green and blue, a byte each.
COLOUR = 1 << 24
#: Pixels that are looked up at a time, so that large masks take little more than themselves.
_BLOCK = 1 << 20
_WRITTEN = re.compile(r"#[0-9a-fA-F]{6}")


def colour_of(text: object) -> int | None:
    """A colour as a value: #ff8000, or the list of its red, green and blue; None of all else."""
    if isinstance(text, str) and _WRITTEN.fullmatch(text):
        return COLOUR + int(text[1:], 16)
    if isinstance(text, Sequence) and not isinstance(text, str) and len(text) == 3:
        red, green, blue = (int(band) for band in text)
        if min(red, green, blue) >= 0 and max(red, green, blue) <= 255:
            return COLOUR + (red << 16 | green << 8 | blue)
    return None


def written(colour: int) -> str:
    """A colour as #ff8000."""
    return f"#{colour % COLOUR:06x}"


@dataclass(frozen=True)
class ColourMap:
    """Colours in the order of the values 0, 1, … that stand for them.

    Attributes:
        colours: as they are written, #ff8000, each once.
    """

    colours: tuple[str, ...]

    @property
    def name(self) -> str:
        """Tells maps apart."""
        return digest("".join(self.colours).encode())[:8]

    def values(self, image: np.ndarray) -> np.ndarray:
        """The value of each pixel, uint16 [H, W].

        Args:
            image: uint8 [H, W, 3].

        Raises:
            DataError: it holds another colour; the message is the reason alone.
        """
        known = np.array([int(colour[1:], 16) for colour in self.colours])
        order = np.argsort(known)
        found, strange, first = np.empty(image.shape[:2], np.uint16), 0, ""
        for row in range(0, len(image), rows := max(1, _BLOCK // max(1, image.shape[1]))):
            packed = packed_of(image[row : row + rows])
            at = np.searchsorted(known[order], packed).clip(max=len(known) - 1)
            found[row : row + rows] = order[at]
            others = packed[known[order[at]] != packed]
            strange += len(others)
            first = first or "".join(written(int(other)) for other in others[:1])
        if strange:
            raise DataError(f"{strange} pixels of colours that belong to no class, {first} first")
        return found


def packed_of(image: np.ndarray) -> np.ndarray:
    """Red, green and blue [H, W, 3] as one number a pixel."""
    bands = image.astype(np.int64)
    return bands[..., 0] << 16 | bands[..., 1] << 8 | bands[..., 2]


@dataclass(frozen=True)
class Asked:
    """What a user says of the values of masks, with values in place of colours."""

    named: Mapping[int, str] | None
    background: str
    ignore: str
    colours: ColourMap | None


def asked(named: Mapping[int, str] | None, background: str, ignore: str) -> Asked:
    """What a user says, with the values that stand for colours where classes have some.

    Raises:
        ConfigError: some classes have colours and some have none.
    """
    coloured = [value for value in named or () if value >= COLOUR]
    if not coloured or named is None:
        return Asked(named, background, ignore, None)
    if len(coloured) < len(named):
        other = next(value for value in named if value < COLOUR)
        raise ConfigError(
            f"classes has the colour {written(coloured[0])} and the value {other}: give each "
            "class a colour"
        )
    more = [f"#{text[1:].lower()}" for text in _WRITTEN.findall(f"{background},{ignore}")]
    colours = tuple(dict.fromkeys([*map(written, coloured), *more]))
    place = {colour: str(value) for value, colour in enumerate(colours)}

    def as_values(text: str) -> str:
        return _WRITTEN.sub(lambda found: place[found[0].lower()], text)

    names = {int(place[written(value)]): name for value, name in named.items()}
    return Asked(names, as_values(background), as_values(ignore), ColourMap(colours))
