"""al export."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands

EXTRA = {
    "format": (
        "csv",
        "csv, parquet, jsonl: a table; folder: a folder a class; datasets: for Hugging Face's "
        "library; coco, voc, yolo: boxes; coco, png: masks; label-studio: to import there; or "
        "package.module:Class.",
    ),
    "to": ("auto", "A new or empty folder; auto is labels-CAMPAIGN-FORMAT."),
    "images": (
        "on",
        "off leaves out the images of coco, voc, yolo and png.",
    ),
    "auto": ("off", "on adds the labels that auto-label gave last, with the model as annotator."),
}
EXAMPLES = (
    "al export --campaign NAME",
    "al export --campaign NAME --format coco --to cells",
)


@commands.register("export")
@step_command("export", defaults=False, extra=EXTRA, examples=EXAMPLES)
def export(given: dict[str, Any]) -> None:
    """Write all labels of a campaign, and where each came from, in a common format."""
    how = {name: given.pop(name) for name in EXTRA}
    campaign("export", given).export(**how)
