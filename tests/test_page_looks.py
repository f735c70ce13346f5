"""What the page is told beside the sample: rows, suggestions, the past, what helps."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from al.annotators.page import Page
from al.annotators.page.look import Look
from al.annotators.page.rows import Rows
from al.contracts import AUDIT, AUDITS, Query
from al.errors import ConfigError
from tests.page_process import page
from tests.stores import runs, table

HOURS = [
    {"temp (°C)": 1.23456789, "year": 1, "hr 0": float(h == 0), "hr 1": float(h == 1), "wet": w}
    for h, w in ((0, "no"), (1, "yes"), (0, "no"))
]


def asked(folder: Path, **options: str) -> tuple[Page, Query]:
    """Ten digits with guesses, of which the third counts in an estimate."""
    data = page(str(folder / "other"), "digits")[0].data
    found = Page(data, "c", {"folder": str(folder), **options})
    ids = data.ids("train")[:10]
    reasons = tuple(AUDIT if n == 2 else "margin" for n in range(10))
    query = Query(
        ids, (0.0,) * 10, reasons, (None,) * 10, "margin", "models:/m/3", ("7",) * 10,
        (0.95,) * 10, ((("7", 0.95), ("1", 0.05)),) * 10,
    )  # fmt: skip
    found.request(query)
    return found, query


# -- rows


def test_one_hot_columns_are_one_and_what_is_the_same_everywhere_is_folded() -> None:
    row, folded = Rows(HOURS).shown(HOURS[1])
    assert row == [["temp", "1.23457", "°C"], ["hr", "1", ""], ["wet", "yes", ""]] or row == [
        ["hr", "1", ""], ["wet", "yes", ""]
    ]  # fmt: skip
    assert ["year", "1", ""] in folded


def test_a_row_that_is_no_one_hot_row_after_all_is_shown_whole() -> None:
    message, _ = Rows(HOURS).shown({**HOURS[0], "hr 1": 1.0})
    assert [one[:2] for one in message if one[0].startswith("hr")] == [["hr 0", "1"], ["hr 1", "1"]]


def test_columns_of_which_several_can_be_one_stay_apart() -> None:
    rows = [{"has a": a, "has b": b} for a, b in ((1, 1), (0, 1), (1, 0))]
    assert Rows(rows).shown(rows[1])[0] == [["has a", "0", ""], ["has b", "1", ""]]


def test_of_two_rows_nothing_is_folded() -> None:
    assert Rows(HOURS[:2]).shown(HOURS[0])[1] == []


# -- options


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"suggest": "yes"}, "choose on or off"),
        ({"range": "0-100"}, "give LOW..HIGH"),
        ({"range": "5..5"}, "give LOW..HIGH"),
        ({"range": "0..1e999"}, "give LOW..HIGH"),
        ({"instructions": "/nosuch/how.md"}, "cannot be read"),
    ],
)
def test_a_wrong_option_is_refused_with_what_to_give(given: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Look.of(given)


def test_instructions_are_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "how.md"
    path.write_text("# One", encoding="utf-8")
    look = Look.of({"instructions": str(path)})
    path.write_text("# Two", encoding="utf-8")
    assert look.guide() == "# Two"


# -- suggestions


def get(desk: Page, path: str) -> Any:
    return requests.get(desk.where + path, timeout=10).json()


def post(desk: Page, path: str, **body: Any) -> requests.Response:
    return requests.post(desk.where + path, json={"name": "anna", **body}, timeout=10)


def test_a_suggestion_is_shown_and_recorded_where_it_may_be_and_nowhere_else(
    tmp_path: Path,
) -> None:
    desk, query = asked(tmp_path, suggest="on")
    with desk.attending():
        item = get(desk, "state?name=anna")["item"]
        assert item["suggestion"]["label"] == "7"
        assert item["suggestion"]["likely"][0] == ["7", 0.95]
        post(desk, "answer", place=0, label="7", suggested=True, drawn=item["drawn"])
        post(desk, "answer", place=1, label="7")  # it was drawn before suggestions were on
        item = get(desk, "state?name=anna")["item"]
        assert (item["place"], "suggestion" in item) == (2, False)
        post(desk, "answer", place=2, label="7", suggested=True)
    shown = [answer.shown for answer in desk.collect(query).answered]
    assert shown == ["models:/m/3", "", ""]


def test_without_suggestions_nothing_says_what_the_model_believes(tmp_path: Path) -> None:
    desk, _ = asked(tmp_path)
    with desk.attending():
        for path in ("state?name=anna", "item/0?name=anna", "task", "guide", "review?name=anna"):
            assert "models:" not in str(get(desk, path))
            assert "suggestion" not in str(get(desk, path))
    assert "0.95" not in (tmp_path / "asked.jsonl").read_text()


def test_a_page_that_is_served_without_suggestions_shows_none_that_were_kept(
    tmp_path: Path,
) -> None:
    asking, _ = asked(tmp_path, suggest="on")
    desk = Page(asking.data, "c", {"folder": str(tmp_path)})
    with desk.attending():
        assert "suggestion" not in get(desk, "state?name=anna")["item"]


def test_an_answer_to_another_sample_than_was_on_the_screen_is_refused(tmp_path: Path) -> None:
    desk, _ = asked(tmp_path)
    with desk.attending():
        other = get(desk, "item/1?name=anna")["item"]["drawn"]
        answer = post(desk, "answer", place=0, label="7", drawn=other)
        assert (answer.status_code, "another sample" in answer.json()["error"]) == (400, True)
        assert not (tmp_path / "answers.jsonl").exists()


def test_a_picture_says_whose_it_is_and_is_refused_as_that_of_another_sample(
    tmp_path: Path,
) -> None:
    desk, _ = asked(tmp_path)
    with desk.attending():
        state = get(desk, "state?name=anna")
        mine, coming = state["item"]["image"], state["next"][0]
        for address in (mine, coming, f"{mine}&small&name=anna"):
            assert requests.get(desk.where + address, timeout=10).ok
        for wrong in ("image/0?" + coming.partition("?")[2], "image/0?small&drawn=other"):
            answer = requests.get(desk.where + wrong, timeout=10)
            assert (answer.status_code, "another" in answer.json()["error"]) == (400, True)


# -- the past


def test_history_has_the_latest_first_and_an_answer_can_be_given_again(tmp_path: Path) -> None:
    desk, query = asked(tmp_path)
    with desk.attending():
        post(desk, "answer", place=0, label="1", seconds=3)
        post(desk, "answer", place=1, skip=True, seconds=2)
        listed = get(desk, "history?name=anna")["listed"]
        assert [(one["place"], one["words"]) for one in listed] == [(1, "skipped"), (0, "1")]
        assert get(desk, "item/0?name=anna")["given"]["label"] == "1"
        state = post(desk, "answer", place=0, label="2").json()
        assert (state["item"]["place"], state["done"], state["skipped"]) == (2, 2, 1)
        assert get(desk, "history?name=bob")["listed"] == []
    assert desk.collect(query).answered[0].label == "2"


def test_the_review_lists_what_deserves_a_second_look_and_says_why(tmp_path: Path) -> None:
    desk, query = asked(tmp_path, suggest="on")
    for place, id in enumerate(query.ids):
        took, shown = (0.2 if place == 4 else 4.0), ("models:/m/3" if place == 5 else "")
        label = "3" if place in (5, 6) else "7"
        desk.log.answer((id, False), label, "anna", took, skip=False, shown=shown)
    desk.log.answer((query.ids[1], False), "1", "bob", 3.0, skip=False)
    desk.log.note((query.ids[8], False), "anna", "blurred", flag=True)
    with desk.attending():
        found = get(desk, "review?name=anna")
    why = {one["place"]: one["why"] for one in found["listed"]}
    assert why == {
        1: ["bob said 1"],
        4: ["answered in 0.2 s"],
        5: ["the model is 95% sure of 7"],
        8: ["flagged: blurred"],
    }


def test_classes_on_which_people_agree_least_are_listed(tmp_path: Path) -> None:
    desk, query = asked(tmp_path)
    for place, id in enumerate(query.ids):
        desk.log.answer((id, False), "1" if place < 5 else "2", "anna", 1.0, skip=False)
        desk.log.answer((id, False), "7" if place < 4 else "2", "bob", 1.0, skip=False)
    with desk.attending():
        low = get(desk, "review?name=anna")["classes"]
    assert [name for name, _, _ in low] == ["1", "7"]


def test_remarks_are_kept_replaced_and_taken_back(tmp_path: Path) -> None:
    desk, query = asked(tmp_path)
    with desk.attending():
        assert post(desk, "note", place=0, text=" blurred ", flag=True).ok
        assert get(desk, "item/0?name=anna")["note"] == {"text": "blurred", "flag": True}
        assert post(desk, "note", place=0, text="", flag=False).ok
        assert post(desk, "note", place=0, text="x" * 2001).status_code == 400
        assert post(desk, "note", place=99, text="x").status_code == 400
    assert desk.log.notes() == {}
    assert desk.collect(query).waiting == query.ids


# -- what helps


def test_examples_are_of_labels_that_are_there_and_of_nothing_else(tmp_path: Path) -> None:
    how = tmp_path / "how.md"
    how.write_text("# How", encoding="utf-8")
    desk, query = asked(tmp_path, instructions=str(how))
    desk.log.answer((query.ids[0], False), "3", "anna", 1.0, skip=False)
    with desk.attending():
        guide = get(desk, "guide")
        assert guide["text"] == "# How"
        assert [one["class"] for one in guide["examples"]] == ["3"]
        (sample,) = guide["examples"][0]["samples"]
        image = requests.get(desk.where + sample["image"], timeout=10)
        assert image.content.startswith(b"\x89PNG")
        number = int(sample["image"].split("/")[1])
        assert get(desk, f"example/{number + 1}")["error"].startswith("no such example")


def test_no_example_tells_what_others_said_of_a_sample_that_is_still_asked_about(
    tmp_path: Path,
) -> None:
    desk, query = asked(tmp_path, overlap="2")
    first = (query.ids[0], False)

    def shown() -> list[str]:
        return [one["class"] for one in get(desk, "guide")["examples"]]

    with desk.attending():
        desk.log.answer(first, "3", "anna", 1.0, skip=False)
        assert shown() == []
        desk.log.answer(first, "3", "ben", 1.0, skip=False)
        assert shown() == ["3"]
        desk.log.ask([(first[0], True)])  # a second opinion
        assert shown() == []


def test_numbers_that_are_known_say_what_others_look_like(tmp_path: Path) -> None:
    desk, _ = page(str(tmp_path), "numbers")
    desk.log.ask([(f"row {number}", False) for number in range(10)])
    with desk.attending():
        for known in range(10):
            desk.log.answer((f"row {known}", False), 2.0 * known, "anna", 1.0, skip=False)
            numbers = get(desk, "state?name=anna")["numbers"]
            assert numbers == ([0.0, 18.0, 10] if known == 9 else None)


# -- in a campaign


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "some"), [("margin", True), ("random", False)])
def test_in_a_campaign_guesses_show_where_they_count_in_no_estimate_and_that_is_on_record(
    strategy: str, some: bool, campaign: Callable[..., Any], client: Any, folder: Path
) -> None:
    address, over = folder / "annotate" / "c" / ".page.json", threading.Event()
    offered: dict[int, bool] = {}

    def person() -> None:
        while not over.is_set():
            with suppress(OSError, requests.RequestException, ValueError, TypeError, KeyError):
                kept = json.loads(address.read_text())
                url = f"http://127.0.0.1:{kept['port']}/{kept['token']}/"
                item = requests.get(url + "state?name=anna", timeout=10).json()["item"]
                shown = "suggestion" in item
                offered[item["place"]] = shown
                label = item["suggestion"]["likely"][0][0] if shown else "1"
                body = {"place": item["place"], "label": label, "suggested": True}
                requests.post(url + "answer", json={"name": "anna", **body}, timeout=10)
                continue
            over.wait(0.1)

    worker = threading.Thread(target=person)
    worker.start()
    try:
        campaign(
            campaign="c", annotator="page", annotator_options="suggest=on", cycles=2, epochs=2,
            strategy=strategy, audit=0.3, kpi=1.0, wait="5m",
        ).run()  # fmt: skip
    finally:
        over.set()
        worker.join()
    latest = max(runs(client, role="cycle"), key=lambda run: run.info.start_time)
    labels = table(client, latest, "state/labels.parquet")
    second = labels[labels["cycle"] == 2]
    audit = second["strategy"].isin(AUDITS)
    assert audit.sum() == 3
    assert not any(offered[place] for place in range(30))  # there was no model
    assert (second["shown"] != "").tolist() == [some and not a for a in audit]
    assert (labels[labels["cycle"] == 1]["shown"] == "").all()
