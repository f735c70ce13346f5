"""al cycle."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands


@commands.register("cycle")
@step_command("cycle", defaults=False, examples=("al cycle --campaign NAME",))
def cycle(given: dict[str, Any]) -> None:
    """Run exactly one cycle: finish the open one, or run the next."""
    campaign("cycle", given).cycle()
