"""MLflow's UI on a store of this machine: started, waited for, and the pages worth opening."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow import MlflowClient, get_tracking_uri
from mlflow.entities import ViewType

from al.errors import ConfigError, TrackingError, without_credentials

HOST = "127.0.0.1"
#: Seconds that the server may take to answer; it imports a lot.
STARTS = 120
#: Campaigns that are looked at for the one that a person began last.
RUNS = 20
#: Path in the UI to the charts of campaign runs alone.
CURVES = (
    "runs?workflowType=machine_learning&compareRunsMode=CHART"
    "&searchFilter=tags.%60al.role%60%20%3D%20%27campaign%27"
)
#: Path to the runs table in a view that was kept, before the view's name, and what follows it
#: for the charts of that view.
VIEW = "runs?workflowType=machine_learning&viewStateShareKey="
CHARTS = "&compareRunsMode=CHART"
#: Where a campaign's report is below its run.
REPORT = "artifacts/report.html?workflowType=machine_learning"
#: Tags of an experiment that hold such views begin so.
_KEPT = "mlflow.sharedViewState."


@contextmanager
def serving(store: str | None, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's server on a store, answering; it is stopped when this closes.

    Args:
        store: a URI; None for that of MLflow's own settings.

    Raises:
        ConfigError: there is no such store, it is a server already, or the port is taken.
        TrackingError: the server ended, or never answered.
    """
    uri = store or get_tracking_uri()
    if uri.startswith("http"):
        raise ConfigError(f"{without_credentials(uri)} is a server already: open it in a browser")
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        raise ConfigError(f"there is no {uri}: run al ui where your runs are, or pass --store URI")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise ConfigError(f"port {port} cannot be had ({error}): pass another --port") from None
    # By the environment, as a URI may hold a password and other users see command lines.
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": uri}
    environment |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--no-serve-artifacts"]
    command += ["--default-artifact-root", str(Path("mlruns").absolute())]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as server:
        try:
            _until_it_answers(server, port)
            yield server
        finally:
            server.terminate()


def pages(store: str | None, port: int) -> list[tuple[str, str]]:
    """What is worth opening: (what it is, its address) of the experiment that ran last.

    The report is that of the campaign which began last, not of its baseline.
    """
    at = f"http://{HOST}:{port}/#"
    client = MlflowClient(store)
    everything = [e.experiment_id for e in client.search_experiments()]
    latest = client.search_runs(
        everything,
        "tags.`al.role` = 'campaign'",
        ViewType.ACTIVE_ONLY,
        max_results=RUNS,
        order_by=["attributes.start_time DESC"],
    )
    found = []
    if latest:
        experiment = client.get_experiment(latest[0].info.experiment_id)
        runs = f"{at}/experiments/{experiment.experiment_id}"
        views = sorted(tag[len(_KEPT) :] for tag in experiment.tags if tag.startswith(_KEPT))
        views = [view for view in views if view.startswith("al-")]
        found = [("curves", f"{runs}/{VIEW}{view}{CHARTS}") for view in views]
        found = found or [("curves", f"{runs}/{CURVES}")]
        found += [("table", f"{runs}/{VIEW}{view}") for view in views]
        beside = {run.data.tags.get("al.baseline") for run in latest}
        run = next((r for r in latest if r.data.tags["al.campaign"] not in beside), latest[0])
        if "al.reported" in run.data.tags:
            found.append(("report", f"{runs}/runs/{run.info.run_id}/{REPORT}"))
    return [*found, ("models", f"{at}/models?workflowType=machine_learning")]


def _until_it_answers(server: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + STARTS
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is here
    while time.monotonic() < end and server.poll() is None:
        try:
            with straight.open(f"http://{HOST}:{port}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    if server.poll() is None:
        server.terminate()
        raise TrackingError(
            f"MLflow's server did not answer within {STARTS} s: try again when this machine is "
            "less busy, or mlflow server by hand"
        )
    assert server.stdout is not None
    output = server.stdout.read().decode(errors="replace").strip().splitlines()
    last = without_credentials(output[-1].strip()) if output else "it printed nothing"
    raise TrackingError(f"MLflow's server did not start ({last}): try mlflow server by hand")
