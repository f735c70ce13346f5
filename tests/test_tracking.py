from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow.entities import LoggedModelOutput

from al.errors import AlError, StateError, TrackingError
from al.tracking import Checkpoints, Store, checkpoints, plain_errors, tracking_at
from al.tracking.runs import PART
from tests.stores import runs

Make = Callable[..., Any]


@pytest.fixture
def store(folder: Path) -> Store:
    return Store()


def test_what_a_killed_process_left_running_is_ended_as_far_as_it_had_come(store: Store) -> None:
    marked, begun, waits = (store.create(name, {"al.role": "step"}, kind="train") for name in "abc")
    marked.finish()
    store.client.raw.update_run(marked.id, status="RUNNING")  # killed between the mark and the end
    waits.end("SCHEDULED")
    for run in store.find({"al.role": "step"}):
        run.settle()
    status = [store.client.raw.get_run(run.id).info.status for run in (marked, begun, waits)]
    assert status == ["FINISHED", "KILLED", "SCHEDULED"]


def test_runs_are_found_by_their_tags(store: Store) -> None:
    made = store.create("one", {"al.role": "cycle", "al.campaign": "c"}, kind="cycle")
    store.create("two", {"al.role": "cycle", "al.campaign": "d"}, kind="cycle")
    (found,) = store.find({"al.role": "cycle", "al.campaign": "c"})
    assert (found.id, found.name, found.status) == (made.id, "one", "RUNNING")


