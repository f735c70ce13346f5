"""The page: all sections that have something to say, in one file, and the figures beside it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from al.cells import save_table
from al.report.facts import Facts
from al.report.section import Section, dated
from al.report.sections import SECTIONS
from al.report.summary import lead, tiles

_log = logging.getLogger(__name__)

#: Of the page; the figures behind it lie in a folder beside it.
NAME, FOLDER = "report.html", "report"


def write(facts: Facts, folder: Path) -> None:
    """Write the report and its figures into an empty folder.

    A section that fails is left out and named at the end: the others are worth having.
    """
    found: list[Section] = []
    failed: list[str] = []
    for make in SECTIONS:
        try:
            if (section := make(facts)) is not None:
                found.append(section)
        except Exception as error:  # of whatever a task, a kind or a sample of one's own does
            _log.debug("section %s", make.__module__, exc_info=True)
            failed.append(f"{make.__module__.rpartition('.')[2]} ({_short(error)})")
    beside = folder / FOLDER
    beside.mkdir()
    for section in found:
        for name, table in section.figures.items():
            save_table(table, beside / f"{name}.csv")
        for name, picture in section.pictures.items():
            (beside / f"{name}.png").write_bytes(picture)
    (folder / NAME).write_text(_page(facts, found, [*facts.missing, *failed]), encoding="utf-8")


def _page(facts: Facts, sections: list[Section], missing: list[str]) -> str:
    config = facts.config
    state = "ended" if facts.stopped else "goes on"
    footer = f"Written {dated(facts.now)}. The figures behind the pictures are CSV files in the "
    footer += f"folder {FOLDER}/ beside this page."
    if missing:
        footer += f" Left out: {'; '.join(missing)}."
    return rendered(
        title=f"{config.name}: report",
        kicker=f"Active learning campaign · {state} after cycle {facts.state.cycle} · "
        f"begun {dated(facts.started)}",
        heading=config.name,
        lead=lead(facts),
        tiles=tiles(facts),
        sections=sections,
        footer=footer,
    )


def rendered(
    *,
    title: str,
    kicker: str,
    heading: str,
    lead: Any,
    tiles: Sequence[tuple[Any, Any]],
    sections: Sequence[Section],
    footer: str,
) -> str:
    """A page in the report's look.

    Args:
        kicker: the small line above the heading.
        lead: the first paragraph.
        tiles: figures with what they are of.
        footer: the small line at the end.
    """
    return _template().render(
        title=title,
        kicker=kicker,
        heading=heading,
        lead=lead,
        tiles=tiles,
        sections=sections,
        footer=footer,
    )


@cache
def _template() -> Template:
    text = (files("al.report") / "page.html").read_text("utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(text)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
