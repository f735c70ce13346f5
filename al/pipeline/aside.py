"""What is made beside the work, for people to look at: nothing depends on it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from al.errors import TrackingError, without_credentials

_log = logging.getLogger(__name__)


@contextmanager
def never_in_the_way(what: str, then: str = "the work goes on without") -> Iterator[None]:
    """Make a line of what goes wrong inside; a signal to stop, or a server away, goes through.

    Args:
        what: is made, for the line.
        then: what to do about it.
    """
    try:
        yield
    except TrackingError:  # nothing else could be written either
        raise
    except Exception as error:
        reason = without_credentials(" ".join(str(error).split()))[:200] or type(error).__name__
        _log.debug("%s", what, exc_info=True)
        _log.warning(f"{what} could not be written ({reason}): {then}")
