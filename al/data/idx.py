"""Files of arrays of bytes, the format of MNIST."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from al.data.arrays import ArrayLoader
from al.data.files import fetch
from al.errors import DataError


def idx_data(
    folder: str, url: str, files: Mapping[str, str], classes: Sequence[str]
) -> ArrayLoader:
    """A published data set in four files; ids count within training and test images.

    Args:
        folder, url: where the files are; see `fetch`.
        files: SHA-256 by name: training images and labels, test images and labels.

    Raises:
        DataError: a file is corrupt, or missing and cannot be downloaded.
    """
    train, train_labels, test, test_labels = (
        read_idx(fetch(folder, name, url + name, sha256)) for name, sha256 in files.items()
    )
    ids = [f"train-{n:05d}" for n in range(len(train))]
    test_ids = [f"test-{n:05d}" for n in range(len(test))]
    return ArrayLoader(
        ids + test_ids,
        np.concatenate([train, test]),
        np.concatenate([train_labels, test_labels]),
        classes,
        test_ids,
    )


def read_idx(path: Path) -> np.ndarray:
    """The array in a gzipped IDX file, the format of MNIST.

    Raises:
        DataError: the file is not in the IDX format, or cut short.
    """
    try:
        content = gzip.decompress(path.read_bytes())
        zeros, kind, dimensions = struct.unpack_from(">HBB", content)
        shape = struct.unpack_from(f">{dimensions}I", content, 4)
    except (OSError, EOFError, struct.error, zlib.error) as error:
        raise DataError(f"{path} is not a gzipped IDX file ({error}): fetch it again") from error
    if zeros != 0 or kind != 8:
        raise DataError(f"{path} is no IDX file of bytes: fetch it again")
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions)
    if values.size != int(np.prod(shape)):
        raise DataError(f"{path} is cut short: fetch it again")
    return values.reshape(shape)
