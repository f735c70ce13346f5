"""al auto-label."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands

EXTRA = {
    "error": ("0.02", "Largest share of the labels it gives that may be wrong."),
    "confidence": ("0.95", "Confidence of that bound, over all looks of the campaign."),
    "per_class": ("off", "on holds it in each class, by a draw of its own: on or off."),
    "draw": ("500", "Maximum answers that a look asks for; per class with per_class=on."),
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
    """Let the model label the rest, where a fresh sample shows that few of its labels are wrong."""
    how = {name: given.pop(name) for name in EXTRA}
    campaign("auto-label", given).auto_label(**how)
