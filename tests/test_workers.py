"""Workers made from names in other processes: a campaign comes out as it does here."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import mlflow
import numpy as np
import pandas as pd
import pytest
import torch

import al
from al.agents import SupervisedAgent
from al.catalog import make_task
from al.engine import LocalEngine, WorkerOf, spread
from al.errors import DataError, EngineError, RegistryError, TrackingError, UnknownName
from al.graphs import ClassificationGraph, TorchGraph
from al.pipeline import workers
from al.pipeline.cycle import Cycle
from al.pipeline.opening import look_into, open_session
from al.progress import bar, showing
from tests.conftest import SMALL
from tests.encoders import WORDS
from tests.process_engine import ProcessEngine
from tests.stores import outcome, runs
from tests.test_living_pool import TASK, write

Make = Callable[..., Any]

#: Reads all that a strategy may read of a model, and judges, compares and stops by it.
ALL = {
    "strategy": "bald(20x) > vote_entropy(5x) > epig", "candidates": 2, "calibrate": "on",
    "kpi": "0.99", "compare": "interval", "audit": 0.3, "query_size": 20, "stable": 0.9,
    "passes": 4, "epochs": 2, "promote": "always",
}  # fmt: skip
PEOPLE = {
    "annotator": "benchmarks.people:Person", "annotator_options": "accuracy=0.8", "folds": 2,
    "cycles": 1, "initial_size": 60, "epochs": 2,
}  # fmt: skip


def came_to(name: str) -> Any:
    """All that a campaign has on record, whatever it is called and however long it took."""
    client = mlflow.MlflowClient()
    found = [runs(client, role=role, campaign=name) for role in ("cycle", "step")]
    metrics = [
        {key: v for key, v in run.data.metrics.items() if "seconds" not in key and "_mb" not in key}
        for run in found[0] + found[1]
    ]
    text = json.dumps([[*map(str, pair)] for pair in outcome(client, name).items()])
    return text.replace(f"models:/{name}/", "models:/NAME/"), metrics


@contextmanager
def new_store(empty: Path, folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """While open, a store of its own in the folder, which is where one works."""
    shutil.copy(empty, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        location = str(folder / "artifacts")
        mlflow.MlflowClient().create_experiment("here", artifact_location=location)
        patch.setenv("MLFLOW_EXPERIMENT_NAME", "here")
        yield patch
    mlflow.set_tracking_uri(None)


@pytest.fixture
def twice(empty_database: Path, tmp_path: Path) -> Iterator[Callable[..., tuple[Any, Any]]]:
    """Runs a campaign here, and by an engine of processes; what each came to."""

    def run(**given: Any) -> tuple[Any, Any]:
        for where, engine in (("here", "local"), ("there", "tests.process_engine:ProcessEngine")):
            patch.setenv("AL_CACHE_DIR", str(tmp_path / "cache" / where))
            parameters: Any = {**SMALL, **given, "campaign": where, "engine": engine}
            al.Campaign(show_progress=False, **parameters).run()
        return came_to("here"), came_to("there")

    with new_store(empty_database, tmp_path) as patch:
        yield run


@pytest.mark.slow
def test_a_campaign_comes_out_equal_on_processes_that_take_shards_in_no_order(twice: Any) -> None:
    ProcessEngine.forget()
    here, there = twice(**ALL)
    assert there == here
    figures = {name for run in here[1] for name in run}
    assert {"compare/drift_from_training", "cycle/kappa", "calibration/ece"} <= figures
    assert ProcessEngine.shards > 15
    assert ProcessEngine.largest < 100_000


@pytest.mark.slow
def test_folds_of_peoples_labels_come_out_equal_on_processes(twice: Any) -> None:
    ProcessEngine.forget()
    here, there = twice(**PEOPLE)
    assert there == here
    assert "quality/model_agreement" in {name for run in here[1] for name in run}
    assert ProcessEngine.shards >= 4  # two folds, validation and test
    assert os.getpid() not in ProcessEngine.pids
    assert len(ProcessEngine.pids) == 2
    assert 0 < ProcessEngine.largest < 100_000  # no data set travels


@pytest.mark.slow
def test_texts_are_embedded_where_the_engine_works_and_come_out_equal(
    empty_database: Path, tmp_path: Path
) -> None:
    with new_store(empty_database, tmp_path) as patch:
        patch.setenv("COUNTED", str(tmp_path / "counted"))
        rng = np.random.default_rng(0)
        texts = [" ".join(rng.choice(WORDS[5:], 6)) for _ in range(120)]
        table = pd.DataFrame({"text": texts, "kind": ["rain" in text for text in texts]})
        table.to_csv("texts.csv", index=False)
        given: Any = {
            **SMALL, "task": "text", "data": "texts.csv", "text": "text", "target": "kind",
            "encoder": "tests.encoders:Reading", "initial_size": 10, "query_size": 5,
            "strategy": "margin", "cycles": 1,
        }  # fmt: skip
        pids = {}
        for name, engine in (("here", "local"), ("there", "processes")):
            patch.setenv("AL_CACHE_DIR", str(tmp_path / "cache" / name))
            patch.setenv("READ_BY", str(tmp_path / name))
            how = {"engine_options": "workers=2"} if engine == "processes" else {}
            al.Campaign(show_progress=False, campaign=name, engine=engine, **{**given, **how}).run()
            pids[name] = {*(tmp_path / name).read_text().split()}
        assert came_to("there") == came_to("here")
        assert pids["here"] == {str(os.getpid())}
        assert str(os.getpid()) not in pids["there"]


# -- everything goes through it ------------------------------------------------------------------


class Watched(LocalEngine):
    """Knows whether it is at work."""

    at_work: ClassVar[bool] = False

    def map(self, make_worker: Any, shards: Any) -> Iterator[Any]:
        for shard in shards:
            type(self).at_work = True
            try:
                found = make_worker()(shard)
            finally:
                type(self).at_work = False
            yield shard, found


def test_no_model_runs_over_samples_but_where_the_engine_lets_it(
    campaign: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: set[str] = set()
    outside: list[str] = []
    fitted: list[bool] = []  # at work or not
    training = False

    def watch(owner: type, name: str) -> None:
        before = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            if Watched.at_work:
                inside.add(name)
            elif not training:
                outside.append(name)
            return before(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    before = SupervisedAgent.fit

    def fit(agent: SupervisedAgent) -> None:
        nonlocal training
        fitted.append(Watched.at_work)
        training = True
        before(agent)
        training = False

    monkeypatch.setattr(SupervisedAgent, "fit", fit)
    for name in ("infer", "guesses", "evaluate", "compared", "calibrate"):
        watch(TorchGraph, name)
    watch(ClassificationGraph, "each")
    campaign(
        **{**ALL, **PEOPLE, "cycles": 2}, campaign="c", engine="tests.test_workers:Watched"
    ).run()
    assert outside == []
    assert inside >= {"infer", "guesses", "compared", "calibrate", "each"}
    # Candidates are trained here, models of folds wherever the engine says.
    assert fitted == [False, False, True, True] * 2


class Pickling(LocalEngine):
    """What leaves for a worker and what it brings back is pickled."""

    def map(self, make_worker: Any, shards: Any) -> Iterator[Any]:
        for shard in shards:
            worker = pickle.loads(pickle.dumps(make_worker))()
            yield pickle.loads(pickle.dumps((shard, worker(shard))))


# -- on the other side ---------------------------------------------------------------------------


@pytest.fixture
def other_side() -> Iterator[Callable[[Any], Any]]:
    """Makes what a recipe makes where nothing is there yet."""
    made = (workers._made, workers._checked, workers._loaded)
    for kept in made:
        kept.cache_clear()
    with showing(None):
        yield lambda recipe: pickle.loads(pickle.dumps(recipe))()
    for kept in made:
        kept.cache_clear()


@pytest.fixture(scope="module")
def rows(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The parameters of a campaign of one's own task that has a model."""
    folder = tmp_path_factory.mktemp("rows")
    with new_store(empty_database, folder):
        Path("samples").mkdir()
        for number in range(40):
            write(number)
        for number in range(12):
            write(number, "test")
        Path("my_code.py").write_text(TASK)
        parameters = {
            "campaign": "c", "task": "my_code:Rows", "cycles": 1, "epochs": 1, "initial_size": 6,
            "validation_size": 10, "strategy": "margin", "baseline": "none",
        }  # fmt: skip
        al.Campaign(show_progress=False, **parameters).run()  # type: ignore[arg-type]
        yield parameters
    sys.modules.pop("my_code", None)


