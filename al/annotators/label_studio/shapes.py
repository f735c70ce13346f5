"""Brush strokes, polygons and boxes as pixels, and pixels as brush strokes; exact to the pixel.

A brush stroke comes as the run lengths of @thi.ng/rle-pack over the bytes of an RGBA image:

    32 bits   number of words                       5 bits   bits of a word, less 1
    4 × 4     bits of a length, less 1, of each of four kinds
    then, until there are enough words:
    1 bit     a run (1) or words as they are (0)
    2 bits    which kind of length                  n bits   the length, less 1
    one word of the run, or as many words as the length says

Edges are antialiased: a pixel is painted where its alpha is above 127.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from al.errors import LabelError

#: Bits of the four kinds of length that we write; 16 hold the longest runs.
_LENGTHS = (3, 4, 8, 16)
_LONGEST = 1 << _LENGTHS[-1]
_HEAD = 32 + 5 + 4 * 4


def decode_brush(rle: Sequence[int], height: int, width: int) -> np.ndarray:
    """The pixels that a stroke paints, bool [H, W].

    Raises:
        LabelError: the code is cut short, or of another size.
    """
    try:
        data = bytes(rle)
    except (TypeError, ValueError):
        raise LabelError(
            "a brush stroke is not a list of bytes: annotate the sample again"
        ) from None
    bits = len(data) * 8

    def read(at: int, count: int) -> int:
        if at + count > bits:
            raise LabelError("a brush stroke is cut short: annotate the sample again")
        last = at + count + 7 >> 3
        word = int.from_bytes(data[at >> 3 : last], "big")
        return word >> (last * 8 - at - count) & (1 << count) - 1

    total, word_bits = read(0, 32), read(32, 5) + 1
    lengths = [read(37 + 4 * kind, 4) + 1 for kind in range(4)]
    if total != height * width * 4 or word_bits != 8:
        raise LabelError(
            f"a brush stroke holds {total} words of {word_bits} bits, not the RGBA of "
            f"{height} × {width} pixels: annotate the sample again"
        )
    loose = np.unpackbits(np.frombuffer(data, np.uint8))
    words = np.empty(total, np.uint8)
    at, done = _HEAD, 0
    while done < total:
        run, kind = read(at, 1), read(at + 1, 2)
        count = read(at + 3, lengths[kind]) + 1
        at += 3 + lengths[kind]
        end = min(done + count, total)
        if run:
            words[done:end] = read(at, 8)
            at += 8
        else:
            read(at, 8 * (end - done))  # they are there
            words[done:end] = np.packbits(loose[at : at + 8 * (end - done)])
            at += 8 * count
        done = end
    return words.reshape(height, width, 4)[..., 3] > 127


def encode_brush(mask: np.ndarray) -> list[int]:
    """The pixels of a mask, bool [H, W], as a stroke that paints them and nothing else."""
    flat = np.asarray(mask, bool).ravel()
    starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
    counts = np.diff(np.r_[starts, flat.size]) * 4
    full = (counts - 1) // _LONGEST  # runs too long for one length are split
    values = np.repeat(np.where(flat[starts], 255, 0), full + 1)
    runs = np.full(values.size, _LONGEST)
    runs[np.cumsum(full + 1) - 1] = counts - full * _LONGEST
    kind = np.searchsorted([1 << n for n in _LENGTHS], runs)
    sizes = np.asarray(_LENGTHS)[kind]
    codes = (((4 | kind) << sizes | runs - 1) << 8) | values  # 1, kind, length, word
    return list(np.packbits(np.r_[_head(flat.size * 4), _bits(codes, 3 + sizes + 8)]).tobytes())


def _head(words: int) -> np.ndarray:
    return _bits(np.array([words, 7, *(n - 1 for n in _LENGTHS)]), np.array([32, 5, 4, 4, 4, 4]))


def _bits(codes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Numbers as bits, each in as many as its size says, one after the other."""
    left = np.repeat(np.cumsum(sizes), sizes) - np.arange(sizes.sum()) - 1
    return (np.repeat(codes.astype(np.int64), sizes) >> left & 1).astype(np.uint8)


def fill_polygon(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """The pixels whose centre lies in a polygon, bool [H, W].

    Args:
        points: [N, 2], x and y in pixels; even-odd where the outline crosses itself.
    """
    painted = np.zeros((height, width + 1), bool)
    x, y = points[:, 0], points[:, 1]
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    for x0, y0, x1, y1 in zip(x, y, next_x, next_y, strict=True):
        # Rows whose centre is at or after the upper end and before the lower one: an end that
        # two edges share counts once.
        low, high = sorted((y0, y1))
        first, last = max(int(np.ceil(low - 0.5)), 0), min(int(np.ceil(high - 0.5)), height)
        if last <= first:
            continue
        rows = np.arange(first, last)
        crossing = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
        columns = np.clip(np.ceil(crossing - 0.5), 0, width).astype(int)
        painted[rows, columns] ^= True  # in or out from here to the right
    return np.logical_xor.accumulate(painted[:, :width], axis=1)


def hull(box: Sequence[float], rotation: float) -> list[float]:
    """The upright box around one that is turned, in degrees, about its top left corner."""
    x, y, width, height = box
    if not rotation:
        return [x, y, width, height]
    angle = np.deg2rad(rotation)
    along = np.array([np.cos(angle), np.sin(angle)]) * width
    down = np.array([-np.sin(angle), np.cos(angle)]) * height
    corners = np.array([x, y]) + np.array([[0, 0], along, down, along + down])
    low, high = corners.min(axis=0), corners.max(axis=0)
    return [float(value) for value in (*low, *(high - low))]
