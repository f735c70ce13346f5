"""al page."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands


@commands.register("page")
@step_command("page", defaults=False, examples=("al page --campaign NAME",))
def page(given: dict[str, Any]) -> None:
    """Serve the page on which people answer the query, until they say that it is finished."""
    campaign("page", given).page()
