"""Labels enter a campaign under other names: renamed, merged, and asked for again where split."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from al.contracts import DataSpec
from al.errors import AlError, ConfigError, DataError, UnknownName
from al.pipeline.label_map import read_map
from tests.sizes import SIZES, sizes

Make = Callable[..., Any]

ROWS = {
    "class": ["kitten", "tomcat", "bird", "dog"],
    "labels": [["kitten", "tomcat"], ["dog"], ["bird", "dog"], []],
    "boxes": [[{"label": name, "box": [0, 0, 2, 2]}] for name in ("kitten", "tomcat", "bird")],
}
NEW = ("cat", "dog", "robin", "wren")


def spec(kind: str) -> DataSpec:
    return DataSpec(NEW, (4, 4), "uint8", kind)


def frame(kind: str) -> pd.DataFrame:
    rows = ROWS[kind]
    return pd.DataFrame({"id": list("abcd")[: len(rows)], "label": [json.dumps(r) for r in rows]})


def written(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


CSV = "old,new\nkitten,cat\ntomcat,cat\nbird,robin\nbird,wren\n"
JSON = '{"kitten": "cat", "tomcat": "cat", "bird": ["robin", "wren"]}'


@pytest.mark.parametrize(("name", "content"), [("m.csv", CSV), ("m.json", JSON)])
def test_classes_are_renamed_and_merged_and_split_ones_are_left_to_be_asked_again(
    tmp_path: Path, name: str, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    read = read_map(written(tmp_path / name, content))
    expected = {
        "class": {"a": "cat", "b": "cat", "d": "dog"},
        "labels": {"a": ["cat"], "b": ["dog"], "d": []},
        "boxes": {id: [{"label": "cat", "box": [0, 0, 2, 2]}] for id in "ab"},
    }
    for kind, labels in expected.items():
        found = read.applied(frame(kind), spec(kind), "campaign 'c'")
        assert dict(zip(found["id"], found["label"].map(json.loads), strict=True)) == labels
    assert caplog.text.count("1 labels of campaign 'c' are dropped and will be asked for") == 3


def test_single_answers_have_the_new_names_too(tmp_path: Path) -> None:
    read = read_map(written(tmp_path / "m.csv", CSV))
    votes = [[{"label": "tomcat"}, {"label": "dog"}], [{"label": "bird"}, {"again": "skipped"}]]
    rows = frame("class").iloc[:3].assign(votes=[*(json.dumps(two) for two in votes), ""])
    found = read.applied(rows, spec("class"), "c")["votes"]
    assert json.loads(found[0]) == [{"label": "cat"}, {"label": "dog"}]
    assert list(found[1:]) == [""]  # which of the new ones it was is not known


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("m.csv", "old,new\nkitten,cut\n", UnknownName, "makes 'cut' of 'kitten', .* mean 'cat'"),
        ("m.csv", "old,new\nkiten,cat\n", UnknownName, "renames 'kiten', .* mean 'kitten'"),
        ("m.csv", "old,other\nkitten,cat\n", DataError, "has no column 'new': it needs old"),
        ("m.json", '["kitten"]', DataError, "is not a JSON object like"),
        ("m.json", '{"kitten": {"a": 1}}', DataError, "is not a JSON object like"),
        ("none.csv", "", ConfigError, "none.csv is not a file"),
    ],
)  # fmt: skip
def test_a_map_that_cannot_be_is_one_line(
    tmp_path: Path, name: str, content: str, error: type[AlError], says: str
) -> None:
    if content:
        written(tmp_path / name, content)
    with pytest.raises(error, match=says):
        read_map(tmp_path / name).applied(frame("class"), spec("class"), "c")


def test_labels_that_name_no_class_have_no_other_names(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": ["a"], "label": ["3.5"]})
    with pytest.raises(ConfigError, match="they name no classes: leave it out"):
        read_map(written(tmp_path / "m.csv", "old,new\na,b\n")).applied(
            rows, DataSpec((), (2,), "float32", "number"), "c"
        )


def test_a_campaign_begins_with_labels_under_the_names_of_its_own_classes(
    campaign: Make, client: Any, folder: Path
) -> None:
    sizes(folder / "sizes.csv", rows=300)
    first = campaign(campaign="c", **SIZES)
    first.run()
    had = first.labels().set_index("id")["label"].map(json.loads)
    rows = pd.read_csv("sizes.csv")
    new = {"small": "tiny", "middle": "large", "big": "large"}
    rows.assign(kind=rows["kind"].map(new)).to_csv("sizes.csv", index=False)
    (folder / "m.json").write_text(json.dumps(new))
    with pytest.raises(ConfigError, match=r"label_map=m\.json changes the labels of labels_from"):
        campaign(campaign="d", **SIZES, label_map="m.json").run()
    with pytest.raises(AlError, match=r"do not fit: .*; label_map renames classes"):
        campaign(campaign="d", **SIZES, labels_from="c").run()
    second = campaign(campaign="d", **SIZES, labels_from="c", label_map="m.json")
    second.step("select-data")
    has = second.labels().set_index("id")["label"].map(json.loads)
    assert has.to_dict() == had.map(new).to_dict()
