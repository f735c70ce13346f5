"""The MLproject that a command is called beside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from al.errors import ConfigError
from al.project import defaults_of
from tests.conftest import ROOT

MINE = """
name: mine
entry_points:
  main:
    parameters:
      task: {type: string, default: "mine.task:Mine"}
      cycles: {type: float, default: 3}
      seed: {type: float}
    command: >-
      al main
      --task {task} --cycles {cycles} --seed {seed}
  cycle:
    parameters: {campaign: {type: string, default: mine}}
    command: "python -m al cycle --campaign {campaign}"
  watch:
    parameters: {campaign: {type: string, default: mine}}
    command: "python watch.py --campaign {campaign}"
  history:
    command: "al history"
"""


def test_an_entry_point_that_runs_the_command_gives_it_its_defaults(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text(MINE)
    assert defaults_of("main", tmp_path) == {"task": "mine.task:Mine", "cycles": "3"}
    assert defaults_of("cycle", tmp_path) == {"campaign": "mine"}
    for other in ("watch", "history", "undo"):  # another program, no parameters, not there
        assert defaults_of(other, tmp_path) == {}


@pytest.mark.parametrize("text", [None, "", "name: x", "- 1", "entry_points: {main: al main}"])
def test_a_folder_without_such_an_entry_point_gives_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "MLproject").write_text(text)
    assert defaults_of("main", tmp_path) == {}


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\xff", b"name: [\n"])
def test_a_file_that_is_no_yaml_is_reported_in_a_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "MLproject").write_bytes(content)
    with pytest.raises(ConfigError, match=r"MLproject cannot be read .*: mend it"):
        defaults_of("main", tmp_path)


def test_the_help_shows_the_defaults_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text(MINE)
    for entry, shown in (("main", "mine.task:Mine"), ("cycle", "default: mine")):
        found = subprocess.run(
            [sys.executable, "-m", "al", entry, "--help"], cwd=tmp_path, check=True,
            capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert shown in found.stdout


def test_what_is_given_counts_before_the_project(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text(MINE)
    found = subprocess.run(
        [sys.executable, "-m", "al", "main", "--task", "digitz"], cwd=tmp_path, check=False,
        capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert found.stdout == "by the MLproject here: cycles=3\n"
    assert found.stderr.startswith("error: unknown task 'digitz': did you mean 'digits'")
    assert found.returncode == 1
