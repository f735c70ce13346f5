"""A person who does what people do between the commands of a campaign, and reads what it says."""

from __future__ import annotations

import random
import re
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.entities import ViewType

import al
from al.errors import AlError, RegistryError
from al.pipeline.steps import STEPS
from tests.stores import production, runs, stages, table

#: The smallest campaign: a cycle takes a second.
TINY: dict[str, Any] = {
    "task": "table",
    "data": "rows.csv",
    "target": "kind",
    "estimator": "mlp",
    "strategy": "margin",
    "campaign": "c",
    "epochs": 1,
    "checkpoints": 1,
    "validation_size": 10,
    "initial_size": 4,
    "query_size": 2,
    "batch_size": 8,
    "baseline": "none",
    "promote": "always",
    "report": "off",
    "show_progress": False,
}


def rows(count: int, first: int = 0) -> pd.DataFrame:
    """Rows of two classes, which a feature tells apart."""
    draw = random.Random(first)
    kinds = [draw.randrange(2) for _ in range(count)]
    return pd.DataFrame(
        {
            "id": [f"r{first + number}" for number in range(count)],
            "a": [round(draw.gauss(2 * kind, 1), 3) for kind in kinds],
            "b": [round(draw.gauss(0, 1), 3) for _ in kinds],
            "kind": ["xy"[kind] for kind in kinds],
        }
    )


