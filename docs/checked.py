"""docs/checked.md: what `al check-data` says of awkward files and of the built-in tasks.

python -m docs.checked     writes the page anew; built-in tasks need their data in AL_DATA_DIR
"""

from __future__ import annotations

import contextlib
import csv
import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from al.catalog import tasks
from al.data import delimited
from al.errors import AlError
from al.pipeline.data_check import data_lines

PAGE = Path(__file__).with_name("checked.md")
ROWS = 60
#: Tasks that need data of one's own.
OWN = {
    "table", "text", "text-entities", "image-folder", "image-manifest", "mask-folder", "coco",
    "voc", "yolo",
}  # fmt: skip
Files = Callable[[Path], dict[str, Any]]


def fruit(**more: Callable[[int], str]) -> list[list[str]]:
    """A header and rows of fruit; `more` are columns, each a function of the row's number."""
    rng = np.random.default_rng(0)
    made: dict[str, Callable[[int], str]] = {
        "weight": lambda row: f"{rng.normal((150, 60)[row % 2], 9):.1f}",
        "colour": lambda row: ("red", "green", "blue")[int(rng.integers(3))],
        "kind": lambda row: ("apple", "plum")[row % 2] if row % 6 else "",
    }
    made |= more
    return [list(made), *([cell(row) for cell in made.values()] for row in range(ROWS))]


def saved(path: Path, rows: list[list[str]], separator: str = ",") -> dict[str, Any]:
    """Write a table; returns the parameters that name it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator, lineterminator="\n").writerows(rows)
    return {"task": "table", "data": path.name, "target": "kind"}


def decimal_commas(folder: Path) -> dict[str, Any]:
    """As a spreadsheet in half of Europe saves it."""
    rows = fruit()
    rows[1:] = [[weight.replace(".", ","), *rest] for weight, *rest in rows[1:]]
    return saved(folder / "commas.csv", rows, ";")


def stray_cell(folder: Path) -> dict[str, Any]:
    """A text among numbers."""
    rows = fruit()
    rows[5][0] = "unknown"
    return saved(folder / "stray.csv", rows)


def short_rows(folder: Path) -> dict[str, Any]:
    """Two rows end too soon."""
    rows = fruit()
    for row in (7, 9):
        rows[row] = rows[row][:1]
    return saved(folder / "short.csv", rows)


def long_row(folder: Path) -> dict[str, Any]:
    """A comma in a cell that is not quoted would do the same."""
    rows = fruit()
    rows[7].append("ripe, sweet")
    return saved(folder / "long.csv", rows)


def two_columns_of_one_name(folder: Path) -> dict[str, Any]:
    """The target twice."""
    rows = fruit()
    return saved(folder / "twice.csv", [[*row, row[2]] for row in rows])


def classes_by_case(folder: Path) -> dict[str, Any]:
    """Names that may be one class, or none."""
    rows = fruit()
    rows[2][2], rows[3][2], rows[4][2] = "Plum", "none", "none"
    return saved(folder / "case.csv", rows)


def ids_and_dates(folder: Path) -> dict[str, Any]:
    """Columns that tell nothing, or may be read in two ways."""
    return saved(
        folder / "dates.csv",
        fruit(customer_no=lambda row: str(row + 1), picked=lambda row: f"{row % 12 + 1}/3/2024"),
    )


def contradictions(folder: Path) -> dict[str, Any]:
    """One sample with two labels, and one twice."""
    rows = fruit()
    rows += [[*rows[2][:2], "apple"], rows[3]]
    return saved(folder / "copies.csv", rows)


def windows_1252(folder: Path) -> dict[str, Any]:
    """Letters that are no UTF-8."""
    given = saved(folder / "windows.csv", fruit(grower=lambda row: ("Müller", "Sørensen")[row % 2]))
    path = folder / "windows.csv"
    path.write_bytes(path.read_text("utf-8").encode("cp1252"))
    return given


def folders(folder: Path) -> dict[str, Any]:
    """Images as an archive of them is unpacked."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for row in range(ROWS):
        place = ("glass/bottles", "Glass", "paper")[row % 3] if row % 10 else "unsorted"
        path = folder / "photos" / "photos" / place / f"{row:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)).save(path)
    (folder / "photos" / "photos" / "paper" / "99.png").write_bytes(b"no image")
    return {"task": "image-folder", "data": "photos", "encoder": "none"}


AWKWARD: dict[str, Files] = {
    "Decimal commas, separated by semicolons": decimal_commas,
    "One cell that is not a number": stray_cell,
    "Rows that are shorter than the header": short_rows,
    "A row that is longer than the header": long_row,
    "Two columns of one name": two_columns_of_one_name,
    "Classes that differ by case, and one called none": classes_by_case,
    "Numbers of customers, and dates of which the month is guessed": ids_and_dates,
    "Copies with another label": contradictions,
    "Windows-1252": windows_1252,
    "Folders of folders, with an archive's folder around them": folders,
}


def said(given: dict[str, Any]) -> str:
    """The command and all that it prints."""
    delimited._logged.clear()
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    log, level = logging.getLogger("al"), logging.getLogger("al").level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        for line in data_lines(given):
            lines.append(line)
    except AlError as error:
        lines.append(f"error: {error}")
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    asked = " ".join(f"--{name} {value}" for name, value in given.items())
    text = "\n".join([f"$ al check-data {asked}", *lines])
    return f"```\n{text.replace(f'{Path.cwd()}{os.sep}', '')}\n```"


@contextlib.contextmanager
def elsewhere() -> Iterator[Path]:
    """A folder of its own, with a place to keep decoded images."""
    with TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        kept = os.environ.get("AL_CACHE_DIR")
        os.environ["AL_CACHE_DIR"] = str(Path(scratch) / "cache")
        try:
            yield Path.cwd()
        finally:
            os.environ.pop("AL_CACHE_DIR")
            if kept is not None:
                os.environ["AL_CACHE_DIR"] = kept


def awkward() -> str:
    """A part for each awkward file."""
    parts = []
    for title, make in AWKWARD.items():
        with elsewhere() as folder:
            parts.append(f"### {title}\n\n{said({**make(folder), 'validation_size': 10})}")
    return "\n\n".join(parts)


def built_in() -> str:
    """A part for each built-in task."""
    parts = [said({"task": name}) for name in tasks.names() if name not in OWN]
    return "\n\n".join(parts)


def renewed(text: str, **made: str) -> str:
    """The page with parts as they are now."""
    for name, part in made.items():
        begin, end = f"<!-- {name} -->\n\n", "\n\n<!-- end -->"
        marked = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", re.DOTALL)
        text = marked.sub(lambda found, part=part: f"{found[1]}{part}{found[2]}", text)
    return text


if __name__ == "__main__":
    os.environ.setdefault("AL_DATA_DIR", str(Path(__file__).parents[1] / "data"))
    PAGE.write_text(renewed(PAGE.read_text(), awkward=awkward(), built_in=built_in()))
