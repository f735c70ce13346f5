"""What the version in Production says of samples that nobody has labelled; killed, it goes on."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from al.errors import ConfigError, ExportError, RegistryError
from al.kinds import Trait, kind_of
from al.pipeline.labels_out import labels_of
from al.pipeline.models import model_of
from al.pipeline.session import Session
from al.pipeline.validating import calibrated, guessed, judges_of
from al.pipeline.workers import CampaignModel
from al.progress import bar
from al.sources import code_digest
from al.state import ids_digest
from al.whole import is_taken, whole_file

_log = logging.getLogger(__name__)

#: Samples of a file: what a kill costs at most.
PART = 8192
#: Says what the files of a folder are of; readers of parquet pass over such a name.
RECORD = "_predictions.json"
#: Which samples there can be predictions of.
SAMPLES = ("rest", "all")


@dataclass(frozen=True)
class _Record:
    """What the predictions in a folder depend on; others are not mixed with them.

    Attributes:
        samples, made_by: digests of ids, and of the code.
    """

    campaign: str
    version: str
    weights: str
    samples: str
    made_by: str


def predict(session: Session, to: str, samples: str) -> Path:
    """Write the predictions of the version in Production into a folder of parquet files.

    Columns are `id`; `label`, the best guess as a table holds it, in pixels of the sample's own
    image where it has places in it; `confidence`, how sure the
    model is, as calibrated on validation; and where labels are classes, `right`, the share of
    those validation samples that the model is as sure of, or surer, whose label it guesses, and
    a probability for each class, `p_CLASS`. Where they are numbers, `deviation` in place of
    `confidence`.

    Args:
        to: the folder; what an earlier call of the same left of it is gone on with.
        samples: "rest" for training samples without a label, "all" for all samples that there
            are, of which `split` says which they are.

    Raises:
        RegistryError: no version is in Production.
        ExportError: the folder holds something else.
    """
    if samples not in SAMPLES:
        raise ConfigError(f"samples={samples!r}: give {' or '.join(SAMPLES)}")
    model, version = in_production(session)
    ids = _ids(session, samples)
    where = f"predictions-{session.config.name}-v{version}" if to == "auto" else to
    record = _Record(
        session.config.name,
        session.registry.uri(version),
        model.digest,
        ids_digest(ids),
        code_digest(session.task),
    )
    folder = Path(where)
    try:
        _take(folder, record)
        _write(session, model, folder, ids, samples)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(f"{where} cannot be written ({reason}): give another folder") from error
    _log.info(f"predictions of {record.version} for {len(ids)} samples are in {where}")
    return folder


def in_production(session: Session) -> tuple[CampaignModel, int]:
    """The model in Production and its version.

    Raises:
        RegistryError: there is no such version.
    """
    last = session.state.champion_record
    version = session.registry.standing(last.version if last else None).version
    if version is None:
        raise RegistryError(
            f"no version of {session.registry.name} is in Production: run a cycle, or promote one"
        )
    if not session.knows_all(version):
        raise RegistryError(
            f"v{version} of {session.registry.name} does not know {session.classes[-1]!r}, a class "
            "that came since: let the cycle that is open end, which trains one that does"
        )
    return model_of(session, version), version


def _ids(session: Session, samples: str) -> list[str]:
    """The samples, in the order of their ids."""
    labelled = frozenset(labels_of(session).ids)
    rest = [id for id in session.data.ids("train") if id not in labelled]
    if samples == "rest":
        if not rest:
            raise ConfigError("every training sample has a label: pass samples=all")
        return rest
    return sorted(id for split in ("train", "val", "test") for id in session.data.ids(split))


def _take(folder: Path, record: _Record) -> None:
    """Make the folder, or see that it was made for the same.

    Raises:
        ExportError: it was made for something else.
    """
    kept, guesses = folder / RECORD, json.dumps(asdict(record), indent=2)
    if is_taken(folder):
        if not kept.is_file() or kept.read_text("utf-8") != guesses:
            raise ExportError(
                f"{folder} exists already and holds other things than these predictions: give "
                "another folder, or remove it"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(kept) as file:
        file.write(guesses.encode())


def _write(
    session: Session, model: CampaignModel, folder: Path, ids: Sequence[str], samples: str
) -> None:
    """Write the parts that are not there yet."""
    split_of = {}
    if samples == "all":
        for split in ("train", "val", "test"):
            split_of.update(dict.fromkeys(session.data.ids(split), split))
    guesses = Guesses(session, model)
    with bar(desc="predict", total=len(ids), unit="sample") as progress:
        for path, part in _parts(folder, ids):
            if not path.exists():
                table = guesses.table(part)
                if split_of:
                    table.insert(1, "split", [split_of[id] for id in part])
                with whole_file(path) as file:
                    table.to_parquet(file, index=False)
            progress.update(len(part))


def _parts(folder: Path, ids: Sequence[str]) -> Iterator[tuple[Path, Sequence[str]]]:
    for number, start in enumerate(range(0, len(ids), PART)):
        yield folder / f"part-{number:05d}.parquet", ids[start : start + PART]


class Guesses:
    """What a model says.

    Attributes:
        val_guess, val_sure, val_right: of the labels that the model is judged by, where they are
            classes: the position of the best class, how sure the model is of it, and whether it
            is the right one; [V].
    """

    def __init__(self, session: Session, model: CampaignModel) -> None:
        self.kind, self.data, self.model = kind_of(session.data.spec), session.data, model
        if Trait.CLASSES not in self.kind.traits:
            return
        on = judges_of(session, session.state.labels, model)
        if (found := calibrated(model, on)) is not None:
            crossed = model.crossed and model.crossed.scaled(found.temperature)
            recipe = model.recipe.scaled(found.temperature)
            self.model = CampaignModel(recipe, session.engine, crossed)
        truth = [self.kind.position(label) for label in on.labels]
        guesses, self.val_sure = guessed(self.model, on)
        self.val_guess = np.array([self.kind.position(label) for label in guesses], np.int64)
        self.val_right = self.val_guess == np.asarray(truth, np.int64)
        order = np.argsort(-self.val_sure, kind="stable")
        self._sure = self.val_sure[order]
        self._right = np.cumsum(self.val_right[order]) / np.arange(1, len(on.ids) + 1)

    def guesses(self, ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The best class of each sample by its position, and how sure of it the model is, [N]."""
        parts = [self._probabilities(ids[at : at + PART]) for at in range(0, len(ids), PART)]
        best = [p.argmax(axis=1) for p in parts] or [np.zeros(0, np.int64)]
        sure = [p.max(axis=1) for p in parts] or [np.zeros(0)]
        return np.concatenate(best), np.concatenate(sure)

    def table(self, ids: Sequence[str]) -> pd.DataFrame:
        """A row a sample."""
        if Trait.CLASSES not in self.kind.traits:
            labels, sure = self.model.guesses(ids)
            name = "deviation" if Trait.NORMAL in self.kind.traits else "confidence"
            numbers = self.kind.form == "value"
            own = [self.data.on_picture(*pair) for pair in zip(ids, labels, strict=True)]
            written = own if numbers else [self.kind.written(label) for label in own]
            return pd.DataFrame({"id": ids, "label": written, name: sure})
        p = self._probabilities(ids)
        best, names = p.argmax(axis=1), list(self.kind.place)
        sure = p.max(axis=1)
        columns = {
            "id": ids,
            "label": [names[place] for place in best],
            "confidence": sure,
            "right": self._share_right(sure),
        }
        return pd.DataFrame(columns | {f"p_{n}": p[:, place] for place, n in enumerate(names)})

    def _probabilities(self, ids: Sequence[str]) -> np.ndarray:
        return self.model.infer(ids, ["probabilities"])["probabilities"]

    def _share_right(self, sure: np.ndarray) -> np.ndarray:
        """Of the validation samples that the model is at least as sure of; NaN where none is."""
        at_least = np.searchsorted(-self._sure, -sure, side="right")
        return np.where(at_least > 0, np.r_[np.nan, self._right][at_least], np.nan)