def test_the_run_of_the_project_takes_its_place_in_the_tree(
    folder: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = client.get_experiment_by_name("here").experiment_id
    offered = client.create_run(experiment).info.run_id
    client.log_param(offered, "lr", "1e-3")
    monkeypatch.setenv("MLFLOW_RUN_ID", offered)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    store = Store(entry="train")
    assert store.experiment == "here"  # the run's own, whatever the environment says
    parent = store.create("cycle", {"al.role": "cycle"}, kind="cycle")
    assert parent.id != offered
    taken = store.create("train 0", {"al.role": "step"}, parent=parent.id, kind="train")
    assert taken.id == offered
    assert client.get_run(offered).data.tags["mlflow.parentRunId"] == parent.id
    assert store.create("train 1", {}, kind="train").id != offered
    taken.log_params({"lr": 0.001, "epochs": 3})  # lr as it was given stays
    assert client.get_run(offered).data.params == {"lr": "1e-3", "epochs": "3"}


def test_the_run_of_the_project_is_put_under_the_campaign_where_nothing_takes_it(
    folder: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", offered)
    store = Store(entry="main")
    parent = store.create("campaign", {}, kind="other")
    store.attach_offered(parent, {"al.role": "step"})
    assert client.get_run(offered).data.tags["mlflow.parentRunId"] == parent.id


def test_a_notebook_ignores_the_run_that_some_other_process_was_given(
    folder: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", client.create_run("0").info.run_id)
    assert Store().offered is None


def test_a_reopened_run_draws_no_second_point(store: Store, client: Any) -> None:
    run = store.create("r", {"al.role": "x"}, kind="x")
    run.log_metrics({"loss": 1.0}, 1)
    run.end("FAILED")
    (again,) = store.find({"al.role": "x"})
    again.log_metrics({"loss": 1.0}, 1)
    again.log_metrics({"loss": 0.5}, 2)
    again.log_metrics({"loss": 0.5}, 2)
    again.finish()
    assert [p.step for p in client.get_metric_history(run.id, "loss")] == [1, 2]


def test_a_run_counts_as_done_after_its_last_figure_however_many_there_are(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.create("trial", {}, kind="trial")
    for step in range(600):
        run.log_metrics({"test/accuracy": step / 600, "test/loss": 1.0}, step)
    sent: list[tuple[int, set[str]]] = []
    to = type(store.client.raw._tracking_client.store)
    log_batch = to.log_batch

    def noted(self: Any, run_id: str, metrics: Any, params: Any, tags: Any) -> None:
        sent.append((len(metrics), {tag.key for tag in tags}))
        log_batch(self, run_id, metrics, params, tags)

    monkeypatch.setattr(to, "log_batch", noted)
    run.finish()
    assert [tags for _, tags in sent] == [set(), {"al.done"}]
    assert sum(count for count, _ in sent) == 1200
    assert len(store.get(run.id).metric_history("test/loss")) == 600


def test_a_tag_of_any_length_comes_back_whole_where_mlflow_would_cut_it_off(store: Store) -> None:
    texts = {f"al.{length}": "x" * length + "." for length in (0, PART - 1, PART, 2 * PART, 30_000)}
    begun = store.create("begun", texts, kind="cycle")
    changed = store.create("changed", {}, kind="cycle")
    changed.set_tags({key: text * 2 for key, text in texts.items()})
    changed.set_tags(texts)  # shorter than what was there
    for run in (begun, changed):
        assert {key: store.get(run.id).tags[key] for key in texts} == texts


def test_artifacts_come_back_as_they_were_saved(store: Store) -> None:
    run = store.create("r", {}, kind="x")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    run.save_table("t.parquet", frame)
    run.save_json("j.json", {"x": [1]})
    pd.testing.assert_frame_equal(run.load_table("t.parquet"), frame)
    assert run.load_json("j.json", dict[str, Any]) == {"x": [1]}
    assert run.has("j.json")
    assert not run.has("k.json")


def test_a_missing_or_damaged_artifact_is_one_line(store: Store) -> None:
    run = store.create("r", {}, kind="x")
    with pytest.raises(StateError, match="missing"):
        run.load_json("j.json", dict[str, Any])
    run.save(lambda folder: (folder / "j.json").write_text("{"))
    run.save(lambda folder: (folder / "t.parquet").write_text("PAR1"))
    with pytest.raises(StateError, match="damaged"):
        run.load_json("j.json", dict[str, Any])
    with pytest.raises(StateError, match="damaged") as caught:
        run.load_table("t.parquet")
    assert "\n" not in str(caught.value)


def test_a_checkpoint_after_a_long_epoch_is_whole_at_once_and_of_quick_ones_a_few_together(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.create("train", {}, kind="train")
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "weights").write_text("1")
    (tmp_path / "resume").write_text("resume")
    recorder = Checkpoints(store, run, 0, "c", ("digits", "digest"))
    monkeypatch.setattr(checkpoints, "FLUSH_SECONDS", 50.0)
    for epoch, pause in ((1, 0.0), (2, 100.0)):
        recorder._last -= pause
        recorder.log(epoch, {"val/loss": 1.0 / epoch})
        recorder.checkpoint(epoch, epoch, {"val/loss": 1.0}, tmp_path / "w", tmp_path / "resume")
        assert len(Checkpoints.candidates(store, [run])) == (2 if pause else 0)


def test_a_checkpoint_that_was_cut_off_is_never_seen(
    store: Store, client: Any, tmp_path: Path
) -> None:
    run = store.create("train", {}, kind="train")
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "weights").write_text("1")
    (tmp_path / "resume.safetensors").write_text("resume 5")
    recorder = Checkpoints(store, run, 0, "c", ("digits", "digest"))
    assert recorder.resume_file() is None
    for epoch in (4, 5):
        recorder.log(epoch, {"val/loss": 1.0 / epoch})
    recorder.checkpoint(5, 4, {"val/loss": 0.25}, tmp_path / "w", tmp_path / "resume.safetensors")
    recorder.flush()
    cut_off = client.create_logged_model(
        run.experiment_id, source_run_id=run.id,
        tags={"al.role": "checkpoint", "al.candidate": "0", "al.epoch": "9", "al.saved_at": "9"},
    )  # fmt: skip
    (candidate,) = Checkpoints.candidates(store, [run])
    assert (candidate.epoch, candidate.metrics) == (4, {"val/loss": 0.25})
    again = Checkpoints(store, store.get(run.id), 0, "c", ("digits", "digest"))
    resume = again.resume_file()
    assert resume is not None
    assert resume.read_text() == "resume 5"
    there = {model.model_id for model in client.search_logged_models([run.experiment_id])}
    assert there == {candidate.checkpoint}, cut_off  # so that `mlflow gc` frees its weights
    assert recorder.made == again.made == [candidate]
    fetched = Checkpoints.fetch(store, candidate.checkpoint, tmp_path / "got")
    assert (fetched / "weights").read_text() == "1"
    recorder.forget()
    assert not run.has("resume")


def test_training_goes_on_from_the_checkpoint_before_one_that_is_damaged(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = store.create("train 0", {}, kind="train")
    (tmp_path / "w").mkdir()
    recorder = Checkpoints(store, run, 0, "c", ("digits", "digest"))
    for epoch in (2, 4):
        recorder.log(epoch, {"val/loss": 1.0})
        (tmp_path / "w" / "weights").write_text(f"weights {epoch}")
        (tmp_path / "resume.safetensors").write_text(f"resume {epoch}")
        recorder.checkpoint(epoch, epoch, {}, tmp_path / "w", tmp_path / "resume.safetensors")
        recorder.flush()
    (Path(run.artifact_uri) / "resume/000004/resume.safetensors").write_text("")
    recorder = Checkpoints(store, store.get(run.id), 0, "c", ("digits", "digest"))
    resume = recorder.resume_file()
    assert resume is not None
    assert resume.read_text() == "resume 2"
    assert "train 0: what it was to go on from after epoch 4 is damaged or gone" in caplog.text
    (tmp_path / "w" / "weights").write_text("weights 4")  # as it is trained again
    recorder.log(4, {"val/loss": 1.0})
    recorder.checkpoint(4, 4, {}, tmp_path / "w", tmp_path / "resume.safetensors")
    recorder.close()
    found = Checkpoints.candidates(store, [run])
    assert [candidate.epoch for candidate in found] == [2, 4]
    assert recorder.made == found
    (
        Path(store.client.get_logged_model(found[1].checkpoint).artifact_location) / "weights"
    ).unlink()
    with pytest.raises(StateError, match="is damaged"):
        Checkpoints.fetch(store, found[1].checkpoint, tmp_path / "got")


def test_checkpoints_that_are_sent_together_go_on_from_the_last_of_them(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = store.create("train 0", {}, kind="train")
    (tmp_path / "w").mkdir()
    recorder = Checkpoints(store, run, 0, "c", ("digits", "digest"))
    losses = {2: 0.5, 4: float("nan"), 6: float("inf")}
    for epoch, loss in losses.items():
        recorder.log(epoch, {"val/loss": loss})
        (tmp_path / "w" / "weights").write_text(f"weights {epoch}")
        (tmp_path / "resume.safetensors").write_text(f"resume {epoch}")
        recorder.checkpoint(
            epoch, epoch, {"val/loss": loss}, tmp_path / "w", tmp_path / "resume.safetensors"
        )
    assert not Checkpoints.candidates(store, [run])
    recorder.close()
    assert not list(Path(recorder._scratch.name).iterdir())  # a long training would fill the disk
    found = Checkpoints.candidates(store, [run])
    assert repr(recorder.made) == repr(found)  # a figure that is not a number equals none
    for candidate in found:
        fetched = Checkpoints.fetch(store, candidate.checkpoint, tmp_path / candidate.checkpoint)
        assert (fetched / "weights").read_text() == f"weights {candidate.epoch}"
    again = Checkpoints(store, store.get(run.id), 0, "c", ("digits", "digest"))
    resume = again.resume_file()
    assert resume is not None
    assert resume.read_text() == "resume 6"
    (Path(run.artifact_uri) / "resume/000006/resume.safetensors").unlink()
    assert again.resume_file() is None  # from the beginning, as none was sent before
    assert caplog.text.count("is damaged or gone") == 1


@pytest.mark.slow
def test_many_processes_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    from tests.drivers import context

    uri = f"sqlite:///{tmp_path}/new.db"
    children = [context.Process(target=_open, args=(uri,)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 4
    with sqlite3.connect(tmp_path / "new.db") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def _open(uri: str, kill_at: int | None = None) -> None:
    """Open a store; with `kill_at`, be killed at that statement."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    done = iter(range(10_000))

    @event.listens_for(Engine, "before_cursor_execute")
    def _(*_: Any) -> None:
        if next(done) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with tracking_at(uri):
        Store("e")


@pytest.mark.slow
@pytest.mark.parametrize("kill_at", [30, 120, 400])
def test_a_database_whose_making_was_killed_is_made_by_the_next_command(
    tmp_path: Path, kill_at: int
) -> None:
    from tests.drivers import context

    uri = f"sqlite:///{tmp_path}/new.db"
    child = context.Process(target=_open, args=(uri, kill_at))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    with tracking_at(uri):
        assert Store("e").experiment == "e"
    assert not list(tmp_path.glob("*.new*"))


def test_a_database_that_mlflow_left_half_made_is_one_line_and_the_fix_works(
    tmp_path: Path, empty_database: Path
) -> None:
    path = tmp_path / "half.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE experiments (experiment_id INTEGER)")
        database.execute("CREATE TABLE runs (run_uuid TEXT)")
    with tracking_at(f"sqlite:///{path}"):
        with pytest.raises(TrackingError, match=r"half.db was cut off .* delete it"):
            Store("e")
        shutil.copy(empty_database, path)
        assert Store("e").experiment == "e"


def test_a_database_with_runs_is_never_said_to_be_deletable(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE experiments (experiment_id INTEGER)")
        database.execute("CREATE TABLE runs (run_uuid TEXT)")
        database.execute("INSERT INTO runs VALUES ('r')")
    with tracking_at(f"sqlite:///{path}"), pytest.raises(TrackingError) as caught:
        Store("e")
    assert "delete" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_does_not_answer_is_told_soon() -> None:
    with tracking_at("http://127.0.0.1:9"), pytest.raises(TrackingError, match="does not answer"):
        Store()


def test_a_server_that_is_no_mlflow_is_one_line() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # 501 to all
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with (
            tracking_at(f"http://127.0.0.1:{server.server_port}"),
            pytest.raises(TrackingError) as caught,
        ):
            Store()
        assert "\n" not in str(caught.value)
    finally:
        server.shutdown()


def test_mlflows_own_errors_become_one_line(client: Any) -> None:
    with pytest.raises(TrackingError, match="MLflow refuses") as caught, plain_errors("x"):
        client.get_run("nosuch")
    assert "\n" not in str(caught.value)


def test_the_callers_tracking_server_is_left_as_it_was(folder: Path) -> None:
    import mlflow

    before = mlflow.get_tracking_uri()
    with tracking_at(f"sqlite:///{folder}/other.db"):
        assert mlflow.get_tracking_uri() != before
    assert mlflow.get_tracking_uri() == before


def test_a_campaign_in_another_experiment_is_pointed_to(
    campaign: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign(campaign="c", cycles=1).step("select-data")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "elsewhere")
    with pytest.raises(AlError, match="in 'elsewhere': set MLFLOW_EXPERIMENT_NAME=here, or"):
        campaign(campaign="c").step("annotate")


def test_a_spoilt_campaign_json_is_one_line_and_nothing_changes(
    campaign: Make, client: Any
) -> None:
    campaign(campaign="c", cycles=1).run()
    (top,) = runs(client, role="campaign", campaign="c")
    for name in ("campaign.json", "campaign_copy.json"):
        (Path(top.info.artifact_uri) / name).write_text(json.dumps({"config": {"tsk": 1}}))
    before = [(r.info.run_id, r.info.status, r.data.tags) for r in runs(client, campaign="c")]
    with pytest.raises(StateError) as caught:
        campaign(campaign="c", cycles=2).run()
    assert "\n" not in str(caught.value)
    after = [(r.info.run_id, r.info.status, r.data.tags) for r in runs(client, campaign="c")]
    assert after == before


def test_a_call_to_the_store_is_over_before_a_signal_stops_the_process(folder: Path) -> None:
    code = """
import os, signal
from al import stops
from al.tracking import Store

stops.heed()
store = Store()

def call():
    os.kill(os.getpid(), signal.SIGTERM)
    print("done")
    return 1

try:
    store.client.make(call)
except SystemExit:
    stops.stopping()  # as our commands do
    raise
print("gone on")
"""
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (found.returncode, found.stdout) == (143, "done\n"), found.stderr


def test_a_model_that_came_of_a_run_is_reported_once_however_often_it_is_said(client: Any) -> None:
    connection = Store().client
    run = client.create_run(client.get_experiment_by_name("here").experiment_id)
    made = [client.create_logged_model(run.info.experiment_id, name=f"m{n}") for n in range(2)]
    outputs = [LoggedModelOutput(model.model_id, step) for step, model in enumerate(made)]
    connection.log_outputs(run.info.run_id, outputs[:1])
    for _ in range(2):
        connection.log_outputs(run.info.run_id, outputs)
    lines = client.get_run(run.info.run_id).outputs.model_outputs
    assert sorted((m.model_id, m.step) for m in lines) == sorted(
        (m.model_id, m.step) for m in outputs
    )
