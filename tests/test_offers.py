"""Versions that wait for a person: promote=ask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.exceptions import MlflowException

import al
from al.registry import Registry
from al.tracking.connection import Connection
from tests.person import TINY, rows
from tests.stores import production, runs, stages

Make = Callable[..., Any]


@pytest.fixture
def registry(client: Any) -> Registry:
    made = Registry(Connection(mlflow.get_tracking_uri()), "m", "c", "owner")
    made.claim()
    for number in range(5):
        client.create_model_version("m", "file:///nowhere", tags={"al.weights": f"w{number + 1}"})
    made.promote(1, "first")
    made.offer(2, None)
    return made


def move(client: Any, version: int, stage: str, model: str = "m") -> None:
    client.transition_model_version_stage(model, str(version), stage)


def aliases(client: Any, model: str = "m") -> dict[str, int]:
    found = client.get_registered_model(model).aliases
    return {name: int(version) for name, version in found.items()}


def offer(client: Any, version: int) -> str:
    return str(client.get_model_version("m", str(version)).tags.get("al.offer"))


def test_a_version_that_is_offered_waits_beside_the_champion(
    registry: Registry, client: Any
) -> None:
    registry.settle(registry.standing(1))
    standing = registry.standing(1)
    assert (standing.version, standing.waiting, standing.rejected) == (1, 2, ())
    assert stages(client, "m") == {1: "Production", 2: "Staging", 3: "None", 4: "None", 5: "None"}
    assert aliases(client) == {"champion": 1, "challenger": 2}


def test_who_moves_it_to_production_approves_it(registry: Registry, client: Any) -> None:
    move(client, 2, "Production")
    client.set_model_version_tag("m", "2", "al.approved_by", "anna")
    standing = registry.standing(1)
    assert (standing.version, standing.by, standing.waiting) == (2, "hand", None)
    registry.settle(standing)
    assert production(client, "m") == [2]
    assert aliases(client) == {"champion": 2}
    assert offer(client, 2) == "approved"
    last = registry.promotions.all()[-1]
    assert (last.version, last.by, last.why) == (2, "anna", "approved")
    assert registry.undo("no", 2) == 1


def test_who_moves_the_alias_champion_approves_it_too(registry: Registry, client: Any) -> None:
    client.set_registered_model_alias("m", "champion", "2")
    registry.settle(registry.standing(1))
    assert production(client, "m") == [2]
    assert (registry.promotions.all()[-1].by, offer(client, 2)) == ("hand", "approved")


@pytest.mark.parametrize("how", ["Archived", "None", "alias"])
def test_a_version_that_was_rejected_is_remembered(
    registry: Registry, client: Any, how: str
) -> None:
    if how == "alias":
        client.delete_registered_model_alias("m", "challenger")
    else:
        move(client, 2, how)
    assert registry.rejected("w2") is None
    registry.settle(registry.standing(1))
    assert registry.standing(1).waiting is None
    assert registry.standing(1).rejected == ()  # told once
    assert registry.rejected("w2") == 2
    assert registry.rejected("w3") is None
    assert (stages(client, "m")[2], offer(client, 2)) == ("Archived", "rejected")
    assert aliases(client) == {"champion": 1}
    registry.offer(2, None)  # a step that was cut off does not offer it again
    assert stages(client, "m")[2] == "Archived"


def test_a_second_challenger_takes_the_place_of_the_first(registry: Registry, client: Any) -> None:
    for _ in range(2):  # twice is once
        registry.offer(3, 2)
    assert registry.standing(1).waiting == 3
    assert (stages(client, "m")[2], offer(client, 2)) == ("Archived", "replaced by v3")
    assert aliases(client)["challenger"] == 3
    registry.promote(4, "better than both")
    assert (stages(client, "m")[3], offer(client, 3)) == ("Archived", "replaced by v4")
    assert aliases(client) == {"champion": 4}


def test_without_stages_the_alias_tells_who_waits(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise MlflowException("Method 'transition_model_version_stage' is unsupported")

    monkeypatch.setattr(mlflow.MlflowClient, "transition_model_version_stage", refuse)
    made = Registry(Connection(mlflow.get_tracking_uri()), "m", "c", "owner")
    made.claim()
    for _ in range(3):
        client.create_model_version("m", "file:///nowhere")
    made.promote(1, "first")
    made.offer(2, None)
    assert "take the alias challenger away to reject it" in made.how_to_decide(2)
    assert made.standing(1).waiting == 2
    client.set_registered_model_alias("m", "champion", "2")
    standing = made.standing(1)
    assert (standing.version, standing.approved_by) == (2, "hand")
    made.settle(standing)
    made.offer(3, None)
    client.delete_registered_model_alias("m", "challenger")
    assert made.standing(2).rejected == (3,)


def test_a_campaign_asks_goes_on_and_finds_what_a_person_decided(
    folder: Path, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    frame = rows(90)
    frame["a"] = (frame["kind"] == "x") * 10.0 + frame["b"]  # any model is right
    frame.to_csv(folder / "rows.csv", index=False)
    tree = "sklearn.tree.DecisionTreeClassifier(random_state=0)"
    given = {**TINY, "promote": "ask", "estimator": tree}

    def cycle() -> str:
        caplog.clear()
        al.Campaign(**given).cycle()
        return caplog.text

    output = cycle()
    assert "v1 waits for approval in Staging: move it to Production" in output
    assert "no model" in output
    assert "the winner waits for approval" in output
    assert production(client, "c") == []
    move(client, 1, "Production", "c")
    output = cycle()
    assert "v1 was approved: this cycle uses it" in output
    assert (production(client, "c"), stages(client, "c")[2]) == ([1], "Staging")
    output = cycle()  # nobody decided
    assert "v2 was not decided about: v3 takes its place" in output
    assert (stages(client, "c")[2], stages(client, "c")[3]) == ("Archived", "Staging")
    move(client, 3, "Archived", "c")
    output = cycle()
    assert "v3 was rejected: it is not offered again" in output
    history = al.Campaign(campaign="c").history()
    assert list(history[["version", "by", "why"]].itertuples(index=False, name=None)) == [
        ("v1", "hand", "approved")
    ]
    (last,) = runs(client, step="select-model", cycle="4")
    assert last.data.tags["al.promoted"] == "False"
    al.Campaign(campaign="c", promote="always").cycle()
    assert production(client, "c") == [5]
