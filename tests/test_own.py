"""Splits of a user's own data, and labels where there are some."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from al.contracts import Preview
from al.data.classes import class_names, spec_of_classes
from al.data.own import OwnLoader, Samples, less
from al.data.splitting import draw, groups_of
from al.errors import ConfigError, DataError, LabelError


class Rows(OwnLoader):
    """Samples that are their own row number."""

    def inputs(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(rows)

    def preview(self, id: str) -> Preview:
        return Preview(text=id)

    def example(self) -> Any:
        return np.zeros(2)


def rows(
    labels: list[str | None],
    splits: list[str] | None = None,
    contents: list[str] | None = None,
    **how: Any,
) -> Rows:
    count = len(labels)
    samples = Samples(
        [f"s{n:03d}" for n in range(count)],
        labels,
        splits or [""] * count,
        contents or [str(n) for n in range(count)],
        [f"list.csv row {n + 1}" for n in range(count)],
    )
    names = class_names(labels, samples.places, "list.csv")
    return Rows(samples, spec_of_classes(names, (), "int64"), **how)


@given(st.lists(st.text("abc", max_size=3), unique=True), st.sets(st.text("abcd", max_size=3)))
def test_training_ids_are_all_less_those_taken_in_their_order(
    ids: list[str], taken: set[str]
) -> None:
    assert less(sorted(ids), taken) == sorted(set(ids) - taken)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=60),
    st.integers(0, 40),
    st.integers(0, 9),
)
def test_a_draw_takes_whole_groups_leaves_each_class_one_and_never_too_much(
    given_rows: list[tuple[int, int]], size: int, seed: int
) -> None:
    contents = [str(content) for content, _ in given_rows]
    groups = groups_of(range(len(given_rows)), contents)
    classes = [given_rows[group[0]][1] for group in groups]
    drawn = draw(groups, classes, size, np.random.default_rng(seed))
    assert len(drawn) <= size
    assert drawn == sorted(set(drawn))
    for group, name in zip(groups, classes, strict=True):
        assert len(set(group) & set(drawn)) in (0, len(group))
        own = [g for g, c in zip(groups, classes, strict=True) if c == name]
        assert any(g[0] not in drawn for g in own)
    assert drawn == draw(groups, classes, size, np.random.default_rng(seed))
    if all(len(group) == 1 for group in groups):  # then the size is met as far as it can be
        assert len(drawn) == min(size, len(groups) - len(set(classes)))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_copies_are_on_one_side_and_splits_are_disjoint_whole_and_seeded(data: Any) -> None:
    count = data.draw(st.integers(30, 80))
    labels = [data.draw(st.sampled_from(["a", "b", None])) for _ in range(count)]
    labels[:12] = ["a", "b"] * 6
    contents = [str(data.draw(st.integers(0, count))) for _ in range(count)]
    loader = rows(labels, None, contents)
    size, seed = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 5))
    try:
        splits = loader.propose_splits(size, seed)
    except (ConfigError, DataError):  # too many copies to spare so many
        assume(False)
    assert splits == rows(labels, None, contents).propose_splits(size, seed)
    loader.freeze(splits)
    parts = {split: loader.ids(split) for split in ("train", "val", "test")}  # type: ignore[arg-type]
    held = {split: set(loader.fingerprints(ids)) for split, ids in parts.items()}
    assert not held["train"] & held["val"]
    assert not held["train"] & held["test"]
    assert not held["val"] & held["test"]
    assert len(parts["val"]) == size
    assert None not in loader.truth((*parts["val"], *parts["test"]))
    assert "a" in {loader.truth([id])[0] for id in loader.given() or {}}


def test_drawn_splits_are_even_in_classes() -> None:
    loader = rows((["a"] * 8 + ["b"] * 2) * 50)
    splits = loader.propose_splits(100, 0)
    assert Counter(loader.truth(splits.test)) == {"a": 80, "b": 20}
    assert Counter(loader.truth(splits.val)) == {"a": 80, "b": 20}
    assert loader.propose_splits(100, 1).test == splits.test  # the same for every campaign
    assert loader.propose_splits(100, 1).val != splits.val


def test_official_splits_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    splits = ["test", "val", "train", "", "train"] * 10
    loader = rows(["a", "b", "a", "b", "b"] * 10, splits)
    made = loader.propose_splits(100, 3)
    assert made.test == tuple(f"s{n:03d}" for n in range(0, 50, 5))
    assert made.val == tuple(f"s{n:03d}" for n in range(1, 50, 5))
    assert "validation is what the data puts aside for it, 10 samples" in caplog.text


def test_a_copy_of_a_test_sample_that_appears_later_is_no_training_sample() -> None:
    loader = rows(["a", "b"] * 30)
    splits = loader.propose_splits(4, 0)
    loader.freeze(splits)
    before = loader.ids("train")
    content = loader.fingerprints([splits.test[0]])[0]
    old = loader.samples
    loader.take(
        Samples(
            [*old.ids, "copy", "new"], [*old.labels, None, None], [*old.splits, "", ""],
            [*old.contents, content, "news"], [*old.places, "", ""],
        )
    )  # fmt: skip
    loader.freeze(splits)
    assert loader.ids("train") == tuple(sorted((*before, "new")))


def test_labels_of_ones_own_are_given_and_those_of_a_published_set_are_not() -> None:
    own, published = rows(["a", None, "b"] * 9), rows(["a", "b"] * 9, published=True)
    labels = zip(own.samples.ids, own.samples.labels, strict=True)
    assert own.given() == {id: label for id, label in labels if label}
    assert published.given() is None


def test_the_oracle_is_told_whom_to_ask_about_a_sample_without_a_label() -> None:
    with pytest.raises(DataError, match=r"'s001' has no label .*=files, page or label-studio"):
        rows(["a", None, "b"]).truth(["s000", "s001"])


def test_oddities_of_classes_are_reported_with_the_row() -> None:
    labels: list[str | None] = [*["a", "b"] * 20, "rare", "new", None]
    splits = ["train"] * 30 + ["test"] * 10 + ["train", "test", "train"]
    out = "\n".join(rows(labels, splits).oddities())
    assert "class 'rare' has one labelled sample (list.csv row 41)" in out
    assert "class 'new' is in test only (list.csv row 42)" in out
    with pytest.raises(DataError, match=r"'new' is in test only \(list.csv row 42\): add"):
        rows(labels[:-1], splits[:-1]).propose_splits(5, 0)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([None, None], "has no labels: label some samples"),
        (["a", "a"], "has one class, 'a': label samples of another"),
        ([f"n{n}" for n in range(5000)], "5000 classes in 5000 labels .*row 5000: 'n4999'"),
        ([f"n{n % 1500}" for n in range(6000)], "1500 classes in 6000 labels"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused(labels: Any, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        rows(labels)
    assert "\n" not in str(caught.value)


def test_a_test_sample_without_a_label_and_too_few_labels_are_refused() -> None:
    with pytest.raises(DataError, match="row 3 is in split test and has no label"):
        rows(["a", "b", None], ["", "", "test"])
    too_many = "validation_size=50 is more than the 38 .*_size=19, or validation=folds"
    with pytest.raises(ConfigError, match=too_many):
        rows(["a", "b"] * 25).propose_splits(50, 0)
    with pytest.raises(DataError, match="2 labelled samples are too few to draw a test split"):
        rows(["a", "b", None, None]).propose_splits(1, 0)


def test_people_are_asked_about_no_test_that_is_smaller_than_the_labels_give() -> None:
    assert rows(["a", "b"] * 18 + [None] * 8).propose_asked(6, 0) is None
    asked = rows(["a", "b"] * 18 + [None] * 80).propose_asked(6, 0)
    assert asked is not None
    assert (len(asked.test), len(asked.val)) == (16, 6)


def test_a_class_that_a_campaign_does_not_know_is_refused_with_its_row() -> None:
    began = rows(["a", "b"] * 5)
    with pytest.raises(DataError, match=r"row 11: 'c' is not a class.*campaign began with"):
        rows([*["a", "b"] * 5, "c"]).adopt(began.spec)
    with pytest.raises(LabelError, match="'c' is not a class: choose one of a, b"):
        began.check_label("c")


def test_two_samples_with_one_id_are_reported_with_both_rows() -> None:
    samples = Samples(["x", "y", "x"], ["a", "b", "a"], [""] * 3, ["1", "2", "3"],
                      ["f row 1", "f row 2", "f row 3"])  # fmt: skip
    with pytest.raises(DataError, match="f row 1 and f row 3 have one id, 'x'"):
        Rows(samples, spec_of_classes(["a", "b"], (), "int64"))
