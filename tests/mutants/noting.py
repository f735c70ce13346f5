"""Plugins for pytest: which lines each test runs, and a run of the tests that are asked for."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import coverage
import pytest

#: For whom a line counts that was run while modules were imported, or by a fixture: for all
#: tests of the file.
EVERYONE = ""


#: The fixture that makes a store: tests that have it run whole campaigns, seconds each.
_STORE = "empty_database"
#: Seconds of the processor after which the rest of a file is left out.
_ENOUGH = 30.0


class Noting:
    """Writes down, for each test of a file, its seconds and the lines of the package it ran.

    Tests on a store are left out, so the share of mutants that are killed is rather too low;
    so are those that fail.
    """

    def __init__(self, package: Path, out: Path) -> None:
        self.package, self.out = package, out
        self.seconds: dict[str, float] = {}
        self.begun = time.process_time()
        self.coverage = coverage.Coverage(
            data_file=None, source=[str(package)], config_file=False, messages=False
        )

    def pytest_sessionstart(self) -> None:
        self.coverage.start()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [i for i in items if _STORE not in getattr(i, "fixturenames", ())]

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid)
        begun = time.monotonic()
        outcome: Any = yield
        self.coverage.switch_context(EVERYONE)
        if outcome.excinfo is None:
            self.seconds[item.nodeid] = round(time.monotonic() - begun, 3)
        if time.process_time() > self.begun + _ENOUGH:
            item.session.shouldstop = "this file has had its time"

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        data = self.coverage.get_data()
        lines = {
            Path(file).relative_to(self.package.parent).as_posix(): data.contexts_by_lineno(file)
            for file in data.measured_files()
        }
        noted: dict[str, Any] = {"seconds": self.seconds, "lines": lines}
        self.out.write_text(json.dumps(noted), encoding="utf-8")


class Chosen:
    """Runs some tests of the collected ones, in the order in which they are given."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.places = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self.places]
        items.sort(key=lambda item: self.places[item.nodeid])


def run_with(source: str, line: int) -> tuple[range, range]:
    """The lines of the statement that a line is of; and, where that is the head of a function
    or a class, those of what is in it."""
    around = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt) and _first(node) <= line <= (node.end_lineno or 0)
    ]
    node = min(around, key=lambda node: (node.end_lineno or 0) - _first(node))
    body = getattr(node, "body", None)
    if not body:
        return range(_first(node), (node.end_lineno or 0) + 1), range(0)
    head = range(_first(node), max(_first(body[0]), _first(node) + 1))
    made = isinstance(node, ast.FunctionDef | ast.ClassDef)
    return head, range(_first(body[0]), (node.end_lineno or 0) + 1) if made else range(0)


def _first(node: ast.stmt) -> int:
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
