"""What a notebook and a prompt show of a campaign and of its result."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pandas as pd

import al
from al.pipeline import Result


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.opened.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_campaign_is_shown_without_asking_a_server() -> None:
    campaign = al.Campaign(
        tracking_uri="http://127.0.0.1:9", strategy="entropy > <i>k</i>", campaign="c"
    )
    assert repr(campaign) == "<Campaign c: digits by entropy > <i>k</i>>"
    page = Tags(campaign._repr_html_())
    assert "i" not in page.opened
    assert "entropy > <i>k</i>" in page.text


def test_a_campaign_that_was_run_shows_where_it_stands_and_its_result_a_curve(
    campaign: Callable[..., Any], client: Any
) -> None:
    made = campaign(campaign="c")
    assert "stands" not in made._repr_html_()
    result = made.run()
    last = result.curve[result.metric].iloc[-1]
    sentence = f"test/accuracy {last:.3f} at 40 labels (plus 40 for validation)"
    assert sentence in made._repr_html_()
    assert repr(result).startswith(f"<Result of c: {sentence}")
    page = Tags(result._repr_html_())
    assert page.opened.count("tr") == 2 + 2  # two rows of titles
    assert f"{last:.3f}" in page.text


def test_the_text_of_a_result_is_escaped_and_its_colours_are_the_notebooks() -> None:
    name = "<script>alert(1)</script>"
    curve = pd.DataFrame({"labels": [20], "accuracy": [0.5]})
    result = Result(name, name, "accuracy", curve, name, 1, 100, "sqlite://", "0")
    shown = result._repr_html_()
    page = Tags(shown)
    assert "script" not in page.opened
    assert page.text.count(name) == 3
    assert "color" not in shown
    empty = Result(name, name, "accuracy", curve[:0], name, None, 100, "sqlite://", "0")
    assert "no model has been trained yet" in Tags(empty._repr_html_()).text
