"""`mlflow run -b ray`: a project as a job of a Ray cluster.

    mlflow run . -b ray --backend-config '{"address": "http://127.0.0.1:8265"}' -P task=digits

The job is `mlflow run` once more, in a copy of the project's folder, for the run that was made
here: so the project's environment, its parameters and the run's status are MLflow's own business.
It needs nothing of this project's but Ray: any MLflow project can be run so.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlflow import MlflowClient
from mlflow.entities import RunStatus
from mlflow.exceptions import ExecutionException
from mlflow.projects import _wait_for
from mlflow.projects.backend.abstract_backend import AbstractBackend
from mlflow.projects.submitted_run import SubmittedRun
from mlflow.projects.utils import (
    PROJECT_BUILD_IMAGE,
    PROJECT_DOCKER_ARGS,
    PROJECT_DOCKER_AUTH,
    PROJECT_ENV_MANAGER,
    PROJECT_STORAGE_DIR,
    PROJECT_SYNCHRONOUS,
    fetch_and_validate_project,
    get_or_create_run,
)

from al.engine.ray import jobs
from al.engine.ray.engine import PASSED
from al.errors import AlError, ConfigError, did_you_mean

#: What can be given as `--backend-config`.
OPTIONS = {
    "address": "of the cluster's job server, http://HOST:8265",
    "cpus": "cores that the job takes; with neither cpus nor gpus it runs on the head",
    "gpus": "GPUs that it takes",
    "env": "names of environment variables without which the job does not start there",
    "wait": "true for a command that shows what the job says, and ends with it",
}
#: What MLflow itself hands over, and what of it is for other backends.
_OWN = (
    PROJECT_ENV_MANAGER, PROJECT_SYNCHRONOUS, PROJECT_DOCKER_ARGS, PROJECT_STORAGE_DIR,
    PROJECT_BUILD_IMAGE, PROJECT_DOCKER_AUTH,
)  # fmt: skip
_FOREIGN = {
    PROJECT_DOCKER_ARGS: "--docker-args", PROJECT_STORAGE_DIR: "--storage-dir",
    PROJECT_BUILD_IMAGE: "--build-image",
}  # fmt: skip
#: Credentials: they have to be in the environment of the cluster's machines, as others can read
#: what a cluster is told.
SECRETS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
#: What Ray calls a job's states, as MLflow does a run's.
STATES = {
    "PENDING": RunStatus.SCHEDULED, "RUNNING": RunStatus.RUNNING, "STOPPED": RunStatus.KILLED,
    "SUCCEEDED": RunStatus.FINISHED, "FAILED": RunStatus.FAILED,
}  # fmt: skip


class RayRun(SubmittedRun):  # type: ignore[misc]
    """A run whose project is a job of a Ray cluster; the job's id is the run's."""

    def __init__(self, job: jobs.Job) -> None:
        super().__init__()
        self.job = job

    @property
    def run_id(self) -> str:
        return self.job.id

    def wait(self) -> bool:
        """Print what the job says until it ends; whether it succeeded."""
        for words in self.job.output():
            print(words, end="", flush=True)
        return bool(self.job.status == "SUCCEEDED")

    def get_status(self) -> str:
        """MLflow's word for the state of the job."""
        return str(RunStatus.to_string(STATES[self.job.status]))

    def cancel(self) -> None:
        """Stop the job, and wait until it has ended; the same command goes on later."""
        if not self.job.over:
            self.job.stop()
            MlflowClient().set_terminated(self.run_id, "KILLED")


