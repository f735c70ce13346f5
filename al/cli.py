"""Click options made from the configuration, and the one way a step ends.

A step exits with 0 when it did what was asked or there was nothing to do, with 1 and one
line when something can be mended, with 130 or 143 when it was stopped.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from al.config import Config
from al.errors import AlError
from al.parameter import GROUPS
from al.progress import printed
from al.project import NAME, defaults_of
from al.stops import INTERRUPTED, TERMINATED, heed, stopping

_log = logging.getLogger(__name__)

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

Body = Callable[[dict[str, Any]], None]


class OneLine(click.Command):
    """A click command that says what is wrong in one line, and can be stopped."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        heed()
        kwargs["standalone_mode"] = False
        try:
            with printed():
                super().main(*args, **kwargs)
        except click.ClickException as error:
            _fail(error.format_message())
        except AlError as error:
            _fail(str(error))
        except (KeyboardInterrupt, click.Abort):
            stopping()
            click.echo("stopped: the same command goes on from here", err=True)
            sys.exit(INTERRUPTED)
        except SystemExit as stop:
            stopping()
            if stop.code == TERMINATED:
                click.echo("terminated: the same command goes on from here", err=True)
            raise
        sys.exit(0)


#: Section of the help with a command's own options.
OWN = "Options"


class StepCommand(OneLine):
    """The command of an entry point: its own options, and the parameters in their groups.

    Its defaults are those of the MLproject in the working directory, where that has this command.
    """

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:  # fmt: skip
        """Look for a project's defaults first."""
        extra.setdefault("default_map", defaults_of(str(self.name), Path.cwd()))
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Say what the project decides."""
        sources = {name: ctx.get_parameter_source(name) for name in ctx.params}
        own = {str(option.name): option.default for option in self.params}
        taken = [
            f"{name}={value}"
            for name, value in ctx.params.items()
            if sources[name] is ParameterSource.DEFAULT_MAP and str(own[name]) != value
        ]
        if taken:
            _log.info(f"by the {NAME} here: {', '.join(taken)}")
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section of options for each group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for option in self.get_params(ctx):
            group = option.group if isinstance(option, _Parameter) else OWN
            if record := option.get_help_record(ctx):
                groups.setdefault(group, []).append(record)
        for title in (OWN, *GROUPS.values()):
            if records := groups.get(title):
                with formatter.section(title):
                    formatter.write_dl(records)


class _Parameter(click.Option):
    """A parameter of the configuration, spelt with `_` or `-`."""

    group = ""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The row in the help, with one of the spellings."""
        option = copy(self)
        if ctx.lookup_default(str(self.name)) is not None:
            option.show_default = True  # the project's default, unless overridden
        record = click.Option.get_help_record(option, ctx)
        return record and (f"--{self.name.replace('_', '-')} {self.metavar}", record[1])


def step_command(
    name: str,
    *,
    defaults: bool,
    extra: Mapping[str, tuple[str, str]] | None = None,
    help: str = "",
    examples: Sequence[str] = (),
    bare: Collection[str] = (),
) -> Callable[[Body], StepCommand]:
    """Decorator: a function of the given parameters as the command of an entry point.

    Args:
        defaults: hand over every parameter, with its default where it was not given, unless the
            campaign is named. Where False, or it is, what is not given stays what the campaign has.
        extra: options of this entry point alone: name → (default, help line).
        help: what the command does; the function's docstring where empty.
        examples: command lines that the help shows.
        bare: those of `extra` that mean "on" where they stand without a value.
    """

    def decorate(body: Body) -> StepCommand:
        def callback(**values: Any) -> None:
            if defaults and values["campaign"] != "auto":
                values = {name: values[name] for name in ("campaign", *_typed())}
            body({key: value for key, value in values.items() if value is not None})

        return StepCommand(
            name=name,
            help=help or body.__doc__,
            epilog=shown(examples),
            callback=callback,
            params=[
                *(
                    click.Option(
                        [f"--{key}"],
                        default=default,
                        show_default=True,
                        help=text,
                        **_bare(key in bare),
                    )
                    for key, (default, text) in (extra or {}).items()
                ),
                *(_option(p, defaults) for p in dataclasses.fields(Config)),
            ],
            context_settings=SETTINGS,
        )

    return decorate


def _typed() -> list[str]:
    """The options that stand on the command line."""
    context = click.get_current_context()
    typed = ParameterSource.COMMANDLINE
    return [name for name in context.params if context.get_parameter_source(name) is typed]


def _bare(may: bool) -> dict[str, Any]:
    """How click declares an option that may stand without a value."""
    return {"is_flag": False, "flag_value": "on"} if may else {}


def shown(examples: Sequence[str]) -> str:
    """Command lines as the end of a help text."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in examples)]) if examples else ""


def _option(parameter: dataclasses.Field[Any], defaults: bool) -> click.Option:
    """One option; values are checked by Config, so that every door says the same."""
    metavar = {int: "INTEGER", float: "NUMBER", str: "TEXT"}[type(parameter.default)]
    flags = {f"--{parameter.name}", f"--{parameter.name.replace('_', '-')}"}
    option = _Parameter(
        [*sorted(flags, reverse=True), parameter.name],
        metavar=metavar,
        default=parameter.default if defaults else None,
        show_default=defaults or f"the campaign's, or {parameter.default}",
        help=parameter.metadata["help"],
        type=str,
    )
    # What works on a campaign that is there asks for its name before all else.
    first = parameter.name == "campaign" and not defaults
    option.group = OWN if first else GROUPS[parameter.metadata["group"]]
    return option


def _fail(line: str) -> NoReturn:
    click.echo(f"error: {' '.join(line.split())}", err=True)
    if os.environ.get("AL_DEBUG"):  # for those who look for the bug
        raise
    sys.exit(1)
