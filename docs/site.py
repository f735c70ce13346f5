"""What the documentation's site has besides the pages of docs/: a hook of mkdocs.

README, CONTRIBUTING and CHANGELOG are pages of it, and each strategy's docstring has a place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from al.catalog import strategies

ROOT = Path(__file__).parents[1]
#: Pages that lie above docs/: path on the site → file.
ABOVE = {
    "index.md": "README.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
}


def on_files(files: Files, config: Any) -> Files:
    """Add what is made here."""
    for path, name in ABOVE.items():
        text = (ROOT / name).read_text("utf-8").replace("](docs/", "](")
        files.append(File.generated(config, path, content=text))
    files.append(File.generated(config, "each-strategy.md", content=each_strategy()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to pages that lie above docs/, as they are on the site."""
    markdown = markdown.replace("](../README.md", "](index.md")
    return markdown.replace("](../C", "](C")


def each_strategy() -> str:
    """A page with the docstring of each strategy: its formula, source and cost."""
    parts = ["# Each strategy", "", "What it asks for, its formula, source and cost.", ""]
    for name in strategies.names():
        entry = strategies.get(name)
        parts += [f"## {name}", "", f"::: {entry.__module__}.{entry.__qualname__}"]
        parts += [
            "    options:",
            "      show_root_heading: false",
            "      show_root_toc_entry: false",
        ]
        parts += [""]
    return "\n".join(parts)
