"""Code of one's own that a version needs wherever it is loaded: what a task imports and reads."""

from __future__ import annotations

import ast
import importlib.util
import logging
import os
import shutil
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

from al.catalog import kinds, tasks

_log = logging.getLogger(__name__)
_PACKAGE = __name__.partition(".")[0]

#: Files of a folder that are larger stay behind, unless the task names them in `files`.
LARGEST = 10_000_000
#: How folders and files end that say what is installed.
_INFO = (".dist-info", ".egg-info", ".egg-link")
#: Folders of installed packages.
_INSTALLED = frozenset({"site-packages", "dist-packages"})
#: What lies in a folder and is not a part of its code.
_LEFT = frozenset({"__pycache__", "mlruns", "mlartifacts", "mlflow.db"})


class OwnCode(NamedTuple):
    """What travels with a version.

    Attributes:
        paths: modules and folders, each of which can be imported from where it is put.
        packages: names of installed distributions that their code imports.
    """

    paths: list[Path]
    packages: list[str]


def distributions() -> Mapping[str, list[str]]:
    """Installed distributions by the names of what is imported from them."""
    folders = (Path(folder) for folder in sys.path if folder)
    return _distributions(tuple((f, _installed_in(f)) for f in folders if f.is_dir()))


def _installed_in(folder: Path) -> frozenset[str]:
    """What says what is installed there; other files come and go, a database's among them."""
    return frozenset(name for name in os.listdir(folder) if name.endswith(_INFO))


@lru_cache(maxsize=1)
def _distributions(_: object) -> Mapping[str, list[str]]:
    """They are looked up once for what is installed: that takes as long as a cycle's training."""
    return packages_distributions()


def own_code(task: str, kind: str, scratch: Path) -> OwnCode:
    """The code that a task and a kind of problem come from, and what of one's own it imports.

    A folder travels whole, with or without `__init__.py`; of a module that lies in none, the
    modules beside it that it imports do, however late, and the files that its task names.

    Args:
        task, kind: names in their catalogs.
        scratch: a folder that is not there; copies of folders are made in it.
    """
    named = {str(name) for name in getattr(tasks.get(task), "files", ())}
    modules = [_module_of(tasks.get(task), task), _module_of(kinds.get(kind), kind)]
    places: dict[str, Path | None] = {}
    packages: list[str] = []
    queue, seen = list(modules), set[str]()
    while queue:
        module = queue.pop(0)
        top = module.partition(".")[0]
        if module in seen or top == _PACKAGE or top in sys.stdlib_module_names:
            continue
        seen.add(module)
        if top not in places:
            places[top] = place = _place(top, module)
            packages += distributions().get(top, [])[:1] if place is None else []
        if (place := places[top]) is not None:
            queue += _imported(place, module)
    paths = [_copied(place, scratch / top, named) for top, place in places.items() if place]
    beside = places.get(modules[0])
    if beside is not None and beside.is_file():  # what lies in a folder has travelled with it
        paths += [beside.parent / name for name in sorted(named)]
    return OwnCode(paths, list(dict.fromkeys(packages)))


def _module_of(entry: object, name: str) -> str:
    return name.partition(":")[0] if ":" in name else getattr(entry, "__module__", _PACKAGE)


def _place(top: str, module: str) -> Path | None:
    """The file or the folder of a module of one's own; None where it is installed, or nowhere."""
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # a notebook, which has no file
        spec = None
    if spec is None:
        return None
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    inside = Path(*module.split(".")[1:])  # several folders may make one namespace
    holding = [folder for folder in folders if (folder / inside).with_suffix(".py").is_file()]
    files = [Path(spec.origin)] if spec.origin and not folders else []
    found = next(iter([*holding, *folders, *files]), None)
    if found is None or not found.exists() or _INSTALLED & set(found.parts):
        return None
    return found


def _imported(place: Path, module: str) -> list[str]:
    """What a module of one's own imports, however late, by whole names; and its packages."""
    parts = module.split(".")
    inside = place.joinpath(*parts[1:])
    files = [inside] if place.is_file() else [inside.with_suffix(".py"), inside / "__init__.py"]
    path = next((file for file in files if file.is_file()), None)
    found = [".".join(parts[:count]) for count in range(1, len(parts))]
    if path is None:
        return found
    package = parts if path.name == "__init__.py" else parts[:-1]
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:  # nobody has imported it
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            found += [name, *(f"{name}.{alias.name}" for alias in node.names)]  # may be modules
    return found


def _copied(place: Path, copy: Path, named: set[str]) -> Path:
    """What is put beside the version: a file itself, a copy of a folder's code."""
    if place.is_file():
        return place
    left: list[Path] = []

    def ignore(folder: str, names: list[str]) -> set[str]:
        out = {name for name in names if name in _LEFT or name.startswith(".")}
        for path in (Path(folder) / name for name in names if name not in out):
            wanted = path.relative_to(place).as_posix() in named or path.name in named
            if path.is_file() and path.stat().st_size > LARGEST and not wanted:
                left.append(path)
        return out | {path.name for path in left if path.parent == Path(folder)}

    shutil.copytree(place, copy, ignore=ignore)
    if left:
        _log.warning(
            f"{len(left)} files of more than {LARGEST // 1_000_000} MB in {place.name} do not "
            f"travel with the version, {left[0].name} first: name what the task reads in its "
            "`files`, and keep data elsewhere"
        )
    return copy