@pytest.fixture
def cycle(rows: Any) -> Cycle:
    """A cycle of that campaign, looked at from outside."""
    mlflow.set_tracking_uri(f"sqlite:///{Path.cwd()}/mlflow.db")
    session = look_into(rows)
    assert session is not None
    return Cycle(session, 2, session.run)


def test_here_what_is_there_is_handed_over(cycle: Cycle) -> None:
    model = cycle.model(1)
    assert model.recipe() == (model.graph, cycle.session.data)
    assert model.graph is cycle.model(1).graph


def test_elsewhere_the_same_is_made_once(cycle: Cycle, other_side: Any) -> None:
    model, ids = cycle.model(1), cycle.session.data.ids("test")
    mlflow.set_tracking_uri(f"sqlite:///{Path.cwd()}/another.db")  # a worker is told which
    made = other_side(model.recipe)
    mlflow.set_tracking_uri(model.recipe.weights.server)
    assert made.graph is not model.graph
    assert made.data is not cycle.session.data
    for split in ("train", "val", "test"):
        assert made.data.ids(split) == cycle.session.data.ids(split)
    (batch,) = made.data.batches(ids, batch_size=100)
    found = made.graph.infer(batch, ["probabilities"])["probabilities"]
    assert np.array_equal(found, model.infer(ids, ["probabilities"])["probabilities"])
    again = other_side(model.recipe)
    assert again.graph is made.graph
    assert again.data is made.data
    scaled = other_side(model.recipe.scaled(2.5)).graph
    assert (scaled.temperature, made.graph.temperature) == (2.5, 1.0)


