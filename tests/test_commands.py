"""`al` and its commands: found by scanning, told apart, and equal to the doors of MLproject."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from al.cli import StepCommand
from al.commands import command, commands
from al.parameter import GROUPS
from al.pipeline.steps import STEPS
from tests.conftest import ROOT


def al(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run `al`, as installed."""
    return subprocess.run(
        [sys.executable, "-m", "al", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_entry_points_of_the_project_are_the_commands_that_take_parameters() -> None:
    rows = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]
    found = {name for name in commands.names() if isinstance(command(name), StepCommand)}
    assert set(rows) == found


def test_every_step_has_a_command_that_says_what_the_list_says() -> None:
    for step in STEPS:
        assert command(step.name).help == step.help


def test_help_shows_each_command_with_a_line_and_examples() -> None:
    for asked in ([], ["--help"], ["-h"]):
        found = al(*asked)
        assert found.returncode == 0, found.stderr
        for name in commands.names():
            assert re.search(rf"^  {name}  +\w+", found.stdout, re.MULTILINE), name
        assert "  al main " in found.stdout


def test_what_works_on_a_campaign_asks_for_its_name_among_its_own_options() -> None:
    assert "--campaign" in al("report", "--help").stdout.partition("What is learned")[0]
    assert "--campaign" not in al("main", "--help").stdout.partition("What is learned")[0]


def test_the_help_of_a_command_is_the_same_through_every_door() -> None:
    ours = al("main", "--help").stdout
    theirs = subprocess.run(
        [sys.executable, "-m", "steps.main", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert ours.partition("\n")[2] == theirs.partition("\n")[2]
    assert [title for title in GROUPS.values() if f"\n{title}:\n" in ours] == [*GROUPS.values()]
    assert ours.count("\n  al main") + ours.count("\n    al main") == 3
    assert "--query-size INTEGER" in ours
    assert "[default: 20]" in ours


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mian"], "error: unknown command 'mian': did you mean 'main'?\n"),
        (["main", "--query-sise", "3"], "error: No such option '--query-sise'"),
        (["cycle", "--task", "digit"], "error: unknown task 'digit': did you mean 'digits'?"),
    ],
)
def test_what_is_mistyped_is_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    found = al(*arguments, folder=tmp_path)
    assert found.returncode == 1
    assert found.stderr.startswith(says)
    assert found.stderr.count("\n") == 1


def test_a_new_entry_point_is_one_file(tmp_path: Path) -> None:
    """Nothing but the file tells that the command is there."""
    import shutil

    shutil.copytree(ROOT / "al", tmp_path / "al")
    (tmp_path / "al" / "commands" / "count.py").write_text(
        (ROOT / "al" / "commands" / "cycle.py").read_text().replace("cycle", "count")
    )
    found = al("count", "--help", folder=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "count" in al(folder=tmp_path).stdout
