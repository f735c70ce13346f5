"""al predict."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands

EXTRA = {
    "to": ("auto", "A folder for parquet files; auto is predictions-CAMPAIGN-vVERSION."),
    "samples": ("rest", "rest: training samples without a label; all: every sample there is."),
}
EXAMPLES = (
    "al predict --campaign NAME",
    "al predict --campaign NAME --samples all --to everything",
)


@commands.register("predict")
@step_command("predict", defaults=False, extra=EXTRA, examples=EXAMPLES)
def predict(given: dict[str, Any]) -> None:
    """Write what the version in Production predicts for all samples without a label."""
    how = {name: given.pop(name) for name in EXTRA}
    campaign("predict", given).predict(**how)
