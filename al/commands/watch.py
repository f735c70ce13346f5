"""al watch."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands

EXTRA = {
    "poll": ("60s", "How often to look for answers and new samples: 30s, 10m, 1h."),
    "samples": ("0", "New training samples that start a cycle; 0 is off."),
    "schedule": ("off", "Time from cycle to cycle, 8h say; or off."),
}
EXAMPLES = ("al watch --campaign NAME --samples 100 --schedule 1d",)


@commands.register("watch")
@step_command("watch", defaults=False, extra=EXTRA, examples=EXAMPLES)
def watch(given: dict[str, Any]) -> None:
    """Keep running: start a cycle when there is reason, wait for answers, sleep in between."""
    how = {name: given.pop(name) for name in EXTRA}
    campaign("watch", given).watch(**how)
