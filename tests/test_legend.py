"""What values in masks mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from al.data.legend import legend_of, names_given
from al.errors import ConfigError, DataError
from al.masks import VOID


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.json", '["ground", "tree"]'),
        ("classes.json", '{"ground": 0, "tree": 1}'),
        ("classes.json", '{"0": "ground", "1": "tree"}'),
        ("classes.txt", "ground\ntree\n\n"),
        ("classes.txt", "1: tree\n0: ground\n"),
        ("_classes.csv", "Pixel Value, Class\n0, ground\n1, tree\n"),
    ],
)
def test_files_beside_the_masks_name_their_values(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert names_given("none", tmp_path) == ({0: "ground", 1: "tree"}, name)
    assert names_given(name, tmp_path)[0] == {0: "ground", 1: "tree"}


def test_names_are_said_in_the_order_of_values_or_each_with_its_value(tmp_path: Path) -> None:
    assert names_given("a,b", tmp_path) == ({0: "a", 1: "b"}, "")
    assert names_given("0=a,255=b", tmp_path)[0] == {0: "a", 255: "b"}
    assert names_given("none", tmp_path) == (None, "")
    (tmp_path / "bad.json").write_text("3")
    with pytest.raises(DataError, match=r"bad\.json holds no names of classes"):
        names_given("bad.json", tmp_path)
    with pytest.raises(DataError, match=r"classes=nowhere\.txt: there is no file"):
        names_given("nowhere.txt", tmp_path)


def test_the_background_is_what_the_user_says_and_comes_first() -> None:
    named = {1: "pet", 2: "ground", 3: "edge"}
    legend = legend_of([1, 2, 3], named, "ground", "3")
    assert (legend.names, legend.background, legend.ignored) == (("ground", "pet"), True, (3,))
    assert legend.table()[[1, 2, 3, 4]].tolist() == [1, 0, VOID, VOID]
    assert legend.strange([1, 2, 3, 7]) == [7]
    assert legend_of([1, 2, 3], named, "2", "edge") == legend
    assert legend_of([1, 2, 3], None, "2", "3").names == ("2", "1")
    assert not legend_of([0, 1], None, "auto", "none").background
    assert legend_of([0, 1], {0: "thing", 1: "Background"}, "auto", "none").names[0] == "Background"
    assert not legend_of([0, 1], {0: "background", 1: "a"}, "none", "none").background


def test_two_values_may_be_of_one_class() -> None:
    legend = legend_of([1, 2, 3], {1: "pet", 2: "ground", 3: "pet"}, "none", "none")
    assert legend.names == ("pet", "ground")
    assert legend.table()[[1, 2, 3]].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("background", "ignore", "says"),
    [
        ("sky", "none", "background=sky is not a value or class of the masks: choose one of edge"),
        ("7", "none", "background=7 is not a class: choose one of edge"),
        ("3", "3", "background=3 is not a class"),
        ("none", "grund", "ignore=grund is not a value or class of the masks: .*ground"),
    ],
)
def test_what_is_not_there_is_reported(background: str, ignore: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        legend_of([1, 2, 3], {1: "pet", 2: "ground", 3: "edge"}, background, ignore)


def test_one_class_is_too_few() -> None:
    with pytest.raises(DataError, match=r"the masks hold 1 classes \(1\): give masks of 2 to 255"):
        legend_of([1, 2], None, "auto", "2")
