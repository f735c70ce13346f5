"""al history."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands
from al.progress import fit


@commands.register("history")
@step_command("history", defaults=False, examples=("al history --campaign NAME",))
def history(given: dict[str, Any]) -> None:
    """Show which version was in Production from when to when, by whom and why."""
    table = campaign("history", given).history()
    for row in table.to_dict("records"):
        print(fit(f"{row['version']}  {row['from']} to {row['to']}  by {row['by']}"))
        print(fit(f"    {row['why']}"))
    if table.empty:
        print("no version has been in Production yet")
