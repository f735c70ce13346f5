"""The annotator of tables, with a person at a spreadsheet program."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al.annotators.files import Files
from al.catalog import tasks
from al.contracts import SECOND, DataSpec, Preview, Query
from al.data import ArrayLoader
from al.errors import AlError, ConfigError, DataError, LabelError
from tests.spreadsheet import WAYS, fill, opened, saved
from tests.stores import runs, table

Make = Callable[..., Any]


class Texts(ArrayLoader):
    """Short texts in three classes."""

    def __init__(self, kind: Any = "class") -> None:
        ids = [f"{number:03d}" for number in range(12)]
        super().__init__(ids, np.zeros((12, 2)), np.arange(12) % 3, ["cat", "dog", "bird"], ids[9:])
        self.spec = DataSpec(self.spec.classes, (2,), "float64", kind)

    def preview(self, id: str) -> Preview:
        return Preview(text=f'=SUM({id}); says "woof",\nover two lines')


def query(*ids: str, why: str = "margin") -> Query:
    return Query(
        ids, (0.0,) * len(ids), (why,) * len(ids), (None,) * len(ids), "margin", "models:/m/1"
    )


@pytest.fixture
def desk(folder: Path) -> Files:
    made = Files(Texts(), "c")
    made.request(query("000", "001", "002"))
    return made


CSV = Path("annotate/c/query-01/query.csv")


def test_a_table_shows_the_samples_and_asking_again_changes_nothing(desk: Files) -> None:
    rows = opened(CSV)
    assert [(row["nr"], row["id"], row["label"]) for row in rows] == [
        ("1", "000", ""), ("2", "001", ""), ("3", "002", ""),
    ]  # fmt: skip
    assert rows[0]["text"] == '\'=SUM(000); says "woof",\nover two lines'
    fill(CSV, lambda _: "cat", most=1)
    before = CSV.read_bytes()
    desk.request(query("000", "001", "002"))
    desk.request(query("000", "002"))  # one has vanished
    assert CSV.read_bytes() == before
    assert len(list(Path("annotate/c").iterdir())) == 1


@pytest.mark.parametrize("way", WAYS)
def test_what_is_filled_in_comes_back_however_it_is_saved(desk: Files, way: str) -> None:
    asked = query("000", "001", "002")
    assert desk.collect(asked).waiting == asked.ids
    answers = {"000": "cat", "001": "Skip", "002": ""}
    fill(CSV, answers.__getitem__, way)
    found = desk.collect(asked)
    assert [(a.id, a.label, a.annotator) for a in found.answered] == [("000", "cat", "files")]
    assert (found.skipped, found.waiting) == (("001",), ("002",))


def test_ids_that_lost_their_zeros_are_found_and_rows_may_move_or_go(desk: Files) -> None:
    CSV.write_text("Label;Annotator;id\nbird;anna;1\n;;\ndog;;0,0\n;note;\n")
    found = desk.collect(query("000", "001", "002"))
    assert [(a.id, a.label, a.annotator) for a in found.answered] == [
        ("000", "dog", "files"), ("001", "bird", "anna"),
    ]  # fmt: skip
    assert found.waiting == ("002",)


class Formulas(ArrayLoader):
    """Rows whose ids, headers and cells are formulas."""

    def __init__(self) -> None:
        ids = ["=1+1", "'=1+1", "@SUM(A1)", "plain", "v"]
        super().__init__(ids, np.zeros((5, 2)), np.arange(5) % 3, ["cat", "dog", "bird"], ["v"])

    def preview(self, id: str) -> Preview:
        return Preview(row={"=HEAD()": "-2", "size": 3})


def test_no_cell_is_a_formula_and_answers_find_their_ids(folder: Path) -> None:
    desk, asked = Files(Formulas(), "c"), query("=1+1", "'=1+1", "@SUM(A1)", "plain")
    desk.request(asked)
    rows = opened(CSV)
    cells = [text for row in rows for text in (*row, *row.values())]
    assert not [text for text in cells if text.startswith(("=", "+", "-", "@"))]
    given = dict(zip([row["id"] for row in rows], ["cat", "dog", "bird", "cat"], strict=True))
    fill(CSV, given.__getitem__)
    found = {answer.id: answer.label for answer in desk.collect(asked).answered}
    assert found == {"=1+1": "cat", "'=1+1": "dog", "@SUM(A1)": "bird", "plain": "cat"}


def test_only_the_user_and_the_group_may_read_what_is_asked_and_answered(folder: Path) -> None:
    umask = os.umask(0o022)
    try:
        Files(Texts(), "c").request(query("000"))
    finally:
        os.umask(umask)
    assert stat.S_IMODE(CSV.stat().st_mode) == 0o640
    assert stat.S_IMODE(CSV.parent.stat().st_mode) == 0o750


def test_each_bad_label_is_named_by_its_row(desk: Files) -> None:
    CSV.write_text("id,label\n000,catt\n001,7\n002,dog\n002,cat\nzzz,cat\n")
    with pytest.raises(LabelError) as caught:
        desk.collect(query("000"))
    answers = str(caught.value)
    assert "row 2 (id '000'): 'catt' is not a class: did you mean 'cat'?" in answers
    assert "row 3 (id '001'): '7' is not a class: choose one of bird, cat, dog" in answers
    assert "rows 4 and 5 (id '002') contradict each other" in answers
    assert "row 6: 'zzz' is not an id of this query" in answers
    assert "\n" not in answers


def test_a_later_query_has_a_table_of_its_own_and_late_answers_are_found(desk: Files) -> None:
    desk.request(query("003"))
    fill(CSV, lambda _: "cat")
    fill(Path("annotate/c/query-02/query.csv"), lambda _: "dog")
    found = desk.collect(query("003", "001"))
    assert {a.id: a.label for a in found.answered} == {"003": "dog", "001": "cat"}
    assert desk.where.endswith("query-02/query.csv")


def test_an_edit_made_later_is_a_revised_answer(desk: Files) -> None:
    fill(CSV, lambda _: "cat")
    known = {"000": "cat", "001": "cat", "002": None}
    assert [(a.id, a.label) for a in desk.revised(known)] == [("002", "cat")]
    saved(CSV, [{"id": "000", "label": "dog"}, {"id": "001", "label": ""}])
    assert [(a.id, a.label) for a in desk.revised(known)] == [("000", "dog")]


def test_a_second_opinion_is_asked_in_a_new_table_and_counts_for_edits(desk: Files) -> None:
    fill(CSV, lambda _: "cat")
    again = query("000", why=SECOND)
    assert desk.collect(again).waiting == ("000",)
    desk.request(again)
    desk.request(again)
    second = Path("annotate/c/query-02/query.csv")
    assert opened(second)[0]["comment"] == "second opinion"
    assert desk.collect(again).waiting == ("000",)
    fill(second, lambda _: "dog")
    assert desk.collect(again).answered[0].label == "dog"
    assert desk.revised({"000": "dog", "001": "cat"}) == ()


def test_a_table_that_was_lost_is_written_again_and_a_cut_off_request_goes_on(desk: Files) -> None:
    os.unlink(CSV)
    half = Path("annotate/c/.query-02")
    half.mkdir()
    (half / "query.csv").write_text("half")
    desk.request(query("003"))
    assert [row["id"] for row in opened(CSV)] == ["000", "001", "002"]
    assert not half.exists()
    assert [row["id"] for row in opened(Path("annotate/c/query-02/query.csv"))] == ["003"]


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("class", {"skip": "Dog"}, "'Dog' is a class: pass annotator_options='skip=another word'"),
        ("labels", {"nothing": "cat"}, "'cat' is a class"),
        ("class", {"delimiter": "x"}, "give one of"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(
    kind: str, options: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        Files(Texts(kind), "c", options)


@pytest.mark.parametrize("annotator", ["files", "page"])
def test_a_folder_that_cannot_be_made_is_one_line(campaign: Make, annotator: str) -> None:
    given = {"annotator": annotator, "annotator_options": "folder=/proc/nowhere"}
    with pytest.raises(DataError, match=f"annotator '{annotator}' cannot work with /proc/nowhere"):
        campaign(campaign="c", **given).run()


def test_several_classes_a_sample(folder: Path) -> None:
    desk = Files(Texts("labels"), "c", {"separator": "/"})
    desk.data.check_label = lambda label: None  # type: ignore[method-assign] - of one class each
    desk.request(query("000", "001"))
    answers = {"000": "dog/cat", "001": "none"}
    fill(CSV, answers.__getitem__)
    assert [a.label for a in desk.collect(query("000", "001")).answered] == [["cat", "dog"], []]


@pytest.mark.slow
def test_three_cycles_of_a_campaign_by_tables_that_a_spreadsheet_filled_in(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    truth = tasks.get("digits")().data()
    given = {"campaign": "c", "annotator": "files", "cycles": 3, "quorum": 0.9, "epochs": 2}
    tables = Path("annotate/c")

    def right(id: str) -> str:
        return f"{truth.truth([id])[0]}.0"

    for cycle, way in enumerate(["Excel, UTF-8", "Excel, German", "Numbers"], start=1):
        campaign(**given).run()
        asked = 30 if cycle == 1 else 10
        path = tables / f"query-{cycle:02d}" / "query.csv"
        assert f"waiting: 0 of {asked} answered, at {path.resolve()}" in caplog.text
        assert (path.parent / "sheet-1.png").stat().st_size > 1000
        assert (path.parent / "images" / "0001.png").exists()
        fill(path, right, "LibreOffice", most=asked // 2)
        campaign(**given).run()
        assert f"waiting: {asked // 2} of {asked} answered" in caplog.text
        rows = [{**row, "label": row["label"].replace(".", ",")} for row in opened(path)]
        for row in rows[:-1]:
            row["label"] = row["label"] or right(row["id"])
        if cycle == 1:
            rows[0]["label"] = "skip"
        saved(path, rows, way)
    first = tables / "query-01" / "query.csv"
    campaign(**given).run()
    assert "campaign c ends: cycles=3 are done; answers to 3 samples are still waited for" in (
        caplog.text
    )
    labels = table(client, runs(client, role="cycle")[-1], "state/labels.parquet")
    assert list(labels["status"]).count("skipped") == 1
    assert list(labels["status"]).count("waiting") == 3
    answered = labels[labels["status"] == "answered"]
    assert [f'"{x}"' for x in truth.truth(list(answered["id"]))] == list(answered["label"])
    assert first.exists()
    first.write_text("id,label\n" + answered["id"].iloc[0] + ",eleven\n")
    with pytest.raises(AlError, match=r"query-01/query.csv: row 2 .*'eleven' is not a class"):
        campaign(**{**given, "cycles": 4}).run()
