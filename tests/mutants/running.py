"""Running tests on a mutant, in a copy of the tree, in forks of a process that is warm."""

from __future__ import annotations

import compileall
import gc
import importlib
import os
import pkgutil
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path

#: Exit codes: pytest's where no test is selected, and ours where pytest itself did not come up.
_NO_TESTS, _BROKEN = 5, 99
#: How many times as long a run may last as it may use a processor.
_WAIT = 10
#: No more of pytest than the tests need; with plain asserts, tests need not be compiled again.
_OPTIONS = ["-x", "-q", "--tb=line", "--assert=plain", "-p", "no:cacheprovider"]
_OPTIONS += ["-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin"]
#: What keeps a process to one thread, so that a fork of it is whole.
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}


@dataclass(frozen=True)
class Outcome:
    """How a run of tests ended: "passed", "failed" or "timeout"; in seconds."""

    how: str
    seconds: float
    log: str = ""


def copied(root: Path, tree: Path) -> None:
    """A copy of the repository as it stands, what is not committed included."""
    shutil.rmtree(tree, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, tree / name)
    compileall.compile_dir(tree, quiet=1)


class Runner:
    """Runs test files of a tree, each time in a process that has imported everything but it.

    Args:
        tree: a copy that may be changed; `al` and `tests` are imported from there.
        package: whose imports are made once; it is then forgotten, so that each run imports it
            again with the mutant in it.
    """

    def __init__(self, tree: Path, package: str = "al") -> None:
        self.tree, self.package = tree, package
        os.environ |= _ONE_THREAD | {
            "CI": "1",  # hypothesis draws the same examples each time
            "PYTHONPATH": str(tree),  # for the processes that tests start
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(tree))
        before = set(sys.modules)
        for name in ("pytest", "hypothesis", package):
            importlib.import_module(name)
        for module in pkgutil.walk_packages(sys.modules[package].__path__, f"{package}."):
            if not module.name.endswith("__main__"):  # which would start a command
                importlib.import_module(module.name)
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == package:
                del sys.modules[name]
        gc.collect()
        gc.freeze()  # nothing of all this is looked at again, in any fork
        threads = len(os.listdir("/proc/self/task"))
        assert threads == 1, f"{threads} threads: a fork would lose all but one"

    def run(self, files: Iterable[str], limit: float, plugin: object = None) -> Outcome:
        """Run test files until one test fails, for so many seconds of a processor at most; that
        others use the processor too ends no run."""
        log = self.tree.parent / "pytest.log"
        begun = time.monotonic()
        child = os.fork()
        if not child:
            self._child(list(files), log, plugin, limit)
        while time.monotonic() < begun + _WAIT * limit:  # for what waits and does nothing
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                _end(child)
                code, message = os.waitstatus_to_exitcode(status), log.read_text(errors="replace")
                if code == _BROKEN:
                    raise RuntimeError(f"the tests could not be run: {message[-2000:]}")
                how = "passed" if code in (0, _NO_TESTS) else "failed"
                how = "timeout" if code == -signal.SIGXCPU else how
                return Outcome(how, time.monotonic() - begun, message)
            time.sleep(0.02)
        _end(child)
        os.waitpid(child, 0)
        return Outcome("timeout", time.monotonic() - begun, log.read_text(errors="replace"))

    def _child(self, files: list[str], log: Path, plugin: object, limit: float) -> None:
        code = _BROKEN
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CPU, (ceil(limit), ceil(limit) + 5))
            os.chdir(self.tree)
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            import pytest

            for name in [n for n in sys.modules if n.partition(".")[0] == "tests"]:
                del sys.modules[name]  # they come from the copy, too
            code = int(pytest.main([*_OPTIONS, *files], plugins=[plugin] if plugin else []))
            sys.stdout.flush()
        finally:
            os._exit(code)

    @contextmanager
    def mutated(self, path: str, source: str) -> Iterator[None]:
        """The tree with another source of a module, and afterwards as it was."""
        file = self.tree / path
        original, stamp = file.read_bytes(), file.stat()
        try:
            file.write_text(source, encoding="utf-8")
            # Compiled files are told apart by the second of the source and its size.
            os.utime(file, (stamp.st_atime, stamp.st_mtime + 1000))
            yield
        finally:
            file.write_bytes(original)
            os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def _end(group: int) -> None:
    """End a run and whatever it has started."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
