"""Parameters of a campaign that change on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import al
from al.config import Config
from al.errors import AlError, ConfigError
from al.pipeline import driving
from tests.person import TINY, rows
from tests.spreadsheet import opened, saved
from tests.stores import runs, table

Make = Callable[..., Any]


@pytest.fixture
def make(folder: Path) -> Make:
    """Makes campaigns of the smallest kind, named c."""
    rows(90).to_csv(folder / "rows.csv", index=False)

    def campaign(**given: Any) -> al.Campaign:
        start = {} if set(given) & {"campaign"} else TINY
        return al.Campaign(**{"show_progress": False, **start, **given})

    return campaign


def asked(client: Any, cycle: int) -> tuple[int, str]:
    """How many samples a cycle asked about, and by which strategy."""
    (run,) = runs(client, step="select-data", cycle=str(cycle))
    query = table(client, run, "query.parquet")
    return len(query), str(query["strategy"].iloc[0])


def test_a_change_holds_from_the_next_cycle_on_and_is_on_record(
    make: Make, client: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    make().cycle()
    make().step("select-data")
    new = {"campaign": "c", "query_size": 3, "strategy": "entropy", "candidates": 2}
    with pytest.raises(AlError, match="unknown strategy"):  # before anything is kept
        make(campaign="c", strategy="entrophy").cycle()
    make(**new).cycle()
    assert "from cycle 3 on: strategy=entropy (was margin), query_size=3 (was 2)" in caplog.text
    assert asked(client, 2) == (2, "margin")
    assert len(runs(client, step="train", cycle="2")) == 1

    def cut(cycle: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:  # a later command knows it by itself, cut off or not
        patched.setattr(driving, "close", cut)
        with pytest.raises(KeyboardInterrupt):
            make(campaign="c").cycle()
    make(campaign="c").cycle()
    assert asked(client, 3) == (3, "entropy")
    assert len(runs(client, step="train", cycle="3")) == 2
    first, second, third = runs(client, role="cycle")
    kept = {"strategy": "entropy", "query_size": 3, "candidates": 2}
    assert "al.parameters" not in {**first.data.tags, **second.data.tags}
    assert json.loads(third.data.tags["al.parameters"]) == kept
    assert third.data.params == {name: str(value) for name, value in kept.items()}
    state = json.loads(
        Path(client.download_artifacts(third.info.run_id, "state/state.json")).read_text()
    )
    assert state["changes"] == kept
    assert caplog.text.count("from cycle") == 1

    caplog.clear()
    make(campaign="c").step("select-data")
    result = make(campaign="c", query_size=2, cycles=5).run()  # ends the open cycle as it began
    assert "from cycle 5 on: query_size=2 (was 3)" in caplog.text
    assert [asked(client, cycle)[0] for cycle in (4, 5)] == [3, 2]
    assert result.changes == [
        (6, "strategy=entropy, query_size=3, candidates=2"),
        (12, "query_size=2"),
    ]
    assert "from 12 labels on: query_size=2" in result.text()


@pytest.mark.slow
def test_what_learns_may_change_and_models_of_before_are_asked_and_stand_for_election(
    make: Make, client: Any, caplog: pytest.LogCaptureFixture, folder: Path
) -> None:
    make(init="champion").cycle()
    with pytest.raises(ConfigError, match="cannot start from others"):
        make(campaign="c", estimator="boosting").cycle()
    with pytest.raises(AlError, match=r"has no .NoSuch"):
        make(campaign="c", init="scratch", estimator="sklearn.ensemble.NoSuch").cycle()
    tree = "sklearn.tree.DecisionTreeClassifier"
    new = {"init": "scratch", "estimator": tree, "promote": "not-worse"}
    make(campaign="c", **new, class_weights="balanced").cycle()
    assert f"from cycle 2 on: estimator={tree} (was mlp)" in caplog.text
    make(campaign="c", estimator="mlp", init="champion").cycle()
    logged = [
        run.data.tags["al.model"].rpartition("/")[2] for run in runs(client, step="select-data")
    ]
    stood = [
        json.loads(Path(client.download_artifacts(run.info.run_id, "election.json")).read_text())
        for run in runs(client, step="select-model")
    ]
    for before, election in zip(logged[1:], stood[1:], strict=True):  # it was measured
        assert str(election["champion"]) == before
        assert election["champion_metrics"]["val/accuracy"] >= 0
    made = [
        json.loads(path.read_text())["parameters"]["estimator"]
        for path in sorted(
            (folder / "artifacts").rglob("graph.json"), key=lambda p: p.stat().st_mtime
        )
    ]
    assert made == ["mlp", tree, "mlp"]
    trained = runs(client, step="train")
    assert trained[2].data.params["init"] == "champion"
    client.transition_model_version_stage("c", "2", "Production", True)  # by a person's hand
    make(campaign="c").predict(to=str(folder / "predicted"))
    assert any((folder / "predicted").glob("*.parquet"))


def test_what_cannot_change_says_how_to_fork(make: Make, client: Any) -> None:
    make().cycle()
    for name, value in (("seed", 1), ("validation_size", 20), ("target", "a")):
        with pytest.raises(ConfigError, match=f"not {value}.* labels_from=c"):
            make(campaign="c", **{name: value}).cycle()
    with pytest.raises(ConfigError, match=r"do not predict their losses.*labels_from=c"):
        make(campaign="c", strategy="learning_loss").cycle()
    assert len(runs(client, role="cycle")) == 1


def test_a_tag_of_changes_that_somebody_damaged_is_one_line(make: Make, client: Any) -> None:
    make().cycle()
    (run,) = runs(client, role="campaign")
    for text in ("{", '{"colour": "red"}', '{"lr": -1}', "[]"):
        client.set_tag(run.info.run_id, "al.parameters", text)
        with pytest.raises(AlError, match=r"al\.parameters of "):
            make(campaign="c").cycle()


def test_main_gives_all_defaults_and_changes_to_none_of_them(
    make: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    make(query_size=3).cycle()
    given = {**Config().to_dict(), **TINY}
    make(entry="main", **{**given, "query_size": 20}).cycle()
    kept = caplog.text.partition("'c' keeps ")[2].partition(": mlflow run gives all")[0]
    assert "query_size=3" in kept
    assert "al main --campaign c --NAME VALUE changes one" in caplog.text
    make(entry="main", **{**given, "query_size": 5}).cycle()
    assert [asked(client, cycle)[0] for cycle in (2, 3)] == [3, 5]


def test_a_default_that_is_typed_is_meant_and_one_that_an_mlproject_has_counts_for_new_campaigns(
    folder: Path, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from al.commands import program

    rows(90).to_csv("rows.csv", index=False)
    project = {"name": "p", "entry_points": {"main": {"command": "al main", "parameters": {
        "cycles": {"default": "1"}, "query_size": {"default": "3"}, "report": {"default": "off"},
    }}}}  # fmt: skip
    (folder / "MLproject").write_text(json.dumps(project))
    begun = {k: v for k, v in TINY.items() if k not in ("show_progress", "cycles", "query_size")}
    words = [f"--{name}={value}" for name, value in begun.items()]

    def main(*words: str) -> None:
        with pytest.raises(SystemExit) as stopped:
            program(["main", *words])
        assert stopped.value.code == 0, capsys.readouterr().err

    main(*words, "--seed=1")
    (campaign,) = runs(client, role="campaign")
    assert (campaign.data.params["cycles"], campaign.data.params["query_size"]) == ("1", "3")
    main("--campaign=c", "--cycles=2", "--strategy=random")  # its own are other ones
    main("--campaign=c", "--cycles=3", "--strategy=margin", "--query-size=20")
    assert asked(client, 2) == (3, "random")
    assert asked(client, 3) == (20, "margin")
    with pytest.raises(SystemExit) as stopped:
        program(["main", "--campaign=c", "--seed=0"])
    assert stopped.value.code == 1
    assert "campaign 'c' runs with seed=1, not 0" in capsys.readouterr().err


def test_main_with_a_name_alone_goes_on_with_what_the_campaign_has(
    folder: Path, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """One where people answer, of which hardly a parameter is a default; cycles are given."""
    from al.commands import program

    rows(90).assign(kind=lambda t: t["kind"].where(t.index < 40)).to_csv("rows.csv", index=False)
    people = {"annotator": "files", "annotator_options": "folder=desk", "cycles": 1}
    given = {name: value for name, value in {**TINY, **people}.items() if name != "show_progress"}
    words = [f"--{name}={value}" for name, value in given.items()]
    for command in (words, ["--campaign=c"], ["--campaign=c", "--cycles=2"]):
        with pytest.raises(SystemExit) as stopped:
            program(["main", *command])
        assert stopped.value.code == 0, capsys.readouterr().err
        for path in (folder / "desk").glob("query-*/query.csv"):
            saved(path, [row | {"label": row["label"] or "x"} for row in opened(path)])
    assert len(runs(client, role="campaign")) == 1
    assert len(runs(client, role="cycle")) == 2


def test_people_take_over_from_the_data_and_never_hand_back(
    make: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows(90).assign(kind=lambda t: t["kind"].where(t.index < 60)).to_csv("rows.csv", index=False)
    kpi = {"kpi": 0, "audit": 1.0, "promote": "not-worse", "report": "on"}
    make(**kpi, **{k: v for k, v in TINY.items() if k not in kpi}).cycle()
    make(campaign="c").step("select-data")
    people = {"campaign": "c", "annotator": "files", "annotator_options": "folder=desk"}
    with pytest.raises(AlError, match="'files' has no option 'fold'"):
        make(**{**people, "annotator_options": "fold=desk"}).cycle()
    make(**people).cycle()  # the open one ends as it began
    assert "from cycle 3 on: annotator=files (was oracle), annotator_options=folder" in caplog.text
    make(campaign="c").cycle()
    assert not runs(client, step="compare", cycle="3")
    path = folder / "desk" / "query-01" / "query.csv"
    asked = [row | {"label": "x"} for row in opened(path)]
    assert all(int(row["id"][1:]) >= 60 for row in asked)  # those without a label
    with pytest.raises(ConfigError, match=r"people answer in campaign 'c'.*labels_from=c"):
        make(campaign="c", annotator="oracle").cycle()
    saved(path, asked)
    make(campaign="c").cycle()
    given = [table(client, run, "state/labels.parquet") for run in runs(client, role="cycle")]
    by = given[-1].groupby("annotator").size().to_dict()
    assert by["oracle"] == len(given[1]) == 6
    assert sum(by.values()) == 6 + by["given"] + len(asked)
    # Answers of the oracle to samples of the same champion are not pooled with people's.
    (verdict,) = runs(client, step="compare", cycle="3")
    assert verdict.data.metrics["compare/samples"] == len(asked)
    third = runs(client, role="cycle")[-1]
    kept = {"annotator": "files", "annotator_options": "folder=desk"}
    assert third.data.params == kept
    (run,) = runs(client, role="campaign")
    assert "people do from cycle 3 on" in run.data.tags["mlflow.note.content"]
    page = Path(client.download_artifacts(run.info.run_id, "report.html")).read_text("utf-8")
    assert "up to cycle 2, people from then on" in page
    assert "from 6 labels on annotator=files" in page
    caplog.clear()
    make(campaign="c").history()
    assert "from cycle 3 on, after 6 labels: annotator=files" in caplog.text
