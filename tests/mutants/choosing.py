"""Which test files may notice a change of a module."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path, PurePosixPath


class TestFiles:
    """The test files of a tree, and what of `al` each one imports, also through another one."""

    __test__ = False  # pytest collects by name

    def __init__(self, tree: Path) -> None:
        files = {p.relative_to(tree).as_posix(): p for p in sorted((tree / "tests").rglob("*.py"))}
        homes = _homes(tree)
        imported = {name: _imports(path.read_text("utf-8")) for name, path in files.items()}
        direct = {
            name: used | {homes.get(one, one) for one in used} for name, used in imported.items()
        }
        self.used = {
            name: used.union(*(direct.get(helper, set()) for helper in _helpers(used)))
            for name, used in direct.items()
            if PurePosixPath(name).name.startswith("test_") and "/mutants/" not in name
        }
        self.direct: Mapping[str, set[str]] = direct

    def near(self, path: str) -> list[str]:
        """Those that mirror a module: named after it or its room, importing it or something of
        it by name, or in the folder of its room."""
        module = _module(path)
        names = tuple(f"test_{part}" for part in module.split(".")[1:])
        folder = f"tests/{'/'.join(module.split('.')[1:2])}/"
        return [
            file
            for file in self.used
            if PurePosixPath(file).name.startswith(names)
            or module in self.direct[file]
            or file.startswith(folder)
        ]

    def wide(self, path: str) -> list[str]:
        """The others that import the module or its room, also through another file."""
        module = _module(path)
        asked = {module, module.rpartition(".")[0], ".".join(module.split(".")[:2])} - {"al"}
        near = self.near(path)
        return [file for file, used in self.used.items() if file not in near and asked & used]


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imports(source: str) -> set[str]:
    """Names of modules, and of what is taken from them, which may be modules."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _homes(tree: Path) -> dict[str, str]:
    """Names that packages hand on, and the modules that these have them from."""
    found = {}
    for path in tree.rglob("__init__.py"):
        package = _module(path.relative_to(tree).as_posix())
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {f"{package}.{alias.name}": node.module for alias in node.names}
    return found


def _helpers(used: set[str]) -> set[str]:
    modules = {name for name in used if name.startswith("tests.") and name != "tests.conftest"}
    return {f"{name.replace('.', '/')}.py" for name in modules}
