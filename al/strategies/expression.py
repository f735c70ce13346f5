"""Strategies as text: a name, a name with arguments, or a chain.

    margin
    power(bald, beta=2)
    sql("SELECT id FROM pool WHERE mean > 0.2") > margin(10x) > k_center

A chain runs from left to right: each link narrows the pool for the next, and the last one
picks the query. How many samples a link leaves is its first argument: `10x` ten times the
query, `500` samples, `20%` of what it is given. A link that is a filter, like `sql`, leaves
what matches. Arguments are numbers, texts in quotes, and strategies.

    chain    = call (">" call)*
    call     = name ["(" [argument ("," argument)*] ")"]
    argument = size | [key "="] (number | "text" | chain)
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from al.catalog import strategies
from al.errors import AlError, ConfigError, did_you_mean
from al.strategies.links import Call, Chain

#: Parentheses in a text, at most.
_DEEPEST = 50
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<size>\d+(?:\.\d+)?[x%])(?![\w.])
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])
    | (?P<text>"[^"]*"|'[^']*')
    | (?P<name>[A-Za-z_][\w.\-]*(?::[A-Za-z_][\w.]*)?)
    | (?P<mark>[()>,=])
    )""",
    re.VERBOSE,
)


def build(text: str) -> Call | Chain:
    """The strategy that a text describes.

    Raises:
        UnknownName: a name that the catalog does not hold.
        ConfigError: the text is not well formed, or an argument does not fit; says where.
    """
    return _Parser(text).whole()


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._tokens())
        deepest = sum(token.text == "(" for token in self.tokens)
        if deepest > _DEEPEST:
            raise ConfigError(f"a strategy with {deepest} parentheses is too deep: simplify it")
        self.next = 0

    def whole(self) -> Call | Chain:
        found = self._chain()
        if self._peek().kind != "end":
            self._wrong("'>' or the end")
        return found

    def _chain(self) -> Call | Chain:
        places = [self._peek().place]
        links = [self._call()]
        while self._take(">"):
            places.append(self._peek().place)
            links.append(self._call())
        for link, place in zip(links[:-1], places, strict=False):
            if hasattr(link.function, "remembers"):
                self._fail(place, f"{link.text} learns from what is asked: make it the last link")
            if not link.size and not link.filters:
                fix = f"{link.text.rstrip(')')}{', ' if '(' in link.text else '('}10x)"
                self._fail(place, f"{link.text} does not say how many it leaves: write {fix}")
        if links[-1].size:
            self._fail(places[-1], "the last link picks the query, so give it no size")
        return links[0] if len(links) == 1 else Chain(tuple(links))

    def _call(self) -> Call:
        token = self._peek()
        if token.kind != "name":
            self._wrong("the name of a strategy")
        self.next += 1
        try:
            function = strategies.get(token.text)
        except AlError as error:
            if token.text == self.text.strip():
                raise
            raise type(error)(f"{self._where(token.place)}: {error}") from None
        if not callable(function) or isinstance(function, type):
            self._fail(token.place, f"{token.text} is not a strategy: name a function of a view")
        arguments: list[Any] = []
        parameters: dict[str, Any] = {}
        size = ""
        if self._take("("):
            while not self._take(")"):
                if arguments or parameters or size:
                    self._need(",", "',' or ')'")
                if self._is_size(token.text, arguments, parameters, size):
                    size = self._advance().text
                    continue
                key, value = self._argument()
                if key:
                    parameters[key] = value
                else:
                    arguments.append(value)
        return self._bound(token, function, arguments, parameters, size)

    def _is_size(self, name: str, arguments: Any, parameters: Any, size: str) -> bool:
        token = self._peek()
        whole = token.kind == "number" and token.text.isdigit()
        if arguments or parameters or size or not (token.kind == "size" or whole):
            return False
        if float(token.text.rstrip("x%")) <= 0:
            self._fail(token.place, f"{name} would leave {token.text}: give more than nothing")
        return True

    def _argument(self) -> tuple[str, Any]:
        token, after = self._peek(), self.tokens[min(self.next + 1, len(self.tokens) - 1)]
        key = ""
        if token.kind == "name" and after.text == "=":
            key = token.text
            self.next += 2
            token = self._peek()
        if token.kind == "number":
            text = self._advance().text
            return key, int(text) if re.fullmatch(r"-?\d+", text) else float(text)
        if token.kind == "text":
            return key, self._advance().text[1:-1]
        if token.kind != "name":
            self._wrong("a number, a text in quotes or a strategy")
        # A bare word after a key is a text: method=local_outlier_factor
        return key, self._advance().text if key else self._chain()

    def _bound(
        self, token: _Token, function: Any, arguments: list[Any], named: dict[str, Any], size: str
    ) -> Call:
        """Check the arguments against what the function takes."""
        try:
            taken = list(inspect.signature(function).parameters.values())
        except ValueError:
            self._fail(token.place, f"{token.text} is not a strategy: name a function of a view")
        if not _takes_three(taken):
            self._fail(
                token.place,
                f"{token.text} does not take (view, query_size, rng): put @by_score of "
                "al.strategies above a function of a view that returns scores",
            )
        taken = taken[3:]
        keys = {p.name: p for p in taken if p.kind is p.KEYWORD_ONLY}
        for key, value in named.items():
            if key not in keys:
                none = f"write it behind a *, (view, …, *, {key}=…)" if ":" in token.text else ""
                has = did_you_mean(key, keys) if keys else none or "it has none"
                self._fail(token.place, f"{token.text} has no parameter {key!r}: {has}")
            wanted = type(keys[key].default)
            if wanted not in (int, float, str):
                continue  # its own affair
            if wanted is float and type(value) is int:
                named[key] = float(value)
            elif not isinstance(value, wanted):
                kind = {int: "a whole number", float: "a number", str: "a text"}[wanted]
                self._fail(token.place, f"{token.text}: {key}={value!r} is not {kind}: give {kind}")
        self._fits(token, [p for p in taken if p.kind is not p.KEYWORD_ONLY], arguments)
        try:
            inspect.signature(function).bind(None, 0, None, *arguments, **named)
        except TypeError:
            places = [p.name for p in taken if p.kind is not p.KEYWORD_ONLY]
            takes = f"give it ({', '.join(places)})" if places else "leave them out"
            self._fail(
                token.place,
                f"{token.text} does not take {len(arguments)} argument"
                f"{'' if len(arguments) == 1 else 's'}: {takes}",
            )
        check = getattr(function, "check", None)
        if check is not None:
            try:
                check(*arguments, **named)
            except ConfigError as error:  # the text is not shown: it may hold a password
                raise ConfigError(f"strategy {token.text}: {error}") from None
        inside = [size] * bool(size)
        inside += [a.text if isinstance(a, (Call, Chain)) else _written(a) for a in arguments]
        inside += [f"{key}={_written(value)}" for key, value in named.items()]
        text = token.text + (f"({', '.join(inside)})" if inside else "")
        return Call(text, function, tuple(arguments), tuple(named.items()), size)

    def _fits(self, token: _Token, places: list[inspect.Parameter], given: list[Any]) -> None:
        """Check the kind of each argument: a text for `str`, else a strategy; `scored` scores."""
        last = places[-1] if places else None
        for number, value in enumerate(given):
            if number >= len(places) and (last is None or last.kind is not last.VAR_POSITIONAL):
                return  # too many: reported where they are bound
            place = places[min(number, len(places) - 1)]
            if place.annotation in ("str", str):
                if not isinstance(value, str):
                    self._fail(token.place, f"{token.text}: its {place.name} is a text in quotes")
                continue
            if not isinstance(value, (Call, Chain)):
                self._fail(token.place, f"{token.text}: its {place.name} is a strategy")
            if place.name == "scored" and not hasattr(value, "score"):
                self._fail(
                    token.place,
                    f"{token.text} needs a strategy that scores each sample by itself, like "
                    f"margin or bald, and {value.text} picks sets",
                )
            inner = value.links if isinstance(value, Chain) else (value,)
            if any(hasattr(link.function, "remembers") for link in inner):
                self._fail(token.place, f"{value.text} learns from what is asked: use it alone")

    # -- tokens ------------------------------------------------------------------------------

    def _tokens(self) -> Any:
        place = 0
        while self.text[place:].strip():
            found = _TOKEN.match(self.text, place)
            if found is None:
                place += len(self.text[place:]) - len(self.text[place:].lstrip())
                if self.text[place] in "\"'":
                    self._fail(place, "a text in quotes does not end: close it")
                self._fail(
                    place, f"{self.text[place:].split()[0][:20]!r} is not a part of a strategy"
                )
            kind = str(found.lastgroup)
            yield _Token(kind, found[kind], found.start(kind))
            place = found.end()
        yield _Token("end", "", len(self.text))

    def _peek(self) -> _Token:
        return self.tokens[self.next]

    def _advance(self) -> _Token:
        self.next += 1
        return self.tokens[self.next - 1]

    def _take(self, mark: str) -> bool:
        if self._peek().kind != "mark" or self._peek().text != mark:
            return False
        self.next += 1
        return True

    def _need(self, mark: str, says: str) -> None:
        if not self._take(mark):
            self._wrong(says)

    def _wrong(self, expected: str) -> NoReturn:
        token = self._peek()
        found = f"{token.text!r}" if token.text else "the end"
        self._fail(token.place, f"found {found}: write {expected} there")

    def _fail(self, place: int, says: str) -> NoReturn:
        raise ConfigError(f"{self._where(place)}: {says}")

    def _where(self, place: int) -> str:
        """The text with a mark at the place, shortened around it."""
        parts = (self.text[:place], self.text[place:])
        before, after = (re.sub(r"://[^\s\"']*", "://…", re.sub(r"\s", " ", p)) for p in parts)
        before = before if len(before) <= 40 else "…" + before[-39:]
        after = after if len(after) <= 40 else after[:39] + "…"
        return f"strategy {before}⟨here⟩{after}"


def _takes_three(taken: Sequence[inspect.Parameter]) -> bool:
    """Whether it can be called with a view, a size and a generator."""
    if any(p.kind is p.VAR_POSITIONAL for p in taken):
        return True
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in taken) >= 3


def _written(value: Any) -> str:
    if not isinstance(value, str):
        return repr(value).removesuffix(".0")
    return f"'{value}'" if '"' in value else f'"{value}"'
