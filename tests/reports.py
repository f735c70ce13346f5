"""A report as its reader finds it: the page, its text, and the tables beside it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd

VOID = {"meta", "link", "img", "br", "wbr", "hr", "input"}


class Page(HTMLParser):
    """A page as a browser takes it: its texts, tags and attributes, and what was not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html, self.tags, self.open = html, set[str](), list[str]()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def sections(self) -> list[str]:
        return re.findall(r'<section id="(\w+)">', self.html)


class Report:
    """The report in the artifacts of a campaign's run."""

    def __init__(self, client: Any, run_id: str, scratch: Path) -> None:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        path = client.download_artifacts(run_id, "report.html", str(scratch))
        self.page = Page(Path(path).read_text("utf-8"))
        self.beside = Path(client.download_artifacts(run_id, "report", str(scratch)))

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.beside / f"{name}.csv")

    @property
    def files(self) -> set[str]:
        return {path.name for path in self.beside.iterdir()}


@contextmanager
def store(empty_database: Path, folder: Path) -> Iterator[Any]:
    """A store of a module's own; a client on it, with MLflow's global setting there."""
    import mlflow

    shutil.copy(empty_database, folder / "mlflow.db")
    uri = f"sqlite:///{folder}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient(uri)
    client.create_experiment("here", artifact_location=str(folder / "artifacts"))
    yield client
    mlflow.set_tracking_uri(None)
