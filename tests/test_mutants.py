from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.mutants.__main__ import Session
from tests.mutants.choosing import TestFiles
from tests.mutants.noting import run_with
from tests.mutants.places import found, sample

SUMS = """
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    LIMIT = 3 - 1


def total(numbers: list[int] | None) -> int:
    found = 0
    for number in numbers or [7 - 5]:
        found += number
    return found


def countdown(number: int) -> int:
    while number > 0:
        number = number - 1
    return number


def alone() -> int:
    return 1 + 1
"""
TESTS = """
from tiny.sums import countdown, total


def test_a_sum():
    assert total([1, 2]) == 3


def test_a_countdown():
    assert countdown(3) == 0
"""
TRY = """
import json, sys
from pathlib import Path
from tests.mutants.__main__ import Trial
from tests.mutants.places import found
from tests.mutants.running import Runner

tree, path = Path(sys.argv[1]), "tiny/sums.py"
trial = Trial(Runner(tree, "tiny"), patience=60.0, grace=2.0)
named = {
    f"{mutant.operator} {mutant.line}": mutant
    for changes in found(path, (tree / path).read_text())
    for mutant in changes
}
print(json.dumps([trial.of(named[name], wide=False) for name in sys.argv[2:]]))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "tree"
    for name, source in {
        "tiny/__init__.py": "",
        "tiny/sums.py": SUMS,
        "tests/__init__.py": "",
        "tests/test_sums.py": TESTS,
    }.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(source)
    return made


def test_a_mutant_is_killed_survives_or_goes_on_for_ever(tree: Path) -> None:
    asked = ["RemoveStatement 11", "ReplaceBinaryOperator_Sub_Add 17"]
    asked += ["ReplaceBinaryOperator_Add_Mul 22"]  # which no test runs
    ran = subprocess.run(
        [sys.executable, "-c", TRY, str(tree), *asked],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    killed, endless, survived = json.loads(ran.stdout.splitlines()[-1])
    assert killed[0] == "killed"
    assert killed[1].startswith("FAILED tests/test_sums.py::test_a_sum")
    assert endless[0] == "timeout"
    assert survived == ["survived", ""]
    assert (tree / "tiny/sums.py").read_text() == SUMS


def test_what_no_run_can_see_is_not_changed() -> None:
    lines = {mutant.line for changes in found("tiny/sums.py", SUMS) for mutant in changes}
    assert lines == {9, 10, 11, 16, 17, 22}  # no annotations, nothing for the type checker


def test_changes_leave_the_rest_of_the_module_as_it_is() -> None:
    source = (
        "def f(x):\n    log(x)\n    n = g(x.copy(), axis=1, *x)\n    n += h(k=2)\n    return n\n"
    )
    made = {
        (mutant.operator, mutant.line): mutant.applied(source).splitlines()[mutant.line - 1].strip()
        for changes in found("f.py", source)
        for mutant in changes
        if mutant.operator.startswith("Remove")
    }
    assert made == {
        ("RemoveStatement", 2): "pass",
        ("RemoveMethod", 3): "n = g(x, axis=1, *x)",
        ("RemoveArgument", 3): "n = g(x.copy(), *x)",
        ("RemoveStatement", 4): "pass",
        ("RemoveArgument", 4): "n += h()",
    }


def test_a_sample_is_named_by_its_seed_and_not_by_where_code_stands(tree: Path) -> None:
    def keys(count: int, seed: int) -> list[str]:
        return [mutant.key for mutant in sample(tree, ["tiny/sums.py"], count, seed)]

    four = keys(4, 0)
    assert four == keys(4, 0) == keys(6, 0)[:4]
    assert set(four) != set(keys(4, 1))
    file = tree / "tiny/sums.py"
    file.write_text('"""Sums."""\n\nSOME = []\n' + SUMS)
    assert keys(4, 0) == four


def test_what_is_known_of_a_mutant_counts_while_its_function_stays_as_it_is(tree: Path) -> None:
    file, notes = tree / "tiny/sums.py", tree / "session.jsonl"

    def known() -> set[int]:
        drawn = sample(tree, ["tiny/sums.py"], 99, 0)
        session = Session(notes, drawn)
        return {mutant.line for mutant in drawn if mutant.key in session.found}

    drawn = sample(tree, ["tiny/sums.py"], 99, 0)
    session = Session(notes, drawn)
    for mutant in drawn:
        session.note(mutant, "killed", "")
    assert known() == {9, 10, 11, 16, 17, 22}
    file.write_text(SUMS.replace("return number", "return 0"))  # in countdown
    assert known() == {9, 10, 11, 22}
    file.write_text(SUMS.replace("TYPE_CHECKING\n", "TYPE_CHECKING\n\n"))
    assert known() == {10, 11, 12, 17, 18, 23}


def test_names_that_a_package_hands_on_are_near_to_where_they_are_from(tree: Path) -> None:
    (tree / "tiny/__init__.py").write_text("from tiny.sums import total\n")
    for name, line in {"far": "import tiny", "by_name": "from tiny import total"}.items():
        (tree / f"tests/test_{name}.py").write_text(f"{line}\n")
    near = ["tests/test_by_name.py", "tests/test_sums.py"]
    assert TestFiles(tree).near("tiny/sums.py") == near


def test_the_head_of_a_function_concerns_whom_its_body_does() -> None:
    line = SUMS.splitlines().index("def countdown(number: int) -> int:") + 1
    assert run_with(SUMS, line) == (range(line, line + 1), range(line + 1, line + 4))
    assert run_with(SUMS, line + 1) == (range(line + 1, line + 2), range(0))
    assert run_with(SUMS, line + 2) == (range(line + 2, line + 3), range(0))
