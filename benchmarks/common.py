"""What the benchmarks share: a tracking store of their own, tables, result files."""

from __future__ import annotations

import json
import platform
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import click

RESULTS = Path(__file__).with_name("results")
EXPERIMENT = "benchmark"

#: One line of a table, by column.
Row = dict[str, Any]


@contextmanager
def own_store() -> Iterator[str]:
    """A tracking server's address, with the experiment `EXPERIMENT`; gone afterwards.

    The experiment says where its artifacts go: by default MLflow puts them below the
    working directory, wherever the database is.
    """
    from mlflow import MlflowClient

    with TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        MlflowClient(uri).create_experiment(EXPERIMENT, (Path(folder) / "artifacts").as_uri())
        yield uri


def photographs() -> Iterator[tuple[str, bytes]]:
    """Name and content of 600 photographs, 200 of each of three breeds, in order of the names;
    a name is BREED_NUMBER.jpg."""
    from al.data.places import find

    with ZipFile(find("pets3", folder=True) / "pets3.zip") as archive:
        for name in sorted(archive.namelist()):
            if name.startswith("images/") and not name.endswith("/"):
                yield Path(name).name, archive.read(name)


def classified(folder: Path) -> Path:
    """These as files, a folder for each breed, as `image-folder` takes them; returns the folder."""
    for name, content in photographs():
        place = folder / "train" / name.rpartition("_")[0] / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


def table(rows: Sequence[Row]) -> str:
    """Rows with the same keys as a markdown table."""
    heads = list(rows[0])
    cells = [[_shown(row[head]) for head in heads] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(heads, *cells, strict=True)]
    lines = [heads, ["-" * width for width in widths], *cells]
    return "\n".join(
        "| " + " | ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def report(name: str, tables: Mapping[str, Sequence[Row]], **more: Any) -> None:
    """Print the tables that have rows under their titles, and keep everything as JSON."""
    tables = {title: rows for title, rows in tables.items() if rows}
    for title, rows in tables.items():
        click.echo(f"\n### {title}\n\n{table(rows)}")
    versions = {package: version(package) for package in ("mlflow", "torch", "numpy")}
    content = {"python": platform.python_version(), **versions, **more, "tables": tables}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=2, default=str))


def command() -> str:
    """The command that this process runs, to be run again."""
    name = Path(sys.argv[0]).stem
    return shlex.join(["python", "-m", f"benchmarks.{name}", *sys.argv[1:]])


def _shown(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
