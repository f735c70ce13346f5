"""al recommend."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import commands
from al.errors import ConfigError

EXTRA = {
    "seeds": ("5", "Campaigns of each option: 5 for a first look, 20 for a claim."),
    "workers": ("auto", "Processes at once; auto is one for each core."),
}
EXAMPLES = (
    "al recommend --task table --data my.csv --target COLUMN",
    "al recommend --task image-folder --data photographs --query_size 20 --seeds 10",
)


@commands.register("recommend")
@step_command("recommend", defaults=False, extra=EXTRA, examples=EXAMPLES)
def recommend(given: dict[str, Any]) -> None:
    """Try strategies, first queries, sizes and heads on labelled data, and print a command."""
    from al.experiment import recommend as found

    try:
        seeds = int(given.pop("seeds"))
    except ValueError as error:
        raise ConfigError(f"seeds: {error}: give a whole number, 5 say") from None
    found(seeds=seeds, entry="recommend", **given)