def test_a_worker_finds_a_users_own_data_and_sees_it_as_the_campaign_does(
    other_side: Any, folder: Path
) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc"))
    table["kind"] = np.where(table["a"] > 0, "up", "down")
    table.loc[20:, "kind"] = None
    table.to_csv("rows.csv", index=False)
    given = {
        "task": "table", "data": "rows.csv", "target": "kind", "annotator": "files",
        "validation_size": 8, "initial_size": 5, "query_size": 5,
    }  # fmt: skip
    session = open_session(given)
    try:
        more = pd.DataFrame(100 + rng.normal(size=(30, 3)), columns=list("abc"))
        pd.concat([table, more]).to_csv("rows.csv", index=False)
        session.look_again()
        made = other_side(session.recipe)
        assert make_task("table", session.config.of_task).data().spec != session.data.spec
        assert made.data.spec == session.data.spec
        for split in ("train", "val", "test"):
            ids = made.data.ids(split)
            assert ids == session.data.ids(split)
            known = [id for id in ids if split != "train" or id in session.data.given()]
            assert made.data.truth(known) == session.data.truth(known)
        assert made.criterion.metric == session.criterion.metric == "val/accuracy"
    finally:
        assert session.driver is not None
        session.driver.release()


def test_as_many_threads_sum_there_as_here(cycle: Cycle, other_side: Any) -> None:
    before = torch.get_num_threads()
    pickled = pickle.dumps(cycle.session.recipe)
    torch.set_num_threads(before + 1)
    try:
        pickle.loads(pickled)()
        assert torch.get_num_threads() == before
    finally:
        torch.set_num_threads(before)


