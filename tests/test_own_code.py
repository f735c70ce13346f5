"""A version of a task of one's own loads where the task's folder is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import invalidate_caches
from pathlib import Path

import mlflow
import numpy as np
import pytest

from al.contracts import DataSpec
from al.registry import own_code as room
from al.registry import save_servable
from al.registry.own_code import distributions, own_code

TASK = """
import json
from pathlib import Path

import scipy
from torch import nn

from al.contracts import Task
from al.graphs import ClassificationGraph

SIZES = json.loads(Path(__file__).with_name("sizes.json").read_text())


class Mine(Task):
    files = ("sizes.json",)

    def data(self):
        raise NotImplementedError

    def graph(self, spec):
        {imports}

        return ClassificationGraph(width(SIZES["width"]), nn.Linear(SIZES["width"], 2), spec)
"""
HELPER = """
import {deeper}
from torch import nn


def width(count):
    return nn.Linear({deeper}.COUNT, count)
"""
SPEC = DataSpec(("a", "b"), (3,), "float32")


@pytest.fixture
def forget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules made here are imported from here, and are unknown afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0].startswith("mine_"):
            del sys.modules[name]


def laid_out(folder: Path, how: str) -> str:
    """Writes a task with helpers and a file that it reads; returns its name."""
    (folder / "mine_deeper.py").write_text("COUNT = 3\n")
    (folder / "mine_unused.py").write_text("raise RuntimeError\n")
    if how == "module":
        imports, place, name = "from mine_helper import width", folder, "mine_task"
    else:
        imports, place, name = "from .mine_helper import width", folder / "mine_folder", "task"
        place.mkdir()
        if how == "package":
            (place / "__init__.py").write_text("")
    (place / "mine_helper.py").write_text(HELPER.format(deeper="mine_deeper"))
    (place / "sizes.json").write_text('{"width": 5}')
    (place / f"{name}.py").write_text(TASK.replace("{imports}", imports))
    invalidate_caches()
    return f"{name}:Mine" if how == "module" else f"mine_folder.{name}:Mine"


@pytest.mark.parametrize(
    "how",
    ["package", *(pytest.param(how, marks=pytest.mark.slow) for how in ("module", "folder"))],
)
@pytest.mark.usefixtures("forget")
def test_a_version_loads_elsewhere_with_helpers_files_and_requirements(
    tmp_path: Path, how: str
) -> None:
    from al.catalog import make_task

    task = laid_out(tmp_path, how)
    graph = make_task(task, {}).graph(SPEC)
    graph.save_weights(tmp_path / "weights")
    example = np.eye(2, 3, dtype=np.float32)
    expected = graph.predict(example)
    version = tmp_path / "elsewhere" / "version"
    version.parent.mkdir()
    save_servable(version, weights=tmp_path / "weights", task=task, parameters={}, spec=SPEC,
                  example=example, answer=expected)  # fmt: skip
    wanted = (version / "requirements.txt").read_text().splitlines()
    assert sum(line.startswith("scipy==") for line in wanted) == 1
    assert sum(line.startswith("torch==") for line in wanted) == 1
    assert not list(version.rglob("mine_unused.py"))
    code = (
        "import mlflow, numpy as np\n"
        "found = mlflow.pyfunc.load_model('version').predict(np.eye(2, 3, dtype=np.float32))\n"
        "print(found['p_b'].tolist())"
    )
    for path in tmp_path.rglob("mine_*"):  # what it was made from is gone
        if version not in path.parents and path.exists():
            path.rename(path.with_name(f"gone-{path.name}"))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=version.parent, text=True,
        env={**os.environ, "PYTHONPATH": ""}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert eval(done.stdout) == pytest.approx(expected[:, 1].tolist(), abs=1e-6)
    assert mlflow.__version__ in (version / "MLmodel").read_text()


@pytest.mark.usefixtures("forget")
def test_large_files_stay_behind_with_a_line_unless_the_task_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(room, "LARGEST", 1000)
    task = laid_out(tmp_path, "folder")
    place = tmp_path / "mine_folder"
    (place / "sizes.json").write_text('{"width": 5}' + " " * 2000)
    (place / "data.bin").write_bytes(b"x" * 2000)
    (place / "mlruns").mkdir()
    (place / "mlruns" / "run").write_text("")
    found = own_code(task, "class", tmp_path / "copies")
    names = {path.name for path in found.paths}
    assert names == {"mine_folder", "mine_deeper.py"}
    (copy,) = (path for path in found.paths if path.is_dir())
    assert {p.name for p in copy.rglob("*")} >= {"task.py", "mine_helper.py", "sizes.json"}
    assert not {p.name for p in copy.rglob("*")} & {"data.bin", "mlruns"}
    (line,) = caplog.messages
    assert line.startswith("1 files of more than")
    assert "mine_folder do not travel with the version, data.bin first" in line


def test_what_is_built_in_brings_no_code(tmp_path: Path) -> None:
    assert own_code("digits", "class", tmp_path / "copies") == ([], [])


@pytest.mark.usefixtures("forget")
def test_a_kind_of_ones_own_travels_too(tmp_path: Path) -> None:
    (tmp_path / "mine_scale.py").write_text("from mine_deeper import COUNT\nclass Scale: ...\n")
    task = laid_out(tmp_path, "module")
    names = [p.name for p in own_code(task, "mine_scale:Scale", tmp_path / "copies").paths]
    assert names == [
        "mine_task.py", "mine_scale.py", "mine_helper.py", "mine_deeper.py", "sizes.json"
    ]  # fmt: skip


def test_a_package_that_is_installed_meanwhile_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "newcomer" not in distributions()
    info = tmp_path / "newcomer_pkg-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: newcomer-pkg\nVersion: 1.0\n")
    (info / "top_level.txt").write_text("newcomer\n")
    assert distributions()["newcomer"] == ["newcomer-pkg"]


def test_what_is_installed_is_looked_up_once_whatever_a_database_does_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    known = distributions()
    (tmp_path / "mlflow.db-journal").touch()
    os.utime(tmp_path, (1, 1))
    assert distributions() is known
    (tmp_path / "new_one-1.0.dist-info").mkdir()
    assert distributions() is not known
