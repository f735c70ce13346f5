"""Whether a driver is at work on the answers, for people who wait at the page for what comes next.

It holds a lock on a file while it is. The lock goes with the process, so one that was killed says
nothing that has become untrue.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


class AtWork:
    """What drivers say to the page.

    Args:
        folder: of what is asked and answered.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".at-work.lock"

    @contextmanager
    def announced(self) -> Iterator[None]:
        """A driver is at work while this is open; one that cannot say so works all the same."""
        from filelock import FileLock, Timeout

        with ExitStack() as stack:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(self._path, timeout=1))
            except (OSError, Timeout):
                pass
            yield

    def seen(self) -> bool:
        """Whether one is."""
        from filelock import FileLock, Timeout

        if not self._path.exists():
            return False
        try:
            with FileLock(self._path, timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            return False
