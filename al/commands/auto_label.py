"""al auto-label."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands

EXTRA = {
    "error": ("0.02", "Largest share of the labels it gives that may be wrong."),
    "confidence": ("0.95", "How sure that is, over all looks that the campaign ever takes."),
    "per_class": ("off", "on holds it in each class, by a draw of its own: on or off."),
    "draw": ("500", "Most answers that a look asks for, of each class with per_class=on."),
    "to": ("auto", "A folder; auto is auto-labels-CAMPAIGN-LOOK."),
    "format": ("parquet", "Of the files that it writes: parquet or csv."),
}
EXAMPLES = (
    "al auto-label --campaign NAME",
    "al auto-label --campaign NAME --error 0.05 --format csv",
)


@commands.register("auto-label")
@step_command("auto-label", defaults=False, extra=EXTRA, examples=EXAMPLES)
def auto_label(given: dict[str, Any]) -> None:
    """Label the rest by the model where a fresh draw shows that few enough labels are wrong."""
    how = {name: given.pop(name) for name in EXTRA}
    campaign("auto-label", given).auto_label(**how)
