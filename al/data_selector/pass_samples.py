"""Which samples the rows of a pass are of: a file of them, and its digest, which names the pass."""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from al.contracts import DataLoader
from al.whole import whole_file

#: Samples of a line.
LINE = 4096
#: The latest digest, with the very objects that it is of: a million ids take a second.
_latest: deque[tuple[Sequence[str], Sequence[str], str]] = deque(maxlen=1)


def samples_digest(data: DataLoader) -> str:
    """Identity of the training samples and of what lies behind them; 16 hexadecimal digits."""
    ids = data.ids("train")
    prints = data.fingerprints(ids)
    for known in tuple(_latest):
        if known[0] is ids and known[1] is prints:
            return known[2]
    digest = hashlib.sha256()
    for line in _lines(ids, prints):
        digest.update(line)
    _latest.append((ids, prints, digest.hexdigest()[:16]))
    return digest.hexdigest()[:16]


def write_samples(file: Path, data: DataLoader) -> None:
    """Write the file of a pass in `…/MODEL/DIGEST/`; where that of another model lies beside it,
    it is the same file.

    Raises:
        OSError: it cannot be written.
    """
    for other in file.parents[2].glob(f"*/{file.parent.name}/{file.name}"):
        with suppress(OSError):  # trimmed just now, or no links here
            os.link(other, file)
            return
    ids = data.ids("train")
    with whole_file(file) as opened:
        opened.writelines(_lines(ids, data.fingerprints(ids)))


def read_samples(file: Path) -> tuple[list[str], list[str]]:
    """Ids of a pass's rows, and what lay behind them.

    Raises:
        OSError, ValueError, RecursionError: the file is gone or damaged.
    """
    ids: list[str] = []
    prints: list[str] = []
    with file.open("rb") as opened:
        for line in opened:
            more, marks = json.loads(line)
            ids += more
            prints += marks
    return ids, prints


def _lines(ids: Sequence[str], prints: Sequence[str]) -> Iterator[bytes]:
    for start in range(0, len(ids), LINE):
        cut = slice(start, start + LINE)
        yield json.dumps([ids[cut], list(prints[cut])]).encode() + b"\n"
