"""The report: one page that tells a campaign, whole and harmless, written beside the work."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import al
from al.errors import ConfigError, ExportError
from al.report import wilson
from tests.browser import MISSING, Browser
from tests.conftest import SMALL
from tests.reports import Page, Report, store
from tests.stores import runs

Make = Callable[..., Any]
GIVEN = {**SMALL, "report": "on", "baseline": "random", "strategy": "margin", "label_cost": 0.25}


@pytest.fixture(scope="module")
def reported(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The report of a campaign of two cycles with its baseline, and a client on its store."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch, store(empty_database, folder) as client:
        patch.setenv("MLFLOW_EXPERIMENT_NAME", "here")
        al.Campaign(show_progress=False, campaign="c", **GIVEN).run()
        (run,) = runs(client, role="campaign", campaign="c")
        yield Report(client, run.info.run_id, folder / "page"), client, folder


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(reported: Any) -> None:
    page = reported[0].page
    assert (page.open, page.wrong) == ([], [])
    assert not page.tags & {"script", "iframe", "object", "embed", "form", "link", "base"}
    leads = [v for _, name, v in page.attributes if name in ("src", "href", "srcset", "data")]
    assert leads
    assert all(v.startswith(("#", "data:image/")) for v in leads)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_it_says_in_a_sentence_what_was_asked_and_what_came_of_it(reported: Any) -> None:
    text = reported[0].page.text
    assert "The strategy margin chose which samples of digits to ask about, 10 a cycle" in text
    assert "After 2 cycles and 40 labels" in text
    assert "of c is in Production with a test accuracy of 0." in text
    assert "The campaign ended: cycles=2 are done." in text
    assert "20.00 spent on labels, at 0.25 each" in text  # 40 and 40 for validation


def test_the_curve_is_that_of_the_campaign_beside_its_baseline(reported: Any) -> None:
    report, client, _ = reported
    (run,) = runs(client, role="campaign", campaign="c")
    points = client.get_metric_history(run.info.run_id, "test/accuracy")
    table = report.table("learning_curve")
    assert dict(zip(table["labels"], table["value"], strict=True)) == pytest.approx(
        {point.step: point.value for point in points}
    )
    (other,) = runs(client, role="campaign", campaign="c-random")
    points = client.get_metric_history(other.info.run_id, "test/accuracy")
    assert list(table["baseline"]) == pytest.approx([p.value for p in points])
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()


def test_the_time_of_each_step_is_reported_and_adds_up(reported: Any) -> None:
    report, client, _ = reported
    table = report.table("times").set_index("cycle")
    for cycle in runs(client, role="cycle", campaign="c"):
        seconds = cycle.data.metrics["cycle/seconds"]
        row = table.loc[int(cycle.data.tags["al.cycle"])]
        assert row.sum() == pytest.approx(seconds, abs=0.5)
        assert row["train"] > 0


def test_promotions_are_a_timeline(reported: Any) -> None:
    report = reported[0]
    assert report.page.text.count("elected by the pipeline") == len(report.table("promotions"))
    assert list(report.table("promotions")["to"])[-1] == "now"


def test_every_picture_has_its_figures_beside_it(reported: Any) -> None:
    report = reported[0]
    tables = {
        "learning_curve": {"learning_curve"},
        "model": {"classes", "confusion"},
        "reliability": {"reliability"},
        "queries": {"queries"},
        "map": {"map"},
        "balance": {"balance"},
        "promotions": {"promotions"},
        "times": {"times"},
    }
    assert report.page.sections == list(tables)  # two cycles are too few for a forecast
    assert report.files == {f"{name}.csv" for names in tables.values() for name in names}
    assert "Left out: " not in report.page.text


def test_the_confusion_matrix_is_that_of_the_champion_on_test(reported: Any) -> None:
    report, client, _ = reported
    matrix = report.table("confusion").set_index("truth")
    assert matrix.to_numpy().sum() == 360
    (run,) = runs(client, role="campaign", campaign="c")
    accuracy = client.get_metric_history(run.info.run_id, "test/accuracy")[-1].value
    assert matrix.to_numpy().trace() / 360 == pytest.approx(accuracy, abs=1e-6)  # as is kept
    scores = report.table("classes").set_index("class")
    assert scores["there"].to_dict() == matrix.sum(axis=1).to_dict()
    right = matrix.loc[3, "3"]
    assert scores.loc[3, "recall"] == pytest.approx(right / matrix.loc[3].sum())
    assert ((scores["low"] <= scores["F1"]) & (scores["F1"] <= scores["high"])).all()


def test_the_reliability_diagram_counts_every_test_sample(reported: Any) -> None:
    table, matrix = (reported[0].table(name) for name in ("reliability", "confusion"))
    matrix = matrix.set_index("truth")
    assert table["samples"].sum() == 360
    right = (table["samples"] * table["right"]).sum()
    assert right == pytest.approx(matrix.to_numpy().trace())


def test_queries_show_what_people_said(reported: Any) -> None:
    report, client, folder = reported
    table = report.table("queries")
    assert table.groupby("cycle").size().to_dict() == {1: 8, 2: 8}
    (cycle,) = [
        r for r in runs(client, role="cycle", campaign="c") if r.data.tags["al.cycle"] == "2"
    ]
    path = client.download_artifacts(cycle.info.run_id, "state/labels.parquet", str(folder))
    answers = pd.read_parquet(path).set_index("id")["label"].str.strip('"')
    assert list(table["answer"].astype(str)) == list(answers[table["id"]])
    assert report.page.html.count('<img src="data:image/png;base64,') == 16


def test_the_map_and_the_balance_hold_what_was_labelled(reported: Any) -> None:
    report = reported[0]
    roles = report.table("map")["role"].value_counts()
    assert (roles["labelled"], roles["query"], roles["pool"]) == (30, 10, 800)
    assert report.table("balance").set_index("cycle").sum(axis=1).to_dict() == {1: 30, 2: 10}


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_on_a_phone_nothing_is_wider_than_the_screen_and_dark_is_dark(reported: Any) -> None:
    report, _, folder = reported
    path = folder / "page.html"
    path.write_text(report.page.html, encoding="utf-8")
    browser = Browser(folder / "profile", dark=True, size="500,900")
    try:
        browser.open(path.as_uri())
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        colour = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert max(int(part) for part in re.findall(r"\d+", colour)) < 60
        assert browser.text("h1") == "c"
        assert browser.sees("#model svg, #model table")
        drawn = "return [...document.images].every(i => i.complete && i.naturalWidth > 0)"
        assert browser.run(drawn)
    finally:
        browser.close()


def test_texts_and_classes_that_hold_html_are_shown_as_text(
    campaign: Make, client: Any, folder: Path
) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    rows = [(f"{evil} offer {i}", f"<b>a{i % 2}</b>\"' onclick=x") for i in range(160)]
    pd.DataFrame(rows, columns=["words", "kind"]).to_csv(folder / "mails.csv", index=False)
    given = {"task": "text", "data": "mails.csv", "text": "words", "target": "kind"}
    campaign(**given, encoder="none", campaign="c", report="on", validation_size=20).run()
    (run,) = runs(client, role="campaign")
    page = Report(client, run.info.run_id, folder / "page").page
    query = runs(client, step="select-data")[-1].info.run_id
    sheet = Page(Path(client.download_artifacts(query, "query.html")).read_text("utf-8"))
    for shown in (page, sheet):
        assert (shown.open, shown.wrong) == ([], [])
        assert not shown.tags & {"script", "img"}
        assert not [name for _, name, _ in shown.attributes if name.startswith("on")]
        assert evil in shown.text
    assert "<b>a0</b>\"' onclick=x" in page.text


def test_al_report_writes_it_anew_into_a_folder_too(
    reported: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = reported[2]
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "here")
    made = al.Campaign(campaign="c", tracking_uri=f"sqlite:///{folder}/mlflow.db")
    (folder / "story").mkdir()  # an empty folder will do
    page = made.report(str(folder / "story"))
    assert page == folder / "story" / "report.html"
    assert "margin chose" in page.read_text()
    assert (folder / "story" / "report" / "learning_curve.csv").exists()
    with pytest.raises(ExportError, match="is there already"):
        made.report(str(folder / "story"))
    with pytest.raises(ConfigError, match="there is no campaign 'nobody'"):
        al.Campaign(campaign="nobody").report()


def test_report_off_writes_none(campaign: Make, client: Any) -> None:
    campaign(campaign="c", cycles=1).run()
    (run,) = runs(client, role="campaign")
    names = {entry.path for entry in client.list_artifacts(run.info.run_id)}
    assert "report.html" not in names


def test_a_report_that_fails_is_a_line_and_the_campaign_goes_on(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = campaign(campaign="c", cycles=2, report="on", metric="balanced_accuracy")
    made.cycle()
    (run,) = runs(client, role="campaign")
    path = Path(run.info.artifact_uri) / "report"
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
    path.write_text("a file where a folder has to be")
    assert len(made.cycle().curve) == 2
    assert "the report could not be written" in caplog.text
    assert "al report --campaign c makes it anew" in caplog.text
    path.unlink()
    made.run()  # nothing is missing but the report
    table = pd.read_csv(path / "learning_curve.csv")
    assert len(table) == 2
    # Not every sample counts alike, so only resampling the samples tells how sure the value is.
    assert list(table["low"].isna()) == list(table["high"].isna()) == [True, False]
    value = table["value"].iloc[-1]
    assert table["low"].iloc[-1] < value < table["high"].iloc[-1]
    assert table["low"].iloc[-1] != pytest.approx(wilson(value, 360)[0], abs=1e-4)
    assert "by resampling these samples" in (path.parent / "report.html").read_text("utf-8")
