"""What a served version makes of what users have: it goes in, and comes out under its own index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from al import kinds
from al.agents import Examples, Schedule, SupervisedAgent
from al.catalog import make_task
from al.contracts import Task
from al.kinds.answering import answered
from al.randomness import seeded
from al.registry import save_servable
from tests.own_data import coloured_folder, sentences

ROWS = 120


def people(path: Path) -> Path:
    """Rows with whole numbers, truth values, dates and a category; one column has gaps."""
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, ROWS)
    frame = pd.DataFrame(
        {
            "age": age,
            "member": rng.random(ROWS) < 0.5,
            "since": pd.date_range("2019-03-01", periods=ROWS, freq="9D").strftime("%d.%m.%Y"),
            "plan": np.array(["basic", "plus", "none so far"])[rng.integers(0, 3, ROWS)],
            "visits": [None if n % 9 == 0 else n % 13 for n in range(ROWS)],
            "stays": np.where(age > 45, "yes", "no"),
        }
    )
    frame.to_csv(path, index=False)
    return path


def trained(name: str, parameters: dict[str, Any]) -> tuple[Task, Any, Any]:
    task: Task = make_task(name, parameters)
    data = task.data()
    data.freeze(data.propose_splits(9, 0))
    with seeded(0):
        graph = task.graph(data.spec)
    graph.prepare_training(lr=0.003, epochs=1)
    ids = tuple(data.given() or ())
    examples = Examples(ids, tuple(data.truth(ids)))
    (task.agent or SupervisedAgent)(
        graph, data, train=examples, val=examples, schedule=Schedule(1, 1, 1, 32, (0, 1, 0)),
        criterion=None, recorder=None,
    ).train(1)  # fmt: skip
    return task, data, graph


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, pd.DataFrame]:
    """A version that learned from people, as MLflow loads it; and the file as pandas reads it."""
    folder = tmp_path_factory.mktemp("people")
    path = people(folder / "people.csv")
    parameters = {"data": str(path), "target": "stays"}
    task, data, graph = trained("table", parameters)
    graph.save_weights(folder / "weights")
    example = data.example()
    answer = kinds.served(task, data.spec, graph.predict(task.inputs(data.spec, example)))
    save_servable(
        folder / "version", weights=folder / "weights", task="table", parameters=parameters,
        spec=data.spec, example=example, answer=answer,
    )  # fmt: skip
    return mlflow.pyfunc.load_model(str(folder / "version")), pd.read_csv(path)


def test_the_file_that_was_learned_from_goes_in_and_comes_out_under_its_index(version: Any) -> None:
    model, frame = version
    frame = frame.set_axis([f"person {n}" for n in range(ROWS)][::-1])
    found = model.predict(frame)
    assert list(found.index) == list(frame.index)
    joined = frame.join(found)
    assert (joined["label"] == joined["stays"]).mean() > 0.95
    some = frame[frame["age"] > 60]
    pd.testing.assert_frame_equal(model.predict(some), found.loc[some.index])


def test_types_do_not_matter_to_what_is_answered(version: Any) -> None:
    model, frame = version
    expected = model.predict(frame)
    texts = frame.astype(object).where(frame.notna(), "").astype(str)
    dates = pd.to_datetime(frame["since"], dayfirst=True)
    for other in (
        texts,
        texts.assign(member=texts["member"].str.upper()),
        frame.assign(since=dates, age=frame["age"].astype(float)),
        frame.assign(since=dates.dt.tz_localize("UTC"), visits=frame["visits"].astype("Int64")),
        frame.astype({"plan": "category", "age": "category", "member": "boolean"}),
        frame.convert_dtypes(),
    ):
        pd.testing.assert_frame_equal(model.predict(other), expected)


def test_nothing_is_answered_with_nothing_and_gaps_may_be_left_out(version: Any) -> None:
    model, frame = version
    empty = model.predict(frame.iloc[:0])
    assert list(empty.columns) == ["label", "probability", "p_no", "p_yes"]
    assert len(empty) == 0
    assert len(model.predict(frame.drop(columns="visits"))) == ROWS
    with pytest.raises(Exception, match="missing inputs"):
        model.predict(frame.drop(columns="age"))


def test_cells_that_say_nothing_to_a_version_are_reported(
    version: Any, caplog: pytest.LogCaptureFixture
) -> None:
    model, frame = version
    strange = frame.astype(object).set_axis([f"p{n}" for n in range(ROWS)])
    strange.loc["p3", "visits"], strange.loc["p5", "plan"] = "often", "gold"
    assert len(model.predict(strange)) == ROWS
    assert (
        "column 'visits': 1 of 107 cells are not numbers and count as missing, 'often' first (row"
    )
    assert "'often' first (row p3)" in caplog.text
    assert "column 'plan': 1 of 120 cells hold none of its 3 values" in caplog.text


def test_images_go_in_as_bytes_or_paths_and_one_that_is_bad_costs_its_own_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = coloured_folder(tmp_path, labelled=30, unlabelled=0)
    parameters = {"data": str(folder), "image_size": 12, "encoder": "none"}
    task, data, graph = trained("image-folder", parameters)
    paths = sorted(folder.rglob("*.png"))[:4]
    table = pd.DataFrame({"image": [path.read_bytes() for path in paths]}, index=list("abcd"))
    expected = answered(task, data.spec, graph, table)
    assert list(expected.index) == list("abcd")
    named = table.assign(image=pd.Series([str(path) for path in paths], list("abcd"), object))
    pd.testing.assert_frame_equal(answered(task, data.spec, graph, named), expected)
    named.loc["b", "image"], named.loc["d", "image"] = b"rubbish", str(tmp_path / "gone.png")
    found = answered(task, data.spec, graph, named)
    pd.testing.assert_frame_equal(found.loc[["a", "c"]].drop(columns="error"), expected.iloc[::2])
    assert found.loc["b"].isna().tolist() == [True] * 5 + [False]
    assert found["error"].tolist() == ["", "no image", "", "No such file or directory"]
    assert "2 of 4 rows have no answer: row 1 is not an image that can be read" in caplog.text
    all_bad = answered(task, data.spec, graph, named.loc[["d", "b"]])
    assert all_bad["label"].isna().all()


def test_a_text_that_is_empty_has_no_answer(tmp_path: Path) -> None:
    path = sentences(tmp_path / "s.csv", rows=60)
    parameters = {"data": str(path), "text": "sentence", "target": "about", "encoder": "none"}
    task, data, graph = trained("text", parameters)
    given = pd.DataFrame({"sentence": ["rain", None, " ", "soup"]}, index=[7, 5, 3, 1])
    found = answered(task, data.spec, graph, given)
    assert list(found.index) == [7, 5, 3, 1]
    assert found["label"].isna().tolist() == [False, True, True, False]
    assert found["error"].tolist() == ["", "it is empty", "it is empty", ""]
