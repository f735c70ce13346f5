"""What kinds of problem say of labels, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from al.contracts import DataSpec
from al.errors import LabelError, StrategyError
from al.kinds import kind_named
from al.kinds.colours import of_class
from al.kinds.masks import COVER

IMAGES = DataSpec(("background", "a", "b"), (4, 5, 3), "uint8")


def test_a_mask_costs_the_pixels_of_its_outlines() -> None:
    masks = kind_named("mask")(IMAGES)
    mask = np.zeros((4, 5), np.uint8)
    assert masks.cost(mask) == 1  # drawing nothing takes a look
    mask[1:3, 2] = 2
    # beside it to the left, twice, above it, and of itself all that end below or to the right
    assert masks.cost(mask) == 5


def test_a_tie_between_people_goes_to_what_the_first_one_drew() -> None:
    masks = kind_named("mask")(IMAGES)
    drawn = [np.full((4, 5), number, np.uint8) for number in (2, 1, 0)]
    assert masks.majority([masks.label(mask) for mask in drawn[:2]]) == masks.label(drawn[0])
    drawn[1][:, 0] = drawn[2][:, 0] = 1
    voted = drawn[0].copy()
    voted[:, 0] = 1
    assert masks.majority([masks.label(mask) for mask in drawn]) == masks.label(voted)


def test_each_class_of_a_mask_has_its_own_colour_and_the_background_none() -> None:
    masks = kind_named("mask")(IMAGES)
    mask = np.zeros((4, 5), np.uint8)
    mask[0, 0], mask[3, 4] = 1, 2
    image = np.full((4, 5, 3), 100, np.uint8)
    shown = np.asarray(masks.drawn(image, masks.label(mask), (5, 4)))
    for place, number in (((0, 0), 0), ((3, 4), 1)):
        expected = (1 - COVER) * 100 + COVER * np.array(of_class(number))
        assert np.abs(shown[place] - expected).max() <= 1
    assert (shown[1:3] == 100).all()
    assert (image == 100).all()  # what is given stays as it is


def test_every_class_of_a_scene_has_a_colour_and_what_nobody_drew_has_none() -> None:
    scenes = kind_named("scene")(IMAGES)
    mask = np.full((4, 5), scenes.blank, np.uint8)
    mask[0, 0], mask[3, 4] = 0, 2
    image = np.full((4, 5, 3), 100, np.uint8)
    shown = np.asarray(scenes.drawn(image, scenes.label(mask), (5, 4)))
    for place in ((0, 0), (3, 4)):
        expected = (1 - COVER) * 100 + COVER * np.array(of_class(mask[place]))
        assert np.abs(shown[place] - expected).max() <= 1
    assert (shown[1:3] == 100).all()


def test_images_without_boxes_have_a_row_that_is_none() -> None:
    boxes = kind_named("boxes")(IMAGES)
    assert boxes.tensor([[], []]).tolist() == [[[-1, 0, 0, 0, 0]]] * 2
    one = [{"label": "b", "box": [1, 2, 3, 4]}]
    assert boxes.tensor([one, []]).tolist() == [[[2, 1, 2, 3, 4]], [[-1, 0, 0, 0, 0]]]


def test_targets_that_are_none_are_reported_in_words() -> None:
    masks, labels = kind_named("mask")(IMAGES), kind_named("labels")(IMAGES)
    mask = np.zeros((4, 5), np.uint8)
    assert masks.wrong(mask) == ""
    for number in (3, 9):  # of classes 0, 1 and 2
        mask[2, 2] = number
        assert masks.wrong(mask) == f"its mask holds {number}, which is not one of 3 classes"
    assert masks.wrong(mask.T) == "its mask is 5 × 4, its image 4 × 5"
    assert labels.wrong(np.zeros(3, bool)) == ""
    assert labels.wrong(np.zeros(2, bool)) == "(2,) flags for 3 classes"


def test_masks_are_compared_pixel_by_pixel() -> None:
    masks = kind_named("mask")(IMAGES)
    true, message = np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8)
    true[0], true[1, :2], message[0, :3], message[3] = 1, 2, 1, 2
    found = masks.compared([masks.label(true)], [masks.label(message)])
    # of each class: right, said and not true, true and not said
    assert found.tolist() == [[[8, 4, 5], [3, 0, 2], [0, 5, 2]]]


def test_a_mask_is_told_by_its_foreground_and_a_scene_by_its_commonest_class() -> None:
    masks, scenes = kind_named("mask")(IMAGES), kind_named("scene")(IMAGES)
    mask = np.zeros((4, 5), np.uint8)
    mask[0], mask[1, 0] = 2, 1
    assert masks.brief(masks.label(mask)) == "30% foreground"
    assert scenes.brief(scenes.label(mask)) == "70% background"
    mask[:2] = scenes.blank
    mask[2, 1:], mask[3] = 2, 2
    assert scenes.brief(scenes.label(mask)) == "90% b"
    mask[:] = scenes.blank
    assert scenes.brief(scenes.label(mask)) == "nothing known"


def test_a_majority_of_choices_is_the_commonest() -> None:
    assert kind_named("class")(IMAGES).majority(["a", "b", "b"]) == "b"
    assert kind_named("class")(IMAGES).majority(["b", "a"]) == "b"  # a tie goes to the first


def test_classes_that_are_ticked_are_sorted_and_each_counts_once() -> None:
    labels = kind_named("labels")(IMAGES)
    assert labels.from_form(["b", "a", "b"]) == ["a", "b"]
    for odd in ("ba", ["b", 1], None):  # is told by who checks it
        assert labels.from_form(odd) is odd


def test_a_majority_of_boxes_is_the_answer_that_agrees_most_with_the_others() -> None:
    boxes = kind_named("boxes")(IMAGES)

    def answer(*found: tuple[str, list[float]]) -> list[dict[str, object]]:
        return [{"label": name, "box": box} for name, box in found]

    one, far = [0.0, 0, 4, 4], [0.0, 0, 1, 1]
    alone = answer(("a", one), ("b", one))
    another_class, none = answer(("b", one)), answer()
    assert boxes.majority([far_off := answer(("a", far)), alone, another_class]) == alone
    assert boxes.majority([far_off, none, none]) == none  # nothing agrees with nothing
    assert boxes.majority([alone, answer(("a", one)), far_off]) == alone


@pytest.mark.parametrize(
    ("kind", "over", "means"),
    [("class", "auto", "one"), ("mask", "auto", "patch"), ("labels", "max", "max")],
)
def test_a_reduction_is_one_that_the_kind_has(kind: str, over: str, means: str) -> None:
    assert kind_named(kind).reduction(over) == means


@pytest.mark.parametrize(
    ("kind", "over", "says"),
    [
        ("class", "mean", "is one distribution: leave over out"),
        ("labels", "sum", "choose one of mean, max"),
        ("boxes", "top5", "choose one of sum, max, mean"),
    ],
)
def test_another_reduction_is_refused_with_those_there_are(kind: str, over: str, says: str) -> None:
    with pytest.raises(StrategyError, match=says):
        kind_named(kind).reduction(over)


def test_a_list_that_is_no_list_of_boxes_is_told_what_one_is() -> None:
    boxes = kind_named("boxes")(IMAGES)
    for box in ([1, 1, 2], [1, 1, 1, 1, 1], [], "abcd", None):
        with pytest.raises(LabelError, match="boxes are"):
            boxes.check([{"label": "a", "box": box}])
    boxes.check([{"label": "a", "box": [1, 1, 2, 2]}])
