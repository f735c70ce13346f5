from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

import al
from al.errors import AlError, RegistryError
from al.pipeline import driving
from al.pipeline.cycle import begin_cycle
from al.pipeline.driving import advance
from al.pipeline.opening import open_session
from al.registry import Registry, Standing
from al.registry.registry import PAGE
from al.registry.servable import archive
from al.tracking.connection import Connection
from tests.conftest import ROOT, SMALL
from tests.stores import production, runs, stages

Make = Callable[..., Any]


@pytest.fixture
def registry(client: Any) -> Registry:
    made = Registry(Connection(mlflow.get_tracking_uri()), "m", "c", "owner")
    made.claim()
    for _ in range(4):
        client.create_model_version("m", "file:///nowhere")
    return made


def stages_of_mlflow(client: Any, version: int, stage: str, archive: bool) -> None:
    """What the registry page does on a click."""
    client.transition_model_version_stage(
        "m", str(version), stage, archive_existing_versions=archive
    )


def move(client: Any, version: int, stage: str = "Production") -> None:
    stages_of_mlflow(client, version, stage, archive=False)


def test_promotion_leaves_one_version_in_production_with_the_alias(
    registry: Registry, client: Any
) -> None:
    for version in (1, 3, 2, 2):
        registry.promote(version, "why")
        assert production(client, "m") == [version]
        assert client.get_registered_model("m").aliases == {"champion": version}
    assert stages(client, "m") == {1: "Archived", 2: "Production", 3: "Archived", 4: "None"}


def test_what_a_person_moves_between_the_look_and_the_promotion_is_archived(
    registry: Registry, client: Any
) -> None:
    registry.promote(1, "why")
    registry.standing(1)
    move(client, 3)
    registry.promote(2, "why", again=False)  # as it is registered for that
    assert production(client, "m") == [2]


def test_nobody_is_in_production_at_first(registry: Registry) -> None:
    assert registry.standing(None) == Standing(None)


def test_what_the_pipeline_promoted_stands(registry: Registry) -> None:
    registry.promote(2, "why")
    assert registry.standing(2) == Standing(2, alias=2)


@pytest.mark.parametrize("by_hand", [1, 3])
def test_a_version_moved_by_hand_beside_the_champion_is_meant(
    registry: Registry, client: Any, by_hand: int
) -> None:
    registry.promote(2, "why")
    move(client, by_hand)
    standing = registry.standing(2)
    assert standing == Standing(by_hand, True, (2,), alias=2)
    registry.settle(standing)
    registry.settle(standing)  # twice is once
    assert production(client, "m") == [by_hand]
    assert client.get_registered_model("m").aliases == {"champion": by_hand}


def test_a_version_moved_by_hand_with_the_box_ticked_is_meant_too(
    registry: Registry, client: Any
) -> None:
    registry.promote(2, "why")
    stages_of_mlflow(client, 1, "Production", archive=True)
    assert registry.standing(2) == Standing(1, True, (), alias=2)


def test_of_two_moved_by_hand_the_later_one_is_meant(registry: Registry, client: Any) -> None:
    registry.promote(2, "why")
    move(client, 3)
    move(client, 1)
    assert registry.standing(2) == Standing(1, True, (2, 3), alias=2)


def test_a_champion_archived_by_hand_leaves_nobody(registry: Registry, client: Any) -> None:
    registry.promote(2, "why")
    move(client, 2, "Archived")
    assert registry.standing(2) == Standing(None, True, (), alias=2)


def test_an_alias_moved_by_hand_is_meant_and_the_stage_follows(
    registry: Registry, client: Any
) -> None:
    registry.promote(2, "why")
    client.set_registered_model_alias("m", "champion", "4")
    standing = registry.standing(2)
    assert standing == Standing(4, True, (2,), alias=4, staged=False)
    registry.settle(standing)
    assert production(client, "m") == [4]
    assert client.get_registered_model("m").aliases == {"champion": 4}
    assert registry.standing(4) == Standing(4, alias=4)


def test_where_stage_and_alias_were_moved_apart_the_stage_is_meant(
    registry: Registry, client: Any
) -> None:
    registry.promote(2, "why")
    client.set_registered_model_alias("m", "champion", "4")
    move(client, 1)
    standing = registry.standing(2)
    assert standing == Standing(1, True, (2,), alias=4)
    registry.settle(standing)
    assert production(client, "m") == [1]
    assert client.get_registered_model("m").aliases == {"champion": 1}


@pytest.mark.parametrize("stage", ["Production", "Archived"])
def test_an_alias_that_was_only_taken_away_is_no_choice(
    registry: Registry, client: Any, stage: str
) -> None:
    registry.promote(2, "why")
    client.delete_registered_model_alias("m", "champion")
    move(client, 2, stage)
    there = stage == "Production"
    assert registry.standing(2) == Standing(2 if there else None, by_hand=not there)


