"""What is kept for later dies when any code that made it changes, and not otherwise."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import al

ASK = "from al.sources import code_digest; import mine; print(code_digest(mine.Task()))"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a copy of the package and a task of one's own, which reads another file."""
    shutil.copytree(
        Path(al.__file__).parent, tmp_path / "al", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "mine.py").write_text("import beside\n\n\nclass Task:\n    rate = beside.RATE\n")
    (tmp_path / "beside.py").write_text("RATE = 1\n")
    (tmp_path / "unread.py").write_text("RATE = 1\n")
    return tmp_path


def asked(folder: Path, code: str = ASK) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("edited", ["al/graphs/base.py", "al/kernels.py", "beside.py", "mine.py"])
def test_an_edit_of_any_code_that_makes_a_score_is_another_digest(copy: Path, edited: str) -> None:
    before = asked(copy)
    (copy / edited).write_text((copy / edited).read_text() + "\nADDED = 1\n")
    assert asked(copy) != before


def test_without_an_edit_or_with_one_elsewhere_the_digest_stays(copy: Path) -> None:
    before = asked(copy)
    (copy / "unread.py").write_text("RATE = 2\n")
    assert asked(copy) == before


def test_of_a_task_in_a_package_all_of_the_package_counts(copy: Path) -> None:
    package = copy / "mine_too"
    (package / "deep").mkdir(parents=True)
    for name in ("__init__.py", "deep/__init__.py", "deep/late.py"):
        (package / name).write_text("")
    (package / "task.py").write_text("class Task: ...\n")
    code = ASK.replace("import mine;", "import mine_too.task as mine;")
    before = asked(copy, code)
    (package / "deep" / "late.py").write_text("RATE = 2\n")  # imported when it is needed
    assert asked(copy, code) != before


def test_a_task_without_a_file_has_a_digest(copy: Path) -> None:
    code = "from al.sources import code_digest\nclass Task: ...\nprint(code_digest(Task()))"
    assert len(asked(copy, code)) == 16
