"""Checkpoints of a training run as LoggedModels, the way MLflow 3 keeps models.

A checkpoint is READY once all of it is there; one that was cut off is PENDING, is never seen, and
goes when its training goes on. Those of a training that takes seconds are sent together, as a
kill costs no more than these seconds.
"""

from __future__ import annotations

import json
import logging
import math
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from mlflow.entities import LoggedModelOutput, LoggedModelStatus
from mlflow.exceptions import MlflowException

from al.contracts import Candidate
from al.errors import StateError
from al.scratch import scratch_folder
from al.tracking.connection import Connection
from al.tracking.runs import Point, Run, as_kept
from al.tracking.store import Store
from al.whole import digest_of, on_disk

_log = logging.getLogger(__name__)

#: Figures and checkpoints are sent once the oldest has waited for so long.
FLUSH_SECONDS = 2.0
_NAN = "al.not_numbers"
#: Tag of a checkpoint: digest of the file from which training goes on after it; or that a later
#: one, which was sent with it, has such a file.
_RESUME, _LATER = "al.resume", "later"


class _Held(NamedTuple):
    """A checkpoint that is not sent yet."""

    epoch: int
    best_epoch: int
    metrics: Mapping[str, float]
    weights: Path
    resume: Path


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
        self._held: list[_Held] = []  # the same
        self._scratch = scratch_folder()  # goes with this object
        self._times: dict[int, int] = {}  # epoch → when it ended
        self._flushed = self._last = time.monotonic()
        self._whole: list[Candidate] = []  # in the order in which they came

    def log(self, epoch: int, metrics: Mapping[str, float]) -> None:
        self._times[epoch] = int(time.time() * 1000)
        self._points += self._at(epoch, metrics)
        if self._is_due:
            self.flush()

    def close(self) -> None:
        """Send what was kept back, and say which checkpoints came of the run."""
        self.flush()
        outputs = [LoggedModelOutput(one.checkpoint, one.epoch) for one in self._whole]
        if outputs:
            self._client.log_outputs(self._run.id, outputs, again=self._run.reopened)

    @property
    def made(self) -> list[Candidate]:
        """The checkpoints of the run, as `candidates` finds them."""
        return _latest(self._whole)

    @property
    def _is_due(self) -> bool:
        return time.monotonic() - self._flushed > FLUSH_SECONDS

    def flush(self) -> None:
        """Send what was kept back."""
        if self._held:
            self._send()
        else:
            self._run.log_points(self._points)
        self._points, self._held, self._flushed = [], [], time.monotonic()

    def _at(self, epoch: int, metrics: Mapping[str, float]) -> list[Point]:
        when = self._times[epoch]
        return [Point(name, value, epoch, when) for name, value in metrics.items()]

    def checkpoint(
        self, epoch: int, best_epoch: int, metrics: Mapping[str, float], weights: Path, resume: Path
    ) -> None:
        held = _Held(epoch, best_epoch, metrics, weights, resume)
        # Figures of this epoch may just have been sent, so that they are not due themselves.
        due = self._is_due or time.monotonic() - self._last > FLUSH_SECONDS
        self._held.append(held if due else self._copied(held))
        if due:
            self.flush()
        self._last = time.monotonic()

    def _copied(self, held: _Held) -> _Held:
        """The same, from files that stay."""
        folder = self._folder(held)
        weights = shutil.copytree(held.weights, folder / "weights")
        return held._replace(weights=weights, resume=Path(shutil.copy(held.resume, folder)))

    def _send(self) -> None:
        """Make what is held whole checkpoints; training goes on from the last of them."""
        last = self._held[-1]
        self._run.artifacts.save_file(last.resume, f"resume/{last.epoch:06d}")
        models = [self._made_of(held, goes_on=held is last) for held in self._held]
        points = {
            str(model.model_id): self._at(held.best_epoch, held.metrics)
            for model, held in zip(models, self._held, strict=True)
        }
        self._run.log_model_points(points, self._dataset, self._points)
        # All that they need is there, and the way to go on, before they count as whole.
        on_disk(self._run.artifact_uri, *(model.artifact_location for model in models))
        for model, held in zip(models, self._held, strict=True):
            self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
            figures = {name: as_kept(value) for name, value in held.metrics.items()}
            self._whole.append(
                Candidate(str(model.model_id), self._number, held.best_epoch, figures)
            )
            shutil.rmtree(self._folder(held), ignore_errors=True)

    def _folder(self, held: _Held) -> Path:
        """Where its copy lies, if there is one."""
        return Path(self._scratch.name) / f"{held.epoch:06d}"

    def _made_of(self, held: _Held, *, goes_on: bool) -> Any:
        """A LoggedModel with the weights, not whole yet."""
        model = self._client.create_logged_model(
            self._run.experiment_id,
            name=model_name(f"{self._prefix}-epoch{held.best_epoch}"),
            source_run_id=self._run.id,
            tags={
                "al.role": "checkpoint",
                "al.candidate": str(self._number),
                "al.epoch": str(held.best_epoch),
                "al.saved_at": str(held.epoch),
                "al.weights": digest_of(held.weights),
                _RESUME: digest_of(held.resume) if goes_on else _LATER,
                **_no_numbers(held.metrics),
            },
            params={"epoch": str(held.best_epoch), "candidate": str(self._number)},
            model_type="al-checkpoint",
        )
        self._client.artifacts(model.artifact_location).save(held.weights)
        return model

    def resume_file(self) -> Path | None:
        if not self._run.reopened:
            return None
        found = _checkpoints(self._client, [self._run])
        ready = [model for model in found if model.status == LoggedModelStatus.READY]
        for cut_off in (model for model in found if model.status != LoggedModelStatus.READY):
            with suppress(MlflowException):  # it serves nobody, so neither does its end
                self._client.delete_logged_model(cut_off.model_id)
        self._whole = _candidates(ready)
        serve = (model for model in ready if model.tags.get(_RESUME) != _LATER)
        for model in sorted(serve, key=lambda m: -int(m.tags["al.saved_at"])):
            epoch = int(model.tags["al.saved_at"])
            with suppress(StateError):
                path = self._run.path(f"resume/{epoch:06d}/resume.safetensors")
                if model.tags.get(_RESUME) in (None, digest_of(path)):
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
        return _latest(_candidates(_ready(store.client, runs)))

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


def _candidates(models: Sequence[Any]) -> list[Candidate]:
    """LoggedModels as candidates, in the order in which they came."""
    return [
        Candidate(
            checkpoint=str(model.model_id),
            number=int(model.tags["al.candidate"]),
            epoch=int(model.tags["al.epoch"]),
            metrics=_metrics(model),
        )
        for model in sorted(models, key=lambda model: model.creation_timestamp)
    ]


def _latest(candidates: Sequence[Candidate]) -> list[Candidate]:
    """By number and epoch; of several of an epoch the latest."""
    latest = {(candidate.number, candidate.epoch): candidate for candidate in candidates}
    return [latest[place] for place in sorted(latest)]


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
    found = _checkpoints(client, runs)
    return [model for model in found if model.status == LoggedModelStatus.READY]


def _checkpoints(client: Connection, runs: Sequence[Run]) -> list:  # type: ignore[type-arg]
    """The checkpoints of the runs, whole or not."""
    if not runs:
        return []
    listed = ", ".join(f"'{run.id}'" for run in runs)
    found = []
    token = None
    while True:
        page = client.search_logged_models(
            [runs[0].experiment_id], f"source_run_id IN ({listed})", page_token=token
        )
        found += [model for model in page if model.tags.get("al.role") == "checkpoint"]
        token = page.token
        if not token:
            return found
