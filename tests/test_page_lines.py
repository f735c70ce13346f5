"""Files that only grow: read as they grow, and anew where somebody put another in their place."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from al.annotators.page.lines import Lines, append
from al.annotators.page.log import AnswerLog
from al.errors import DataError


def test_lines_are_read_once_each_and_are_the_same_object_until_there_are_others(
    tmp_path: Path,
) -> None:
    lines = Lines(tmp_path / "x.jsonl")
    assert lines() == ()
    append(lines.path, {"a": 1})
    first = lines()
    assert first == ({"a": 1},)
    assert lines() is first
    append(lines.path, {"a": 2})
    assert [line["a"] for line in lines()] == [1, 2]
    with open(lines.path, "ab") as file:
        file.write(b'{"a": 3')  # somebody is at it
    assert len(lines()) == 2


@pytest.mark.parametrize("other", ['{"b": 1}\n', '{"b": 1}\n{"b": 2}\n{"b": 3}\n'])
def test_a_file_that_was_restored_is_read_anew(other: str, tmp_path: Path) -> None:
    lines = Lines(tmp_path / "x.jsonl")
    for number in range(2):
        append(lines.path, {"a": number})
    assert len(lines()) == 2
    lines.path.write_text(other)
    assert {name for line in lines() for name in line} == {"b"}
    lines.path.unlink()
    assert lines() == ()


def test_a_damaged_line_is_named_each_time_and_once_mended_all_is_there(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "x.jsonl")
    append(lines.path, {"a": 1})
    lines()
    append(lines.path, {"a": 2})
    whole = lines.path.read_text()
    lines.path.write_text(whole.replace('{"a": 2}', "what"))
    for _ in range(2):
        with pytest.raises(DataError, match="damaged in line 2"):
            lines()
    lines.path.write_text(whole)
    assert [line["a"] for line in lines()] == [1, 2]


def test_threads_that_read_while_another_writes_miss_and_double_nothing(tmp_path: Path) -> None:
    lines, wrong = Lines(tmp_path / "x.jsonl"), list[int]()

    def read() -> None:
        while True:
            found = [line["a"] for line in lines()]
            if found != list(range(len(found))):
                wrong.append(len(found))
            if wrong or len(found) == 60:
                return

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(60):
        append(lines.path, {"a": number})
    for reader in readers:
        reader.join()
    assert wrong == []


def test_what_the_log_says_follows_the_files(tmp_path: Path) -> None:
    log = AnswerLog(tmp_path)
    a, b = ("a", False), ("b", False)
    log.ask([a])
    assert log.ever_asked() == [a]
    log.ask([a, b])
    log.withdraw(["a"])
    assert (log.ever_asked(), log.queries()) == ([a, b], [[], [b]])
    for label in ("x", "y", "z"):
        log.answer(b, label, "anna", 1.0, skip=False)
        assert log.answers()[b]["anna"].label == label
    for label in ("y", "x"):
        log.undo(b, "anna")
        assert log.answers()[b]["anna"].label == label
    log.undo(b, "anna")
    assert log.answers() == {}
