"""A row as people read it: columns that say nothing folded, one-hot columns as one.

Which columns are constant or one-hot is seen from the rows that were asked about.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

#: Fewer rows than this tell nothing of what is constant.
FEWEST = 3
_PARTS = re.compile(r"(.+?)(?:[ _=:.]+)([^ _=:.]+)")
_UNIT = re.compile(r"(.+?)\s*[(\[]([^()\[\]]{1,12})[)\]]")
_HOT = frozenset(("0", "1", "0.0", "1.0", "False", "True"))
_ON = frozenset(("1", "1.0", "True"))


class Rows:
    """How rows are shown.

    Args:
        rows: those that were asked about, or some of them.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        texts = [{str(name): str(value) for name, value in row.items()} for row in rows]
        names = list(texts[0]) if texts else []
        alike = [row for row in texts if list(row) == names]
        self.groups = _groups(names, alike)
        single = [
            name for name in names if name not in {m for g in self.groups.values() for m in g}
        ]
        enough = len(alike) >= FEWEST
        self.constant = {n for n in single if enough and len({row[n] for row in alike}) == 1}

    def shown(self, row: Mapping[str, Any]) -> tuple[list[list[str]], list[list[str]]]:
        """The row as (name, value, unit), and of the same form what is the same everywhere."""
        of_group = {m: name for name, members in self.groups.items() for m in members}
        varied: list[list[str]] = []
        folded: list[list[str]] = []
        done = set[str]()
        for name, value in ((str(n), v) for n, v in row.items()):
            group = of_group.get(name)
            if group is None:
                (folded if name in self.constant else varied).append(_row(name, value))
            elif group not in done:
                done.add(group)
                members = self.groups[group]
                on = [part for m, part in members.items() if str(row.get(m)) in _ON]
                if len(on) == 1:
                    varied.append(_row(group, on[0]))
                else:  # not a one-hot row after all
                    varied += [_row(m, row[m]) for m in members if m in row]
        return varied, folded


def _groups(names: Sequence[str], rows: Sequence[Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Groups of columns of which exactly one is 1 in each row: column → what it stands for."""
    groups = dict[str, dict[str, str]]()
    for name in names:
        if parts := _PARTS.fullmatch(name):
            groups.setdefault(parts[1], {})[name] = parts[2]
    return {
        group: members
        for group, members in groups.items()
        if len(members) > 1
        and group not in names
        and all(row[m] in _HOT for row in rows for m in members)
        and all(sum(row[m] in _ON for m in members) == 1 for row in rows)
    }


def _row(name: str, value: Any) -> list[str]:
    """Name, value and unit; a name that ends in a unit gives it to the value."""
    found = _UNIT.fullmatch(name)
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and math.isfinite(value):
        value = f"{value:.6g}"
    return [found[1], str(value), found[2]] if found else [name, str(value), ""]
