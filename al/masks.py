"""Masks as labels: run lengths that JSON can say, exact to the pixel."""

from __future__ import annotations

from typing import Any

import numpy as np

from al.errors import LabelError

#: Value of a pixel of which nobody knows the class, as in Pascal VOC and Cityscapes.
VOID = 255


def encode_mask(mask: np.ndarray) -> dict[str, Any]:
    """A mask of class positions [H, W] as `{"size": [H, W], "runs": [class, length, …]}`.

    Runs go along the rows, from the top left corner to the bottom right one.
    """
    flat = np.asarray(mask).ravel()
    starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]]) if len(flat) else np.empty(0, int)
    lengths = np.diff(np.r_[starts, len(flat)])
    runs = np.stack([flat[starts], lengths], axis=1).ravel()
    return {"size": [int(side) for side in mask.shape], "runs": [int(value) for value in runs]}


def decode_mask(label: Any, classes: int, *, void: bool = False) -> np.ndarray:
    """The mask that a label stands for, uint8 [H, W].

    Args:
        void: whether pixels may be `VOID`.

    Raises:
        LabelError: it is not a mask, or holds a value that is not one of so many classes.
    """
    try:
        height, width = (int(side) for side in label["size"])
        runs = np.asarray(label["runs"], dtype=np.int64).reshape(-1, 2)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise LabelError('a mask is {"size": [H, W], "runs": [class, length, …]}') from None
    values, lengths = runs[:, 0], runs[:, 1]
    # Long runs are seen one by one, as their sum may be more than 64 bits hold.
    wrong = (lengths < 1) | (lengths > height * width)
    if height < 1 or width < 1 or wrong.any() or lengths.sum() != height * width:
        raise LabelError(f"the runs of a mask fill {lengths.sum()} of {height} × {width} pixels")
    known = ((values >= 0) & (values < classes)) | (void & (values == VOID))
    if not known.all():
        strange = values[~known][0]
        raise LabelError(f"a mask holds {strange}, which is not one of the {classes} classes")
    return np.repeat(values.astype(np.uint8), lengths).reshape(height, width)
