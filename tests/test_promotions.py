"""Which version was in Production when, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from al.errors import ConfigError, RegistryError
from al.registry import Registry, promotions
from al.registry.promotions import Promotion, Promotions, before
from al.tracking.connection import Connection
from tests.stores import production, runs
from tests.test_steps import arguments, step

Make = Callable[..., Any]
ALL = range(100)


def rows(*versions: int | str | None) -> list[Promotion]:
    """Promotions in a line; "undo" goes back as the tool does."""
    found: list[Promotion] = []
    for version in versions:
        if version == "undo":
            found.append(Promotion(before(found, ALL), "undo", "", ""))
        else:
            found.append(Promotion(version, "pipeline", "", ""))  # type: ignore[arg-type]
    return found


def test_the_way_back_is_the_order_in_which_versions_came() -> None:
    assert before(rows(), ALL) is None
    assert before(rows(1), ALL) is None
    assert before(rows(1, 2, 3), ALL) == 2
    assert before(rows(1, 2, 3, "undo"), ALL) == 1
    assert before(rows(1, 2, 3, "undo", "undo"), ALL) is None
    assert before(rows(1, 2, "undo", 3), ALL) == 1
    assert before(rows(1, None), ALL) == 1


def test_the_way_back_passes_over_what_is_gone_and_goes_on_from_where_it_came_to() -> None:
    assert before(rows(1, 2, 3), {1, 3}) == 1
    assert before(rows(1, 2, 3), {3}) is None
    passed_over = [*rows(0, 1, 2, 3), Promotion(1, "undo", "", "")]
    assert before(passed_over, {0, 1, 3}) == 0


@given(st.lists(st.integers(1, 9), min_size=2, max_size=8, unique=True))
def test_as_many_undos_as_promotions_lead_back_to_the_first(versions: list[int]) -> None:
    history = rows(*versions)
    for expected in reversed(versions[:-1]):
        assert before(history, ALL) == expected
        history = rows(*versions, *["undo"] * (len(history) - len(versions) + 1))
    assert before(history, ALL) is None


@pytest.fixture
def registry(client: Any) -> Registry:
    made = Registry(Connection(mlflow.get_tracking_uri()), "m", "c", "owner")
    made.claim()
    for _ in range(3):
        client.create_model_version("m", "file:///nowhere")
    for version in (1, 2, 3):
        made.promote(version, f"better {version}")
    return made


def history(registry: Registry) -> list[tuple[str, ...]]:
    table = registry.promotions.table()
    return list(table[["version", "by", "why"]].itertuples(index=False, name=None))


def test_a_row_that_somebody_took_away_is_missed_and_none_is_written_over(
    registry: Registry, client: Any
) -> None:
    client.delete_registered_model_tag("m", "al.promotion.000001")
    again = Registry(Connection(mlflow.get_tracking_uri()), "m", "c", "owner")
    again.promote(1, "back")
    assert [version for version, _, _ in history(again)] == ["v1", "v3", "v1"]
    assert again.undo("no", 1) == 3
    read = Registry(Connection(mlflow.get_tracking_uri()), "m", "c", "owner")
    assert read.promotions.all() == again.promotions.all()
    assert read.promotions.all()[-1].done


class Cut(Exception):
    """The process ends."""


def cut_at(client: Any, calls: int) -> Any:
    """The client until its so manieth call that writes."""
    left = iter(range(calls))

    def write(name: str) -> Callable[..., None]:
        def call(*given: Any) -> None:
            if next(left, None) is None:
                raise Cut
            getattr(client, name)(*given)

        return call

    writes = {n: write(n) for n in ("set_registered_model_tag", "delete_registered_model_tag")}
    return SimpleNamespace(get_registered_model=client.get_registered_model, **writes)


def test_many_promotions_share_few_tags_and_a_cut_loses_none(
    registry: Registry, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotions, "LOOSE", 4)
    monkeypatch.setattr(promotions, "FULL", 500)
    expected = registry.promotions.all()
    for version in range(4, 60):
        with suppress(Cut):
            Promotions(cut_at(client, version % 7), "m").note(version, "pipeline", "why " * version)
        Promotions(client, "m").note(version, "pipeline", "why " * version)
        found = Promotions(client, "m").all()
        assert found[:-1] == expected
        assert found[-1].version == version
        expected = found
    writer = Promotions(client, "m")
    for version in range(60, 90):
        writer.note(version, "pipeline", "")
    assert Promotions(client, "m").all() == writer.all()
    assert len(writer.all()) == len(expected) + 30
    tags = client.get_registered_model("m").tags
    assert len(tags) < 60
    assert all(len(value) < 700 for value in tags.values())

    writer.note(3, "undo", "back", done=False)
    writer.finish()
    assert Promotions(client, "m").all() == writer.all()
    writer.note(2, "undo", "back", done=False)
    writer.take_back()
    assert Promotions(client, "m").all() == writer.all()
    assert writer.all()[-1].version == 3


def test_each_promotion_is_a_row_once(registry: Registry) -> None:
    registry.promote(3, "again")
    assert history(registry) == [
        ("v1", "pipeline", "better 1"), ("v2", "pipeline", "better 2"),
        ("v3", "pipeline", "better 3"),
    ]  # fmt: skip
    table = registry.promotions.table()
    assert list(table["to"][:-1]) == list(table["from"][1:])
    assert table["to"].iloc[-1] == "now"
    assert table["from"].str.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d").all()


def test_undo_goes_back_one_version_at_a_time(registry: Registry, client: Any) -> None:
    assert registry.undo("it is slow", 3) == 2
    assert production(client, "m") == [2]
    assert client.get_registered_model("m").aliases == {"champion": 2}
    standing = registry.standing(3)
    assert (standing.version, standing.by) == (2, "undo")
    assert registry.undo("so is that", 3) == 1
    with pytest.raises(RegistryError, match="nothing to go back to"):
        registry.undo("all of them", 3)
    assert production(client, "m") == [1]
    assert history(registry)[3:] == [("v2", "undo", "it is slow"), ("v1", "undo", "so is that")]


def test_what_a_person_did_is_on_record_before_it_is_undone(
    registry: Registry, client: Any
) -> None:
    client.transition_model_version_stage("m", "1", "Production", archive_existing_versions=True)
    assert registry.undo("wrong one", 3) == 3
    assert [by for _, by, _ in history(registry)[3:]] == ["hand", "undo"]


@pytest.mark.parametrize("calls", range(1, 6))
def test_a_promotion_that_was_cut_off_anywhere_ends_with_one_version_in_production(
    registry: Registry, client: Any, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.transition_model_version_stage("m", "1", "Production")  # two are there, 1 and 3
    left = calls
    make = registry._client.make

    def cut(call: Any, found: Any = None) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return make(call, found)

    with monkeypatch.context() as patched:
        patched.setattr(registry._client, "make", cut)
        with pytest.raises(KeyboardInterrupt):
            registry.promote(2, "best")
    assert production(client, "m")  # who serves it finds one at any time
    again = Registry(Connection(mlflow.get_tracking_uri()), "m", "c", "owner")
    again.promote(2, "best")
    assert production(client, "m") == [2]
    assert client.get_registered_model("m").aliases == {"champion": 2}
    assert history(again)[3:] == [("v2", "pipeline", "best")]


@pytest.mark.parametrize("calls", [1, 2, 3, 4])
def test_an_undo_that_was_cut_off_is_brought_to_its_end_and_not_done_twice(
    registry: Registry, client: Any, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"count": 0}
    for name in ("_note", "_move", "promotions"):
        if name == "promotions":
            target: Any = registry.promotions
            name = "finish"
        else:
            target = registry
        original = getattr(target, name)

        def cut(*args: Any, _original: Any = original, **kwargs: Any) -> Any:
            made["count"] += 1
            if made["count"] == calls:
                raise KeyboardInterrupt
            return _original(*args, **kwargs)

        monkeypatch.setattr(target, name, cut)
    with pytest.raises(KeyboardInterrupt):
        registry.undo("it is slow", 3)
    assert registry.undo("it is slow", 3) == 2
    assert production(client, "m") == [2]
    assert len(history(registry)) == 4


def test_undo_passes_over_a_version_that_was_deleted(registry: Registry, client: Any) -> None:
    client.delete_model_version("m", "2")
    assert registry.undo("it is slow", 3) == 1
    assert production(client, "m") == [1]
    with pytest.raises(RegistryError, match="nothing to go back to"):
        registry.undo("so is that", 3)
    assert history(registry)[3:] == [("v1", "undo", "it is slow")]


def test_undo_from_a_version_that_was_deleted_goes_to_the_one_before(
    registry: Registry, client: Any
) -> None:
    client.transition_model_version_stage("m", "3", "Archived")
    client.delete_model_version("m", "3")
    assert registry.undo("it is gone", 3) == 2
    assert production(client, "m") == [2]


def test_an_undo_that_lost_its_aim_on_the_way_leaves_no_false_row(
    registry: Registry, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(registry, "_note", cut)
        with pytest.raises(KeyboardInterrupt):
            registry.undo("it is slow", 3)
    client.delete_model_version("m", "2")
    assert registry.undo("it is slow", 3) == 1
    assert history(registry)[3:] == [("v1", "undo", "it is slow")]
    again = Registry(Connection(mlflow.get_tracking_uri()), "m", "c", "owner")
    assert history(again) == history(registry)


def test_a_clock_that_was_put_back_does_not_turn_the_order_round(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al.registry import promotions

    class Earlier(promotions.datetime):  # type: ignore[misc,valid-type]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls(2000, 1, 1, tzinfo=tz)

    monkeypatch.setattr(promotions, "datetime", Earlier)
    registry.promote(1, "later")
    table = registry.promotions.table()
    assert list(table["from"]) == sorted(table["from"])


# -- in campaigns -------------------------------------------------------------------------


def test_after_undo_the_next_cycle_starts_from_the_version_before(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    small = {"campaign": "c", "promote": "always"}
    campaign(**small).run()
    assert campaign(**small).undo("v2 confuses 4 and 9") == 1
    assert production(client, "c") == [1]
    campaign(**small).cycle()
    assert "starts from v1, which undo went back to" in caplog.text
    last = runs(client, step="select-data")[-1]
    assert (last.data.tags["al.model"], last.data.tags["al.model_by"]) == ("models:/c/1", "undo")
    table = campaign(**small).history()
    assert list(table["version"]) == ["v1", "v2", "v1", "v3"]
    assert list(table["by"]) == ["pipeline", "pipeline", "undo", "pipeline"]
    (run,) = runs(client, role="campaign")
    kept = client.download_artifacts(run.info.run_id, "promotions.csv")
    assert "v2 confuses 4 and 9" in Path(kept).read_text()


def test_undo_needs_a_reason_and_a_campaign(campaign: Make, client: Any) -> None:
    with pytest.raises(ConfigError, match="there is no campaign 'c'"):
        campaign(campaign="c").undo("because")
    campaign(campaign="c", promote="always").run()
    with pytest.raises(ConfigError, match="undo without a reason"):
        campaign(campaign="c").undo(" ")
    assert list(campaign(campaign="c").history()["by"]) == ["pipeline", "pipeline"]


@pytest.mark.slow
def test_undo_and_history_are_entry_points(campaign: Make, client: Any) -> None:
    campaign(campaign="c", promote="always").run()
    undone = step("undo", *arguments(campaign="c", reason="two words"))
    assert undone.returncode == 0, undone.stderr
    assert "v1 of c is in Production again: two words" in undone.stdout
    done = step("history", *arguments(campaign="c"))
    assert done.returncode == 0, done.stderr
    assert "two words" in done.stdout
    assert step("undo", *arguments(campaign="c")).stderr.startswith("error: undo without a reason")
