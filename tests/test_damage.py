"""Damaged artifacts, strange parameters, poisoned models: one line, and nothing changed."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from al.config import Config
from al.errors import AlError
from tests.conftest import ROOT, SMALL
from tests.stores import runs

Make = Callable[..., Any]

#: What a later process reads of an open cycle: step and file.
FILES = [
    ("main", "campaign.json"), ("select-data", "query.parquet"), ("select-data", "memory.json"),
    ("compare", "verdict.json"),
]  # fmt: skip


@pytest.fixture(scope="module")
def started(
    empty_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Callable[[], Any], dict[str, Path], Callable[[], Any], Any]]:
    """A campaign whose second cycle is open: how to read it, its files, all it consists of."""
    import mlflow

    import al

    folder = tmp_path_factory.mktemp("damage")
    shutil.copy(empty_database, folder / "mlflow.db")
    uri = f"sqlite:///{folder}/mlflow.db"
    client = mlflow.MlflowClient(uri)
    client.create_experiment("damage", artifact_location=str(folder / "artifacts"))
    parameters = {**SMALL, "campaign": "c", "strategy": "bandit(margin, random)", "kpi": "0.9"}

    def campaign() -> Any:
        return al.Campaign(tracking_uri=uri, experiment="damage", show_progress=False, **parameters)

    campaign().cycle()
    for name in ("select-data", "annotate", "compare"):
        campaign().step(name)
    files = {}
    for role, name in FILES:
        tags = {"role": "campaign"} if role == "main" else {"step": role}
        files[name] = Path(runs(client, **tags)[-1].info.artifact_uri) / name

    def everything() -> Any:
        found = [
            (r.info.run_id, r.data.tags, r.data.params, r.data.metrics)
            for r in runs(client, campaign="c")
        ]
        assert not [r for r in runs(client, campaign="c") if r.info.status == "RUNNING"]
        versions = client.search_model_versions("name='c'")
        stages = [(v.version, v.current_stage, v.tags) for v in versions]
        artifacts = {
            str(path): path.read_bytes()
            for path in sorted((folder / "artifacts").rglob("*"))
            if path.is_file()
        }
        return found, stages, artifacts

    yield lambda: campaign().step("compare"), files, everything, client
    mlflow.set_tracking_uri(None)


def problem(act: Callable[[], Any]) -> str:
    """What a user is told; any other exception is a bug and comes through."""
    try:
        act()
    except AlError as error:
        return str(error)
    return ""


def damage_json(data: st.DataObject, content: bytes) -> bytes:
    """Another shape: a key less, a key more, another value."""
    value = json.loads(content)
    where = value
    while isinstance(where, dict) and where and data.draw(st.booleans()):
        inner = [key for key, part in where.items() if isinstance(part, dict)]
        if not inner:
            break
        where = where[data.draw(st.sampled_from(inner))]
    key = data.draw(st.sampled_from([*where, "unknown"]))
    if key in where and data.draw(st.booleans()):
        del where[key]
    else:
        where[key] = data.draw(st.sampled_from([None, 7, "x", [], {}, [1], True, -1.5]))
    return json.dumps(data.draw(st.sampled_from([value, value, value, [], None, "x"]))).encode()


def damage_table(data: st.DataObject, content: bytes) -> bytes:
    """Columns less, more or of another kind, ids twice, labels of no class, no rows."""
    frame = pd.read_parquet(io.BytesIO(content))
    column = data.draw(st.sampled_from(list(frame.columns)))
    how = data.draw(st.sampled_from(["drop", "add", "kind", "twice", "label", "empty"]))
    if how == "drop":
        frame = frame.drop(columns=column)
    elif how == "add":
        frame["unknown"] = 1
    elif how == "kind":
        frame[column] = [["a", "list"]] * len(frame)
    elif how == "twice":
        frame = pd.concat([frame, frame.head(1)])
    elif how == "label" and "label" in frame:
        frame["label"] = '"no class"'
    elif how == "empty":
        frame = frame.head(0)
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


@pytest.mark.parametrize("name", [name for _, name in FILES])
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_artifact_is_as_it_was_again_or_reported_in_a_line_and_nothing_changes(
    started: Any, name: str, data: st.DataObject
) -> None:
    read, files, everything, _ = started
    path = files[name]
    whole = path.read_bytes()
    how = data.draw(st.sampled_from(["cut", "bytes", "gone", "deep", "shape", "shape", "shape"]))
    if how == "cut":
        damaged: bytes | None = whole[: data.draw(st.integers(0, len(whole) - 1))]
    elif how == "bytes":
        damaged = data.draw(st.binary(max_size=50))
    elif how == "gone":
        damaged = None
    elif how == "deep":
        damaged = b"[" * 100_000
    else:
        shape = damage_json if name.endswith("json") else damage_table
        damaged = shape(data, whole)
    path.unlink() if damaged is None else path.write_bytes(damaged)
    before = everything()
    try:
        message = problem(read)
    finally:
        after = everything()
        path.write_bytes(whole)
    assert "\n" not in message
    assert not message or ": " in message
    assert after[1] == before[1]
    as_it_was = {**before[2], str(path): whole}
    assert after[2] in ((before[2], as_it_was) if not message else (before[2],))
    assert [run[0] for run in after[0]] == [run[0] for run in before[0]]


def test_an_undamaged_campaign_reads_well(started: Any) -> None:
    started[0]()


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_tag_that_somebody_changed_or_took_away_is_reported_in_a_line(
    started: Any, data: st.DataObject
) -> None:
    read, _, everything, client = started
    step = data.draw(st.sampled_from(["select-data", "annotate", "compare", "train", None]))
    run = runs(client, **({"step": step} if step else {"role": "cycle"}))[-1]
    tags = {key: value for key, value in run.data.tags.items() if key.startswith("al.")}
    key = data.draw(st.sampled_from(sorted(tags)))
    value = data.draw(st.sampled_from([None, "", "x", "none", "-1", "models:/c/x", "0"]))
    before = everything()[1]
    if value is None:
        client.delete_tag(run.info.run_id, key)
    else:
        client.set_tag(run.info.run_id, key, value)
    try:
        message = problem(read)
    finally:
        client.set_tag(run.info.run_id, key, tags[key])
    assert "\n" not in message
    assert everything()[1] == before


RUBBISH = st.one_of(
    st.text(max_size=30), st.sampled_from(["", " ", "nan", "inf", "-1", "1e400", "None", "../x"]),
    st.integers(), st.floats(), st.just("x" * 5000), st.sampled_from(["🙂", "a\x00b", "'; drop"]),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from([p.name for p in dataclasses.fields(Config)] + ["nosuch"]), value=RUBBISH
)
def test_any_value_of_any_parameter_is_taken_or_reported_in_a_line(name: str, value: Any) -> None:
    from al.pipeline.checks import check_names
    from al.pipeline.stopping.deadline import deadline_of

    def look() -> None:
        config = Config.from_dict({name: value})
        check_names(config)
        deadline_of(config.deadline, 0)
        assert len(config.name) <= 250

    message = problem(look)
    assert not message or ": " in message


@pytest.mark.parametrize("entry", sorted(path.stem for path in (ROOT / "steps").glob("[a-z]*.py")))
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_rubbish_given_to_an_entry_point_is_one_line_and_leaves_nothing_behind(
    folder: Path, client: Any, entry: str, data: st.DataObject
) -> None:
    import importlib

    from click.testing import CliRunner

    own = {"watch": ["poll", "samples", "schedule"], "undo": ["reason"]}.get(entry, [])
    every = ["query_size", "strategy", "task", "kpi", "device", "goal", "nosuch"]
    name = data.draw(st.sampled_from([*own, *every]))
    value = data.draw(st.sampled_from(["", "nan", "no such", "🙂", "a > > b", "1e999"]))
    command = importlib.import_module(f"steps.{entry}").main
    found = CliRunner().invoke(command, [f"--{name}={value}"])
    assert found.exit_code == 1, found.output
    assert found.output.startswith("error: ")
    assert found.output.count("\n") == 1
    assert not runs(client)
    assert not client.search_registered_models()


# -- security -----------------------------------------------------------------------------


class Payload:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_a_registry_version_that_is_a_pickle_is_refused_and_does_not_run(
    campaign: Make, client: Any, folder: Path
) -> None:
    import torch

    campaign(campaign="c").run()
    ran = folder / "ran"
    poison = folder / "poison"
    (poison / "artifacts" / "weights").mkdir(parents=True)
    content = pickle.dumps(Payload(ran))
    torch.save({"weights": Payload(ran)}, poison / "artifacts" / "weights" / "weights.pt")
    for name in ("python_model.pkl", "artifacts/weights/weights.safetensors", "data.pkl"):
        (poison / name).write_bytes(content)
    (poison / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n"
        "    python_model: python_model.pkl\n"
    )
    version = client.create_model_version("c", str(poison)).version
    client.transition_model_version_stage("c", version, "Production", True)
    with pytest.raises(AlError, match="weights"):
        campaign(campaign="c", cycles=3).run()
    assert not ran.exists()
    pickle.loads(content)  # it would have
    assert ran.exists()


def test_poisoned_checkpoints_do_not_run_and_are_trained_again(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = campaign(campaign="c")
    for name in ("select-data", "annotate", "compare", "train"):
        made.step(name)
    ran = folder / "ran"
    checkpoints = list((folder / "artifacts").rglob("weights.safetensors"))
    assert checkpoints
    (experiment,) = [e.experiment_id for e in client.search_experiments() if e.name == "here"]
    before = {m.tags["al.weights"] for m in client.search_logged_models([experiment])}
    for path in checkpoints:
        path.write_bytes(pickle.dumps(Payload(ran)))
    made.step("select-model")
    assert not ran.exists()
    assert "is damaged; candidate 0 is trained again" in caplog.text
    (version,) = client.search_model_versions("name='c'")
    assert version.tags["al.weights"] in before
    whole = [m for m in client.search_logged_models([experiment]) if "al.epoch" in m.tags]
    assert {m.tags["al.weights"] for m in whole} == before
    (train,) = runs(client, step="train")
    history = client.get_metric_history(train.info.run_id, "val/loss")
    assert [point.step for point in history] == [1, 2, 3, 4]


def test_no_secret_is_written_anywhere(
    campaign: Make, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, caplog: Any
) -> None:
    import sqlite3

    secrets = {
        "MLFLOW_TRACKING_TOKEN": "token-s3cr3t", "MLFLOW_TRACKING_PASSWORD": "word-s3cr3t",
        "AWS_SECRET_ACCESS_KEY": "key-s3cr3t", "POOL_DATABASE": f"sqlite:///{folder}/s3cr3t.db",
    }  # fmt: skip
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    with sqlite3.connect(folder / "s3cr3t.db") as database:
        database.execute("CREATE TABLE wanted (id TEXT)")
        database.executemany(
            "INSERT INTO wanted VALUES (?)", [(f"digit-{n:04d}",) for n in range(1797)]
        )
    strategy = 'sql("SELECT id FROM wanted", url="env:POOL_DATABASE") > margin'
    campaign(campaign="c", strategy=strategy).run()
    out = "".join([*capsys.readouterr(), caplog.text])
    assert "s3cr3t" not in out
    for path in folder.rglob("*"):
        if path.is_file() and "s3cr3t" not in path.name:
            assert b"s3cr3t" not in path.read_bytes(), path
