"""A project of one's own, as `al new` makes it, and the wheel that brings it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from al.commands import command, commands
from al.commands.new import package_name
from tests.conftest import ROOT
from tests.stores import runs

SHORT = {"cycles": 2, "epochs": 4, "validation_size": 40}


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new one in the working directory, with `al` on the path."""
    (folder / "bin").mkdir()
    script = folder / "bin" / "al"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m al "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    assert shell("al new my-project", folder).returncode == 0
    return folder / "my-project"


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        line.split(), cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.slow
def test_a_new_project_runs_its_own_task_and_strategy_by_al_main_alone(
    project: Path, client: Any
) -> None:
    given = " ".join(f"--{name} {value}" for name, value in SHORT.items())
    found = shell(f"al main --campaign c {given}", project)
    assert found.returncode == 0, found.stderr
    assert "test/accuracy of the model in Production" in found.stdout
    assert (
        "by the MLproject here: task=my_project.task:Spirals, "
        "strategy=my_project.strategy:new_and_unsure\n"
    ) in found.stdout
    (run,) = runs(client, role="campaign", campaign="c")
    assert run.data.params["task"] == "my_project.task:Spirals"
    assert run.data.params["strategy"] == "my_project.strategy:new_and_unsure"


@pytest.mark.slow
def test_a_new_project_is_an_mlflow_project_that_runs_as_it_is(project: Path, client: Any) -> None:
    given = " ".join(f"-P {name}={value}" for name, value in SHORT.items())
    run = f"{Path(sys.executable).parent / 'mlflow'} run . --env-manager local"
    found = shell(f"{run} {given}", project)
    assert found.returncode == 0, found.stderr
    found = shell(f"{run} -e cycle", project)
    assert found.returncode == 0, found.stderr
    (top,) = runs(client, role="campaign", campaign="my-project")
    assert top.data.params["strategy"] == "my_project.strategy:new_and_unsure"
    assert len(runs(client, role="cycle", campaign="my-project")) == 3


def test_its_entry_points_are_all_commands_and_its_defaults_name_its_own_code(
    project: Path,
) -> None:
    points = yaml.safe_load((project / "MLproject").read_text())["entry_points"]
    assert set(points) == {*commands.names()} - {"new", "ui"}
    for entry, point in points.items():
        known = {parameter.name for parameter in command(entry).params}
        assert set(point["parameters"]) <= known
        assert point["command"].startswith(f"al {entry} --")
    assert points["main"]["parameters"]["task"]["default"] == "my_project.task:Spirals"


def test_a_folder_that_is_not_empty_is_left_alone(project: Path) -> None:
    before = sorted(project.rglob("*"))
    found = shell("al new my-project", project.parent)
    assert found.returncode == 1
    assert found.stderr == "error: my-project is not empty: name a new folder\n"
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "package"),
    [("demo", "demo"), ("my-project", "my_project"), ("2024.x", "my_2024_x"), ("class", "my_class"),
     ("random", "my_random"), ("torch", "my_torch"), ("al", "my_al")],
)  # fmt: skip
def test_a_name_becomes_one_of_a_package_that_nothing_else_has(name: str, package: str) -> None:
    assert package_name(name) == package


@pytest.mark.slow
def test_the_wheel_holds_the_package_alone_with_all_it_reads(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n"):
        if name.startswith(("al/", "steps/", "pyproject", "setup.py", "README", "LICENSE")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, source],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"al"}
    held = {name for name in names if name.startswith("al/")}
    wanted = {p.relative_to(source).as_posix() for p in (source / "al").rglob("*") if p.is_file()}
    assert held == wanted
    assert {
        "al/py.typed",
        "al/annotators/page/static/index.html",
        "al/commands/template/package/task.py",
    } < held
