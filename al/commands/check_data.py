"""al check-data."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import commands

EXAMPLES = (
    "al check-data --task table --data my.csv --target COLUMN",
    "al check-data --task image-folder --data /data/photos",
)


@commands.register("check-data")
@step_command("check-data", defaults=False, examples=EXAMPLES)
def check_data(given: dict[str, Any]) -> None:
    """Report what a task would do with data: what is used, left out and odd, splits and classes.

    Fails where a campaign with these parameters could not begin, and says what to do.
    """
    from al.pipeline.data_check import data_lines

    for line in data_lines(given):
        print(line)
