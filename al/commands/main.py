"""al main."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands

EXAMPLES = (
    "al main --strategy entropy --cycles 5",
    "al main --task image-folder --data /data/photos --annotator page",
    "al main --task my_package.flowers:Flowers --query-size 10 --campaign flowers",
)


@commands.register("main")
@step_command("main", defaults=True, examples=EXAMPLES)
def main(given: dict[str, Any]) -> None:
    """Run a campaign from where it stands to its last cycle, and its baseline beside it."""
    campaign("main", given).run()
