"""al history."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import commands


@commands.register("history")
@step_command("history", defaults=False, examples=("al history --campaign NAME",))
def history(given: dict[str, Any]) -> None:
    """Show which version was in Production from when to when, by whom and why."""
    from al.pipeline import Campaign

    table = Campaign(entry="history", **given).history()
    print(table.to_string(index=False) if len(table) else "no version has been in Production yet")
