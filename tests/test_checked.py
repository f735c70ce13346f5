"""The page of what check-data says is what it says."""

from __future__ import annotations

import pytest

from docs.checked import AWKWARD, PAGE, awkward, built_in, renewed


@pytest.mark.slow
def test_what_check_data_says_of_awkward_files_is_on_the_page() -> None:
    text, message = PAGE.read_text("utf-8"), awkward()
    assert renewed(text, awkward=message) == text, "run python -m docs.checked"
    assert message.count("$ al check-data") == len(AWKWARD) == 10
    assert "error: Traceback" not in message


@pytest.mark.slow
def test_what_check_data_says_of_built_in_tasks_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    assert renewed(text, built_in=built_in()) == text, "run python -m docs.checked"
