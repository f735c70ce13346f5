"""Checkpoints of a training run as LoggedModels, the way MLflow 3 keeps models.

A checkpoint is READY once all of it is there; one that was cut off stays PENDING and is
never seen again.
"""

from __future__ import annotations

import json
import logging
import math
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlflow.entities import LoggedModelOutput, LoggedModelStatus
from mlflow.exceptions import MlflowException

from al.contracts import Candidate
from al.errors import StateError
from al.tracking.connection import Connection
from al.tracking.runs import Point, Run
from al.tracking.store import Store
from al.whole import digest_of, on_disk

_log = logging.getLogger(__name__)

#: Figures are sent at a checkpoint, or when the oldest has waited for so long.
FLUSH_SECONDS = 2.0
_NAN = "al.not_numbers"


class Checkpoints:
    """Recorder of one training run; see `al.contracts.Recorder`.

    Args:
        prefix: of the checkpoints' names.
        dataset: name and digest of what the checkpoints are measured on.
    """

    def __init__(
        self, store: Store, run: Run, number: int, prefix: str, dataset: tuple[str, str]
    ) -> None:
        self._client = store.client
        self._run = run
        self._number = number
        self._prefix = prefix
        self._dataset = dataset
        self._points: list[Point] = []  # not yet sent
        self._times: dict[int, int] = {}  # epoch → when it ended
        self._flushed = time.monotonic()
        self._whole: dict[str, int] = {}  # checkpoint → its epoch

    def log(self, epoch: int, metrics: Mapping[str, float]) -> None:
        self._times[epoch] = int(time.time() * 1000)
        self._points += self._at(epoch, metrics)
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def close(self) -> None:
        """Send the figures that were kept back, and say which checkpoints came of the run."""
        self.flush()
        outputs = [LoggedModelOutput(model, epoch) for model, epoch in self._whole.items()]
        if outputs:
            self._client.log_outputs(self._run.id, outputs)

    def flush(self) -> None:
        """Send the figures that were kept back."""
        self._run.log_points(self._points)
        self._points = []
        self._flushed = time.monotonic()

    def _at(self, epoch: int, metrics: Mapping[str, float]) -> list[Point]:
        when = self._times[epoch]
        return [Point(name, value, epoch, when) for name, value in metrics.items()]

    def checkpoint(
        self, epoch: int, best_epoch: int, metrics: Mapping[str, float], weights: Path, resume: Path
    ) -> None:
        # The way to go on is there before the checkpoint counts as whole.
        self._run.artifacts.save_file(resume, f"resume/{epoch:06d}")
        on_disk(self._run.artifact_uri)
        self._make(epoch, best_epoch, metrics, weights, resume)

    def _make(
        self, epoch: int, best_epoch: int, metrics: Mapping[str, float], weights: Path, resume: Path
    ) -> None:
        model = self._client.create_logged_model(
            self._run.experiment_id,
            name=model_name(f"{self._prefix}-epoch{best_epoch}"),
            source_run_id=self._run.id,
            tags={
                "al.role": "checkpoint",
                "al.candidate": str(self._number),
                "al.epoch": str(best_epoch),
                "al.saved_at": str(epoch),
                "al.weights": digest_of(weights),
                "al.resume": digest_of(resume),
                **_no_numbers(metrics),
            },
            params={"epoch": str(best_epoch), "candidate": str(self._number)},
            model_type="al-checkpoint",
        )
        self._client.artifacts(model.artifact_location).save(weights)
        points = self._at(best_epoch, metrics)
        self._run.log_model_points(points, model.model_id, self._dataset, self._points)
        self._points, self._flushed = [], time.monotonic()
        on_disk(model.artifact_location)
        self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        self._whole[model.model_id] = best_epoch

    def resume_file(self) -> Path | None:
        ready = _ready(self._client, [self._run])
        self._whole = {str(model.model_id): int(model.tags["al.epoch"]) for model in ready}
        for model in sorted(ready, key=lambda m: -int(m.tags["al.saved_at"])):
            epoch = int(model.tags["al.saved_at"])
            with suppress(StateError):
                path = self._run.path(f"resume/{epoch:06d}/resume.safetensors")
                if model.tags.get("al.resume") in (None, digest_of(path)):
                    return path
            _log.warning(
                f"{self._run.name}: what it was to go on from after epoch {epoch} is damaged or "
                "gone; training goes on from the checkpoint before"
            )
        return None

    def forget(self) -> None:
        """Training is over for good: what served only to resume goes."""
        self._run.delete_artifacts("resume")

    # -- for the election --------------------------------------------------------------------

    @staticmethod
    def candidates(store: Store, runs: Sequence[Run]) -> list[Candidate]:
        """All whole checkpoints of these training runs, by number and epoch.

        Of an epoch that had to be trained again the latest counts.
        """
        models = sorted(_ready(store.client, runs), key=lambda model: model.creation_timestamp)
        found = [
            Candidate(
                checkpoint=str(model.model_id),
                number=int(model.tags["al.candidate"]),
                epoch=int(model.tags["al.epoch"]),
                metrics=_metrics(model),
            )
            for model in models
        ]
        latest = {(candidate.number, candidate.epoch): candidate for candidate in found}
        return [latest[place] for place in sorted(latest)]

    @staticmethod
    def fetch(store: Store, checkpoint: str, folder: Path) -> Path:
        """The weights of a checkpoint, copied into the folder.

        Raises:
            StateError: they are gone, or not those that were saved.
        """
        try:
            model = store.client.get_logged_model(checkpoint)
            found = store.client.artifacts(model.artifact_location).fetch("", folder)
        except (MlflowException, OSError) as error:
            raise StateError(f"checkpoint {checkpoint} is gone: restore it") from error
        if model.tags.get("al.weights") not in (None, digest_of(found)):
            raise StateError(f"checkpoint {checkpoint} is damaged: restore it")
        return found

    @staticmethod
    def discard(store: Store, run: Run) -> None:
        """Delete the checkpoints of a training run, which is to be done again."""
        for model in _ready(store.client, [run]):
            store.client.delete_logged_model(model.model_id)

    @staticmethod
    def uri(checkpoint: str) -> str:
        """How MLflow calls a checkpoint."""
        return f"models:/{checkpoint}"


def _no_numbers(metrics: Mapping[str, float]) -> dict[str, str]:
    """A tag that names the figures that are not numbers: MLflow 3 gives them back as 0."""
    broken = sorted(name for name, value in metrics.items() if math.isnan(value))
    return {_NAN: json.dumps(broken)} if broken else {}


def _metrics(model: Any) -> dict[str, float]:
    """A checkpoint's figures as they were logged."""
    found = {metric.key: float(metric.value) for metric in model.metrics or []}
    return found | dict.fromkeys(json.loads(model.tags.get(_NAN, "[]")), math.nan)


def model_name(wanted: str) -> str:
    """The nearest name that MLflow allows for a LoggedModel: no dots, colons, quotes …"""
    return re.sub(r"[^\w\-]", "_", wanted)


def _ready(client: Connection, runs: Sequence[Run]) -> list:  # type: ignore[type-arg]
    """The whole checkpoints of the runs; a filter on status finds nothing, so it is done here."""
    if not runs:
        return []
    listed = ", ".join(f"'{run.id}'" for run in runs)
    found = []
    token = None
    while True:
        page = client.search_logged_models(
            [runs[0].experiment_id], f"source_run_id IN ({listed})", page_token=token
        )
        found += [
            model
            for model in page
            if model.status == LoggedModelStatus.READY and model.tags.get("al.role") == "checkpoint"
        ]
        token = page.token
        if not token:
            return found
