"""The tables of names in docs/, made from the catalogs, the steps and Config; the
keywords of `al.Campaign` likewise.

python -m docs.tables     writes them anew, between their markers
"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from al.catalog import Catalog, formats, kinds, stop_rules, strategies, tasks
from al.config import NUMBER_OR_OFF, Config
from al.kinds import kind_named
from al.pipeline.steps import STEPS
from al.strategies.ranking import suits

ROOT = Path(__file__).parents[1]
PAGES = (
    "al/keywords.py",
    "docs/reference.md",
    "docs/strategies.md",
    "docs/production.md",
    "docs/labels.md",
    "docs/ARCHITECTURE.md",
)


def names(catalog: Catalog, what: str) -> str:
    """A row for each name: the first line of its docstring."""
    rows = [f"| `{name}` | {catalog.summary(name)} |" for name in catalog.names()]
    return "\n".join([f"| name | {what} |", "|---|---|", *rows])


def strategies_and_needs() -> str:
    """A row for each strategy, with what it reads and what it takes."""
    from inspect import Parameter, signature

    rows = []
    for name in strategies.names():
        strategy = strategies.get(name)
        taken = list(signature(strategy).parameters.values())[3:]
        said = [
            f"{p.name}={p.default}" if p.kind is Parameter.KEYWORD_ONLY else p.name for p in taken
        ]
        reads = getattr(strategy, "reads", ())
        needs = ", ".join(name for name in reads if "." not in name) or "–"
        row = [f"`{name}`", strategies.summary(name), needs.replace("_", " "), labels(strategy)]
        row.append(", ".join(said))
        rows.append(f"| {' | '.join(row)} |")
    return "\n".join(
        ["| name | what it does | reads | labels | takes |", "|---|---|---|---|---|", *rows]
    )


def labels(strategy: object) -> str:
    """The kinds of label that a strategy has a meaning for."""
    known = kinds.names()
    try:
        found = [name for name in known if suits(strategy, kind_named(name))]
    except TypeError:  # it takes arguments, which decide
        return "by its arguments"
    if len(found) == len(known):
        return "all"
    others = [name for name in known if name not in found]
    return f"all but {others[0]}" if len(others) == 1 else ", ".join(found)


def steps() -> str:
    """A row for each step of a cycle, in their order."""
    rows = []
    for step in STEPS:
        module = step.body.partition(":")[0].replace(".", "/")
        runs = f"`{step.each}`" if step.each else "1"
        rows.append(f"| `{step.name}` | {step.help} | {runs} | `{module}.py` |")
    return "\n".join(["| step | what it does | runs | body |", "|---|---|---|---|", *rows])


def parameters() -> str:
    """A row for each parameter."""
    rows = [f"| `{p.name}` | `{p.default}` | {p.metadata['help']} |" for p in fields(Config)]
    return "\n".join(["| name | default | what |", "|---|---|---|", *rows])


def exported() -> str:
    """A row for each format in which labels leave."""
    rows = []
    for name in formats.names():
        forms = formats.get(name).forms
        held = [k for k in kinds.names() if forms is None or kind_named(k).form in forms]
        kept = "all" if len(held) == len(kinds.names()) else ", ".join(held)
        rows.append(f"| `{name}` | {kept} | {formats.summary(name)} |")
    return "\n".join(["| format | kinds | holds |", "|---|---|---|", *rows])


def keywords() -> str:
    """A line for each parameter, as the keyword arguments of `al.Campaign`."""
    named = {p.name: p.type + " | float" * (p.name in NUMBER_OR_OFF) for p in fields(Config)}
    return "\n".join(f"    {name}: {type}" for name, type in named.items())


def renewed(text: str) -> str:
    """A page with its tables as they are now."""
    made = {
        "strategies": lambda: names(strategies, "what it does"),
        "strategies and needs": strategies_and_needs,
        "tasks": lambda: names(tasks, "what it is"),
        "parameters": parameters,
        "steps": steps,
        "keywords": keywords,
        "formats": exported,
        "stop rules": lambda: names(stop_rules, "ends the campaign when"),
    }
    for name, make in made.items():
        begin, end = rf"(?:<!-- {name} -->|    # {name})\n\n?", r"\n\n?(?:<!--|    #) end"
        marked = re.compile(f"({begin}).*?({end})", re.DOTALL)
        text = marked.sub(lambda found, table=make: f"{found[1]}{table()}{found[2]}", text)
    return text


if __name__ == "__main__":
    for page in PAGES:
        (ROOT / page).write_text(renewed((ROOT / page).read_text()))