class Person:
    """Acts on a store as its owner may, and does what a campaign's lines ask for.

    Args:
        folder: where the data, the database `mlflow.db` and experiment "here" are.
    """

    def __init__(self, folder: Path, database: str = "mlflow.db", **parameters: Any) -> None:
        self.folder = folder
        self.uri = f"sqlite:///{folder}/{database}"
        mlflow.set_tracking_uri(self.uri)
        self.client = mlflow.MlflowClient(self.uri)
        self.given = {**TINY, **parameters}
        self.experiment = self.client.get_experiment_by_name("here").experiment_id
        self.lines: list[str] = []  # errors, in their order

    # -- commands ------------------------------------------------------------------------------

    def go(self, command: Callable[[al.Campaign], Any]) -> None:
        """Call a command until it does what it is there for, doing what it asks for in between."""
        problems: list[str] = []
        while True:
            try:
                command(al.Campaign(experiment="here", **self.given))
            except AlError as error:
                line = str(error)
                assert "\n" not in line
                assert problems.count(line) < 2, f"doing what it says does not help: {line}"
                problems.append(line)
                self.lines.append(line)
                self._do_what_it_says(line)
            else:
                return

    def cycle(self) -> None:
        """A cycle, brought to its end."""
        self.go(lambda campaign: campaign.cycle())

    def steps(self, last: str) -> None:
        """The steps of a cycle up to one; the cycle stays open."""
        for step in STEPS:
            self.go(lambda campaign, name=step.name: campaign.step(name))
            if step.name == last:
                return

    def undo(self) -> None:
        """Go back a version, where there is one to go back to."""

        def back(campaign: al.Campaign) -> None:
            try:
                campaign.undo("a person's whim")
            except RegistryError as error:
                if "nothing to go back to" not in str(error):
                    raise

        self.go(back)

    def _do_what_it_says(self, line: str) -> None:
        for pattern, act in REMEDIES:
            if found := re.search(pattern, line):
                act(self, *found.groups())
                return
        raise AssertionError(f"no person knows what to do: {line}")

    # -- the registry --------------------------------------------------------------------------

    def versions(self) -> list[int]:
        return sorted(stages(self.client, "c"))

    def move(self, version: int, stage: str, archive: bool = False) -> None:
        self.client.transition_model_version_stage(
            "c", str(version), stage, archive_existing_versions=archive
        )

    def delete_version(self, version: int) -> None:
        self.client.delete_model_version("c", str(version))

    def has_model(self) -> bool:
        return bool(self.client.search_registered_models("name='c'"))

    def lose_model(self, rename: bool) -> None:
        if rename:
            self.client.rename_registered_model("c", f"was-c-{uuid.uuid4().hex[:6]}")
        else:
            self.client.delete_registered_model("c")

    def rename_model(self) -> None:
        self.lose_model(rename=True)

    def set_owner(self, run: str) -> None:
        self.client.set_registered_model_tag("c", "al.campaign_run", run)

    def delete_tag_of_version(self, version: int, which: int) -> None:
        tags = sorted(self.client.get_model_version("c", str(version)).tags)
        if tags:
            self.client.delete_model_version_tag("c", str(version), tags[which % len(tags)])

    def delete_tag_of_model(self, which: int) -> None:
        tags = sorted(self.client.get_registered_model("c").tags)
        if tags:
            self.client.delete_registered_model_tag("c", tags[which % len(tags)])

    def alias(self, version: int | None) -> None:
        if version is None:
            self.client.delete_registered_model_alias("c", "champion")
        else:
            self.client.set_registered_model_alias("c", "champion", str(version))

    # -- runs ----------------------------------------------------------------------------------

    def of_role(self, role: str, deleted: bool = False) -> list[Any]:
        view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
        clause = f"tags.`al.role` = '{role}' and tags.`al.campaign` = 'c'"
        return list(
            self.client.search_runs(
                [self.experiment], clause, view, order_by=["attributes.start_time ASC"]
            )
        )

    def delete_run(self, role: str, number: int) -> None:
        if found := self.of_role(role):
            self.client.delete_run(found[number % len(found)].info.run_id)

    def restore_run(self, run: str) -> None:
        self.client.restore_run(run)

    def delete_this_run(self, run: str) -> None:
        self.client.delete_run(run)

    def restore_select_data(self, cycle: str) -> None:
        """Restore the run of a cycle's first step that was deleted last."""
        tags = {"al.step": "select-data", "al.cycle": cycle}
        deleted = [
            run
            for run in self.of_role("step", deleted=True)
            if tags.items() <= run.data.tags.items()
        ]
        self.client.restore_run(deleted[-1].info.run_id)

    def set_status(self, role: str, number: int, status: str) -> None:
        if found := self.of_role(role):
            self.client.update_run(found[number % len(found)].info.run_id, status)

    def restore(self, role: str) -> None:
        """Restore the newest run of a role that was deleted."""
        if found := self.of_role(role, deleted=True):
            self.client.restore_run(found[-1].info.run_id)

    def restore_experiment(self) -> None:
        self.client.restore_experiment(self.experiment)

    # -- the data ------------------------------------------------------------------------------

    def data(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "rows.csv")

    def write(self, frame: pd.DataFrame) -> None:
        frame.to_csv(self.folder / "rows.csv", index=False)

    def drop_what_is_missing(self) -> None:
        self.given["missing"] = "drop"

    def restore_rows(self) -> None:
        """Bring the rows that were there at first back; those that came later stay."""
        first, now = rows(90), self.data()
        self.write(pd.concat([first, now[~now["id"].isin(first["id"])]]))

    def bring_file_back(self) -> None:
        (self.folder / "away.csv").rename(self.folder / "rows.csv")

    # -- what must hold ------------------------------------------------------------------------

    def labels(self) -> dict[str, str]:
        """Labels by sample, after the last cycle that is closed."""
        closed = [
            run
            for run in runs(self.client, role="cycle", campaign="c")
            if run.data.tags.get("al.done") == "true"
        ]
        if not closed:
            return {}
        last = max(closed, key=lambda run: int(run.data.tags["al.cycle"]))
        frame = table(self.client, last, "state/labels.parquet")
        assert frame["id"].is_unique
        return dict(zip(frame["id"], frame["label"], strict=True))

    def check(self) -> None:
        """After a cycle one version is in Production, and the alias names it.

        Where a person is asked, none may be there; then one waits, unless one was rejected.
        """
        there = production(self.client, "c")
        aliases = self.client.get_registered_model("c").aliases
        assert len(there) == 1 or (not there and self.given["promote"] == "ask"), there
        assert not there or int(aliases["champion"]) == there[0]
        versions = self.client.search_model_versions("name='c'")
        assert sum(version.tags.get("al.offer") == "waits" for version in versions) <= 1
        left = [run.info.run_name for run in self.of_role("step") if run.info.status == "RUNNING"]
        assert not left


def start(folder: Path, empty_database: Path) -> Person:
    """A person at a campaign of two cycles."""
    shutil.copy(empty_database, folder / "mlflow.db")
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    client.create_experiment("here", artifact_location=str(folder / "artifacts"))
    person = Person(folder)
    person.write(rows(90))
    person.cycle()
    person.cycle()
    return person


#: What a person reads in a line, and does about it.
REMEDIES: list[tuple[str, Callable[..., None]]] = [
    (r"experiment 'here' is deleted: restore it", Person.restore_experiment),
    (r"data=rows.csv: there is no file", Person.bring_file_back),
    (r"restore its run (\w+)", Person.restore_run),
    (r"belongs to run (\w+) of 'c', which is deleted: restore that run", Person.restore_run),
    (r"set its tag al\.campaign_run to (\w+)", Person.set_owner),
    (r"rename it, and the campaign makes another", Person.rename_model),
    (r"is not a campaign's: pass another model name, or rename it", Person.rename_model),
    (r"run select-data of cycle (\d+) was deleted.*: restore it", Person.restore_select_data),
    (r"runs (\w+) and \w+ are each campaign 'c': delete all but one", Person.delete_this_run),
    (r"samples have vanished.*pass missing=drop", Person.drop_what_is_missing),
    (r"are not what they were .*: restore them", Person.restore_rows),
]
