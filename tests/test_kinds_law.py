"""A law: what differs between kinds of problem stands in `al/kinds` and nowhere else.

No code beside that room may compare a kind's name, look something up by it, or match on it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from al.catalog import kinds

ROOT = Path(__file__).parents[1]
NAMES = frozenset(kinds.names())
FILES = [
    path
    for room in ("al", "steps")
    for path in sorted((ROOT / room).rglob("*.py"))
    if ROOT / "al" / "kinds" not in path.parents
]
#: The same words with another meaning, as they stand in the code.
OTHERS = {
    "al/strategies/expression.py": "token",  # a number in a strategy's text
    "al/data/oddities.py": "['kind']",  # what a column of a table holds
    "al/data/tables.py": "'kind'",
}


def words(node: ast.AST) -> set[str]:
    """The texts that stand in an expression, in a tuple, list or set too."""
    inside = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else [node]
    return {n.value for n in inside if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def is_kind(node: ast.AST) -> bool:
    """Whether an expression reads the kind of a spec or a view, by name."""
    if not (isinstance(node, ast.Attribute) and node.attr == "kind"):
        return False
    return ast.unparse(node.value).rpartition(".")[2].strip("_") in ("spec", "view", "self")


def offences(text: str) -> Iterator[str]:
    """The expressions that break the law."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            identity = all(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops)
            if any(words(side) & NAMES for side in sides) or (
                not identity and any(map(is_kind, sides))
            ):
                yield ast.unparse(node)
        elif isinstance(node, ast.Dict):
            keys = {word for key in node.keys if key is not None for word in words(key)}
            if len(keys & NAMES) > 1:
                yield ast.unparse(node)
        elif isinstance(node, ast.Subscript) and (is_kind(node.slice)):
            yield ast.unparse(node)
        elif isinstance(node, ast.Call):
            looked_up = isinstance(node.func, ast.Attribute) and node.func.attr in (
                "get", "startswith", "endswith", "__eq__",
            )  # fmt: skip
            by_kind = looked_up and any(map(is_kind, node.args))
            if by_kind or (looked_up and is_kind(node.func.value)):
                yield ast.unparse(node)
        elif isinstance(node, ast.Match):
            cases = {c for case in node.cases for n in ast.walk(case.pattern) for c in matched(n)}
            if cases & NAMES or is_kind(node.subject):
                yield f"match {ast.unparse(node.subject)}"


def matched(pattern: ast.AST) -> set[str]:
    return words(pattern.value) if isinstance(pattern, ast.MatchValue) else set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_kind_is_told_from_another_outside_its_room(path: Path) -> None:
    other = OTHERS.get(str(path.relative_to(ROOT)))
    found = [text for text in offences(path.read_text()) if not other or other not in text]
    assert found == []


@pytest.mark.parametrize("path", OTHERS)
def test_what_is_let_pass_is_there(path: str) -> None:
    assert any(OTHERS[path] in text for text in offences((ROOT / path).read_text()))


@pytest.mark.parametrize(
    "text",
    [
        'spec.kind == "mask"',
        'kind in ("class", "labels")',
        '"number" != kind',
        "data.spec.kind != other",
        "view.kind == self.kind",
        'TABLE = {"mask": 1, "boxes": 2}',
        "TABLE[self.spec.kind]",
        "TABLE.get(spec.kind)",
        'spec.kind.startswith("m")',
        'match kind:\n    case "mask":\n        pass\n    case "boxes" | "labels":\n        pass',
        "match spec.kind:\n    case _:\n        pass",
    ],
)
def test_the_law_bites(text: str) -> None:
    assert list(offences(text))


@pytest.mark.parametrize(
    "text",
    [
        'DataSpec((), (3,), "float32", "number")',
        "kind_of(spec).form",
        'DataSpec.from_dict({"kind": spec.kind})',
        "kind_named(view.kind)",
        '{"labels": len(ids), "candidate": 1}',
        'column.dtype.kind in "OUT"',
    ],
)
def test_what_names_a_kind_without_telling_it_from_another_passes(text: str) -> None:
    assert not list(offences(text))