def test_a_name_that_another_campaign_owns_is_refused(registry: Registry, client: Any) -> None:
    with pytest.raises(RegistryError, match="'m' belongs to campaign 'c'"):
        Registry(Connection(mlflow.get_tracking_uri()), "m", "other", "someone").claim()
    client.create_registered_model("foreign")
    with pytest.raises(RegistryError, match="exists and is not a campaign's"):
        Registry(Connection(mlflow.get_tracking_uri()), "foreign", "c", "owner").check_free()
    registry.claim()  # its own owner may claim it again


def test_a_version_without_our_weights_is_refused(
    registry: Registry, client: Any, tmp_path: Any
) -> None:
    with pytest.raises(RegistryError, match="version 1 of 'm' holds no weights"):
        registry.fetch_weights(1, tmp_path)


def test_the_next_cycle_works_with_the_persons_choice(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="m", promote="always", cycles=3).run()
    assert production(client, "m") == [3]
    move(client, 1)
    assert sorted(production(client, "m")) == [1, 3]
    campaign(campaign="m", promote="always").cycle()
    assert "v1 was put into Production by hand" in caplog.text
    run = runs(client, step="select-data", cycle="4")[0]
    assert run.data.tags["al.model"] == "models:/m/1"
    assert run.data.tags["al.model_by"] == "hand"
    assert production(client, "m") == [4]


def test_the_next_cycle_works_with_the_version_that_a_person_named_champion(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="m", promote="always").run()
    client.set_registered_model_alias("m", "champion", "1")
    campaign(campaign="m", promote="always").cycle()
    logged = caplog.text
    assert "v1 was named champion by hand: this cycle uses it; archived v2" in logged
    assert "moved there" not in logged
    (run,) = runs(client, step="select-data", cycle="3")
    assert (run.data.tags["al.model"], run.data.tags["al.model_by"]) == ("models:/m/1", "hand")


@pytest.mark.slow
def test_a_stage_and_an_alias_that_were_moved_apart_are_reported(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="m", promote="always", cycles=3).run()
    client.set_registered_model_alias("m", "champion", "2")
    move(client, 1)
    campaign(campaign="m", promote="always").cycle()
    logged = caplog.text
    assert "the alias champion was moved to v2 and v1 into Production: the stage counts" in logged
    (run,) = runs(client, step="select-data", cycle="4")
    assert run.data.tags["al.model"] == "models:/m/1"


def test_after_the_champion_was_archived_by_hand_the_cycle_starts_cold(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="m", cycles=1).run()
    move(client, 1, "Archived")
    campaign(campaign="m", cycles=1).cycle()
    assert "no version of m is in Production any more" in caplog.text
    run = runs(client, step="select-data", cycle="2")[0]
    assert run.data.tags["al.model"] == "none"
    assert production(client, "m") == [2]


def test_a_foreign_version_put_into_production_is_one_line(campaign: Make, client: Any) -> None:
    campaign(campaign="m", cycles=1).run()
    client.create_model_version("m", "file:///nowhere")
    move(client, 2)
    with pytest.raises(AlError, match="move another version to Production"):
        campaign(campaign="m", cycles=2).run()
    move(client, 2, "Archived")
    move(client, 1)
    campaign(campaign="m", cycles=2).run()


