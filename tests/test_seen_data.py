"""Labels corrected in the data, and samples that are moved there, between cycles and within."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al.contracts import Annotator, Answer, Answers, Query, Seen
from al.data.tables import TableFileLoader
from al.errors import DataError
from al.pipeline.seen_data import SeenData, seen_so_far
from al.tracking import Store
from tests.own_data import coloured_folder
from tests.stores import runs, table

Make = Callable[..., Any]


class People(Annotator):
    """Answers "no" to all but what is written into a file, and takes nothing back."""

    def request(self, query: Query) -> None:
        """They are there, and know what they were asked."""
        with Path("asked.txt").open("a") as file:
            file.writelines(f"{id}\n" for id in query.ids)

    def collect(self, query: Query) -> Answers:
        """What people said so far."""
        wait = set(Path("wait.txt").read_text().split()) if Path("wait.txt").exists() else set()
        back = [id for id in query.ids if id not in wait]
        answers = tuple(Answer(id, "no", "me", "2026-01-01T00:00:00+00:00") for id in back)
        return Answers(answers, (), tuple(id for id in query.ids if id in wait))

    def revised(self, labels: Any) -> tuple[Answer, ...]:
        """Answers that are not what was collected, as all annotators tell them."""
        asked = set(Path("asked.txt").read_text().split())
        return tuple(
            Answer(id, "no", "me", "2026-01-01T00:00:00+00:00")
            for id, label in labels.items()
            if id in asked and label != "no"
        )


def write(path: Path, labels: dict[str, str]) -> None:
    """A table of rows whose numbers tell the class, and their labels."""
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "a", "b", "split", "answer"])
        for id, label in labels.items():
            number = rng.normal(2 * (int(id[-2:]) % 2), 0.4)
            split = id[:-2] if id[:-2] in ("val", "test") else ""
            rows.writerow([id, f"{number:.4f}", f"{rng.normal():.4f}", split, label])


def truth(id: str) -> str:
    return ("no", "yes")[int(id[-2:]) % 2]


@pytest.fixture
def labels(folder: Path) -> dict[str, str]:
    ids = [f"{kind}{n:02d}" for kind in ("given", "val", "test", "pool") for n in range(12)]
    found = {id: "" if id.startswith("pool") else truth(id) for id in ids}
    write(folder / "rows.csv", found)
    return found


@pytest.fixture
def parameters(labels: dict[str, str]) -> dict[str, Any]:
    return {
        "campaign": "c", "task": "table", "data": "rows.csv", "target": "answer", "cycles": 1,
        "estimator": "sklearn.linear_model.LogisticRegression", "initial_size": 2,
        "query_size": 2, "annotator": "tests.test_seen_data:People", "folds": 0,
    }  # fmt: skip


def rows_of(client: Any, cycle: int = -1) -> pd.DataFrame:
    run = runs(client, role="cycle")[cycle]
    return table(client, run, "state/labels.parquet").set_index("id")


def state_of(client: Any) -> Any:
    run = runs(client, role="cycle")[-1]
    return json.loads(
        Path(client.download_artifacts(run.info.run_id, "state/state.json")).read_text()
    )


def test_a_record_that_says_what_the_data_says_is_the_data_itself(
    folder: Path, labels: dict[str, str]
) -> None:
    store = Store("seen")
    run = store.create("c", {}, kind="main")
    before = TableFileLoader("rows.csv", "answer")
    SeenData().put_on_record(run, before)
    now = before.seen()
    assert seen_so_far(store, run, now=now).before is now
    write(folder / "rows.csv", labels | {"given00": "yes"})
    now = TableFileLoader("rows.csv", "answer").seen()
    found = Seen.of(seen_so_far(store, run, now=now).before or {})
    assert Seen.of(now).otherwise(found) == ["given00"]
    assert found["given00"].label == "no"


def test_labels_that_are_corrected_in_the_file_count_wherever_labels_count(
    campaign: Make,
    client: Any,
    folder: Path,
    labels: dict[str, str],
    parameters: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    parameters |= {"cycles": 2, "goal": "0.6"}
    campaign(**parameters).run()
    assert "campaign c ends: val/accuracy" in caplog.text
    caplog.clear()
    asked = [id for id in rows_of(client).index if id.startswith("pool")]
    rest = [id for id in labels if id.startswith("pool") and id not in asked]
    labels |= {"given00": "yes", asked[0]: "yes", rest[0]: "yes", "given02": ""}
    labels |= {f"{s}{n:02d}": truth(f"{s}{n + 1:02d}") for n in range(12) for s in ("val", "test")}
    write(folder / "rows.csv", labels)

    exported = campaign(**parameters).labels().set_index("id")  # before any cycle sees it
    assert exported.loc[["given00", asked[0], rest[0], "given02"], "label"].tolist() == [
        '"yes"', '"yes"', '"yes"', '"no"',
    ]  # fmt: skip

    result = campaign(**parameters).run()
    rows = rows_of(client)
    assert rows.loc["given00", ["label", "annotator"]].tolist() == ['"yes"', "given"]
    assert rows.loc[asked[0], ["label", "annotator", "cycle"]].tolist() == ['"yes"', "given", 1]
    (before,) = json.loads(rows.loc[asked[0], "before"])
    assert (before["label"], before["annotator"], before["until_cycle"]) == ("no", "me", 2)
    assert rows.loc[rest[0], ["label", "annotator"]].tolist() == ['"yes"', "given"]
    assert rows.loc["given02", ["label", "before"]].tolist() == ['"no"', ""]
    assert "1 labels are gone from the data ('given02': 'no'): they count as they were" in (
        caplog.text
    )
    assert "2 labels were corrected in the data ('given00': 'no' is 'yes' now, " in caplog.text
    # What the model is measured by is what the file says by now, in the curve's last point too.
    line = "24 labels for validation or test were changed in the data ('test00': 'no' is 'yes'"
    assert caplog.text.count(line) == 1
    assert caplog.text.count("v1 is measured again, val/accuracy") == 1
    first, _ = runs(client, role="cycle")  # what stop rules go by: the goal is missed by now
    assert first.data.metrics["cycle/val_accuracy"] < 0.5
    assert first.data.metrics["cycle/measured_again"] == 1
    assert result.curve["accuracy"].max() < 0.5
    assert len(result.curve) == 2
    assert state_of(client)["champion"]["test"]["accuracy"] < 0.5
    (run,) = runs(client, role="campaign")
    points = client.get_metric_history(run.info.run_id, "test/accuracy")
    assert len(points) == 3  # the one that was amended stays on record


def test_a_cycle_goes_by_what_it_saw_of_the_file_and_open_questions_may_be_answered_there(
    campaign: Make,
    client: Any,
    folder: Path,
    labels: dict[str, str],
    parameters: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    parameters |= {"kpi": "0", "compare": "plain"}  # met by any model: v1 stays
    campaign(**parameters).step("select-data")
    (step,) = runs(client, step="select-data")
    first, second = table(client, step, "query.parquet")["id"]
    (folder / "wait.txt").write_text(first)
    campaign(**parameters).run()
    assert "1 of 2 answered" in caplog.text
    labels |= {"given00": "yes", "val00": "yes", first: "yes"}
    labels |= {f"test{n:02d}": truth(f"test{n + 1:02d}") for n in range(12)}
    write(folder / "rows.csv", labels)
    campaign(**parameters).run()
    rows = rows_of(client)
    assert rows.loc[first, ["label", "annotator", "collected"]].tolist() == ['"yes"', "given", 1]
    assert rows.loc[second, ["label", "annotator"]].tolist() == ['"no"', "me"]
    assert rows.loc["given00", "label"] == '"no"'  # as it was when the cycle began
    assert state_of(client)["champion"]["test"]["accuracy"] > 0.5
    (folder / "wait.txt").unlink()
    campaign(**{**parameters, "cycles": 2}).run()
    assert rows_of(client).loc["given00", "label"] == '"yes"'
    assert rows_of(client).loc[first, "label"] == '"yes"'  # and no old answer takes it back
    assert "13 labels for validation or test were changed" in caplog.text
    champion = state_of(client)["champion"]
    assert champion["version"] == 1
    assert champion["test"]["accuracy"] < 0.5


def test_a_class_that_a_correction_brings_is_refused_by_name(
    campaign: Make, folder: Path, labels: dict[str, str], parameters: dict[str, Any]
) -> None:
    campaign(**parameters).step("select-data")
    write(folder / "rows.csv", labels | {"given00": "perhaps"})
    with pytest.raises(DataError, match=r"rows\.csv row 1: 'perhaps' is not a class"):
        campaign(**parameters).run()


def test_photographs_that_are_moved_or_renamed_are_the_same_samples(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = coloured_folder(folder / "photos", labelled=36, unlabelled=8)
    parameters = {
        "campaign": "c", "task": "image-folder", "data": "photos", "image_size": 12, "cycles": 1,
        "encoder": "none", "validation_size": 6, "initial_size": 2, "query_size": 2,
        "annotator": "tests.test_image_folder:People", "folds": 0,
    }  # fmt: skip
    campaign(**parameters).run()
    asked = [id for id in rows_of(client).index if id.startswith("heap")]
    (photos / "heap").rename(photos / "inbox")  # asked about or not
    one = next(path for path in sorted((photos / "inbox").iterdir()) if path.stem > "040")
    (photos / "train" / "red" / one.name).write_bytes(one.read_bytes())
    one.unlink()
    for path in list((photos / "train" / "red").glob("0*.png")):  # validation ones among them
        path.rename(path.with_stem("new-" + path.stem))
    campaign(**{**parameters, "cycles": 2}).run()
    rows = rows_of(client)
    assert set(asked) < set(rows.index)
    assert not rows.index.str.startswith("inbox").any()
    assert rows.loc[f"heap/{one.name}", ["label", "annotator"]].tolist() == ['"red"', "given"]
    assert "20 samples were moved or renamed ('heap/036.png' is 'inbox/036.png' now" in caplog.text
    assert runs(client, step="select-data")[-1].data.metrics["pool/vanished"] == 0
    (photos / "inbox" / Path(asked[0]).name).unlink()
    with pytest.raises(DataError, match=f"1 labelled samples have vanished .*'{asked[0]}'"):
        campaign(**{**parameters, "cycles": 3}).run()
    # Another campaign that begins with these labels knows the samples by the same ids.
    campaign(**parameters | {"campaign": "d", "labels_from": "c"}).step("select-data")
    assert "begins with 27 labels of campaign 'c'" in caplog.text
    assert "1 labels of campaign 'c' are of samples that are not there" in caplog.text
