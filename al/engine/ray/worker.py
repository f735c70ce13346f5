"""What runs in a worker's process on the cluster."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple


class Hello(NamedTuple):
    """A worker as it says itself.

    Attributes:
        code: version and digest of this project's code there.
        torch: version.
        processor: what kind; see `al.processor`. Empty where the device is not there.
        where: node and process, for people.
    """

    code: str
    torch: str
    processor: str
    where: str


def code() -> str:
    """Version and digest of this project's code."""
    from importlib.metadata import PackageNotFoundError, version

    from al.sources import code_digest

    try:
        known = version("active-learning-pipeline")
    except PackageNotFoundError:  # a folder on the path
        known = "here"
    return f"{known} ({code_digest(Hello('', '', '', ''))[:8]})"


class Worker:
    """Makes its worker once, and works at one shard at a time.

    Args:
        folder: the driver's working directory; taken where it is there too, as paths of data
            and modules of one's own are found from it.
        settings: environment variables, for those that are not set there.
    """

    def __init__(self, folder: str, settings: Mapping[str, str]) -> None:
        with suppress(OSError):
            os.chdir(folder)
        for name, value in settings.items():
            os.environ.setdefault(name, value)
        self._key, self._made = "", None

    def hello(self, device: str) -> Hello:
        """What this worker is, once it is there."""
        import torch

        from al.processor import processor_of

        try:
            processor = processor_of(device)
        except (RuntimeError, AssertionError):
            processor = ""
        return Hello(code(), torch.__version__, processor, f"{os.uname().nodename}:{os.getpid()}")

    def work(self, key: str, made: bytes | None, shard: bytes) -> bytes:
        """A shard's outcome.

        Args:
            key: of what makes the worker of this shard.
            made: pickle of that; None where this process has had it.
        """
        if key != self._key:
            assert made is not None
            self._made = pickle.loads(made)()
            self._key = key
        work: Any = self._made
        return pickle.dumps(work(pickle.loads(shard)), protocol=5)
