"""The page served by a process of its own, which a test can kill.

python -m tests.page_process FOLDER KIND
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from al.annotators.page import Page
from al.contracts import DataLoader, DataSpec, Preview, Query
from al.data import ArrayLoader
from al.errors import LabelError
from al.progress import printed
from al.tasks.digits import Digits

#: At the end of a kind: people may name classes.
GROWS = "+"
NASTY = '<img src=x onerror="document.title=1">&amp; "quoted"\nsecond line'


class Many(ArrayLoader):
    """Short texts in 77 classes."""

    def __init__(self) -> None:
        ids = [f"text-{number}" for number in range(9)]
        classes = [f"class_{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(76)]
        classes += ["card_arrival"]
        super().__init__(ids, np.zeros((9, 2)), np.zeros(9, int), classes, ids[-1:])

    def preview(self, id: str) -> Preview:
        return Preview(text=NASTY)


class Several(ArrayLoader):
    """Rows with several classes each."""

    def __init__(self) -> None:
        ids = [f"row-{number}" for number in range(9)]
        super().__init__(ids, np.ones((9, 3)), np.zeros(9, int), ["wet", "red", "old"], ids[-1:])
        self.spec = DataSpec(self.spec.classes, (3,), "float64", "labels")

    def check_label(self, label: Any) -> None:
        if not isinstance(label, list) or not set(label) <= set(self.spec.classes):
            raise LabelError(f"{label!r} is no list of classes")


class Numbers(Several):
    """Rows with a number each."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = DataSpec((), (3,), "float64", "number")

    def check_label(self, label: Any) -> None:
        if not isinstance(label, (int, float)):
            raise LabelError(f"{label!r} is no number")


def made(kind: str) -> DataLoader:
    kind = kind.removesuffix(GROWS)
    kinds: dict[str, Any] = {"many": Many, "several": Several, "numbers": Numbers}
    return Digits().data() if kind == "digits" else kinds[kind]()


def page(folder: str, kind: str, asked: int = 5) -> tuple[Page, Query]:
    """A page, with a query asked."""
    data = made(kind)
    found = Page(data, "c", {"folder": folder})
    found.new_classes = "grow" if kind.endswith(GROWS) else "refuse"
    ids = data.ids("train")[:asked]
    count = len(ids)
    query = Query(ids, (0.0,) * count, ("margin",) * count, (None,) * count, "margin", "none")
    found.request(query)
    return found, query


if __name__ == "__main__":
    with printed():
        page(sys.argv[1], sys.argv[2])[0].serve()