class RayBackend(AbstractBackend):  # type: ignore[misc]
    """Submits projects to a Ray cluster."""

    def run(
        self,
        project_uri: str,
        entry_point: str,
        params: Mapping[str, str],
        version: str | None,
        backend_config: Mapping[str, Any],
        tracking_uri: str,
        experiment_id: str,
    ) -> RayRun:
        """Submit an entry point; as `AbstractBackend.run`.

        Raises:
            ExecutionException: it does not work out; the message is one line with a fix.
        """
        try:
            given = _checked(backend_config)
            _check_server(tracking_uri)
            jobs.check(given["address"])
            folder = fetch_and_validate_project(project_uri, version, entry_point, params)
            run = get_or_create_run(
                None, project_uri, experiment_id, folder, version, entry_point, params
            ).info.run_id
            try:
                job = jobs.submit(
                    given["address"],
                    _command(entry_point, params, run, backend_config, given["env"]),
                    Path(folder),
                    id=run,
                    env={
                        "MLFLOW_TRACKING_URI": tracking_uri,
                        "MLFLOW_EXPERIMENT_ID": str(experiment_id),
                    },
                    cpus=given["cpus"],
                    gpus=given["gpus"],
                )
            except BaseException:
                MlflowClient().set_terminated(run, "FAILED")
                raise
        except AlError as error:
            raise ExecutionException(str(error)) from error
        submitted = RayRun(job)
        print(f"job {run} on {job.address}: `ray job logs --address {job.address} --follow {run}`")
        if given["wait"] and not backend_config.get(PROJECT_SYNCHRONOUS):
            _wait_for(submitted)
        return submitted


def _checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """The options, each there and of its type.

    Raises:
        ConfigError: one is unknown or of another type, or was given for other backends.
    """
    for name, flag in _FOREIGN.items():
        if config.get(name):
            raise ConfigError(f"-b ray has no use for {flag}: leave it out")
    own = {name: value for name, value in config.items() if name not in _OWN}
    for name in set(own) - set(OPTIONS):
        raise ConfigError(f"--backend-config: unknown option {name!r}: "
                          f"{did_you_mean(name, OPTIONS)}")  # fmt: skip
    found: dict[str, Any] = {
        "address": os.environ.get(jobs.ADDRESS, "http://127.0.0.1:8265"),
        "cpus": 0.0, "gpus": 0.0, "env": [], "wait": False,
    } | own  # fmt: skip
    number = [isinstance(found[n], int | float) and found[n] >= 0 for n in ("cpus", "gpus")]
    names = isinstance(found["env"], list) and all(
        isinstance(name, str) and name.isidentifier() for name in found["env"]
    )
    for name, right, what in (
        ("address", isinstance(found["address"], str), "http://HOST:8265"),
        ("cpus", number[0], "a number"),
        ("gpus", number[1], "a number"),
        ("env", names, 'names of variables, ["NAME"]'),
        ("wait", isinstance(found["wait"], bool), "true or false"),
    ):
        if not right:
            raise ConfigError(f"--backend-config: {name}={found[name]!r}: give {what}")
    return found


def _check_server(uri: str) -> None:
    """Refuse a tracking server that a cluster cannot reach, or whose address holds a password.

    Raises:
        ConfigError: it is such a one.
    """
    place = urlsplit(uri)
    if place.scheme not in ("http", "https", "databricks") and uri != "databricks":
        raise ConfigError(
            f"runs go to {uri}, which is on this machine: start `mlflow server` where the cluster "
            "reaches it, and set MLFLOW_TRACKING_URI"
        )
    if place.password:
        raise ConfigError(
            "MLFLOW_TRACKING_URI holds a password, which all of the cluster could read: set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, here and on its machines"
        )


def _command(
    entry: str, params: Mapping[str, str], run: str, config: Mapping[str, Any], names: list[str]
) -> str:
    """The job as a shell command; it says what its machine lacks."""
    needed = dict.fromkeys([*(name for name in SECRETS if name in os.environ), *names])
    lines = [f': "${{{name}:?set it on the machines of the cluster}}"' for name in needed]
    lines += [
        f'[ -n "${{{name}-}}" ] || export {name}={shlex.quote(os.environ[name])}'
        for name in PASSED
        if name in os.environ
    ]
    words = ["python", "-m", "mlflow", "run", ".", "-e", entry, "--run-id", run]
    words += ["--env-manager", config.get(PROJECT_ENV_MANAGER) or "local"]
    for name, value in params.items():
        words += ["-P", f"{name}={value}"]
    return "; ".join([*lines, f"exec {shlex.join(words)}"])
