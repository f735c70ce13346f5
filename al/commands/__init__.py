"""The commands of `al`, which are MLproject's entry points too: a file each, found by scanning.

A new one is a file here that registers a `step_command`, and a row in MLproject.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from al.catalog import Catalog
from al.cli import SETTINGS, OneLine, shown
from al.pipeline.steps import STEPS
from al.progress import loading

if TYPE_CHECKING:
    from al.pipeline import Campaign

commands = Catalog("command", "al.commands", "al.commands")
EXAMPLES = (
    "al main                                    digits, margin against random: a minute",
    "al main --task table --data my.csv --target COLUMN",
    "al cycle --campaign NAME                   one cycle more",
    "al new my-project                          a project for a task and strategy of your own",
)


def command(name: str) -> click.Command:
    """The command of that name.

    Raises:
        UnknownName: there is no such command; the message suggests the nearest.
    """
    found: click.Command = commands.get(name)
    return found


def campaign(entry: str, given: Mapping[str, Any]) -> Campaign:
    """The campaign that an entry point works on; torchrun's processes but the first end here."""
    with loading():
        from al.pipeline import Campaign
        from al.pipeline.trainers import gather
    gather(entry)
    return Campaign(entry=entry, **given)


class Commands(OneLine, click.Group):
    """All commands under one name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return commands.names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The one of that name."""
        return command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a whole line for each; the steps of a cycle in their order."""
        steps = [step.name for step in STEPS]
        others = [name for name in commands.names() if name not in steps]
        for title, names in (("Commands", others), ("Steps of a cycle, one by one", steps)):
            with formatter.section(title):
                formatter.write_dl([(name, command(name).help or "") for name in names])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help where nothing is asked for."""
        return super().parse_args(ctx, args or ["--help"])


program = Commands(
    name="al",
    help="Active learning, tracked by MLflow: pick what to annotate, train, promote, repeat.",
    epilog=shown(EXAMPLES),
    context_settings=SETTINGS,
)
