"""Messages and bars: told to whoever listens, for one campaign and one block alone."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import tqdm.auto
from hypothesis import given
from hypothesis import strategies as st

from al import progress
from al.progress import bar, fitted, printed, showing

LOG = logging.getLogger("al.somewhere")


def test_messages_are_printed_as_bare_lines_while_a_command_runs_and_not_afterwards(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("al")
    before = logger.level, logger.propagate, list(logger.handlers)
    with printed():
        LOG.info("100% of it\nand a second line")
        LOG.debug("a detail")
    LOG.info("nobody asked")
    assert capsys.readouterr().out == "100% of it\nand a second line\n"
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


def test_a_message_stands_above_the_open_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stdout", screen)
    with printed(), showing(True), bar(total=2, file=screen, ascii=True) as shown:
        shown.update()
        shown.refresh()
        LOG.warning("look here")
    above, below = screen.getvalue().split("look here\n")
    assert "1/2" in above
    assert "1/2" in below  # drawn again


def test_where_no_bar_can_be_drawn_a_line_now_and_then_says_how_far_it_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", logger="al")
    monkeypatch.setattr(progress, "EVERY", 0)
    with bar(desc="embed", total=1462, unit="text") as shown:
        shown.update(32)
    with showing(False), bar(desc="embed", total=1462, unit="text") as shown:
        shown.update(32)
    assert caplog.messages == ["embed: 32 of 1,462, about 1 min left"]
    caplog.clear()
    monkeypatch.undo()
    with bar(desc="embed", total=1462, unit="text") as shown:
        shown.update(32)
    assert not caplog.messages


def test_importing_the_package_touches_no_logger() -> None:
    code = "import al, logging; l = logging.getLogger('al'); assert not l.handlers and not l.level"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_campaigns_with_other_settings_in_two_threads_do_not_disturb_each_other(
    campaign: Callable[..., Any], client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, set[bool]] = {"on": set(), "off": set()}

    class Watched(tqdm.auto.tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, file=io.StringIO(), **options)
            drawn[threading.current_thread().name].add(not self.disable)

    monkeypatch.setattr(tqdm.auto, "tqdm", Watched)
    campaigns = {
        name: campaign(campaign=name, show_progress=name == "on", cycles=2, epochs=2)
        for name in drawn
    }
    threads = [threading.Thread(target=each.run, name=name) for name, each in campaigns.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn == {"on": {True}, "off": {False}}


@given(st.text("ab /,-\n", max_size=300), st.integers(20, 120))
def test_a_folded_text_keeps_every_word_and_its_lines_fit(text: str, width: int) -> None:
    found = fitted(text, width)
    assert found.split() == text.split()
    longest = max((len(word) for word in text.split()), default=0)
    assert all(len(line) <= max(width, longest + 4) for line in found.split("\n"))


def test_lines_are_broken_between_columns_and_short_ones_stay() -> None:
    line = "cycle  1/12   20 labels (+100)  margin(10x) > k_center  accuracy 0.500 val 0.394 test"
    assert fitted(line, 60).split("\n") == [
        "cycle  1/12   20 labels (+100)  margin(10x) > k_center",
        "    accuracy 0.500 val 0.394 test",
    ]
    assert fitted(line, 90) == line


def test_what_a_library_warns_of_at_every_call_is_shown_once_a_place() -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with printed():
            for number in range(5):
                warnings.warn(f"did not converge in {number}", stacklevel=1)
            warnings.warn("another place", stacklevel=1)
        for _ in range(2):
            warnings.warn("afterwards", stacklevel=1)
    messages = [str(warning.message) for warning in shown]
    assert messages == ["did not converge in 0", "another place", "afterwards", "afterwards"]