def test_a_worker_has_no_bars(cycle: Cycle, other_side: Any) -> None:
    with showing(True):
        assert not bar(total=1).disable
        other_side(cycle.session.recipe)
        assert bar(total=1).disable
    with showing(True):
        assert not bar(total=1).disable


def test_a_worker_sees_samples_that_have_come_since(cycle: Cycle, other_side: Any) -> None:
    before = other_side(cycle.session.recipe)
    write(40)
    cycle.session.look_again()
    after = other_side(cycle.session.recipe)
    assert after is before  # not read from the start
    assert after.data.ids("train") == cycle.session.data.ids("train")
    assert "pool040" in after.data.ids("train")
    Path("samples/pool040.npy").unlink()
    cycle.session.look_again()
    assert other_side(cycle.session.recipe) is before
    assert "pool040" not in before.data.ids("train")


def test_a_worker_measures_by_the_truth_as_it_is_now(cycle: Cycle, other_side: Any) -> None:
    before, file = other_side(cycle.session.recipe), Path("samples/test003.npy")
    was, row = before.data.truth(["test003"]), np.load(file)
    try:
        np.save(file, np.array([1 - row[0], *row[1:]], row.dtype))
        cycle.session.look_again()
        now = other_side(cycle.session.recipe).data.truth(["test003"])
    finally:
        np.save(file, row)
    assert now == cycle.session.data.truth(["test003"]) != was


def test_other_samples_than_here_are_one_line(cycle: Cycle, other_side: Any) -> None:
    write(41)  # which this process has not seen yet
    with pytest.raises(DataError, match=r"finds other samples of task 'my_code:Rows'") as failed:
        other_side(cycle.session.recipe)
    assert len(str(failed.value).splitlines()) == 1
    Path("samples/pool041.npy").unlink()


def test_a_task_that_cannot_be_made_is_one_line(
    cycle: Cycle, other_side: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("samples").rename("elsewhere")
    try:
        with pytest.raises(EngineError, match=r"a worker failed \(ValueError: need at least one"):
            dict(spread(Pickling(), WorkerOf(cycle.session.recipe, getattr), ["data"]))
    finally:
        Path("elsewhere").rename("samples")
    monkeypatch.delitem(sys.modules, "my_code")
    Path("my_code.py").rename("your_code.py")
    shutil.rmtree("__pycache__", ignore_errors=True)
    try:
        with pytest.raises(UnknownName, match="task 'my_code:Rows': no module named 'my_code'"):
            other_side(cycle.session.recipe)
    finally:
        Path("your_code.py").rename("my_code.py")


def test_weights_that_are_others_or_gone_are_one_line(cycle: Cycle, other_side: Any) -> None:
    recipe = cycle.model(1).recipe
    files = list(Path("artifacts").rglob("weights/weights.safetensors"))
    assert files
    for path in files:
        path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(RegistryError, match="finds other weights at models:/c/1/"):
        other_side(recipe)
    for path in files:
        shutil.rmtree(path.parent)
    with pytest.raises(TrackingError, match="finds no weights at models:/c/1/") as failed:
        other_side(recipe)
    assert len(str(failed.value).splitlines()) == 1


def test_a_server_that_a_worker_cannot_reach_is_one_line_soon(
    cycle: Cycle, other_side: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("al.tracking.weights.FIRST", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = f"http://127.0.0.1:{free.getsockname()[1]}"
    recipe = cycle.model(1).recipe
    with pytest.raises(TrackingError, match=f"a worker cannot reach {server} for its") as failed:
        other_side(replace(recipe, weights=replace(recipe.weights, server=server)))
    assert "has not answered for 0.5 s" in str(failed.value)
    assert len(str(failed.value).splitlines()) == 1
