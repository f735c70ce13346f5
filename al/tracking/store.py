"""The connection to a tracking server, and the way to runs on it."""

from __future__ import annotations

import errno
import json
import logging
import os
import shlex
import sqlite3
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache

from mlflow import get_tracking_uri, set_tracking_uri
from mlflow.entities import RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME
from sqlalchemy.exc import SQLAlchemyError

from al.errors import StateError, TrackingError, did_you_mean, without_credentials
from al.stops import unbroken
from al.tracking.connection import Connection, without_silent_retries
from al.tracking.runs import Run, in_parts
from al.tracking.sqlite import first_use

#: Seconds that a tracking server has to answer the first call.
PATIENCE = 10
#: What a person does about a place that cannot be written.
_PLACES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EACCES: "make it writable",
    errno.EPERM: "make it writable",
    errno.EROFS: "make it writable",
}


#: How drivers of databases and object stores are installed that are not there.
_DRIVERS = {
    "psycopg": "write postgresql+psycopg2:// and pip install 'active-learning-pipeline[server]'",
    "psycopg2": "pip install 'active-learning-pipeline[server]'",
    "boto3": "pip install 'active-learning-pipeline[server]'",
}


class Store:
    """One experiment on one tracking server.

    Under `mlflow run` the project's own run exists already. It is on offer to the first run
    that this process creates for its entry point, so that it takes its place in the tree.

    Args:
        experiment: name, made where it is missing; MLflow's own setting where it is None.
        entry: the entry point this process serves: main, cycle or a step; None in a notebook.

    Raises:
        TrackingError: the server does not answer, or there is no such experiment.
    """

    def __init__(
        self,
        experiment: str | None = None,
        entry: str | None = None,
    ) -> None:
        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow.store.model_registry").setLevel(logging.WARNING)
        # MLflow prints a traceback for each error of its database; ours say it in a line.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
        self.uri = get_tracking_uri()
        self.entry = entry
        self.offered = os.environ.get("MLFLOW_RUN_ID") if entry else None
        self.attached: str | None = None  # the offered run, once nothing else has taken it
        with plain_errors(self.uri):
            _check_answers(self.uri)
            with first_use(self.uri):
                self.client = Connection(self.uri)
                self.client.search_experiments(max_results=1)
            self.experiment_id = self._experiment(experiment)
            found = self.client.get_experiment(self.experiment_id)
            self.experiment = found.name
            if found.lifecycle_stage != "active":
                raise TrackingError(
                    f"experiment {found.name!r} is deleted: restore it, or name another"
                )
            self.client.artifacts(found.artifact_location).look()

    def _experiment(self, name: str | None) -> str:
        if self.offered:
            try:
                return str(self.client.get_run(self.offered).info.experiment_id)
            except MlflowException:  # left over from another server
                self.offered = None
        if name is None and (found := os.environ.get("MLFLOW_EXPERIMENT_ID")):
            return found
        name = name or os.environ.get("MLFLOW_EXPERIMENT_NAME")
        if name is None:
            return "0"
        known = self.client.get_experiment_by_name(name)
        if known is None:
            return str(self.client.create_experiment(name))
        return str(known.experiment_id)

    # -- runs ------------------------------------------------------------------------------

    def create(
        self, name: str, tags: Mapping[str, str], *, parent: str | None = None, kind: str
    ) -> Run:
        """A new run, or the project's own one where it was started for this `kind`.

        Args:
            kind: the entry point that stands for such a run: main, cycle or a step.
        """
        wanted = {**in_parts(tags), MLFLOW_RUN_NAME: name}
        if parent:
            wanted[MLFLOW_PARENT_RUN_ID] = parent
        if self.offered and kind == self.entry:
            run_id, self.offered = self.offered, None
            self.client.opened.add(run_id)
            # One call, so that a run is found with all of its tags or with none.
            self.client.log_batch(run_id, tags=[RunTag(k, v) for k, v in wanted.items()])
            self.client.update_run(run_id, status="RUNNING", name=name)
            return Run(self.client, self.client.get_run(run_id), reopened=True)
        # A reply may be lost on its way: the token tells whether the run was made.
        token = {"al.token": uuid.uuid4().hex}
        with unbroken():
            made = self.client.make(
                lambda: self.client.raw.create_run(
                    self.experiment_id, tags={**_context(), **wanted, **token}
                ),
                found=lambda: next(iter(self.find(token)), None),
            )
            run = made if isinstance(made, Run) else Run(self.client, made)
            self.client.opened.add(run.id)
        return run

    def leave(self) -> None:
        """End the runs that this process, which was stopped, had no time to end."""
        for run_id in list(self.client.opened):
            self.client.set_terminated(run_id, "KILLED")
            self.client.opened.discard(run_id)

    def get(self, run_id: str) -> Run:
        """The run of an id, deleted or not.

        Raises:
            StateError: there is no such state.
        """
        try:
            return Run(self.client, self.client.get_run(run_id), reopened=True)
        except MlflowException as error:
            raise StateError(f"there is no run {run_id!r} any more: restore it") from error

    def find(self, tags: Mapping[str, str], *, deleted: bool = False) -> list[Run]:
        """All runs of the experiment that carry these tags, or those deleted, oldest first."""
        clauses = [f"tags.`{key}` = '{value}'" for key, value in tags.items()]
        return self._search([self.experiment_id], " AND ".join(clauses), deleted=deleted)

    def find_elsewhere(self, tags: Mapping[str, str]) -> str | None:
        """Name of another experiment with such a run."""
        clauses = [f"tags.`{key}` = '{value}'" for key, value in tags.items()]
        others = [
            e for e in self.client.search_experiments() if e.experiment_id != self.experiment_id
        ]
        found = self._search([e.experiment_id for e in others], " AND ".join(clauses), most=1)
        names = {e.experiment_id: e.name for e in others}
        return names[found[0].experiment_id] if found else None

    def names(self, role: str) -> list[str]:
        """Campaign names of all runs in that role, for "did you mean"."""
        return sorted({run.tags["al.campaign"] for run in self.find({"al.role": role})})

    def attach_offered(self, parent: Run, tags: Mapping[str, str]) -> None:
        """Put the project's run under `parent` where nothing has taken it."""
        if self.offered:
            self.attached, self.offered = self.offered, None
            wanted = {**tags, MLFLOW_PARENT_RUN_ID: parent.id}
            self.client.log_batch(self.attached, tags=[RunTag(k, v) for k, v in wanted.items()])
            self.client.update_run(self.attached, name=f"{self.entry} (went on)")

    def share_view(self, name: str, columns: Sequence[str], search: str, charts: str) -> None:
        """Keep a view of the runs with the experiment, as MLflow's button Share does: its page
        takes it by `viewStateShareKey=NAME` in its address.

        Args:
            columns: of the table.
            search: which runs.
            charts: which charts, by a part of their names.
        """
        state = {
            "selectedColumns": list(columns),
            "searchFilter": search,
            "chartsSearchFilter": charts,
        }
        key = f"mlflow.sharedViewState.{name}"
        self.client.set_experiment_tag(self.experiment_id, key, json.dumps(state))

    def link(self, run: Run) -> str:
        """Where a person sees a run: a page, or its id where there is no server."""
        if not self.uri.startswith("http"):
            return f"run {run.id}"
        server = without_credentials(self.uri).rstrip("/")
        return f"{server}/#/experiments/{run.experiment_id}/runs/{run.id}"

    def _search(
        self, experiments: list[str], clauses: str, most: int = 50_000, *, deleted: bool = False
    ) -> list[Run]:
        if not experiments:
            return []
        found: list[Run] = []
        token = None
        while len(found) < most:
            page = self.client.search_runs(
                experiments,
                clauses,
                ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY,
                max_results=min(most, 1000),
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            found += [Run(self.client, run, reopened=True) for run in page]
            token = page.token
            if not token:
                break
        return found


@contextmanager
def tracking_at(uri: str | None) -> Iterator[None]:
    """While open, MLflow works with this tracking server; with its own setting for None.

    Its registry looks models up on the global server whatever client it is asked through.
    """
    before = get_tracking_uri()
    with without_silent_retries():
        if uri is None or uri == before:
            yield
            return
        set_tracking_uri(uri)
        try:
            yield
        finally:
            set_tracking_uri(before)


@contextmanager
def plain_errors(uri: str = "") -> Iterator[None]:
    """MLflow's errors as one line each."""
    try:
        yield
    except MlflowException as error:
        reason = without_credentials(" ".join(str(error).split()))[:300]
        if "disk is full" in reason:
            raise TrackingError(
                "no space left for the tracking database: free some, then the same command goes on"
            ) from error
        if "readonly database" in reason:
            raise TrackingError(
                "the tracking database cannot be written: make it writable, then the same "
                "command goes on"
            ) from error
        if error.error_code == "UNAUTHENTICATED" or "error code 401" in reason:
            raise TrackingError(
                "the tracking server wants a user name and password, and not those that it got: "
                "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            ) from _tellable(error)
        raise TrackingError(
            f"MLflow refuses ({reason}): check {uri or 'the server'}"
        ) from _tellable(error)
    except SQLAlchemyError as error:
        reason = without_credentials(str(error).partition("\n")[0])
        raise TrackingError(
            f"the tracking database fails ({reason}): mend or restore it"
        ) from _tellable(error)
    except ModuleNotFoundError as error:
        if error.name not in _DRIVERS:
            raise
        raise TrackingError(
            f"what the tracking server keeps is read with {error.name}, which is not installed: "
            f"{_DRIVERS[error.name]}"
        ) from error
    except (ConnectionError, sqlite3.Error) as error:
        raise TrackingError(
            f"{uri or 'the tracking server'} fails ({error}): start it"
        ) from _tellable(error)
    except OSError as error:
        if error.errno not in _PLACES:
            raise
        where = f" at {error.filename}" if error.filename else ""
        raise TrackingError(
            f"{str(error.strerror).lower()}{where}: {_PLACES[error.errno]}, then the same command "
            "goes on"
        ) from error


def _tellable(error: Exception) -> Exception | None:
    """The error, unless it would show a password where a traceback is printed."""
    return error if without_credentials(str(error)) == str(error) else None


def _check_answers(uri: str) -> None:
    """Fail soon where a server is not there; MLflow itself would try for minutes."""
    if not uri.startswith(("http://", "https://")):
        return
    try:
        plain = without_credentials(uri)  # a server that asks who it is answers too
        urllib.request.urlopen(f"{plain.rstrip('/')}/health", timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        pass  # it answers; a proxy may hide /health
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise TrackingError(
            f"the tracking server {uri} does not answer ({reason}): "
            "start it, or set MLFLOW_TRACKING_URI"
        ) from error


@lru_cache(maxsize=1)
def _context() -> dict[str, str]:
    """User, source and git commit, as MLflow's own `start_run` notes them; once, as git is slow."""
    return {str(key): str(value) for key, value in resolve_tags().items()}


def unknown_campaign(store: Store, name: str) -> str:
    """The line for a campaign that is not there."""
    elsewhere = store.find_elsewhere({"al.role": "campaign", "al.campaign": name})
    if elsewhere:
        return (
            f"campaign {name!r} is in experiment {elsewhere!r}, not in {store.experiment!r}: "
            f"set MLFLOW_EXPERIMENT_NAME={shlex.quote(elsewhere)}, or pass --experiment-name "
            "to mlflow run"
        )
    if deleted := store.find({"al.role": "campaign", "al.campaign": name}, deleted=True):
        return f"campaign {name!r} was deleted: restore its run {deleted[-1].id}"
    names = store.names("campaign")
    fix = did_you_mean(name, names) if names else "give its parameters, or start it with main"
    return f"there is no campaign {name!r} in experiment {store.experiment!r}: {fix}"