def test_an_archive_is_a_package_that_python_imports_and_the_same_each_time(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    for path in (first, second):
        archive(path, ROOT / "al")
    assert first.read_bytes() == second.read_bytes()
    code = "import sys; sys.path.insert(0, sys.argv[1]); from al.catalog import tasks; import al"
    script = "print(al.__file__, 'digits' in tasks.names())"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {script}", first], cwd=tmp_path, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [str(first / "al" / "__init__.py"), "True"]


def test_a_version_is_a_dozen_files_at_most(campaign: Make, folder: Path) -> None:
    campaign(campaign="m", cycles=1).run()
    (model,) = folder.glob("artifacts/**/MLmodel")
    files = [path for path in model.parent.rglob("*") if path.is_file()]
    assert len(files) <= 12
    assert not [path for path in files if path.suffix == ".pyc"]


# -- what people delete ---------------------------------------------------------------------


def test_a_model_that_is_not_the_campaigns_any_more_is_one_line_with_the_way_out(
    client: Any,
) -> None:
    experiment = client.get_experiment_by_name("here").experiment_id
    owner, lost = (client.create_run(experiment).info.run_id for _ in range(2))
    connection = Connection(mlflow.get_tracking_uri())
    new, known = (Registry(connection, "m", "c", run) for run in ("", owner))
    Registry(connection, "m", "c", lost).claim()
    with pytest.raises(RegistryError, match=f"run {lost} of 'c' in another experiment: pass"):
        new.check_free()
    client.delete_run(lost)
    with pytest.raises(RegistryError, match=f"run {lost} of 'c', which is deleted: restore that"):
        new.check_free()
    with pytest.raises(RegistryError, match="deleted: rename it, and the campaign makes another"):
        known.check_free()
    client.delete_registered_model_tag("m", "al.campaign")
    with pytest.raises(RegistryError, match=f"run {lost} of 'c', which is deleted: restore that"):
        new.check_free()
    client.delete_registered_model_tag("m", "al.campaign_run")
    with pytest.raises(
        RegistryError, match="is not a campaign's: pass another model name, or rename"
    ):
        new.check_free()
    with pytest.raises(RegistryError, match=f"set its tag al.campaign_run to {owner} if it is"):
        known.check_free()
    client.set_registered_model_tag("m", "al.campaign_run", owner)
    assert known.check_free() is False
    client.rename_registered_model("m", "other")
    assert known.check_free() is True


def test_a_campaign_that_was_deleted_is_reported_and_goes_on_when_its_run_is_restored(
    campaign: Make, client: Any
) -> None:
    campaign(campaign="m", cycles=1).run()
    (run,) = runs(client, role="campaign")
    client.delete_run(run.info.run_id)
    with pytest.raises(AlError, match=f"was deleted: restore its run {run.info.run_id}"):
        al.Campaign(campaign="m").cycle()
    client.restore_run(run.info.run_id)
    campaign(campaign="m").step("select-data")
    campaign(campaign="m").step("annotate")
    (asked,) = runs(client, step="select-data", cycle="2")
    client.delete_run(asked.info.run_id)
    with pytest.raises(AlError, match="select-data of cycle 2 was deleted, and its answers"):
        campaign(campaign="m").cycle()
    client.restore_run(asked.info.run_id)
    campaign(campaign="m").cycle()
    twin = client.create_run(run.info.experiment_id, tags=dict(run.data.tags))
    client.log_artifact(
        twin.info.run_id, client.download_artifacts(run.info.run_id, "campaign.json")
    )
    with pytest.raises(AlError, match="are each campaign 'm': delete all but one"):
        campaign(campaign="m").cycle()


def test_a_deleted_experiment_is_one_line_however_it_is_named(
    campaign: Make, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = client.get_experiment_by_name("here").experiment_id
    client.delete_experiment(experiment)
    with pytest.raises(AlError, match="experiment 'here' is deleted: restore it"):
        campaign(campaign="m").cycle()
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    with pytest.raises(AlError, match="experiment 'here' is deleted: restore it"):
        campaign(campaign="m").cycle()


def test_the_version_of_an_open_cycle_may_be_deleted_where_another_is_in_production(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    small = {"campaign": "m", "promote": "always", "kpi": "0.5"}
    campaign(**small).run()
    campaign(**small).step("select-data")
    (opened,) = runs(client, step="select-data", cycle="3")
    pinned = opened.data.tags["al.model"]
    move(client, int(pinned.rpartition("/")[2]), "Archived")
    client.delete_model_version("m", pinned.rpartition("/")[2])
    other = client.create_model_version("m", client.search_model_versions("name='m'")[0].source)
    move(client, int(other.version))
    for _ in range(2):  # it stays so in a later command
        campaign(**small).step("annotate")
    assert caplog.text.count("was deleted: the cycle goes on with v") == 1
    campaign(**small).cycle()
    (opened,) = runs(client, step="select-data", cycle="3")
    assert opened.data.tags["al.model"] == pinned
    assert opened.data.tags["al.model_now"] == f"models:/m/{other.version}"
    assert runs(client, role="cycle", cycle="3")[0].data.tags["al.done"] == "true"


def test_after_the_registered_model_was_deleted_the_champion_is_measured_anew(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="m", cycles=1).run()
    campaign(
        campaign="m",
        cycles=1,
    ).step("select-data")
    client.delete_registered_model("m")
    campaign(campaign="m", cycles=1).cycle()
    assert "v1, which this cycle's query came from, was deleted" in caplog.text
    assert "the cycle goes on without a model" in caplog.text
    assert production(client, "m") == [1]  # numbers begin again
    first, second = (run.data.metrics for run in runs(client, role="cycle"))
    won = runs(client, step="select-model", cycle="2")[0].data.metrics["winner/val/accuracy"]
    assert second["cycle/val_accuracy"] == won
    assert second["cycle/val_accuracy"] != first["cycle/val_accuracy"]


def test_a_winner_that_was_deleted_before_the_cycle_closed_is_not_waited_for(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(cycle: Any) -> None:
        raise KeyboardInterrupt

    campaign(campaign="m", cycles=1, promote="always").run()
    with monkeypatch.context() as patched:
        patched.setattr(driving, "close", cut)
        with pytest.raises(KeyboardInterrupt):
            campaign(campaign="m", promote="always").run()
    move(client, 2, "Archived")
    client.delete_model_version("m", "2")
    move(client, 1)
    campaign(campaign="m", promote="always").run()
    assert "v2 was deleted: v1 is in Production" in caplog.text
    (closed,) = runs(client, role="cycle", cycle="2")
    assert closed.data.metrics["cycle/version"] == 1


# -- registries without stages ---------------------------------------------------------------


@pytest.fixture
def no_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's client refuses as it does for Unity Catalog."""

    def refuse(*_: Any, **__: Any) -> None:
        raise MlflowException(
            "Method 'transition_model_version_stage' is unsupported for models in the Unity "
            "Catalog. Set the registry URI to 'databricks' to use the Workspace Model Registry"
        )

    monkeypatch.setattr(mlflow.MlflowClient, "transition_model_version_stage", refuse)


def test_without_stages_the_alias_alone_tells_the_champion(
    registry: Registry, client: Any, no_stages: None
) -> None:
    assert registry.standing(None) == Standing(None)
    for version in (1, 2):
        registry.promote(version, "why")
        assert registry.standing(version) == Standing(version, alias=version)
    client.set_registered_model_alias("m", "champion", "4")
    standing = Registry(Connection(mlflow.get_tracking_uri()), "m", "c", "owner").standing(2)
    assert standing == Standing(4, by_hand=True, alias=4)
    registry.settle(standing)
    assert registry.undo("it is slow", 4) == 2
    assert registry.standing(4) == Standing(2, alias=2, undone=True)
    client.delete_registered_model_alias("m", "champion")
    assert registry.standing(2) == Standing(None, by_hand=True)
    assert set(stages(client, "m").values()) == {"None"}


def test_a_campaign_runs_without_stages_and_a_person_moves_the_alias(
    campaign: Make, client: Any, no_stages: None, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="m", promote="always").run()
    assert caplog.text.count("the registry has no stages: models:/m@champion is the champion") == 1
    client.set_registered_model_alias("m", "champion", "1")
    campaign(campaign="m", promote="always").cycle()
    assert "v1 was put into Production by hand: this cycle uses it" in caplog.text
    (opened,) = runs(client, step="select-data", cycle="3")
    assert opened.data.tags["al.model"] == "models:/m/1"
    assert client.get_registered_model("m").aliases == {"champion": 3}
    assert list(campaign(campaign="m").history()["by"]) == [
        "pipeline", "pipeline", "hand", "pipeline",
    ]  # fmt: skip


def test_another_refusal_of_the_registry_is_reported(registry: Registry, client: Any) -> None:
    with pytest.raises(MlflowException, match="9"):
        registry.promote(9, "why")
    assert "al.stages" not in client.get_registered_model("m").tags


def test_a_look_finds_what_a_person_did_among_many_versions(
    registry: Registry, client: Any
) -> None:
    for _ in range(2 * PAGE):
        client.create_model_version("m", "file:///nowhere")
    registry.promote(3, "why")
    assert registry.standing(3) == Standing(3, alias=3)
    move(client, 1)  # the oldest of all
    assert registry.standing(3) == Standing(1, by_hand=True, others=(3,), alias=3)
    registry.settle(registry.standing(3))
    assert production(client, "m") == [1]
    for version in range(4, 2 * PAGE + 4):  # more has happened since than a page holds
        move(client, version, "Staging")
    move(client, 2)
    for version in range(4, 2 * PAGE + 4):
        move(client, version, "Archived")
    assert registry.standing(1) == Standing(2, by_hand=True, others=(1,), alias=1)
    registry.promote(2, "why")
    assert production(client, "m") == [2]
    client.delete_model_version("m", "2")
    assert registry.standing(2).version is None
    client.set_registered_model_alias("m", "champion", "7")
    assert registry.standing(2).version == 7


def test_a_cycle_reads_the_registered_model_and_its_promotions_twice(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each promotion leaves a tag there, so that each reading takes longer with every cycle."""
    read, original = list[str](), SqlAlchemyStore.get_registered_model

    def counted(store: SqlAlchemyStore, name: str) -> Any:
        read.append(name)
        return original(store, name)

    monkeypatch.setattr(SqlAlchemyStore, "get_registered_model", counted)
    session = open_session({**SMALL, "task": "digits", "promote": "always", "report": "off"})
    for number in (1, 2, 3):
        read.clear()
        assert advance(begin_cycle(session))
        # Before it chooses and before it promotes, as a person may have moved a version.
        assert len(read) == 2 or number == 1
    assert session.driver is not None
    session.driver.release()
