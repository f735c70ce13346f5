"""The rules of a campaign: those that are always asked, and those that `stop` names."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from al.catalog import stop_rules
from al.errors import AlError, ConfigError
from al.pipeline.stopping.rule import Standing, StopRule

if TYPE_CHECKING:
    from al.pipeline.cycle import Cycle
    from al.state import State

#: Asked in this order, each where its parameter says so.
BUILT_IN = ("cycles", "pool", "label_budget", "goal", "plateau", "stable", "deadline")
_ONE = re.compile(r"\s*([\w.\-]+(?::[\w.]+)?)\s*(?:\(([^()]*)\))?\s*(,|$)")


def rules_of(text: str) -> tuple[StopRule, ...]:
    """The built-in rules, and after them those of a text.

    Args:
        text: names of the catalog or `package.module:Object`, several separated by commas, each
            with arguments where it takes some: `annotation_hours(8), mine.rules:enough`; none.

    Raises:
        UnknownName: a name that the catalog does not hold.
        ConfigError: the text is not well formed, or arguments do not fit.
    """
    named = (_made(name, given) for name, given in _split(text))
    return (*(stop_rules.get(name)() for name in BUILT_IN), *named)


def why_to_stop(rules: Sequence[StopRule], standing: Standing) -> str:
    """The first rule that ends the campaign, in words; "" where it goes on."""
    return next((why for rule in rules if (why := rule.why(standing))), "")


def _split(text: str) -> Iterator[tuple[str, str]]:
    """The names in a text, each with what its parentheses hold."""
    place, more = 0, "" if text.strip() == "none" else ","
    while more:
        if not (found := _ONE.match(text, place)):
            raise ConfigError(
                f"stop={text!r} cannot be read at {text[place:]!r}: give a name, name(3) or "
                "package.module:function, several separated by commas, or none"
            )
        name, given, more = found.groups()
        yield name, given or ""
        place = found.end()


def _made(name: str, given: str) -> StopRule:
    """A rule by its name and arguments."""
    if name in BUILT_IN:
        raise ConfigError(
            f"stop={name}: this rule is asked in every campaign: leave it out of stop and set the "
            "parameter of its name"
        )
    found = stop_rules.get(name)
    try:
        arguments = ast.literal_eval(f"({given},)") if given.strip() else ()
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ConfigError(
            f"stop rule {name}({given}): give numbers, or texts in quotes, separated by commas"
        ) from None
    is_rule = isinstance(found, type) and issubclass(found, StopRule)
    if not callable(found) or (isinstance(found, type) and not is_rule):
        raise ConfigError(f"stop rule {name!r} is neither a function nor a StopRule: name another")
    try:
        inspect.signature(found).bind(*(() if is_rule else (None,)), *arguments)
    except TypeError as error:
        takes = "" if is_rule else " after the standing"
        raise ConfigError(f"stop rule {name!r} takes other arguments{takes} ({error})") from None
    return _Named(name, found(*arguments) if is_rule else _Function(found, arguments))


class _Function(StopRule):
    """A function of the standing as a rule."""

    def __init__(self, function: Callable[..., str], arguments: tuple[Any, ...]) -> None:
        self._function, self._arguments = function, arguments

    def why(self, standing: Standing) -> str:
        return self._function(standing, *self._arguments)


class _Named(StopRule):
    """A rule that `stop` names; what goes wrong in it becomes one line."""

    def __init__(self, name: str, rule: StopRule) -> None:
        self._name, self._rule = name, rule

    def why(self, standing: Standing) -> str:
        with self._named_errors():
            why: object = self._rule.why(standing)
        if not isinstance(why, str):
            raise ConfigError(
                f"stop rule {self._name!r} returned {why!r}, which is not a text: let it return "
                'why the campaign is over, or ""'
            )
        return " ".join(why.split())

    def figures(self, cycle: Cycle, state: State) -> Mapping[str, float]:
        with self._named_errors():
            return {name: float(value) for name, value in self._rule.figures(cycle, state).items()}

    def check(self, standing: Standing) -> None:
        with self._named_errors():
            self._rule.check(standing)
        self.why(standing)  # a rule that fails with nothing on record fails before anything starts

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except AlError:
            raise
        except Exception as error:
            what = " ".join(f"{type(error).__name__}: {error}".split())
            raise ConfigError(f"stop rule {self._name!r} failed ({what}): mend it") from error
