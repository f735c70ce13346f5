"""What can go wrong, as one tree; every message reads `fact: fix`.

    AlError
    ├── ConfigError          a parameter is out of range or contradicts the campaign
    │   └── UnknownName      a name that no catalog knows ("did you mean …")
    ├── DataError            a data file is missing, corrupt or of another shape
    │   ├── LabelError       a label that the task does not know
    │   └── SamplesError     some of the samples that a served version is given are none
    ├── AnnotatorError       who answers cannot be reached, refuses, or does not fit the task
    ├── StrategyError        a strategy cannot run here, or chose something impossible
    ├── EngineError          an engine lost work, or a worker of it failed
    ├── ExportError          labels cannot leave in that format, or not to that place
    ├── PoolEmpty            nothing is left to ask about
    ├── StepOrder            a step was called before the one that it builds on
    ├── StateError           a saved state is missing or corrupt
    │   └── LaterState       a later version of this project wrote it
    ├── TrackingError        the tracking server does not answer or refuses
    │   └── CampaignBusy     another process drives the campaign
    └── RegistryError        the model registry holds what this campaign cannot use

A step prints the message as one line and exits with code 1. Any other exception that
reaches a user is a bug of this project.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

__all__ = [
    "AlError",
    "AnnotatorError",
    "CampaignBusy",
    "ConfigError",
    "DataError",
    "EngineError",
    "ExportError",
    "LabelError",
    "LaterState",
    "PoolEmpty",
    "RegistryError",
    "SamplesError",
    "StateError",
    "StepOrder",
    "StrategyError",
    "TrackingError",
    "UnknownName",
    "did_you_mean",
    "without_credentials",
]

#: What stands between `://` and the host; a password may hold what would have to be quoted.
_CREDENTIALS = re.compile(r"""(?<=\w://)(?:[^\s/'"@:]*:[^\s'"]*|[^\s/'"]+)@""")


class AlError(Exception):
    """Base of all errors that a user can mend; the message says how, without any password."""

    def __init__(self, message: str = "") -> None:
        super().__init__(without_credentials(message))

    def __reduce__(self) -> tuple[Any, ...]:
        """As it is, whatever made it: an error of a worker is raised where the work came from."""
        return type(self).__new__, (type(self), *self.args), self.__dict__


class ConfigError(AlError):
    """A parameter is out of range or contradicts the campaign."""


class UnknownName(ConfigError):
    """A name that no catalog knows."""


class DataError(AlError):
    """A data file is missing, corrupt or of another shape than expected."""


class LabelError(DataError):
    """A label that the task does not know."""


class SamplesError(DataError):
    """Some of the samples that a served version is given are none.

    Args:
        reasons: why, by position.
        what: what each should be, with its article.
    """

    def __init__(self, reasons: Mapping[int, str], what: str) -> None:
        self.reasons = dict(reasons)
        row = min(self.reasons)
        more = f", and {len(self.reasons) - 1} more" if len(self.reasons) > 1 else ""
        super().__init__(f"row {row} is not {what} ({self.reasons[row]}){more}: give others")


class AnnotatorError(AlError):
    """Who answers cannot be reached, refuses, or does not fit the task."""


class StrategyError(AlError):
    """A strategy cannot run here, or chose something impossible."""


class EngineError(AlError):
    """An engine lost work, or a worker of it failed."""


class ExportError(AlError):
    """Labels cannot leave in that format, or not to that place."""


class PoolEmpty(AlError):
    """Nothing is left to ask about."""


class StepOrder(AlError):
    """A step was called before the one that it builds on."""


class StateError(AlError):
    """A saved state is missing, corrupt or written by a later version."""


class LaterState(StateError):
    """A saved state was written by a later version of this project."""


class TrackingError(AlError):
    """The tracking server does not answer, or refuses."""


class CampaignBusy(TrackingError):
    """Another process drives the campaign."""


class RegistryError(AlError):
    """The model registry holds what this campaign cannot use."""


def without_credentials(text: str) -> str:
    """The text with the user names and passwords of its URLs left out."""
    return _CREDENTIALS.sub("", text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The fix for an unknown word: the nearest known one, or all of them."""
    known = sorted(known)
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(known)}"
