"""Names of code: tasks, strategies, kinds, annotators, criteria, stop rules, engines,
formats, encoders.

A catalog finds an object by one of three kinds of name:

* a name registered in the catalog's own package: every module there is imported, so a new
  file is found with no edit elsewhere;
* a name that an installed distribution offers as an entry point of the catalog's group;
* `package.module:Object`, importable from the working directory.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, TypeVar

from al.errors import ConfigError, UnknownName, did_you_mean

T = TypeVar("T")


class Catalog:
    """All objects of one kind, by name.

    Args:
        kind: what its entries are, for messages ("strategy").
        package: the package whose modules register entries when imported.
        group: the entry point group of other distributions.
    """

    def __init__(self, kind: str, package: str, group: str) -> None:
        self.kind = kind
        self.package = package
        self.group = group
        self._entries: dict[str, Any] = {}
        self._scanned = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: enter the object under `name`; a name is given once."""

        def enter(entry: T) -> T:
            known = self._entries.get(name)
            same = getattr(known, "__qualname__", None) == getattr(entry, "__qualname__", "")
            if known is not None and not same:  # a reload of the same module may enter it again
                raise ConfigError(f"two objects claim the {self.kind} name {name!r}: rename one")
            self._entries[name] = entry
            return entry

        return enter

    def names(self) -> list[str]:
        """Every registered name, the package's and other distributions'."""
        self._scan()
        return sorted({*self._entries, *(point.name for point in entry_points(group=self.group))})

    def get(self, name: str) -> Any:
        """The object of that name.

        Raises:
            UnknownName: no such entry, module or attribute; the message says what is near.
        """
        if ":" in name:
            return self._import(name)
        self._scan()
        if name in self._entries:
            return self._entries[name]
        for point in entry_points(group=self.group):
            if point.name == name:
                return self._import(point.value)
        raise UnknownName(f"unknown {self.kind} {name!r}: {did_you_mean(name, self.names())}")

    def summary(self, name: str) -> str:
        """The first line of the entry's docstring, for tables and `--help`."""
        return (self.get(name).__doc__ or "").strip().partition("\n")[0]

    def _scan(self) -> None:
        if self._scanned:
            return
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
            importlib.import_module(module.name)
        self._scanned = True

    def _import(self, name: str) -> Any:
        module_name, _, attribute = name.partition(":")
        if module_name.startswith("."):
            raise UnknownName(f"{self.kind} {name!r}: begins with a point: give the whole name")
        if os.getcwd() not in sys.path:  # a console script does not look there by itself
            sys.path.append(os.getcwd())
        try:
            found: Any = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            fix = "run from the folder that holds it, or install it"
            if "MLFLOW_RUN_ID" in os.environ:  # `mlflow run` works in its project's folder
                fix = (
                    'put PYTHONPATH="$PWD" before mlflow run in the folder that holds it, install '
                    "it, or make a project of it with al new"
                )
            if module_name.endswith(".py"):
                fix = f"write {module_name.removesuffix('.py')}:{attribute}"
            raise UnknownName(
                f"{self.kind} {name!r}: no module named {error.name!r}: {fix}"
            ) from error
        for part in attribute.split("."):
            if not hasattr(found, part):
                public = [
                    word
                    for word, value in vars(found).items()
                    if not word.startswith("_") and not isinstance(value, ModuleType)
                ]
                raise UnknownName(
                    f"{self.kind} {name!r}: {module_name} has no {part!r}: "
                    f"{did_you_mean(part, public)}"
                )
            found = getattr(found, part)
        return found


tasks = Catalog("task", "al.tasks", "al.tasks")
strategies = Catalog("strategy", "al.strategies", "al.strategies")
annotators = Catalog("annotator", "al.annotators", "al.annotators")
kinds = Catalog("kind", "al.kinds", "al.kinds")
criteria = Catalog("criterion", "al.model_selector", "al.criteria")
stop_rules = Catalog("stop rule", "al.pipeline.stopping", "al.stop_rules")
engines = Catalog("engine", "al.engine", "al.engines")
formats = Catalog("format", "al.exports", "al.formats")
encoders = Catalog("encoder", "al.data.encoders", "al.encoders")


#: Parameters of the configuration that a task may take and need not.
OFFERED = frozenset({"embeddings"})


def make_task(name: str, given: Mapping[str, Any]) -> Any:
    """The task of that name, made with the parameters it takes: those of its constructor.

    Raises:
        UnknownName: there is no such task.
        ConfigError: it has no parameter of that name, or needs one that is not given.
    """
    task = tasks.get(name)
    takes = inspect.signature(task).parameters
    given = {word: value for word, value in given.items() if word in takes or word not in OFFERED}
    for word in given:
        if word not in takes:
            others = f"it takes {', '.join(takes)}" if takes else "it takes no parameters"
            raise ConfigError(f"task {name!r} takes no {word}: leave it out, {others}")
    for word, parameter in takes.items():
        if word not in given and parameter.default is parameter.empty:
            raise ConfigError(f"task {name!r} needs {word}: pass {word}=…")
    return task(**given)
