"""The doors: MLproject, click, conda.yaml and the reference say what Config says."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from al.catalog import strategies, tasks
from al.config import Config
from al.pipeline.steps import STEPS
from docs.tables import PAGES, renewed
from tests.conftest import ROOT, SMALL

OTHERS = (
    "page", "watch", "undo", "export", "predict", "score", "report", "auto-label", "history",
    "experiment", "recommend",
)  # fmt: skip
ENTRIES = ["main", "check-data", "cycle", *(step.name for step in STEPS), *OTHERS]
#: Parameters of one entry point alone.
EXTRA = {
    "page": {"watch": "off", "invite": "none", "revoke": "none"},
    "watch": {"poll": "60s", "samples": "0", "schedule": "off"},
    "undo": {"reason": ""},
    "export": {"format": "csv", "to": "auto", "images": "on", "auto": "off"},
    "predict": {"to": "auto", "samples": "rest"},
    "score": {"shard": "0/1"},
    "report": {"to": "none"},
    "auto-label": {
        "error": "0.02", "confidence": "0.95", "per_class": "off", "draw": "500", "to": "auto",
        "format": "parquet",
    },
    "experiment": {
        "strategies": "auto; margin", "seeds": "20", "grid": "none", "first": "shared",
        "level": "auto", "name": "auto", "workers": "auto",
    },
    "recommend": {"seeds": "5", "workers": "auto"},
}  # fmt: skip
FIELDS = {p.name: p for p in dataclasses.fields(Config)}
PROJECT = yaml.safe_load((ROOT / "MLproject").read_text())


def step(entry: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an entry point the way MLproject does, in the working directory's store."""
    return subprocess.run(
        [sys.executable, "-m", f"steps.{entry.replace('-', '_')}", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def arguments(**parameters: Any) -> list[str]:
    """Parameters as MLproject passes them."""
    return [part for key, value in parameters.items() for part in (f"--{key}", str(value))]


def test_the_project_has_the_entry_points_and_no_others() -> None:
    assert list(PROJECT["entry_points"]) == ENTRIES


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_point_runs_its_module_and_passes_what_it_declares(entry: str) -> None:
    point = PROJECT["entry_points"][entry]
    command = point["command"].split()
    door = ["python", "-m", f"steps.{entry.replace('-', '_')}"]
    assert command[:3] == door or command[:4] == ["python", "-m", "al", entry]
    passed = re.findall(r"--(\w+) \{(\w+)\}", point["command"])
    assert [name for name, _ in passed] == [value for _, value in passed]
    assert [name for name, _ in passed] == list(point["parameters"])
    for name, declared in point["parameters"].items():
        extra = EXTRA.get(entry, {})
        default = extra[name] if name in extra else FIELDS[name].default
        assert str(declared["default"]) == str(default), name


def test_main_declares_every_parameter_with_its_default() -> None:
    assert list(PROJECT["entry_points"]["main"]["parameters"]) == list(FIELDS)


@pytest.mark.parametrize("entry", ENTRIES)
def test_help_explains_every_parameter(entry: str) -> None:
    module = importlib.import_module(f"steps.{entry.replace('-', '_')}")
    options = {option.name: option for option in module.main.params}
    extra = EXTRA.get(entry, {})
    assert list(options) == [*extra, *FIELDS]
    for name, default in extra.items():
        assert options[name].default == default
        assert len(str(options.pop(name).help)) > 20
    for name, option in options.items():
        assert option.help == FIELDS[name].metadata["help"]
        assert f"--{name}" in option.opts
        assert option.default == (FIELDS[name].default if entry == "main" else None)
    assert len(module.main.help) > 20


def test_step_modules_stay_thin() -> None:
    for path in (ROOT / "steps").glob("*.py"):
        assert len(path.read_text().splitlines()) < 60, path.name


def test_help_is_quick_because_it_imports_neither_torch_nor_mlflow() -> None:
    code = (
        "import sys, al.commands as m\n"
        "for asked in ['--help'], ['main', '--help']:\n"
        "    try: m.program(asked)\n"
        "    except SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'mlflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def test_the_reference_explains_every_parameter_strategy_and_task() -> None:
    reference = "".join((ROOT / "docs" / n).read_text() for n in ("reference.md", "strategies.md"))
    for name, parameter in FIELDS.items():
        row = f"| `{name}` | `{parameter.default}` | {parameter.metadata['help']} |"
        assert row in reference, row
    for catalog in (strategies, tasks):
        for name in catalog.names():
            assert f"| `{name}` | {catalog.summary(name)}" in reference, name


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_of_a_page_are_those_of_the_catalogs(page: str) -> None:
    text = (ROOT / page).read_text()
    assert renewed(text) == text, "run make docs"


def _top_level_imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found


def test_every_library_that_the_package_imports_is_declared() -> None:
    imported = set().union(*map(_top_level_imports, (ROOT / "al").rglob("*.py")))
    imported -= {*sys.stdlib_module_names, "al"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    used = ("hf", "vision", "language", "heic", "ray")
    declared = sum((extras[extra] for extra in used), project["dependencies"])
    names = {re.split("[<>=]", line)[0].replace("-", "_") for line in declared}
    called = {"PIL": "pillow", "sklearn": "scikit_learn", "yaml": "pyyaml"}
    assert {called.get(name, name) for name in imported} <= names


def test_conda_names_every_dependency_pinned_as_in_the_lock() -> None:
    pinned = yaml.safe_load((ROOT / "conda.yaml").read_text())["dependencies"][-1]["pip"]
    lock = {
        re.sub("[._]", "-", line.partition("==")[0].lower()): line.partition("==")[2].strip()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    names = [line.partition("==")[0] for line in pinned]
    for line in pinned:
        name, _, version = line.partition("==")
        assert lock[name] == version
    text = (ROOT / "pyproject.toml").read_text()
    block = text.partition("\ndependencies = [")[2].partition("\n]")[0]
    assert sorted(names) == sorted(re.findall(r'"([\w-]+)[><=]', block))
    assert lock["torch"] == "2.13.0"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"task": "digit"}, "unknown task 'digit': did you mean 'digits'?"),
        ({"strategy": "margn"}, "unknown strategy 'margn': did you mean 'margin'?"),
        ({"annotator": "orcle"}, "unknown annotator 'orcle': did you mean 'oracle'?"),
        ({"criterion": "mx:val/loss"}, "unknown criterion 'mx': did you mean 'max'?"),
        ({"criterion": "max:val/los"}, "did you mean 'loss'?"),
        ({"query_size": 0}, "query_size=0: give at least 1"),
        ({"query_size": -4}, "query_size=-4: give at least 1"),
        ({"query_size": 1398}, "query_size=1398 is more than the pool of 1397: give less"),
        ({"initial_size": 1398}, "initial_size=1398 is more than the pool of 1397"),
        ({"query_size": "many"}, "query_size='many' is not a whole number"),
        ({"device": "tpu9"}, "device='tpu9' cannot be used"),
        ({"nosuch": 3}, "No such option"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_one_and_nothing_changed(
    folder: Path, client: Any, capsys: pytest.CaptureFixture[str], given: dict[str, Any], says: str
) -> None:
    from steps.main import main

    with pytest.raises(SystemExit) as caught:
        main(arguments(**{**SMALL, "campaign": "c", **given}))
    assert caught.value.code == 1
    out, err = capsys.readouterr()
    assert err.startswith("error: ")
    assert says in err
    assert err.count("\n") == 1
    assert out == ""
    assert [
        r for e in client.search_experiments() for r in client.search_runs([e.experiment_id])
    ] == []
    assert list(client.search_registered_models()) == []


@pytest.mark.slow
def test_an_unreachable_server_is_one_line_soon(folder: Path) -> None:
    found = step("main", MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert found.returncode == 1
    assert "http://127.0.0.1:9 does not answer" in found.stderr
    assert found.stderr.count("\n") == 1


def test_a_missing_data_file_is_one_line(folder: Path, client: Any) -> None:
    found = step(
        "main", "--task", "fashion-mnist", AL_DATA_DIR=str(folder), http_proxy="http://127.0.0.1:9"
    )
    assert found.returncode == 1
    assert "is missing and" in found.stderr
    assert "Traceback" not in found.stderr
    assert not client.search_runs([e.experiment_id for e in client.search_experiments()])
