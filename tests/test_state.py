from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest

from al.contracts import Answer, Answers, Query
from al.errors import StateError
from al.state import ChampionRecord, LabelTable, State, ids_digest


def query(*ids: str) -> Query:
    count = len(ids)
    return Query(ids, (0.5,) * count, ("margin",) * count, (None,) * count, "margin", "models:/m/1")


def answers(labels: dict[str, object], skipped: tuple[str, ...] = ()) -> Answers:
    given = tuple(Answer(i, label, "anna", "2024-01-01T00:00:00") for i, label in labels.items())
    return Answers(given, skipped)


@pytest.fixture
def labels() -> LabelTable:
    return LabelTable().with_answers(answers({"a": "cat", "b": "dog"}, ("c",)), query(*"abc"), 1)


@pytest.fixture
def state(labels: LabelTable) -> State:
    champion_record = ChampionRecord(2, "w", {"accuracy": 0.5}, {"accuracy": 0.4})
    memory, suspicious = {"rounds": [1, 2]}, [{"id": "a", "score": 0.5}]
    more = (memory, suspicious, {"query_size": 3}, ("bird",), ("cow",), labels.without({"a"}))
    return State("c", 1, labels, champion_record, True, 7, "p", *more)


def test_answers_and_skipped_samples_are_never_asked_again(labels: LabelTable) -> None:
    assert labels.asked == {"a", "b", "c"}
    assert (labels.ids, labels.labels) == (("a", "b"), ("cat", "dog"))


def test_a_label_can_be_anything_json_can_say() -> None:
    boxes = [{"box": [1, 2, 3, 4], "class": "WBC"}]
    table = LabelTable().with_answers(answers({"a": boxes, "b": 2.5}), query("a", "b"), 1)
    assert table.labels == (boxes, 2.5)


def test_provenance_is_kept_with_every_label(labels: LabelTable) -> None:
    row = labels.frame.iloc[1]
    assert (row["annotator"], row["cycle"], row["rank"], row["score"]) == ("anna", 1, 1, 0.5)
    assert (row["strategy"], row["model"], row["status"]) == ("margin", "models:/m/1", "answered")


def test_a_sample_answered_twice_is_refused(labels: LabelTable) -> None:
    with pytest.raises(StateError, match="'a' was answered twice"):
        labels.with_answers(answers({"a": "dog"}), query("a"), 2)


def test_an_answer_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(StateError, match="'z' was answered but not asked"):
        LabelTable().with_answers(answers({"z": "dog"}), query("a"), 1)


def test_the_digest_of_a_labelled_set_does_not_depend_on_its_order() -> None:
    one = LabelTable().with_answers(answers({"a": 1, "b": 2}), query("a", "b"), 1)
    two = LabelTable().with_answers(answers({"b": 2, "a": 1}), query("a", "b"), 1)
    other = LabelTable().with_answers(answers({"b": 1, "a": 2}), query("a", "b"), 1)
    assert one.digest == two.digest != other.digest
    assert len(one.digest) <= 36  # MLflow cuts longer ones
    assert ids_digest(["x", "y"]) == ids_digest(["y", "x"]) != ids_digest(["x"])


def test_a_state_comes_back_as_it_was_saved(state: State, tmp_path: Path) -> None:
    digest = state.save(tmp_path)
    back = State.load(tmp_path)
    tables = ("labels", "held_out")
    for name in tables:
        kept = getattr(state, name).frame.reset_index(drop=True)  # a part keeps its index
        assert getattr(back, name).frame.equals(kept)
    for one in dataclasses.fields(State):
        if one.name not in tables:
            value = getattr(state, one.name)
            assert value  # so that what is forgotten is seen
            assert getattr(back, one.name) == value, one.name
    (tmp_path / "again").mkdir()
    assert back.save(tmp_path / "again") == digest


def test_an_empty_state_can_be_saved(tmp_path: Path) -> None:
    State.start("c").save(tmp_path)
    assert len(State.load(tmp_path).labels) == 0


def spoil_json(folder: Path, **changes: object) -> None:
    path = folder / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "state.json").unlink(), "state.json is missing"),
        (lambda f: (f / "state.json").write_text("{"), "state.json is damaged"),
        (lambda f: (f / "state.json").write_text("[]"), "state.json is damaged"),
        (lambda f: spoil_json(f, schema=99), "schema 99"),
        (lambda f: spoil_json(f, cycle=5), "does not match its digest"),
        (lambda f: (f / "labels.parquet").unlink(), "labels.parquet is missing"),
        (lambda f: (f / "labels.parquet").write_bytes(b"PAR1"), "labels.parquet is damaged"),
        (
            lambda f: (
                pd.read_parquet(f / "labels.parquet")
                .assign(extra=1)
                .to_parquet(f / "labels.parquet")
            ),
            "unknown column 'extra'",
        ),
        (
            lambda f: (
                pd.read_parquet(f / "labels.parquet")
                .drop(columns="rank")
                .to_parquet(f / "labels.parquet")
            ),
            "lacks the column 'rank'",
        ),
        (
            lambda f: (
                pd.read_parquet(f / "labels.parquet")
                .assign(id="a")
                .to_parquet(f / "labels.parquet")
            ),
            "'a' twice",
        ),
        (
            lambda f: (
                pd.read_parquet(f / "labels.parquet")
                .assign(label='"dog"')
                .to_parquet(f / "labels.parquet")
            ),
            "does not match its digest",
        ),
    ],
)
def test_a_spoilt_state_is_refused_in_one_line(
    state: State, tmp_path: Path, spoil: object, says: str
) -> None:
    state.save(tmp_path)
    spoil(tmp_path)  # type: ignore[operator]
    with pytest.raises(StateError, match=says) as caught:
        State.load(tmp_path)
    assert "\n" not in str(caught.value)
