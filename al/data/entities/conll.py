"""Columns as the shared tasks of CoNLL have them: a token a line, its tag last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from al.errors import DataError

#: Prefixes of tags that begin an entity, and those that end one, in BIO, BIOES and BILOU.
_BEGIN, _END = frozenset("BSU"), frozenset("ESLU")
_TAG = re.compile(r"O|([BIESLU])-(.+)")
#: What parts columns: no other space, as one that does not break is a part of its token.
_SPACE = re.compile(" +")
#: What stands in place of a tag where nobody has tagged yet.
_UNTAGGED = ("_", "?")
#: Lines that CoNLL-U numbers as multi-word tokens (1-2) or empty nodes (8.1).
_BESIDE = re.compile(r"\d+[-.]\d+")


def read_conll(path: Path, text: str, name: str, target: str) -> list[dict[str, Any]]:
    """The sentences of a file, as rows of the text, its entities and the line that it begins in.

    Columns are separated by tabs or spaces, sentences by empty lines. The first column is the
    token, or the second where the first one counts; the last is its tag, in BIO (or the older
    IOB1), BIOES or BILOU. A sentence with one column, or whose tags are all "_", has no label.
    Tokens are joined by a space each. Of a token that CoNLL-U takes apart ("3-4") the words count,
    which follow it; its own line, empty nodes ("8.1"), lines of comment and -DOCSTART- are passed
    over.

    Args:
        name, target: what text and entities are called in the rows.

    Raises:
        DataError: a tag is none, or some tokens of a sentence have none, or a token that was taken
            apart has one; names the line.
    """
    found = []
    for first, lines in _sentences(text):
        rows = [
            (number, line.split("\t") if "\t" in line else _SPACE.split(line.strip()))
            for number, line in enumerate(lines, first)
        ]
        words = [row for row in rows if not _BESIDE.fullmatch(row[1][0])]
        counts = len(rows[0][1]) > 2 and [cells[0] for _, cells in words] == [
            str(number) for number in range(1, len(words) + 1)
        ]
        if counts:
            _check_beside(path, rows)
            rows = words
        numbers, columns = zip(*rows, strict=True)
        try:
            tokens = [cells[1 if counts else 0].strip() for cells in columns]
        except IndexError:
            raise DataError(f"{path} line {first}: a token has no columns: mend it") from None
        tags = [cells[-1].strip() if len(cells) > 1 else "_" for cells in columns]
        row: dict[str, Any] = {name: " ".join(tokens), "line": first}
        row[target] = _entities(path, numbers, tokens, tags)
        found.append(row)
    return found


def _sentences(text: str) -> Iterable[tuple[int, list[str]]]:
    """The lines of each sentence, with the number of its first one."""
    lines: list[str] = []
    first = 0
    for number, line in enumerate([*text.split("\n"), ""], 1):
        line = line.rstrip("\r")
        comment = not lines and line.startswith("#") and not _tagged(line)
        if line.startswith("-DOCSTART-") or comment:
            continue
        if line.strip():
            first = first if lines else number
            lines.append(line)
        elif lines:
            yield first, lines
            lines = []


def _tagged(line: str) -> bool:
    """Whether a line that may be a comment is a token with its tag, or with that of none."""
    last = line.split()[-1]
    return bool(_TAG.fullmatch(last)) or ("\t" in line and last in _UNTAGGED)


def _check_beside(path: Path, rows: Iterable[tuple[int, Sequence[str]]]) -> None:
    """Refuse an entity where no word is.

    Raises:
        DataError: says where.
    """
    for number, cells in rows:
        match = _TAG.fullmatch(cells[-1].strip())
        if _BESIDE.fullmatch(cells[0]) and match is not None and match[1]:
            raise DataError(
                f"{path} line {number}: {cells[0]} has a tag, and words alone have one: move it to "
                "the words of that token"
            )


def _entities(
    path: Path, lines: Sequence[int], tokens: Sequence[str], tags: Sequence[str]
) -> list[dict[str, Any]] | None:
    """The entities of a sentence; None where it has no tags.

    Args:
        lines: the number of each token's line.
    """
    untagged = [tag in _UNTAGGED for tag in tags]
    if all(untagged):
        return None
    found: list[dict[str, Any]] = []
    at, open_now = 0, False
    for line, token, tag in zip(lines, tokens, tags, strict=True):
        match = _TAG.fullmatch(tag)
        if match is None:
            raise DataError(
                f"{path} line {line}: {tag!r} is not a tag: write O, B-CLASS or I-CLASS "
                "in the last column, or _ for every token of a sentence without tags"
            )
        prefix, label = match.groups()
        if label is not None:
            goes_on = open_now and prefix not in _BEGIN and found[-1]["label"] == label
            if goes_on:
                found[-1]["end"] = at + len(token)
            else:
                found.append({"start": at, "end": at + len(token), "label": label})
        open_now = label is not None and prefix not in _END
        at += len(token) + 1
    return found


def tags_of(
    spans: Sequence[tuple[int, int]], entities: Sequence[tuple[int, int, str]]
) -> list[tuple[int, int, str]]:
    """Tokens with their tags in BIO; a token that an entity ends in is cut there.

    Args:
        spans: of tokens, first character and the one behind the last.
        entities: first character, the one behind the last, and class; in order, apart.
    """
    cuts = {edge for start, end, _ in entities for edge in (start, end)}
    pieces = []
    for start, end in spans:
        edges = [start, *sorted(cut for cut in cuts if start < cut < end), end]
        pieces += list(pairwise(edges))
    found, before = [], None
    for start, end in pieces:
        own = next((e for e in entities if e[0] < end and e[1] > start), None)
        prefix = "I" if own is not None and own == before else "B"
        found.append((start, end, "O" if own is None else f"{prefix}-{own[2]}"))
        before = own
    return found
