"""What makes a run a campaign: written once when it begins, read by every later process."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from al.catalog import tasks
from al.config import Config
from al.contracts import DataLoader, DataSpec, Splits
from al.data.encoding import AUTO, NONE
from al.errors import ConfigError, LaterState, StateError
from al.tracking import Run

_log = logging.getLogger(__name__)

NAME = "campaign.json"
#: The same once more, for when that is damaged.
COPY = "campaign_copy.json"
#: Version of the layout, and validation samples (test ones where there are none) whose contents
#: are kept, to tell its data from other data.
SCHEMA, KNOWN = 1, 100
#: What campaigns do that began before there was a parameter; those of tasks that can have an
#: encoder have none.
OLDER = {"copies": "keep"}


@dataclass(frozen=True)
class CampaignRecord:
    """A campaign's configuration and splits.

    Attributes:
        config: with the names that `auto` stood for.
        contents: fingerprints of some samples by id.
    """

    schema: int
    config: dict[str, Any]
    data: DataSpec
    splits: Splits
    contents: dict[str, str]

    @classmethod
    def of(cls, config: Config, splits: Splits, data: DataLoader) -> CampaignRecord:
        """What is to be written."""
        named = config.replace(campaign=config.name, model=config.model_name)
        known = (splits.val or splits.test)[:KNOWN]
        contents = dict(zip(known, data.fingerprints(known), strict=True))
        return cls(SCHEMA, named.to_dict(), data.spec, splits, contents)

    @classmethod
    def load(cls, run: Run) -> CampaignRecord:
        """What `save` wrote; where it is damaged, it is written anew from its copy, with a line.

        Raises:
            StateError: it is missing or damaged, or another version wrote it.
        """
        try:
            return cls._load(run, NAME)
        except LaterState:
            raise
        except StateError as error:
            try:
                found = cls._load(run, COPY)
            except StateError:
                raise error from None
            run.save_json(NAME, asdict(found))
            _log.warning(f"{str(error).rpartition(': ')[0]}: it was written anew from {COPY}")
            return found

    @classmethod
    def _load(cls, run: Run, name: str) -> CampaignRecord:
        found = run.load_json(name, cls)
        if found.schema != SCHEMA:
            raise LaterState(
                f"{name} has schema {found.schema}, this version reads {SCHEMA}: "
                "install the version that wrote it"
            )
        found.as_config()
        return found

    def untyped(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What is given, less defaults of parameters that the campaign is older than: `mlflow
        run` gives all defaults, and this campaign goes on as it was."""
        default = Config()
        newer = {name for name in self._older() if name not in self.config}
        return {
            name: value
            for name, value in given.items()
            if name not in newer or value != getattr(default, name)
        }

    def save(self, run: Run) -> None:
        """Leave it on the campaign's run, and a copy once it is there."""
        for name in (NAME, COPY):
            run.save_json(name, asdict(self))

    def as_config(self) -> Config:
        """The configuration.

        Raises:
            StateError: a parameter is unknown or out of range.
            UnknownName: the task is not to be found from here.
        """
        older = self._older()
        try:
            found = Config.from_dict(older | self.config)
        except (TypeError, ConfigError) as error:
            raise StateError(f"{NAME} is damaged ({error}): restore it") from error
        # Where a task can have an encoder, `auto` is settled as a campaign begins: this one began
        # before its task could.
        began_before = found.encoder == AUTO and self._encodes(found.of_task)
        return found.replace(encoder=NONE) if began_before else found

    def _older(self) -> dict[str, str]:
        """What this campaign does where it began before there was a parameter."""
        return OLDER | {"encoder": NONE} if self._encodes({}) else OLDER

    def _encodes(self, given: Mapping[str, Any]) -> bool:
        """Whether the task, with these parameters, can have an encoder."""
        task = tasks.get(str(self.config.get("task")))
        encodes = getattr(task, "encodes", None)  # it is a Task, or makes one
        return bool(encodes and encodes(given))
