"""al undo."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands

EXTRA = {"reason": ("", "Why the present version is withdrawn; kept on record.")}
EXAMPLES = ("al undo --campaign NAME --reason 'confuses 3 and 8'",)


@commands.register("undo")
@step_command("undo", defaults=False, extra=EXTRA, examples=EXAMPLES)
def undo(given: dict[str, Any]) -> None:
    """Move Production back to the version that was there before the present one."""
    reason = given.pop("reason")
    campaign("undo", given).undo(reason)
