"""A run: its params, metrics, tags and artifacts, written so that doing it twice is once."""

from __future__ import annotations

import json
import math
import sys
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


def as_kept(value: float) -> float:
    """A figure as MLflow gives it back."""
    return math.copysign(sys.float_info.max, value) if math.isinf(value) else float(value)


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


#: Metrics that go into one call beside params and tags: of more, MLflow sends tags with the first.
MOST = 800
#: Characters of a tag of ours; MLflow cuts a value off at 8,000, or at 5,000, and goes on.
PART = 4000


def in_parts(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as they are kept: a long one of ours goes on in KEY/1, KEY/2 …, the last not full."""
    found = dict(tags)
    for key, value in tags.items():
        if key.startswith("al."):
            pieces = (value[at : at + PART] for at in range(0, len(value) + 1, PART))
            found |= {f"{key}/{n}" if n else key: piece for n, piece in enumerate(pieces)}
    return found


def _in_one(key: str, tags: Mapping[str, str]) -> str:
    """The value of a tag, whatever parts it is kept in."""
    value, n = tags[key], 1
    while len(value) == n * PART and f"{key}/{n}" in tags:
        value, n = value + tags[f"{key}/{n}"], n + 1
    return value


class Tags(dict[str, str]):
    """The tags of a run; one that is missing was taken away by hand.

    Raises:
        StateError: it is missing, or no number where one is read.
    """

    def __init__(self, run: str, tags: Mapping[str, str]) -> None:
        super().__init__({key: _in_one(key, tags) for key in tags})
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
        self.reopened = reopened
        self._history: dict[str, dict[int, Point]] = {}  # by step; what is not read yet lacks
        self._last_tags: dict[str, str] = {}  # tags that are sent when the run ends
        self._unsent: list[Metric] = []  # figures that are sent with what comes next
        self._unsent_params: list[Param] = []  # the same
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
        """Tags, in one call, and what waits to be sent."""
        self._send(tags={key: str(value) for key, value in tags.items()})

    def _send(self, metrics: Sequence[Metric] = (), tags: Mapping[str, str] | None = None) -> None:
        """These and what waits, in one call if they fit; params are entered first and tags last."""
        new, metrics = dict(tags or {}), [*self._unsent, *metrics]
        while len(metrics) > MOST:
            self._client.log_batch(self.id, metrics=metrics[:MOST])
            metrics = metrics[MOST:]
        if new or metrics or self._unsent_params:
            pairs = [RunTag(key, value) for key, value in in_parts(new).items()]
            self._client.log_batch(self.id, metrics=metrics, params=self._unsent_params, tags=pairs)
        self._unsent, self._unsent_params = [], []
        self.tags.update(new)

    def conclude(self, tags: Mapping[str, Any]) -> None:
        """Tags that say how it went, once the run ends."""
        self._last_tags.update({key: str(value) for key, value in tags.items()})

    def mark(self, key: str, value: str) -> None:
        """A tag beside the work, by any thread: one try, and no harm where it fails."""
        with suppress(Exception):
            self._client.raw.set_tag(self.id, key, value)

    def describe(self, text: str) -> None:
        """The description that the runs table and the run's page show, once the run ends."""
        self._last_tags[MLFLOW_RUN_NOTE] = text

    def describe_now(self, text: str) -> None:
        """The description, of a run that goes on."""
        self.set_tags({MLFLOW_RUN_NOTE: text})

    def log_params(self, params: Mapping[str, Any], *, later: bool = False) -> None:
        """Params that the run does not have; `mlflow run` has logged what was given to it.

        Args:
            later: with what is sent next.
        """
        new = {key: str(value) for key, value in params.items() if key not in self._params}
        self._unsent_params += [Param(key, value) for key, value in new.items()]
        self._params.update(new)
        if new and not later:
            self._send()

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Metrics at a step: with what is sent next, or when the run ends."""
        self._unsent += self._new(points_of(metrics, step))

    def amend_metrics(self, metrics: Mapping[str, float]) -> None:
        """Other values at the last step of metrics that have one; twice is once."""
        now = int(time.time() * 1000)
        new = [
            Point(name, value, history[-1][0], now)
            for name, value in metrics.items()
            if (history := self.metric_history(name)) and history[-1][1] != value
        ]
        for point in new:
            self._known(point.name)[point.step] = point
        if new:
            self._send([_as_metric(point) for point in new])

    def log_points(self, points: Sequence[Point]) -> None:
        """Metrics at many steps, at once and in one call."""
        if new := self._new(points):
            self._send(new)

    def log_model_points(
        self,
        models: Mapping[str, Sequence[Point]],
        dataset: tuple[str, str],
        others: Sequence[Point] = (),
    ) -> None:
        """Points of this run that also belong to LoggedModels and a data set, in one call.

        MLflow enters them for the run as well; with the time they have there already, that
        changes nothing.

        Args:
            models: points by id of their model.
            others: points of the run alone that go with them.
        """
        both = {(p.name, p.step) for points in models.values() for p in points}
        for points in models.values():
            self._new(points)  # so they are not sent once more
        alone = self._new([p for p in others if (p.name, p.step) not in both])
        of_models = [
            Metric(p.name, float(p.value), self._since(p), p.step, model, *dataset, self.id)
            for model, points in models.items()
            for p in points
        ]
        self._send([*alone, *of_models])

    def _new(self, points: Sequence[Point]) -> list[Metric]:
        """Those that are not logged yet."""
        new = [p for p in points if not (self.reopened and p.step in self._known(p.name))]
        for point in new:
            self._known(point.name)[point.step] = point
        return [_as_metric(point) for point in new]

    def _known(self, name: str) -> dict[int, Point]:
        """The latest points of a metric by step; what this object has not left there is read."""
        if name not in self._history:
            found = self._client.get_metric_history(self.id, name) if self.reopened else ()
            self._history[name] = {
                int(metric.step): Point(name, float(metric.value), metric.step, metric.timestamp)
                for metric in sorted(found, key=lambda metric: metric.timestamp)
            }
        return self._history[name]

    def _since(self, point: Point) -> int:
        """When the run got that point; now, if it gets it now."""
        return self._known(point.name).get(point.step, point).time

    def log_datasets(self, *inputs: Input) -> None:
        """Data sets that went into the run, shown under its inputs, in one call."""
        self._client.log_inputs(self.id, [entry.as_mlflow() for entry in inputs])

    def save(self, write: Callable[[Path], Any], folder: str = "") -> None:
        """Artifacts: `write` fills an empty folder, which is then uploaded."""
        with scratch_folder() as scratch:
            write(Path(scratch))
            self.artifacts.save(Path(scratch), folder)

    def save_json(self, name: str, content: Any, *, sync: bool = True) -> None:
        """An artifact in JSON.

        Args:
            sync: a later process may go by it before the run ends.
        """
        text = json.dumps(content, indent=2, sort_keys=False)
        self.save(lambda folder: (folder / name).write_text(text))
        if sync:
            self.sync()

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
            self._last_tags["al.done"] = "true"
        self.end("FINISHED")

    def end(self, status: str, *, patient: bool = True) -> None:
        """End the run: FINISHED, FAILED or KILLED; SCHEDULED where it will go on.

        Args:
            patient: wait for a server that is away.
        """
        self._client.patient = patient
        self._send(tags=self._last_tags)
        self._last_tags = {}
        if status == "SCHEDULED":
            self._client.update_run(self.id, status=status)
        else:
            self._client.set_terminated(self.id, status)
        self.status = status
        self._client.opened.discard(self.id)

    def settle(self) -> None:
        """End what a killed process left running: FINISHED where it was marked as done."""
        if self.status == "RUNNING":
            self.end("FINISHED" if self.finished else "KILLED")

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
        return sorted((step, as_kept(point.value)) for step, point in self._known(key).items())


def _as_metric(point: Point) -> Metric:
    return Metric(point.name, float(point.value), point.time, point.step)
