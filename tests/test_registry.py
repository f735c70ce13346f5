from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest

from al.errors import AlError, RegistryError
from al.registry import Registry, Standing
from al.registry.servable import _code
from al.tracking.connection import Connection
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
    with pytest.raises(RegistryError, match="exists and is no campaign's"):
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
    told = caplog.text
    assert "v1 was named champion by hand: this cycle uses it; archived v2" in told
    assert "moved there" not in told
    (run,) = runs(client, step="select-data", cycle="3")
    assert (run.data.tags["al.model"], run.data.tags["al.model_by"]) == ("models:/m/1", "hand")


def test_a_stage_and_an_alias_that_were_moved_apart_are_told(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="m", promote="always", cycles=3).run()
    client.set_registered_model_alias("m", "champion", "2")
    move(client, 1)
    campaign(campaign="m", promote="always").cycle()
    told = caplog.text
    assert "the alias champion was moved to v2 and v1 into Production: the stage counts" in told
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


def test_a_version_brings_the_source_of_its_task_and_of_its_kind(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "my_code.py").write_text("class Scale: ...\n")
    (folder / "my_task.py").write_text("class Grades: ...\n")
    monkeypatch.syspath_prepend(str(folder))
    found = [Path(path).name for path in _code("my_task:Grades", "my_code:Scale")]
    assert found == ["al", "my_task.py", "my_code.py"]
    assert [Path(path).name for path in _code("digits", "class")] == ["al"]
