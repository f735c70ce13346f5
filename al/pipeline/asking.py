"""What the pipeline says to its annotator, and when it has heard enough."""

from __future__ import annotations

import re
from collections.abc import Mapping

from al.config import Config
from al.errors import ConfigError, UnknownName, did_you_mean


def options_of(config: Config, known: Mapping[str, str]) -> dict[str, str]:
    """The annotator's options by name; a comma parts two where a name and = come after it.

    Args:
        known: the names that the annotator knows.

    Raises:
        ConfigError: an option has no value, or is given twice.
        UnknownName: the annotator does not know one.
    """
    text, found = config.annotator_options.strip(), dict[str, str]()
    if text in ("", "none"):
        return found
    for part in re.split(r",\s*(?=[\w-]+\s*=)", text):
        name, given, value = (word.strip() for word in part.partition("="))
        if not given or not name:
            raise ConfigError(f"annotator_options={text!r}: give name=value, name=value")
        if name not in known:
            fix = did_you_mean(name, known) if known else "it has none; leave them out"
            raise UnknownName(f"annotator {config.annotator!r} has no option {name!r}: {fix}")
        if name in found:
            raise ConfigError(f"annotator_options gives {name!r} twice: give it once")
        found[name] = value
    return found
