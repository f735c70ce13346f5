"""A run: its params, metrics, tags and artifacts, written so that doing it twice is once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

import pandas as pd
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from al.errors import StateError
from al.scratch import scratch_folder
from al.state import read_as
from al.tracking.connection import Connection
from al.whole import on_disk

T = TypeVar("T")


class Point(NamedTuple):
    """A value of a metric."""

    name: str
    value: float
    step: int
    time: int  # milliseconds since 1970


def points_of(metrics: Mapping[str, float], step: int) -> list[Point]:
    """Metrics at a step, now."""
    now = int(time.time() * 1000)
    return [Point(name, value, step, now) for name, value in metrics.items()]


class Input(NamedTuple):
    """A data set that goes into a run."""

    name: str
    digest: str
    source: str
    rows: int
    context: str

    def as_mlflow(self) -> DatasetInput:
        dataset = Dataset(
            name=self.name,
            digest=self.digest,
            source_type="local",
            source=json.dumps({"uri": self.source}),
            profile=json.dumps({"num_rows": self.rows}),
        )
        return DatasetInput(dataset, [InputTag("mlflow.data.context", self.context)])


class Tags(dict[str, str]):
    """The tags of a run; one that is missing was taken away by hand.

    Raises:
        StateError: it is missing, or no number where one is read.
    """

    def __init__(self, run: str, tags: Mapping[str, str]) -> None:
        super().__init__(tags)
        self._run = run

    def __missing__(self, key: str) -> str:
        raise StateError(f"{self._run} has no tag {key} any more: set it again, or delete the run")

    def whole(self, key: str, default: int | None = None) -> int:
        """A tag that is a whole number; the default, where there is one, if there is no tag."""
        if default is not None and key not in self:
            return default
        try:
            return int(self[key])
        except ValueError:
            raise StateError(
                f"tag {key}={self[key]!r} of {self._run} is not a whole number: "
                "set it again as it was"
            ) from None


class Run:
    """One run on the tracking server.

    Two objects are equal where they stand for the same run.

    Args:
        reopened: it may hold figures already; a metric is not logged again at a step that has
            one, so that a step that is done again draws no second point.
    """

    def __init__(self, client: Connection, run: MlflowRun, *, reopened: bool = False) -> None:
        self._client = client
        self.id = str(run.info.run_id)
        self.experiment_id = str(run.info.experiment_id)
        self.name = str(run.info.run_name)
        self.status = str(run.info.status)
        self.artifact_uri = str(run.info.artifact_uri)
        self.artifacts = client.artifacts(self.artifact_uri)
        self.tags = Tags(f"run {self.name!r} ({self.id})", run.data.tags)
        self.started = run.info.start_time / 1000  # seconds since 1970
        ended = run.info.end_time
        #: How long it took; None while it has not ended.
        self.seconds = max(ended / 1000 - self.started, 0.0) if ended else None
        self.metrics: dict[str, float] = dict(run.data.metrics)  # as they were when it was found
        self._params = set(run.data.params)
        self._logged: dict[str, dict[int, int]] | None = {} if reopened else None
        self._unsaid: dict[str, str] = {}  # tags that are sent when the run ends
        self._unsent: list[Metric] = []  # figures that are sent with the next tags
        self._scratch: TemporaryDirectory[str] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def finished(self) -> bool:
        """It came to its end, so its step is never done again.

        A tag says so, as `mlflow run` sets the status of its run by the exit code alone.
        """
        return self.tags.get("al.done") == "true"

    # -- writing ---------------------------------------------------------------------------

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Tags, in one call, and the figures that wait."""
        new = {key: str(value) for key, value in tags.items()}
        pairs = [RunTag(key, value) for key, value in new.items()]
        self._client.log_batch(self.id, metrics=self._unsent, tags=pairs)
        self._unsent = []
        self.tags.update(new)

    def conclude(self, tags: Mapping[str, Any]) -> None:
        """Tags that say how it went, once the run ends."""
        self._unsaid.update({key: str(value) for key, value in tags.items()})

    def mark(self, key: str, value: str) -> None:
        """A tag beside the work, by any thread: one try, and no harm where it fails."""
        with suppress(Exception):
            self._client.raw.set_tag(self.id, key, value)

    def describe(self, text: str) -> None:
        """The description that the runs table and the run's page show, once the run ends."""
        self._unsaid[MLFLOW_RUN_NOTE] = text

    def describe_now(self, text: str) -> None:
        """The description, of a run that goes on."""
        self.set_tags({MLFLOW_RUN_NOTE: text})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Params that the run does not have; `mlflow run` has logged what was given to it."""
        new = {key: str(value) for key, value in params.items() if key not in self._params}
        if new:
            self._client.log_batch(self.id, params=[Param(k, v) for k, v in new.items()])
            self._params.update(new)

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Metrics at a step: with the next tags, or when the run ends."""
        self._unsent += self._new(points_of(metrics, step))

    def amend_metrics(self, metrics: Mapping[str, float]) -> None:
        """Other values at the last step of metrics that have one; twice is once."""
        now = int(time.time() * 1000)
        new = [
            Metric(name, float(value), now, history[-1][0])
            for name, value in metrics.items()
            if (history := self.metric_history(name)) and history[-1][1] != value
        ]
        if new:
            self._client.log_batch(self.id, metrics=new)

    def log_points(self, points: Sequence[Point]) -> None:
        """Metrics at many steps, at once and in one call."""
        if new := self._new(points):
            self._client.log_batch(self.id, metrics=new)

    def log_model_points(
        self,
        points: Sequence[Point],
        model_id: str,
        dataset: tuple[str, str],
        others: Sequence[Point] = (),
    ) -> None:
        """Points of this run that also belong to a LoggedModel and a data set, in one call.

        MLflow enters them for the run as well; with the time they have there already, that
        changes nothing.

        Args:
            others: points of the run alone that go with them.
        """
        name, digest = dataset
        both = {(p.name, p.step) for p in points}
        self._new(points)  # so they are not sent once more
        alone = self._new([p for p in others if (p.name, p.step) not in both])
        of_model = [
            Metric(p.name, float(p.value), self._since(p), p.step, model_id, name, digest, self.id)
            for p in points
        ]
        self._client.log_batch(self.id, metrics=[*alone, *of_model])

    def _new(self, points: Sequence[Point]) -> list[Metric]:
        """Those that are not logged yet."""
        return [
            Metric(p.name, float(p.value), p.time, p.step)
            for p in points
            if not self._is_logged(p.name, p.step, p.time)
        ]

    def _is_logged(self, key: str, step: int, time: int) -> bool:
        if self._logged is None:
            return False
        if key not in self._logged:
            history = self._client.get_metric_history(self.id, key)
            self._logged[key] = {point.step: point.timestamp for point in history}
        known = step in self._logged[key]
        self._logged[key].setdefault(step, time)
        return known

    def _since(self, point: Point) -> int:
        """When the run got that point; now, if it gets it now."""
        return (self._logged or {}).get(point.name, {}).get(point.step, point.time)

    def log_datasets(self, *inputs: Input) -> None:
        """Data sets that went into the run, shown under its inputs, in one call."""
        self._client.log_inputs(self.id, [entry.as_mlflow() for entry in inputs])

    def save(self, write: Callable[[Path], Any], folder: str = "") -> None:
        """Artifacts: `write` fills an empty folder, which is then uploaded."""
        with scratch_folder() as scratch:
            write(Path(scratch))
            self.artifacts.save(Path(scratch), folder)

    def save_json(self, name: str, content: Any) -> None:
        """An artifact in JSON."""
        text = json.dumps(content, indent=2, sort_keys=False)
        self.save(lambda folder: (folder / name).write_text(text))
        self.sync()  # what a later process goes by

    def save_table(self, name: str, frame: pd.DataFrame) -> None:
        """An artifact in parquet."""
        self.save(lambda folder: frame.to_parquet(folder / name, index=False))

    def delete_artifacts(self, folder: str) -> None:
        """Remove artifacts that have served; a store that cannot delete keeps them."""
        self.artifacts.delete(folder)

    def sync(self) -> None:
        """Wait until what it has left is on the disk."""
        on_disk(self.artifact_uri)

    def finish(self) -> None:
        """Mark the run as done for good, and end it; what it left is on the disk by then."""
        self.sync()
        if not self.finished:
            self._unsaid["al.done"] = "true"
        self.end("FINISHED")

    def end(self, status: str, *, patient: bool = True) -> None:
        """End the run: FINISHED, FAILED or KILLED; SCHEDULED where it will go on.

        Args:
            patient: wait for a server that is away.
        """
        self._client.patient = patient
        if self._unsaid or self._unsent:
            self.set_tags(self._unsaid)
            self._unsaid = {}
        if status == "SCHEDULED":
            self._client.update_run(self.id, status=status)
        else:
            self._client.set_terminated(self.id, status)
        self.status = status
        self._client.opened.discard(self.id)

    def reopen(self) -> Run:
        """Go on in this run."""
        self._client.opened.add(self.id)
        if self.status != "RUNNING":
            self._client.update_run(self.id, status="RUNNING")
            self.status = "RUNNING"
        return self

    # -- reading ---------------------------------------------------------------------------

    def path(self, name: str) -> Path:
        """An artifact as a local file or folder.

        Raises:
            StateError: it is not there.
        """
        if self._scratch is None:
            self._scratch = scratch_folder()  # goes with this object
        try:
            return self.artifacts.fetch(name, Path(self._scratch.name))
        except (MlflowException, OSError) as error:
            raise StateError(
                f"artifact {name} of run {self.name!r} ({self.id}) is missing: restore it"
            ) from error

    def has(self, name: str) -> bool:
        """Whether an artifact of that name is at the top of the run."""
        return name in self.artifacts.names()

    def load_json(self, name: str, kind: type[T]) -> T:
        """An artifact in JSON, as an object of a type.

        Raises:
            StateError: it is missing or damaged.
        """
        text = self.path(name).read_bytes()
        return read_as(kind, text, f"artifact {name} of run {self.name!r} ({self.id})")

    def load_table(self, name: str) -> pd.DataFrame:
        """An artifact in parquet.

        Raises:
            StateError: it is missing or damaged.
        """
        path = self.path(name)
        try:
            return pd.read_parquet(path)
        except Exception as error:  # pyarrow raises many kinds for a damaged file
            reason = str(error).partition("\n")[0]
            raise StateError(
                f"artifact {name} of run {self.name!r} ({self.id}) is damaged ({reason}): "
                "restore it"
            ) from error

    def metric_history(self, key: str) -> list[tuple[int, float]]:
        """All (step, value) of a metric, by step; of several values at a step the latest."""
        history = self._client.get_metric_history(self.id, key)
        latest = sorted(history, key=lambda point: point.timestamp)
        return sorted({int(point.step): float(point.value) for point in latest}.items())
