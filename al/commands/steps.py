"""A command for each step of a cycle, from the list of steps."""

from __future__ import annotations

from typing import Any

from al.cli import StepCommand, step_command
from al.commands import campaign, commands
from al.pipeline.steps import STEPS, Step


def command_of(step: Step) -> StepCommand:
    """The command that does one step of the open cycle."""
    examples = (f"al {step.name} --campaign NAME",)

    @step_command(step.name, defaults=False, help=step.help, examples=examples)
    def command(given: dict[str, Any]) -> None:
        campaign(step.name, given).step(step.name)

    return command


for each in STEPS:
    commands.register(each.name)(command_of(each))
