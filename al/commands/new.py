"""al new."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from importlib.resources import files
from pathlib import Path
from string import Template

import click

import al
from al.cli import SETTINGS, StepCommand, shown
from al.commands import command, commands
from al.config import Config
from al.errors import ConfigError

#: What may start a campaign, and so has to know its task and strategy.
STARTS = ("main", "check-data", "cycle", "select-data", "watch")
#: What the project's own MLproject has other than Config.
DEFAULTS = {
    "task": "{package}.task:Spirals",
    "strategy": "{package}.strategy:new_and_unsure",
    "campaign": "{name}",
}


@commands.register("new")
@click.command("new", epilog=shown(("al new my-project",)), context_settings=SETTINGS)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def new(folder: Path) -> None:
    """Make a project of your own: MLproject, a task file and a strategy file that run at once."""
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty: name a new folder")
    name = re.sub(r"[^\w.\-]+", "-", folder.resolve().name, flags=re.ASCII).strip("-") or "project"
    package = package_name(name)
    values = {"name": name, "package": package, "version": al.__version__}
    values["entry_points"] = entry_points(name, package)
    template = files("al.commands") / "template"
    (folder / package).mkdir(parents=True)
    for target in ("MLproject", "conda.yaml", "README.md", ".gitignore"):
        text = (template / target.lstrip(".")).read_text()
        (folder / target).write_text(Template(text).substitute(values))
    for target in ("__init__.py", "task.py", "strategy.py"):
        (folder / package / target).write_text((template / "package" / target).read_text())
    click.echo(f"{folder} is made: cd {folder} && mlflow run . --env-manager local")


def package_name(name: str) -> str:
    """The name as one of a package that nothing else has."""
    made = re.sub(r"\W", "_", name, flags=re.ASCII).lower()
    taken = keyword.iskeyword(made) or made in sys.stdlib_module_names
    if not made.isidentifier() or taken or importlib.util.find_spec(made):
        made = f"my_{made}"
    return made


def entry_points(name: str, package: str) -> str:
    """A row of MLproject for each command that takes parameters; main's come first."""
    defaults = {key: text.format(name=name, package=package) for key, text in DEFAULTS.items()}
    numbers = {key for key, value in Config().to_dict().items() if not isinstance(value, str)}
    rows = []
    for entry in sorted(commands.names(), key=lambda entry: entry != "main"):
        found = command(entry)
        if not isinstance(found, StepCommand):
            continue
        given = {str(p.name): p.default for p in found.params if p.default is not None}
        given |= defaults if entry in STARTS else {"campaign": defaults["campaign"]}
        rows += [f"  {entry}:", "    parameters:"]
        for key, default in given.items():
            kind = "float" if key in numbers else "string"
            text = default if key in numbers else f'"{default}"'
            rows.append(f"      {key}: {{type: {kind}, default: {text}}}")
        passed = [f"      --{key} {{{key}}}" for key in given]
        rows += ["    command: >-", f"      al {entry}", *passed, ""]
    return "\n".join(rows).rstrip()
