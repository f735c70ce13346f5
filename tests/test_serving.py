"""Served versions: they take and give what users of a kind of problem expect, anywhere."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from al.agents import Examples, Schedule, SupervisedAgent
from al.catalog import make_task
from al.contracts import DataLoader, Task
from al.kinds.answering import answered
from al.randomness import seeded
from al.registry import save_servable
from tests.own_data import parameters
from tests.test_end_to_end import ENVIRONMENT, free_port
from tests.test_tasks import known

pytestmark = pytest.mark.slow

#: A task of each kind of input and of output. Another one is one more word here.
SERVED = ["digits", "image-folder", "table", "text", "nuclei", "bike-sharing",
          "image-folder+encoder", "text+encoder", "text-entities+encoder", "mask-folder+encoder",
          "coco+encoder"]  # fmt: skip
#: Those that are asked over HTTP: classes of images, rows, and masks.
OVER_HTTP = ["digits", "table", "image-folder", "nuclei"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any, Any]]:
    """Folder, example and answer of a version of each task, after one epoch of training."""
    found = {}
    for name in SERVED:
        folder = tmp_path_factory.mktemp(name)
        task: Task = make_task(name.partition("+")[0], parameters(name))
        data = task.data()
        data.freeze(data.propose_splits(20, 0))
        found[name] = (folder / "version", *saved(name, task, data, folder))
    return found


def saved(name: str, task: Task, data: DataLoader, folder: Path) -> tuple[Any, Any]:
    with seeded(0):
        graph = task.graph(data.spec)
    graph.prepare_training(lr=0.003, epochs=1)
    ids = known(data)[:24]
    examples = Examples(ids, tuple(data.truth(ids)))
    agent = task.agent or SupervisedAgent
    agent(
        graph, data, train=examples, val=examples, schedule=Schedule(1, 1, 1, 12, (0, 1, 0)),
        criterion=None, recorder=None,
    ).train(1)  # fmt: skip
    graph.save_weights(folder / "weights")
    example = data.example()
    answer = answered(task, data.spec, graph, example)
    save_servable(
        folder / "version", weights=folder / "weights", task=name.partition("+")[0],
        parameters=parameters(name),
        spec=data.spec, example=example, answer=answer,
    )  # fmt: skip
    return example, answer


def test_a_version_loads_where_the_project_is_not_and_answers_the_same(
    served: dict[str, tuple[Path, Any, Any]], tmp_path: Path
) -> None:
    for name, (_, _, answer) in served.items():
        if isinstance(answer, pd.DataFrame):
            answer.to_parquet(tmp_path / f"{name}.parquet")
        else:
            np.save(tmp_path / f"{name}.npy", answer)
    code = """
import importlib.util, sys, warnings
warnings.simplefilter("ignore")
sys.meta_path = [f for f in sys.meta_path if "editable" not in repr(f).lower()]
absent = {"tqdm", "pooch", "torchmetrics", "hypothesis"}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is not there", name=name)
sys.meta_path.insert(0, Absent())
assert importlib.util.find_spec("al") is None
import mlflow, numpy as np, pandas as pd
for name, folder in zip(sys.argv[1::2], sys.argv[2::2]):
    for loaded in [m for m in sys.modules if m.partition(".")[0] == "al"]:
        del sys.modules[loaded]
    if "+encoder" in name:
        absent.clear()  # transformers looks for what it can use
    model = mlflow.pyfunc.load_model(folder)
    found = model.predict(model.input_example)
    if isinstance(found, pd.DataFrame):
        expected = pd.read_parquet(f"{name}.parquet")
        pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    else:
        assert np.array_equal(np.asarray(found), np.load(f"{name}.npy")), name
    print("the same:", name)
"""
    pairs = [part for name, (folder, _, _) in served.items() for part in (name, str(folder))]
    done = subprocess.run(
        [sys.executable, "-c", code, *pairs], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "PYTHONPATH": ""},
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("the same:") == len(SERVED)
    assert not [p for folder, _, _ in served.values() for p in folder.rglob("*.pkl")]


def test_signatures_say_what_people_bring_and_get(served: dict[str, Any]) -> None:
    signatures = {n: mlflow.pyfunc.load_model(str(f)).metadata.signature
                  for n, (f, _, _) in served.items() if n != "nuclei"}  # fmt: skip
    assert signatures["digits"].inputs.input_types() == [np.dtype("float64")]
    assert signatures["table"].inputs.input_names() == ["weight", "colour", "shop"]
    assert signatures["text"].inputs.input_names() == ["sentence"]
    assert signatures["image-folder"].inputs.input_names() == ["image"]
    assert signatures["bike-sharing"].outputs.input_names() == ["value", "std"]
    for name in ("digits", "table", "text", "image-folder"):
        assert signatures[name].outputs.input_names()[:2] == ["label", "probability"]
    assert signatures["text"].outputs.input_names()[2:] == ["p_food", "p_trains", "p_weather"]


def test_what_a_user_brings_may_lack_gaps_and_must_be_of_the_kind(served: dict[str, Any]) -> None:
    table = mlflow.pyfunc.load_model(str(served["table"][0]))
    assert len(table.predict(pd.DataFrame({"shop": ["shop 1", "a new one"]}))) == 2
    with pytest.raises(Exception, match="missing"):  # MLflow's own check by the signature
        table.predict(pd.DataFrame({"weight": [1.0]}))
    images = mlflow.pyfunc.load_model(str(served["image-folder"][0]))
    content = served["image-folder"][1]["image"][0]
    found = images.predict(pd.DataFrame({"image": [content, b"rubbish"]}, index=["good", "bad"]))
    assert found["label"].isna().to_dict() == {"good": False, "bad": True}
    assert found.loc["bad", "error"] == "no image"


@pytest.mark.parametrize("name", OVER_HTTP)
def test_mlflow_serves_a_version_over_http(served: dict[str, Any], name: str) -> None:
    folder, example, answer = served[name]
    port = free_port()
    server = subprocess.Popen(
        ["mlflow", "models", "serve", "-m", str(folder), "--env-manager", "local",
         "-h", "127.0.0.1", "-p", str(port)],
        env=ENVIRONMENT, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        found = ask(port, body_of(example))
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    if isinstance(answer, pd.DataFrame):
        assert [list(row) for row in found] == [list(answer.columns)] * len(answer)
        got = pd.DataFrame(found)
        for column in answer.columns:
            if column == "label":
                assert list(got[column]) == list(answer[column])
            else:
                assert got[column].to_numpy() == pytest.approx(answer[column].to_numpy(), abs=1e-5)
    else:
        assert np.array_equal(np.asarray(found), np.asarray(answer))


def body_of(example: Any) -> dict[str, Any]:
    """Samples as a client writes them down: rows by name, bytes in base64, arrays as lists."""
    if not isinstance(example, pd.DataFrame):
        return {"inputs": np.asarray(example).tolist()}
    rows = []
    for row in example.to_dict("records"):
        cells = {str(k): base64.b64encode(v).decode() if isinstance(v, bytes) else v
                 for k, v in row.items() if not (isinstance(v, float) and np.isnan(v))}  # fmt: skip
        rows.append({k: v for k, v in cells.items() if v is not None})
    return {"dataframe_records": rows}


def ask(port: int, body: dict[str, Any]) -> Any:
    """Send a request as soon as the server answers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    for _ in range(240):
        try:
            return json.load(urllib.request.urlopen(request, timeout=60))["predictions"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()[-1500:]) from error
        except OSError:
            time.sleep(0.5)
    raise TimeoutError("no server")
