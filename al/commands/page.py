"""al page."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands

EXTRA = {
    "watch": ("off", "Watch the campaign too, on or off: it learns and asks by itself."),
    "invite": ("none", "Print a link for each of these people, separated by commas; or none."),
    "revoke": ("none", "Revoke the links of these people; or none."),
}
EXAMPLES = ("al page --campaign NAME --watch", "al page --campaign NAME --invite anna,ben")


@commands.register("page")
@step_command("page", defaults=False, extra=EXTRA, examples=EXAMPLES, bare=("watch",))
def page(given: dict[str, Any]) -> None:
    """Serve the page on which people answer the query, until they say that it is finished."""
    how = {name: given.pop(name) for name in EXTRA}
    campaign("page", given).page(**how)
