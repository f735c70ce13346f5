"""What is left out by mistake: three kinds of change beside cosmic-ray's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import parso
from cosmic_ray.operators.operator import Operator

Position = tuple[tuple[int, int], tuple[int, int]]


class RemoveStatement(Operator):
    """`log(x)` → `pass`, `n += 1` → `pass`: what is done for its effect is not done."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        if node.type == "simple_stmt" and _has_effect(node.children[0]):
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        done = node.children[0]
        nothing = parso.parse("pass").children[0]
        nothing.prefix = done.get_first_leaf().prefix
        node.children[0] = nothing
        return node

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        return ()


class RemoveArgument(Operator):
    """`f(x, axis=1)` → `f(x)`: an argument that is named is not given."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        for place in _named(node):
            yield node.children[place].start_pos, node.children[place].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        place = list(_named(node))[index]
        comma = place + 1 if node.type == "arglist" and place + 1 < len(node.children) else place
        if node.type == "arglist" and comma == place:
            del node.children[place - 1 : place + 1]
        else:
            del node.children[place : comma + 1]
        return node

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        return ()


class RemoveMethod(Operator):
    """`x.detach()` → `x`: a method that needs nothing is not called."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        if (
            node.type in ("atom_expr", "power")
            and node.parent.type != "simple_stmt"
            and len(node.children) > 2
            and node.children[-1].get_code(include_prefix=False) == "()"
            and node.children[-2].get_code(include_prefix=False).startswith(".")
        ):
            yield node.children[-2].start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        del node.children[-2:]
        return node

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        return ()


REMOVALS = {kind.__name__: kind for kind in (RemoveStatement, RemoveArgument, RemoveMethod)}


def _has_effect(node: Any) -> bool:
    if node.type in ("atom_expr", "power"):
        return bool(node.children[-1].get_code(include_prefix=False).startswith("("))
    if node.type == "expr_stmt":
        return node.children[1].get_code(include_prefix=False) not in ("=",) and (
            node.children[1].type == "operator"
        )
    return False


def _named(node: Any) -> Iterator[int]:
    """Places among the children of a call's arguments where one is given by its name."""
    if node.type == "trailer" or (node.type == "arglist" and node.parent.type == "trailer"):
        for place, child in enumerate(node.children):
            if child.type == "argument" and child.children[1].get_code().strip() == "=":
                yield place
