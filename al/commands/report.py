"""al report."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands

EXTRA = {"to": ("none", "A new or empty folder to write it into as well; or none.")}
EXAMPLES = ("al report --campaign NAME", "al report --campaign NAME --to story")


@commands.register("report")
@step_command("report", defaults=False, extra=EXTRA, examples=EXAMPLES)
def report(given: dict[str, Any]) -> None:
    """Write the report of a campaign: what was asked, decided and achieved, on one page."""
    to = given.pop("to")
    campaign("report", given).report(to)
