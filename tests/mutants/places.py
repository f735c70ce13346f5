"""Which mutants there are, and a sample of them."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider

from tests.mutants.removals import REMOVALS

Span = tuple[tuple[int, int], tuple[int, int]]
_CORE = OperatorProvider()
#: Kinds of change by name; those that would have to be told names of variables are left out.
OPERATORS: dict[str, type[Operator]] = {
    name: _CORE[name] for name in _CORE if not _CORE[name].arguments()
} | REMOVALS


#: Operators of which there is one for each pair of symbols, and that look at the first alone.
_BY_SYMBOL = "ReplaceBinaryOperator_"


@dataclass(frozen=True)
class Mutant:
    """One change at one place.

    Attributes:
        path: of the module, from the root of the repository.
        operator: the kind of change, a name in `OPERATORS`; `occurrence` counts its places.
        key: names the change by what the line says and not by where it stands, so that it stays
            the same when code around it changes.
        code: a digest of the function that it is in, or of the statement outside of any.
    """

    path: str
    operator: str
    occurrence: int
    line: int
    key: str
    code: str

    def applied(self, source: str) -> str:
        """The module's source with the change."""
        changed = mutate_code(source, OPERATORS[self.operator](), self.occurrence)
        assert changed is not None, self
        return str(changed)


def sample(root: Path, modules: Iterable[str], count: int, seed: int) -> list[Mutant]:
    """As many places as asked for, each with one of the changes that it can have.

    A place that `-` stands in has a dozen changes, one with `True` has one; drawn evenly over
    places, no operator crowds out the others. The draw is by a digest of seed and key: what is
    drawn in one module does not depend on the others.
    """
    drawn = []
    sources = {path: (root / path).read_text(encoding="utf-8") for path in sorted(modules)}
    for path, source in sources.items():
        for changes in found(path, source):
            drawn.append(min(changes, key=lambda m: _digest(seed, m.key)))
    drawn.sort(key=lambda m: _digest(seed, "place", m.key))
    compiled = (mutant for mutant in drawn if _compiles(mutant.applied(sources[mutant.path])))
    return list(islice(compiled, count))


def found(path: str, source: str) -> Iterator[list[Mutant]]:
    """All mutants of a module that can change what it does, those of a place together."""
    nodes = list(ast_nodes(get_ast(source)))
    dead = _without_effect(source)
    lines = source.splitlines()
    digests = _digests(source)
    places: dict[tuple[Span, str], list[Mutant]] = {}
    seen: dict[str, int] = {}
    all_spans: dict[str, list[Span]] = {}
    for name, kind in OPERATORS.items():
        # What + is replaced by does not change where it stands.
        what = name.rpartition("_")[0] if name.startswith(_BY_SYMBOL) else name
        if what not in all_spans:
            operator = kind()
            all_spans[what] = [span for node in nodes for span in operator.mutation_positions(node)]
        spans = all_spans[what]
        for occurrence, (start, end) in enumerate(spans):
            if any(first <= start < last for first, last in dead):
                continue
            text = f"{path} {name} {start[1]} {lines[start[0] - 1].strip()}"
            nth = seen[text] = seen.get(text, 0) + 1
            key, code = _digest(text, nth)[:12], digests[start[0]]
            mutant = Mutant(path, name, occurrence, start[0], key, code)
            family = name.split("_")[0]
            places.setdefault(((start, end), family), []).append(mutant)
    yield from places.values()


def _without_effect(source: str) -> list[Span]:
    """Where a change cannot be seen: annotations, which nothing evaluates here, what only the
    type checker reads, and what only stops code that is wrong (assert, zip's strict, frozen
    dataclasses, abstract methods)."""
    lines = source.splitlines()

    def position(line: int, column: int) -> tuple[int, int]:
        return line, len(lines[line - 1].encode()[:column].decode())  # ast counts bytes

    spans = []
    for node in ast.walk(ast.parse(source)):
        parts: list[Any] = []
        if isinstance(node, ast.FunctionDef):
            parts = [node.returns]
            parts += [d for d in node.decorator_list if ast.unparse(d) == "abstractmethod"]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts = [node.annotation]
        elif (
            isinstance(node, ast.Assert)
            or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
            or (isinstance(node, ast.keyword) and node.arg in ("strict", "frozen"))
        ):
            parts = [node]
        for part in filter(None, parts):
            at = isinstance(node, ast.FunctionDef) and part in node.decorator_list  # its @
            start = position(part.lineno, part.col_offset - at)
            spans.append((start, position(part.end_lineno, part.end_col_offset)))
    return spans


def _digests(source: str) -> dict[int, str]:
    """For each line, a digest of the innermost function, or of the statement in no function."""
    lines, found = source.splitlines(), {}
    for node in ast.walk(ast.parse(source)):  # outer ones first
        parts = node.body if isinstance(node, ast.Module | ast.ClassDef) else [node]
        for part in parts if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) else []:
            first = min([part.lineno, *(d.lineno for d in getattr(part, "decorator_list", ()))])
            last = part.end_lineno or first
            found |= dict.fromkeys(range(first, last + 1), _digest(lines[first - 1 : last])[:12])
    return found


def _compiles(source: str) -> bool:
    """Whether it is Python; cosmic-ray takes the * before named parameters for a product."""
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def digest(file: Path) -> str:
    """Of what a file says."""
    return _digest(file.read_text(encoding="utf-8"))


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
