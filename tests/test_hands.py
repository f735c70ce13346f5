"""A random person acts between the commands of a campaign: it goes on, or says what to do."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.person import Person, rows, start

ANY = st.integers(0, 99)


class Hands(RuleBasedStateMachine):
    """A campaign of two cycles, and a person with all rights."""

    begun: Path  # the folder after two cycles
    count = 0

    def __init__(self) -> None:
        super().__init__()
        folder = Hands.begun
        for name in ("artifacts", "rows.csv"):
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            copy = shutil.copytree if (folder / "kept" / name).is_dir() else shutil.copy
            copy(folder / "kept" / name, path)
        Hands.count += 1  # MLflow keeps connections to a database that it knows
        shutil.copy(folder / "kept" / "mlflow.db", folder / f"mlflow{Hands.count}.db")
        self.person = Person(folder, f"mlflow{Hands.count}.db")
        assert len(self.person.of_role("cycle")) == 2
        self.rows_added = 0
        self.unchanged = True  # nobody took runs or rows away, or changed a label

    def teardown(self) -> None:
        before = self.person.labels() if self.unchanged else {}
        self.person.cycle()
        self.person.check()
        after = self.person.labels()
        assert before.items() <= after.items()

    # -- commands ------------------------------------------------------------------------------

    @rule()
    def cycle(self) -> None:
        before = self.person.labels() if self.unchanged else {}
        self.person.cycle()
        self.person.check()
        assert before.items() <= self.person.labels().items()

    @rule(name=st.sampled_from(["select-data", "annotate", "compare", "train"]))
    def up_to(self, name: str) -> None:
        """A cycle stays open after this step."""
        self.person.steps(name)

    @rule()
    def undo(self) -> None:
        self.person.undo()

    # -- the registry --------------------------------------------------------------------------

    def version(self, number: int) -> int:
        there = self.person.versions()
        return there[number % len(there)]

    @precondition(lambda self: self.person.versions())
    @rule(number=ANY, stage=st.sampled_from(["Production", "Archived", "Staging", "None"]))
    def move(self, number: int, stage: str) -> None:
        self.person.move(self.version(number), stage)

    @precondition(lambda self: self.person.versions())
    @rule(number=ANY)
    def move_alone(self, number: int) -> None:
        self.person.move(self.version(number), "Production", archive=True)

    @precondition(lambda self: self.person.versions())
    @rule(number=ANY)
    def delete_version(self, number: int) -> None:
        self.person.delete_version(self.version(number))

    @precondition(lambda self: self.person.versions())
    @rule(number=ANY, away=st.booleans())
    def move_alias(self, number: int, away: bool) -> None:
        self.person.alias(None if away else self.version(number))

    @precondition(lambda self: self.person.has_model())
    @rule(rename=st.booleans())
    def lose_the_model(self, rename: bool) -> None:
        self.person.lose_model(rename)

    @precondition(lambda self: self.person.versions())
    @rule(number=ANY, which=ANY)
    def delete_a_tag_of_a_version(self, number: int, which: int) -> None:
        self.person.delete_tag_of_version(self.version(number), which)

    @precondition(lambda self: self.person.has_model())
    @rule(which=ANY)
    def delete_a_tag_of_the_model(self, which: int) -> None:
        self.person.delete_tag_of_model(which)

    # -- runs ----------------------------------------------------------------------------------

    @rule(role=st.sampled_from(["cycle", "step"]), number=ANY)
    def delete_run(self, role: str, number: int) -> None:
        self.unchanged = False
        self.person.delete_run(role, number)

    @rule()
    def delete_campaign(self) -> None:
        self.unchanged = False  # where its model is away too, another one begins
        self.person.delete_run("campaign", 0)

    @rule(role=st.sampled_from(["cycle", "step"]))
    def restore_run(self, role: str) -> None:
        self.person.restore(role)

    @rule(
        role=st.sampled_from(["campaign", "cycle", "step"]),
        number=ANY,
        status=st.sampled_from(["FINISHED", "FAILED", "KILLED"]),
    )
    def end_run(self, role: str, number: int, status: str) -> None:
        self.person.set_status(role, number, status)

    @rule(back=st.booleans())
    def delete_experiment(self, back: bool) -> None:
        self.person.client.delete_experiment(self.person.experiment)
        self.unchanged = False  # MLflow restores all runs with it, those that were deleted before
        if back:
            self.person.client.restore_experiment(self.person.experiment)
        else:
            self.person.cycle()

    # -- data ----------------------------------------------------------------------------------

    @rule(count=st.integers(1, 5))
    def add_rows(self, count: int) -> None:
        frame = self.person.data()
        self.rows_added += 10
        first = 100 + self.rows_added
        self.person.write(pd.concat([frame, rows(count, first)]))

    @rule(number=ANY)
    def remove_row(self, number: int) -> None:
        self.unchanged = False
        frame = self.person.data()
        self.person.write(frame.drop(index=number % len(frame)))

    @rule(number=ANY, column=st.sampled_from(["a", "b"]))
    def change_cell(self, number: int, column: str) -> None:
        frame = self.person.data()
        frame.loc[number % len(frame), column] = 7.5
        self.person.write(frame)

    @rule(number=ANY, label=st.sampled_from(["x", "y"]))
    def change_label(self, number: int, label: str) -> None:
        self.unchanged = False
        frame = self.person.data()
        frame.loc[number % len(frame), "kind"] = label
        self.person.write(frame)

    @rule(
        change=st.sampled_from(
            [{"query_size": 3}, {"strategy": "entropy"}, {"promote": "ask"}, {"epochs": 2},
             {"promote": "not-worse"}, {"kpi": "0.9"}, {"kpi": "off"}, {"candidates": 2}]
        )
    )  # fmt: skip
    def change_a_parameter(self, change: dict[str, Any]) -> None:
        self.person.given |= change

    @rule()
    def lose_the_file(self) -> None:
        (self.person.folder / "rows.csv").rename(self.person.folder / "away.csv")
        self.person.cycle()


@pytest.fixture(scope="module")
def begun(empty_database: Path) -> Any:
    """The campaign, begun once."""
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patched:
        folder = Path(name)
        patched.chdir(folder)
        patched.setenv("AL_CACHE_DIR", str(folder / "cache"))
        start(folder, empty_database)
        kept = folder / "kept"
        kept.mkdir()
        shutil.copy(folder / "rows.csv", kept / "rows.csv")
        with closing(sqlite3.connect(kept / "mlflow.db")) as copy:  # with what is in its log yet
            sqlite3.connect(folder / "mlflow.db").backup(copy)
        shutil.copytree(folder / "artifacts", kept / "artifacts")
        Hands.begun = folder
        yield folder
        mlflow.set_tracking_uri(None)


def play(examples: int, steps: int, **how: Any) -> None:
    run_state_machine_as_test(
        Hands,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            **how,
        ),
    )


@pytest.mark.slow
def test_a_campaign_outlasts_what_a_person_does(begun: Path) -> None:
    play(1, 4, phases=[Phase.generate], derandomize=True)


@pytest.mark.sweep
@pytest.mark.timeout(7200)
def test_a_campaign_outlasts_whatever_people_do(begun: Path) -> None:
    # What failed is said as it came: shrinking it takes longer than all else.
    play(int(os.environ.get("AL_HANDS", "60")), 12, phases=[Phase.generate])
