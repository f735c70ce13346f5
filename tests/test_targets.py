"""Labels of every kind: what is taken, what is refused in a line, what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from al.data import ArrayLoader, encode_mask
from al.errors import DataError, LabelError
from tests.kinds import KINDS as TASKS

IMAGES = np.zeros((2, 8, 10), np.uint8)


def loader(kind: str, targets: Any) -> ArrayLoader:
    classes = () if kind == "number" else ("back", "cell")
    return ArrayLoader(["one", "two"], IMAGES, targets, classes, [], kind)


MASK = np.zeros((8, 10), np.uint8)
GOOD = np.array([[0, 1, 1, 3, 3]], float)
SPAN = np.array([[0, 2, 5]])


@pytest.mark.parametrize(
    ("kind", "targets", "says"),
    [
        ("mask", [MASK, MASK.T], "'two': its mask is 10 × 8, its image 8 × 10"),
        ("mask", [MASK, MASK + 7], "'two': its mask holds 7, which is not one of 2 classes"),
        ("boxes", [GOOD, [[0, 8, 1, 3, 3]]], r"'two': the box \[8, 1, 3, 3\] is outside its image"),
        ("boxes", [GOOD, [[0, -2, 1, 3, 3]]], "is outside its image of 10 × 8"),
        ("boxes", [GOOD, [[0, 1, 1, 0, 3]]], r"'two': the box \[1, 1, 0, 3\] has no area"),
        ("boxes", [GOOD, [[0, 1, 1, np.nan, 3]]], "has no area"),
        ("boxes", [GOOD, [[2, 1, 1, 3, 3]]], "a box of class 2, which is not one of 2"),
        ("labels", [[True, False], [True]], r"'two': \(1,\) flags for 2 classes"),
        ("entities", [SPAN, [[2, 0, 3]]], "'two': an entity of class 2, which is not one of 2"),
        ("entities", [SPAN, [[0, 3, 3]]], "'two': an entity at 3–3 holds no character"),
        ("entities", [SPAN, [[0, 0, 4], [1, 3, 5]]], "'two': entities at 0–4 and 3–5 overlap"),
        ("number", [1.0, np.nan], "'two': its number is nan"),
        ("number", [np.inf, 1.0], "'one': its number is inf"),
    ],
)
def test_targets_that_are_none_are_refused_by_the_name_of_their_sample(
    kind: str, targets: Any, says: str
) -> None:
    with pytest.raises(DataError, match=says) as caught:
        loader(kind, targets)
    assert "\n" not in str(caught.value)


TARGETS: dict[str, Any] = {
    "class": np.array([0, 1]),
    "labels": np.eye(2, dtype=bool),
    "mask": np.stack([MASK, MASK + 1]),
    "boxes": [GOOD, np.empty((0, 5))],
    "number": np.array([1.5, -2.0]),
    "entities": [SPAN, np.empty((0, 3))],
}


def named(*places: tuple[int, int], label: str = "cell") -> list[dict[str, Any]]:
    return [{"start": start, "end": end, "label": label} for start, end in places]


@pytest.mark.parametrize(
    ("kind", "label", "says"),
    [
        ("labels", "cell", "is not a list of classes"),
        ("labels", ["sell"], "'sell' is not a class: did you mean 'cell'"),
        ("labels", ["cell", "back"], "is not sorted"),
        ("labels", ["cell", "cell"], "holds a class twice"),
        ("mask", encode_mask(MASK.T), "a mask is 10 × 8, its image 8 × 10"),
        ("mask", encode_mask(MASK + 2), "holds 2, which is not one of the 2 classes"),
        ("boxes", [{"label": "cell", "box": [0, 0, 11, 3]}], "outside its image"),
        ("boxes", [{"label": "cell", "box": [0, 0, 1]}], "boxes are "),
        ("boxes", [{"label": "sell", "box": [0, 0, 1, 1]}], "did you mean 'cell'"),
        ("boxes", [{"box": [0, 0, 1, 1]}], "boxes are "),
        ("entities", "cell", "entities are "),
        ("entities", [[0, 2, "cell"]], "entities are "),
        ("entities", [{"start": 0, "end": 2}], "entities are "),
        ("entities", [{"start": 0, "end": 2, "label": "cell", "text": "ab"}], "entities are "),
        ("entities", [{"start": 0.0, "end": 2, "label": "cell"}], "entities are "),
        ("entities", [{"start": False, "end": 2, "label": "cell"}], "entities are "),
        ("entities", named((0, 2), label="sell"), "did you mean 'cell'"),
        ("entities", named((-1, 2)), "an entity at -1–2 holds no character"),
        ("entities", named((3, 5), (0, 2)), "entities at 3 and 0 are not in their order"),
        ("entities", named((0, 4), (3, 5)), "entities at 0–4 and 3–5 overlap: leave one"),
        ("entities", named((0, 4), (0, 4)), "overlap"),
        ("number", float("inf"), "not a finite number"),
        ("number", "12", "not a finite number"),
        ("number", True, "not a finite number"),
        ("class", 3, "3 is not a class"),
    ],
)
def test_an_answer_that_is_no_label_is_refused(kind: str, label: Any, says: str) -> None:
    with pytest.raises(LabelError, match=says):
        loader(kind, TARGETS[kind]).check_label(label)


@pytest.mark.parametrize("kind", TASKS)
def test_labels_become_the_targets_that_they_came_from(kind: str) -> None:
    data: Any = TASKS[kind]().data()
    ids = data.ids("train")[:12]
    (batch,) = data.batches(ids, data.truth(ids), batch_size=12)
    if kind == "entities":  # whose loader holds labels
        place = data.spec.classes.index
        held = [
            np.array([[place(one["label"]), one["start"], one["end"]] for one in label])
            for label in data.truth(ids)
        ]
    else:
        held = [data._targets[data._row[id]] for id in ids]
    found = batch.targets.numpy()
    for number, target in enumerate(held):
        if kind in ("boxes", "entities"):
            own = found[number][found[number, :, 0] >= 0]
            assert own == pytest.approx(target.reshape(own.shape), abs=0.01)
        else:
            assert np.allclose(found[number], target, rtol=1e-6)


def test_boxes_of_samples_in_any_batch_are_filled_up_to_one_length() -> None:
    data = loader("boxes", TARGETS["boxes"])
    (batch,) = data.batches(["two", "one"], data.truth(["two", "one"]), batch_size=2)
    assert batch.targets is not None
    assert batch.targets[:, :, 0].tolist() == [[-1.0], [0.0]]
    (alone,) = data.batches(["two"], data.truth(["two"]), batch_size=2)
    assert alone.targets is not None
    assert alone.targets.shape == (1, 1, 5)


def test_costs_are_outlines_boxes_or_one_each() -> None:
    mask = MASK.copy()
    mask[2:5, 2:6] = 1
    found = loader("mask", np.stack([MASK, mask])).costs(["one", "two"])
    assert found[0] == 1
    # pixels with another class to the right or below: 3 left + 3 right, 4 above + 4 below,
    # one corner counted by both sides
    assert found[1] == 13
    assert loader("boxes", [np.empty((0, 5)), GOOD]).costs(["two", "one"]).tolist() == [2, 1]
    for kind in ("class", "labels", "number"):
        assert loader(kind, TARGETS[kind]).costs(["one", "two"]).tolist() == [1, 1]
