"""Several people at the page: each is served other samples, and a rule makes one label of all."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from al.annotators.keys import Key
from al.annotators.page import Page
from al.annotators.page.log import AnswerLog, Entry
from al.annotators.page.tally import Tally
from al.annotators.page.turns import SILENCE, TABS, Rule, Turns, votes_of
from al.annotators.votes import agreement
from al.errors import ConfigError
from tests.browser import until
from tests.conftest import ROOT
from tests.page_process import page
from tests.team import at_the_page, kept_lines

PEOPLE = ("anna", "ben", "cleo")


def entry(key: Key, name: str, label: str | None = "a") -> Entry:
    return Entry(0, key, label, label is None, name, "2026-01-01", 1.0)


def answers_by(**by: Mapping[str, str | None]) -> dict[Key, dict[str, Entry]]:
    """What people said of samples: sample=(person → label)."""
    return {
        (id, False): {who: entry((id, False), who, label) for who, label in labels.items()}
        for id, labels in by.items()
    }


A, B, C = ("a", False), ("b", False), ("c", False)


# -- who is served what


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), overlap=st.integers(1, 3), count=st.integers(1, 7))
def test_people_get_each_sample_answered_as_often_as_is_wanted_and_never_in_vain(
    seed: int, overlap: int, count: int
) -> None:
    draw = random.Random(seed)
    turns = Turns(Rule(overlap), clock=lambda: 0.0)
    order = [(f"s{number}", False) for number in range(count)]
    answers: dict[Key, dict[str, Entry]] = {key: {} for key in order}
    shown: dict[str, Key | None] = {}
    for _ in range(count * overlap * 40):
        who = draw.choice(PEOPLE)
        if draw.random() < 0.1:
            turns.leave(who, "tab")
            shown.pop(who, None)
            continue
        if shown.get(who) is not None and draw.random() < 0.7:
            key = shown[who]
            assert key is not None
            assert who not in answers[key]
            answers[key][who] = entry(key, who)
            assert len(answers[key]) <= overlap
        found = turns.next(who, "tab", order, answers)
        shown[who] = found[0] if found else None
        at = Counter(key for key in shown.values() if key is not None)
        assert all(len(answers[key]) + at[key] <= overlap for key in order)
    assert {len(given) for given in answers.values()} == {overlap}


def test_a_tab_keeps_its_sample_and_a_closed_or_silent_one_gives_it_back() -> None:
    now = 0.0
    turns = Turns(Rule(), clock=lambda: now)
    assert turns.next("anna", "1", [A, B], {}) == [A, B]
    assert turns.next("ben", "1", [A, B], {}) == [B]
    assert turns.next("cleo", "1", [A, B], {}) == []
    assert turns.next("ben", "1", [C, A, B], {})[0] == B  # what comes in front changes nothing
    turns.leave("anna", "1")
    assert turns.next("cleo", "1", [A, B], {}) == [A]
    now = SILENCE - 1
    assert turns.next("cleo", "1", [A, B], {}) == [A]  # a sign of life
    now = SILENCE
    assert turns.next("anna", "2", [A, B], {}) == [B]  # ben was silent


def test_after_a_restart_a_tab_goes_on_with_what_it_shows() -> None:
    turns = Turns(Rule())
    assert turns.next("ben", "1", [A, B], {}, showing=B)[0] == B
    assert turns.next("anna", "1", [A, B], {}, showing=B) == [A]


def test_two_tabs_of_one_person_show_two_samples_and_nobody_holds_many() -> None:
    turns = Turns(Rule(overlap=2))
    assert [turns.next("anna", tab, [A, B], {})[:1] for tab in "123"] == [[A], [B], []]
    order = [(f"s{n}", False) for n in range(3 * TABS)]
    for tab in range(2 * TABS):
        turns.next("ben", str(tab), order, {})
    assert len(turns.next("cleo", "1", order, {key: {"x": entry(key, "x")} for key in order})) == (
        len(order) - TABS
    )


def test_what_people_disagree_on_comes_to_the_reviewer_after_all_else() -> None:
    turns = Turns(Rule(2, "rita"))
    known = answers_by(a={"anna": "x", "ben": "y"}, b={"anna": "x"}, c={"anna": "x", "ben": "x"})
    assert turns.next("rita", "1", [A, B, C], known) == [B, A]
    assert turns.next("cleo", "1", [A, B, C], known) == []  # rita has the last one of b
    assert turns.next("rita", "1", [A, C], known) == [A]


# -- what becomes of a sample


@pytest.mark.parametrize(
    ("rule", "labels", "stands"),
    [
        (Rule(), {}, "waiting"),
        (Rule(), {"anna": None}, "skipped"),
        (Rule(), {"anna": None, "ben": "x"}, "answered"),
        (Rule(2), {"anna": "x"}, "waiting"),
        (Rule(2), {"anna": None}, "waiting"),
        (Rule(2), {"anna": "x", "ben": "y"}, "answered"),
        (Rule(2), {"anna": "x", "ben": None}, "answered"),
        (Rule(2), {"anna": None, "ben": None}, "skipped"),
        (Rule(2, "rita"), {"anna": "x", "ben": "x"}, "answered"),
        (Rule(2, "rita"), {"anna": "x", "ben": "y"}, "waiting"),
        (Rule(3, "rita"), {"anna": "x", "ben": "y", "cleo": None}, "waiting"),
        (Rule(2, "rita"), {"anna": "x", "ben": "y", "rita": "y"}, "answered"),
        (Rule(2, "rita"), {"anna": "x", "ben": "y", "rita": None}, "skipped"),
    ],
)
def test_a_sample_stands_as_the_rule_says(
    rule: Rule, labels: dict[str, str | None], stands: str
) -> None:
    entries = answers_by(a=labels)[A]
    assert rule.standing(entries) == stands


def team(folder: Path, **options: str) -> tuple[Page, Any]:
    """A page about digits with options of its own, and what was asked."""
    return page(str(folder), "digits", **options)


def test_several_answers_make_one_label_and_the_reviewer_has_the_last_word(tmp_path: Path) -> None:
    desk, query = team(tmp_path, overlap="2", reviewer="rita")
    agreed, disputed, half = query.ids[:3]
    for id, who, label in [
        (agreed, "anna", "1"), (agreed, "ben", "1"), (disputed, "anna", "1"),
        (disputed, "ben", "7"), (half, "anna", "3"),
    ]:  # fmt: skip
        desk.log.answer((id, False), label, who, 2.0, skip=False)
    found = desk.collect(query)
    assert [(a.id, a.label, a.annotator, a.seconds) for a in found.answered] == [
        (agreed, "1", "anna, ben", 4.0)
    ]
    assert len(found.votes) == 2
    assert set(found.waiting) >= {disputed, half}
    desk.log.answer((disputed, False), "7", "rita", 2.0, skip=False)
    found = desk.collect(query)
    assert {a.id: (a.label, a.annotator) for a in found.answered}[disputed] == ("7", "rita")
    assert [vote.annotator for vote in found.votes if vote.id == disputed] == [
        "anna",
        "ben",
        "rita",
    ]
    assert [a.label for a in desk.revised({disputed: "1", agreed: "1"})] == ["7"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"overlap": "0"}, "overlap='0': give a number from 1"),
        ({"overlap": "many"}, "overlap='many': give a number from 1"),
        ({"reviewer": "rita"}, "give overlap=2 as well"),
    ],
)
def test_a_wrong_rule_is_refused(options: dict[str, str], says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=says):
        team(tmp_path, **options)


# -- over HTTP


def work(where: str, name: str, tab: str, label: str, got: list[int]) -> None:
    """Answer until there is nothing to do."""
    state = requests.get(f"{where}state?name={name}&tab={tab}", timeout=30).json()
    while state["item"] is not None:
        place = state["item"]["place"]
        got.append(place)
        body = {"place": place, "label": label, "name": name, "tab": tab, "seconds": 1.0}
        state = requests.post(where + "answer", json=body, timeout=30).json()


@pytest.mark.parametrize(("overlap", "each"), [("1", None), ("2", None), ("3", 12)])
def test_three_people_at_once_answer_each_sample_as_often_as_is_wanted(
    tmp_path: Path, overlap: str, each: int | None
) -> None:
    desk, query = page(str(tmp_path), "digits", 12, overlap=overlap)
    got: dict[str, list[int]] = {name: [] for name in PEOPLE}
    with desk.attending():
        people = [
            threading.Thread(target=work, args=(desk.where, name, "t", "3", got[name]))
            for name in PEOPLE
        ]
        for person in people:
            person.start()
        for person in people:
            person.join()
        state = requests.get(desk.where + "state?name=anna&tab=t", timeout=10).json()
    assert Counter(place for places in got.values() for place in places) == dict.fromkeys(
        range(12), int(overlap)
    )
    assert each is None or {len(places) for places in got.values()} == {each}
    found = desk.collect(query)
    assert len(found.answered) == 12
    assert len(found.votes) == (0 if overlap == "1" else 12 * int(overlap))
    assert (state["done"], state["left"]) == (12, 0)
    assert state["agreement"] == (None if overlap == "1" else 1.0)


def test_what_a_closed_tab_showed_is_served_to_others_and_what_is_taken_back_to_its_own(
    tmp_path: Path,
) -> None:
    desk, _ = team(tmp_path)

    def state(name: str, tab: str) -> Any:
        found = requests.get(f"{desk.where}state?name={name}&tab={tab}", timeout=10).json()
        return found["item"]["place"]

    with desk.attending():
        assert [state("anna", "1"), state("ben", "1"), state("anna", "1")] == [0, 1, 0]
        answers_by = {"name": "anna", "tab": "1"}
        assert requests.post(desk.where + "leave", json=answers_by, timeout=10).json() == {}
        assert state("cleo", "1") == 0
        body = {"place": 1, "label": "3", "name": "ben", "tab": "1"}
        assert (
            requests.post(desk.where + "answer", json=body, timeout=10).json()["undo"]["place"] == 1
        )
        assert state("anna", "2") == 3
        back = requests.post(desk.where + "undo", json=body, timeout=10).json()
        assert back["item"]["place"] == 1
        assert state("dora", "1") == 2


def test_what_others_said_is_shown_to_nobody_but_the_reviewer_while_votes_are_waited_for(
    tmp_path: Path,
) -> None:
    from al.annotators.page.desk import Desk

    found, query = team(tmp_path, overlap="2", reviewer="rita")
    desk = Desk(found.data, "c", found.log, rule=found.rule)
    for id, who, label in [
        (query.ids[0], "anna", "1"), (query.ids[0], "ben", "7"),
        (query.ids[1], "rita", "1"), (query.ids[1], "anna", "2"),
    ]:  # fmt: skip
        found.log.answer((id, False), label, who, 5.0, skip=False)

    def answers_by_person(name: str) -> list[list[str]]:
        return [one["why"] for one in desk.past.review(name)["listed"]]

    assert answers_by_person("anna") == [["rita said 1"]]  # which is decided
    assert answers_by_person("ben") == []
    assert "votes" not in desk.state("cleo", "1")["item"]
    for place in (2, 3, 4):
        for who in ("anna", "rita"):
            desk.answer({"place": place, "label": "3", "name": who})
    assert desk.state("rita", "1")["item"]["votes"] == [["anna", "1"], ["ben", "7"]]


@pytest.mark.slow
def test_no_confirmed_answer_is_lost_when_the_server_is_killed_under_three_people(
    tmp_path: Path,
) -> None:
    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.page_process", tmp_path, "digits", "60", "overlap=2"],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert "open http://127.0.0.1:" in process.stdout.readline()
        return process

    server = start()
    try:
        with at_the_page(tmp_path, PEOPLE, pause=0.05) as people:
            for kept in (12, 40, 80):
                until(lambda kept=kept: sum(len(one.confirmed) for one in people) >= kept)
                server.kill()
                server.wait()
                server = start()
            until(lambda: all(one.phases[-1:] == ["done"] for one in people), 60)
    finally:
        server.kill()
        server.wait()
    lines = kept_lines(tmp_path)
    for one in people:
        mine = [int(line["label"]) for line in lines if line["annotator"] == one.called]
        assert len(mine) >= len(one.confirmed)
        assert not Counter(place % 10 for place in one.confirmed) - Counter(mine)
    assert len({(line["id"], line["annotator"]) for line in lines}) == len(lines)
    found, query = page(str(tmp_path), "digits", 60, overlap="2")
    heard = found.collect(query)
    assert (len(heard.answered), heard.waiting) == (60, ())
    assert {a.id: a.label for a in heard.answered} == {
        id: str(place % 10) for place, id in enumerate(query.ids)
    }


@settings(max_examples=40)
@given(
    answers_by_person=st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(PEOPLE),
            st.sampled_from(["1", "2", None, "undo"]),
        ),
        max_size=25,
    )
)
def test_what_is_known_of_a_growing_file_is_what_it_says_to_who_reads_it_anew(
    answers_by_person: list[tuple[str, str, str | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log, rule = AnswerLog(folder), Rule(2, "cleo")
    tally = Tally(rule)
    for id, who, label in answers_by_person:
        key = (id, False)
        if label == "undo":
            log.undo(key, who)
        else:
            log.answer(key, label, who, 1.0, skip=label is None)
        found = log.answers()
        anew = AnswerLog(folder).answers()
        assert found == anew
        assert [list(found[one]) for one in sorted(found)] == [
            list(anew[one]) for one in sorted(anew)
        ]
        tally.hear(found)
        stands = {one: rule.standing(anew.get(one, {})) for one in (A, B, C)}
        assert tally.closed == {one for one, is_so in stands.items() if is_so != "waiting"}
        assert tally.skipped == {one for one, is_so in stands.items() if is_so == "skipped"}
        assert tally.disputed == {one for one in stands if rule.disputed(anew.get(one, {}))}
        same, of = agreement(votes_of(entries) for entries in anew.values())
        assert tally.agreement == (round(same / of, 3) if of else None)
    if answers_by_person:  # a file that was restored to what it was
        path = folder / "answers.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        path.write_text("".join(reversed(lines)))  # another one of as many lines
        assert log.answers() == AnswerLog(folder).answers()
        path.write_text("".join(lines[: len(lines) // 2]))
        assert log.answers() == AnswerLog(folder).answers()
