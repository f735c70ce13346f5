"""A campaign that begins without labels: people are asked about what is to judge its models."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient

import al
from al.contracts import Splits
from al.errors import AlError, ConfigError, DataError
from al.pipeline.data_check import data_lines
from al.pipeline.opening import look_into
from tests.hidden import KINDS, hidden
from tests.stores import runs, table
from tests.test_own import rows

pytestmark = pytest.mark.usefixtures("folder")

#: A campaign of seconds.
TINY: dict[str, Any] = {
    "campaign": "c", "cycles": 2, "initial_size": 8, "query_size": 4, "epochs": 2,
    "checkpoints": 1, "batch_size": 8, "show_progress": False, "folds": 0, "report": "on",
}  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[] if kind in ("rows", "images") else pytest.mark.slow)
        for kind in KINDS
    ],
)
def test_each_kind_begins_without_a_label_and_ends_with_a_test_figure(
    kind: str, tmp_path: Path
) -> None:
    known = hidden(kind, tmp_path)
    campaign = al.Campaign(**TINY, **known)
    result = campaign.run()
    session = look_into({"campaign": "c"})
    assert session is not None
    assert session.config.validation == "folds"
    test = session.splits.test
    assert test == session.data.ids("test")
    assert len(test) == min(60, round(0.2 * (len(session.data.ids("train")) + len(test))))
    labels = campaign.labels()
    by_role = Counter("test" if s == "test" else "train" for s in labels["strategy"])
    contents = set(session.data.fingerprints(test))  # of copies one is asked about
    assert by_role == {"test": len(contents), "train": 12}
    asked = list(labels["id"][labels["strategy"] == "test"])
    assert set(session.data.fingerprints(asked)) == contents
    assert set(test).isdisjoint(session.state.labels.asked)
    record = session.state.champion_record
    assert record is not None
    assert all(map(math.isfinite, record.test.values()))
    assert len(result.curve) == 2


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_what_is_drawn_to_be_asked_about_is_unlabelled_seeded_and_apart_with_its_copies(
    data: Any,
) -> None:
    count = data.draw(st.integers(20, 80))
    labels = [data.draw(st.sampled_from(["a", "b", None, None, None])) for _ in range(count)]
    labels[:2] = ["a", "b"]
    contents = [str(data.draw(st.integers(0, 2 * count))) for _ in range(count)]
    loader = rows(labels, None, contents)
    size, seed = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 5))
    splits = loader.propose_asked(size, seed)
    if splits is None:  # too few samples without a label
        return
    assert splits == rows(labels, None, contents).propose_asked(size, seed)
    assert len(splits.val) <= size
    loader.freeze(splits)
    train = loader.ids("train")
    assert (loader.ids("val"), loader.ids("test")) == ((), ())
    held = [set(loader.fingerprints(ids)) for ids in (splits.val, splits.test, train)]
    assert all(one.isdisjoint(other) for one, other in combinations(held, 2))
    assert len(splits.val) + len(splits.test) + len(train) == count  # nothing is lost
    assert set(loader.given() or {}) == {
        id for id, label in zip(loader.samples.ids, labels, strict=True) if label is not None
    }
    some = dict.fromkeys(splits.test[::2], "a")
    loader.freeze(Splits(splits.val, splits.test, some))
    assert loader.ids("test") == tuple(sorted(some))
    assert loader.truth(loader.ids("test")) == ["a"] * len(some)
    assert loader.ids("train") == train


def test_every_sample_is_as_likely_to_be_drawn_as_any_other() -> None:
    drawn = Counter[str]()
    for number in range(300):
        loader = rows([None] * 40 + ["a", "b"], None, [f"{number} {row}" for row in range(42)])
        splits = loader.propose_asked(8, number)
        assert splits is not None
        drawn.update(splits.val)
    rest = np.array(list(drawn.values()))
    assert rest.sum() == 300 * 8
    assert rest.max() < 3 * rest.min()


def test_few_labels_are_learned_from_and_the_test_is_asked_about(tmp_path: Path) -> None:
    known = hidden("rows", tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    path = Path(known["data"])
    lines = path.read_text().splitlines()
    kinds = list(truth.values())
    there = [f"{line},{kinds[row] if row < 9 else ''}" for row, line in enumerate(lines[1:])]
    path.write_text("\n".join([f"{lines[0]},kind", *there]) + "\n")
    campaign = al.Campaign(**TINY | {"cycles": 1}, **known)
    campaign.run()
    sources = Counter(campaign.labels()["strategy"])
    assert sources["given"] == 9
    assert sources["test"] == 28  # a fifth of those without a label


def test_skipped_and_late_samples_are_left_out_of_the_figures_until_they_are_answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = hidden("rows", tmp_path)
    options = known["annotator_options"]
    given = TINY | known | {"cycles": 1, "quorum": 0.5}
    al.Campaign(**given | {"annotator_options": f"{options}, skip=5, wait=6"}).run()
    session = look_into({"campaign": "c"})
    assert session is not None
    first = session.state.held_out.frame["status"].value_counts()
    assert first["answered"] == len(session.data.ids("test"))
    assert first.get("skipped", 0) > 0
    assert "which are left out" in caplog.text
    figure = session.state.champion_record
    al.Campaign(**given | {"cycles": 2, "annotator_options": options}).run()
    session = look_into({"campaign": "c"})
    assert session is not None
    assert len(session.data.ids("test")) == first["answered"] + first.get("waiting", 0)
    assert session.state.champion_record != figure


def test_validation_of_a_size_is_drawn_and_asked_about_as_well(tmp_path: Path) -> None:
    known = hidden("rows", tmp_path)
    campaign = al.Campaign(**TINY | {"cycles": 1}, **known, validation_size=12)
    campaign.run()
    sources = Counter(campaign.labels()["strategy"])
    assert (sources["test"], sources["validation"]) == (30, 12)
    session = look_into({"campaign": "c"})
    assert session is not None
    assert session.config.validation == "set"
    assert len(session.data.ids("val")) == 12
    (training,) = runs(MlflowClient(), step="train")
    assert math.isfinite(training.data.metrics["val/loss"])


def test_a_campaign_waits_while_nothing_that_judges_models_is_answered(tmp_path: Path) -> None:
    known = hidden("rows", tmp_path)
    options = known["annotator_options"]
    given = TINY | known
    al.Campaign(**given | {"annotator_options": f"{options}, wait=38", "quorum": 0.0}).run()
    assert not runs(MlflowClient(), step="train")
    assert len(al.Campaign(**given).run().curve) == 2


def test_people_cannot_tell_the_samples_that_judge_models(tmp_path: Path) -> None:
    al.Campaign(**TINY | {"cycles": 1}, **hidden("rows", tmp_path)).run()
    client = MlflowClient()
    query = table(client, runs(client, step="select-data")[0], "query.parquet")
    where = np.flatnonzero(query["strategy"] == "test")
    assert len(where) == 30
    assert 10 < where.mean() < 28  # shuffled among 38
    assert query["predicted"].isna().all()


def test_check_data_says_what_would_be_asked_about(tmp_path: Path) -> None:
    known = hidden("rows", tmp_path)
    with pytest.raises(ConfigError, match=r"validation_size=200 is more than the .*=folds"):
        list(data_lines({**known, "validation_size": 200}))
    lines = list(data_lines({**known, "initial_size": 8}))
    said = "too few labels to judge models by: 30 test samples, drawn at random, will be asked"
    assert any(line.startswith(f"{said} about first; validation=folds") for line in lines)


def test_folds_are_not_chosen_in_silence_where_labels_give_a_test(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    x = np.random.default_rng(0).normal(size=120)
    labels = [("yes" if value > 0 else "no") if row < 60 else "" for row, value in enumerate(x)]
    pd.DataFrame({"a": x, "k": labels}).to_csv(tmp_path / "d.csv", index=False)
    given = {"task": "table", "data": str(tmp_path / "d.csv"), "target": "k", "annotator": "files"}
    line = "validation=folds: fewer than validation_size=100 labels can be spared for it"
    assert line in list(data_lines(given))
    caplog.set_level("INFO")
    al.Campaign(campaign="few", **given).run()
    assert caplog.text.count(line) == 1


def test_data_without_labels_and_without_people_is_refused_in_a_line(tmp_path: Path) -> None:
    known = hidden("rows", tmp_path)
    with pytest.raises(DataError, match=r"too few to draw a test split from: .*annotator=files"):
        al.Campaign(**TINY | known | {"annotator": "oracle", "annotator_options": "none"}).run()
    with pytest.raises(AlError, match="has no column 'kind'"):
        al.Campaign(**TINY | known | {"classes": "none"}).run()
    assert not runs(MlflowClient(), role="campaign")


def test_labels_and_what_judges_models_pass_to_another_campaign(tmp_path: Path) -> None:
    known = hidden("rows", tmp_path)
    al.Campaign(**TINY | {"cycles": 1}, **known).run()
    other = TINY | known | {"campaign": "d", "labels_from": "c", "validation": "folds"}
    campaign = al.Campaign(**other | {"cycles": 1})
    campaign.run()
    first, second = (al.Campaign(campaign=name).labels() for name in "cd")
    mine = set(first["id"][first["strategy"] == "test"])
    session = look_into({"campaign": "d"})
    assert session is not None
    assert set(session.data.ids("test")) == mine
    assert mine.isdisjoint(session.state.labels.asked)
    assert len(second) == len(first) + 8  # none was asked about anew


def test_a_label_that_is_written_into_the_data_corrects_what_judges_models(tmp_path: Path) -> None:
    known = hidden("rows", tmp_path)
    al.Campaign(**TINY | {"cycles": 1}, **known).run()
    session = look_into({"campaign": "c"})
    assert session is not None
    before = session.state.champion_record
    path = Path(known["data"])
    id = session.data.ids("test")[0]
    (was,) = session.data.truth([id])
    other = "plum" if was != "plum" else "apple"
    row = session.data.rows([id])[0]  # type: ignore[attr-defined]
    lines = path.read_text().splitlines()
    there = [f"{line},{other if at == row else ''}" for at, line in enumerate(lines[1:])]
    path.write_text("\n".join([f"{lines[0]},kind", *there]) + "\n")
    al.Campaign(**TINY, **known).run()
    session = look_into({"campaign": "c"})
    assert session is not None
    assert session.data.truth([id]) == [other]
    assert session.state.champion_record != before


@pytest.mark.slow
def test_photographs_without_a_label_become_a_model_by_answers_in_files(tmp_path: Path) -> None:
    root = Path(os.environ.get("AL_DATA_DIR", "nowhere")) / "pets3" / "pets3.zip"
    if not root.is_file():
        pytest.skip("AL_DATA_DIR holds no pets3")
    (tmp_path / "photos").mkdir()
    with ZipFile(root) as members:
        for name in [name for name in members.namelist() if name.endswith(".jpg")][::4]:
            (tmp_path / "photos" / Path(name).name).write_bytes(members.read(name))
    classes = "Abyssinian,Bengal,american_bulldog"
    sizes = {"initial_size": 15, "query_size": 10, "cycles": 3, "epochs": 5}
    given = TINY | sizes | {"task": "image-folder", "data": "photos", "classes": classes}
    given |= {"annotator": "files", "image_size": 32, "encoder": "none"}
    for _ in range(3):
        al.Campaign(**given).run()  # it waits
        (sheet,) = sorted(tmp_path.glob("annotate/c/query-*/query.csv"))[-1:]
        query = pd.read_csv(sheet, dtype=str, keep_default_na=False)
        query["label"] = query["id"].str.rpartition("_")[0]
        query.to_csv(sheet, index=False)
    campaign = al.Campaign(**given)
    result = campaign.run()
    assert len(result.curve) == 3
    labels = campaign.labels()
    assert Counter(labels["strategy"] == "test") == {True: 30, False: 35}
    written = campaign.export(to="labels", images="off")
    frame = pd.read_csv(written / "labels.csv")
    assert (frame["strategy"] == "test").sum() == 30
    (run,) = runs(MlflowClient(), role="campaign")
    names = {file.path for file in MlflowClient().list_artifacts(run.info.run_id)}
    assert "report.html" in names
