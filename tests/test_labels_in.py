"""Labels enter a new campaign: nobody is asked twice, and what is held back is not learned from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from al.errors import ConfigError, DataError, LabelError, StateError
from tests.conftest import SMALL
from tests.stores import runs, table
from tests.test_rebuilding import zero_the_end

Make = Callable[..., Any]


def splits(client: Any, name: str) -> Any:
    (run,) = runs(client, role="campaign", campaign=name)
    path = client.download_artifacts(run.info.run_id, "campaign.json")
    return json.loads(Path(path).read_text())["splits"]


def test_a_second_campaign_begins_with_the_first_ones_labels_and_splits(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = campaign(campaign="c", cycles=1)
    first.run()
    first.step("select-data")
    first.step("annotate")
    second = campaign(campaign="d", strategy="entropy", seed=5, cycles=1, labels_from="c")
    caplog.set_level("INFO", logger="al")
    result = second.run()
    assert "begins with 40 labels of campaign 'c', which are not asked again" in caplog.text
    had, has = first.labels(), second.labels()
    assert splits(client, "d") == splits(client, "c")
    assert not has["id"].duplicated().any()
    assert list(has["id"][:40]) == list(had["id"])
    for name in ("label", "annotator", "answered_at"):
        assert list(has[name][:40]) == list(had[name])
    assert set(has["strategy"][:40]) == {"given"}
    assert list(result.curve["labels"]) == [70]  # 30 is the size of the first query
    (query,) = runs(client, step="select-data", campaign="d")
    assert not set(table(client, query, "query.parquet")["id"]) & set(had["id"])
    # What the first comes to later changes nothing.
    first.cycle()
    assert second.run().curve.equals(result.curve)


@pytest.mark.parametrize("damage", [zero_the_end, Path.unlink])
def test_labels_that_a_campaign_began_with_are_written_anew_from_their_copy(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture, damage: Any
) -> None:
    campaign(campaign="c", cycles=1).step("select-data")
    campaign(campaign="c", cycles=1).step("annotate")
    second = campaign(campaign="d", cycles=1, labels_from="c")
    second.step("select-data")  # until a cycle is closed nothing else has them
    had = second.labels()
    (run,) = runs(client, role="campaign", campaign="d")
    path, copy = (Path(run.info.artifact_uri) / f"begun_with{end}.parquet" for end in ("", "_copy"))
    content = path.read_bytes()
    damage(path)
    assert second.labels().equals(had)
    assert "begun_with.parquet" in caplog.text
    assert "it was written anew from begun_with_copy.parquet" in caplog.text
    assert path.read_bytes() == content
    for each in (path, copy):
        damage(each)
    with pytest.raises(StateError, match=r"begun_with\.parquet.*: restore it"):
        second.labels()


@pytest.fixture
def exported(campaign: Make, folder: Path) -> pd.DataFrame:
    """The labels of a campaign, exported as csv, parquet and jsonl."""
    one = campaign(campaign="c", cycles=1)
    one.run()
    for name in ("csv", "parquet", "jsonl"):
        one.export(name)
    return one.labels()


def begun(**parameters: Any) -> pd.DataFrame:
    """What a campaign would begin with; only reads."""
    import al

    one = al.Campaign(show_progress=False, **{**SMALL, "campaign": "d", "cycles": 1, **parameters})
    one.step("select-data")
    return one.labels()


def test_a_file_that_was_exported_is_begun_with_and_what_is_held_back_is_not_learned_from(
    exported: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    found = [
        begun(campaign=f"d-{name}", seed=3, labels_from=f"labels-c-{name}")
        for name in ("csv", "parquet", "jsonl")
    ]
    for one in found:
        # Another seed, so other splits: some of these samples are for validation now.
        assert 0 < len(one) < len(exported)
        assert set(one["id"]) < set(exported["id"])
        names = ["id", "label", "annotator", "answered_at"]
        assert one[names].equals(found[0][names])
    assert "are of validation or test samples and are not learned from" in caplog.text
    kept = exported.set_index("id")["label"][found[0]["id"]]
    assert list(kept) == list(found[0]["label"])


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        ("id,label\n", DataError, "has a header and no rows"),
        ("id,said\nx,3\n", DataError, "has no column 'label': it needs id and label"),
        ("id,label\nx,3\nx,4\n", DataError, "labels 'x' twice: leave one row"),
        ("id,label\nx,3\n", ConfigError, "has no label of a training sample of this task"),
        ("id,label\nTRAIN,cat\n", LabelError, "1 labels of .*csv do not fit: 'cat' is not a class"),
    ],
)
def test_a_file_that_cannot_be_begun_with_is_one_line(
    campaign: Make, folder: Path, client: Any, content: str, error: type[Exception], says: str
) -> None:
    data = campaign()._config  # the ids of digits are known without a campaign
    from al.pipeline.identifying import task_and_data

    _, digits = task_and_data(data)
    digits.freeze(digits.propose_splits(40, 0))
    (folder / "labels.csv").write_text(content.replace("TRAIN", digits.ids("train")[0]))
    with pytest.raises(error, match=says):
        campaign(campaign="d", labels_from="labels.csv").run()
    assert not runs(client, role="campaign")


def test_a_campaign_or_folder_without_labels_is_one_line(
    campaign: Make, folder: Path, client: Any
) -> None:
    campaign(campaign="c").step("select-data")
    with pytest.raises(ConfigError, match="campaign 'c' has no label yet"):
        campaign(campaign="d", labels_from="c").run()
    with pytest.raises(ConfigError, match="no campaign 'b' in experiment 'here': choose one of c"):
        campaign(campaign="d", labels_from="b").run()
    (folder / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"empty holds none of labels.parquet, .*: give a file"):
        campaign(campaign="d", labels_from="empty").run()
    (folder / "labels.jsonl").write_text('{"id": "x"}\n')
    with pytest.raises(DataError, match="jsonl:1 is not a JSON object with id and label"):
        campaign(campaign="d", labels_from="labels.jsonl").run()
