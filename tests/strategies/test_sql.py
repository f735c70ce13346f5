"""A database query as a strategy and as a filter, on real databases."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from al.contracts import Picks
from al.errors import ConfigError, StrategyError
from al.strategies import ArrayView, build, check_reads
from tests.views import view


def choose(text: str, size: int = 5, seed: int = 0) -> Picks:
    return build(text)(view(seed, 30), size, np.random.default_rng(0))


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "photos.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE photo (id TEXT, night INTEGER, score REAL)")
        rows = [(f"s{n:04d}", n % 2, 100.0 - n) for n in range(40)]
        connection.executemany("INSERT INTO photo VALUES (?, ?, ?)", rows)
    return path


def test_the_pool_itself_can_be_asked_about_its_metadata() -> None:
    picks = choose('sql("SELECT id FROM pool WHERE size = 3 ORDER BY id DESC")', 4)
    assert picks.positions.tolist() == [24, 17, 10, 3]
    assert picks.scores.tolist() == [4, 3, 2, 1]


def test_ids_are_a_column_whatever_a_data_loader_calls_them() -> None:
    table = pd.DataFrame({"size": range(9)}, index=pd.Index([f"s{n}" for n in range(9)]))
    over = ArrayView(list(table.index), metadata=table, features=np.zeros((9, 1)))
    picks = build('sql("SELECT id FROM pool WHERE size > 6")')(over, 5, np.random.default_rng(0))
    assert picks.positions.tolist() == [7, 8]


def test_what_the_model_predicts_can_be_asked_about() -> None:
    text = "SELECT id FROM pool WHERE predicted = 'b' ORDER BY confidence, margin, entropy"
    picks = choose(f'sql("{text}")', 3)
    p = view(0, 30).probabilities
    of_b = np.flatnonzero(p.argmax(1) == 1)
    expected = of_b[np.argsort(p[of_b].max(1), kind="stable")][:3]
    assert picks.positions.tolist() == expected.tolist()


def test_a_statement_that_names_nothing_of_the_model_needs_none() -> None:
    over = view(0, 30, has_model=False)
    picks = build('sql("SELECT id FROM pool ORDER BY size")')(over, 3, np.random.default_rng(0))
    assert len(picks.positions) == 3


def test_a_database_gives_ids_and_scores_and_unknown_ids_are_counted(database: Path) -> None:
    text = 'sql("SELECT id, score FROM photo WHERE night = 1", url="sqlite:///photos.db")'
    picks = choose(text, 5)
    assert picks.positions.tolist() == [1, 3, 5, 7, 9]
    assert picks.scores.tolist() == [99, 97, 95, 93, 91]
    assert "20 rows, 5 of them not in the pool ('s0031'" in picks.why


def test_a_url_can_stand_in_the_environment(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'sql("SELECT id FROM photo", url="env:PHOTOS")'
    with pytest.raises(ConfigError, match="PHOTOS is not set"):
        build(text)
    monkeypatch.setenv("PHOTOS", f"sqlite:///{database}")
    assert len(choose(text).positions) == 5


def test_cycle_and_query_size_stand_for_their_values(database: Path) -> None:
    text = "SELECT id FROM photo WHERE night = :cycle LIMIT :query_size"
    picks = choose(f'sql("{text}", url="sqlite:///photos.db")', 4)
    assert picks.positions.tolist() == [1, 3, 5, 7]
    assert picks.short == ""


@pytest.mark.parametrize("text", ["at 12:cycle", "a:b", ":query_size", r"C\:x", "::", "it''s :x"])
def test_a_colon_in_a_text_or_comment_stands_for_itself(text: str) -> None:
    over = view(0, 30)
    asked = f"SELECT id, length('{text}') AS score FROM pool /* :why */ LIMIT :query_size -- :x"
    picks = build(f'sql("{asked}")')(over, 4, np.random.default_rng(0))
    assert picks.scores.tolist() == [len(text.replace("''", "'"))] * 4


def test_a_filter_narrows_the_pool_of_any_strategy() -> None:
    over = view(0, 30)
    picks = build('sql("SELECT id FROM pool WHERE size < 2") > margin')(
        over, 4, np.random.default_rng(0)
    )
    allowed = [row for row in range(30) if row % 7 < 2]
    best = build("margin")(over.narrow(np.array(allowed)), 4, np.random.default_rng(0))
    assert picks.positions.tolist() == [allowed[row] for row in best.positions]


def test_a_filter_that_leaves_too_little_says_so() -> None:
    picks = choose('sql("SELECT id FROM pool WHERE size = 6") > margin', 10)
    assert len(picks.positions) == 4
    assert "sql returned 4 rows" in picks.short


def test_nothing_found_is_an_error() -> None:
    with pytest.raises(StrategyError, match="returned 0 rows, and no sample of the pool"):
        choose('sql("SELECT id FROM pool WHERE size > 99")')


@pytest.mark.parametrize(
    "statement",
    [
        "WITH gone AS (SELECT 1) DELETE FROM photo",
        "SELECT id FROM photo; DROP TABLE photo",
        "SELECT writefile('x', 'y')",
        "WITH t AS (SELECT 1) INSERT INTO photo VALUES ('a', 1, 1)",
    ],
)
def test_nothing_is_ever_written(database: Path, statement: str) -> None:
    with pytest.raises((StrategyError, ConfigError), match=r"sql failed|one statement"):
        choose(f'sql("{statement}", url="sqlite:///photos.db")')
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM photo").fetchone() == (40,)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('sql("UPDATE pool SET id = 1")', "begins with SELECT"),
        ('sql("SELECT 1", url="sqlite:///none.db")', "there is no database none.db"),
        ('sql("SELECT 1", url="not a url")', "write one like sqlite"),
        ('sql("SELECT 1",url="mysql://u:hunter2@h")', "holds a password"),
        ('sql("SELECT 1",url="a://u:hunter2@h") > margn', "did you mean|holds a password"),
        ('sql("SELECT 1",url="postgresql://h/d?password=hunter2")', "holds a password"),
        ('sql("SELECT 1",url="postgresql://u:hunter2@h:port/d")', "this url is not valid"),
        ('margn > sql("SELECT 1",url="a://u:hunter2@h")', "did you mean 'margin'"),
        ('sql("SELECT 1; COMMIT; DROP TABLE pool")', "takes one statement"),
    ],
)
def test_what_is_wrong_with_a_query_is_reported_before_anything_runs(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        build(text)
    assert "hunter2" not in str(caught.value)


def test_a_semicolon_in_quotes_or_at_the_end_is_none() -> None:
    picks = choose("sql(\"SELECT id FROM pool WHERE id <> 'a;b' ;\")")
    assert len(picks.positions) == 5


def test_a_path_may_hold_what_a_url_reserves(database: Path) -> None:
    database.rename("a#b.db")
    assert len(choose('sql("SELECT id FROM photo", url="sqlite:///a#b.db")').positions) == 5


def test_the_size_of_the_query_is_that_in_a_filter_too() -> None:
    over = view(0, 30)
    chain = build('sql("SELECT id FROM pool ORDER BY id LIMIT 2 * :query_size") > random')
    seen = {
        row for seed in range(40) for row in chain(over, 3, np.random.default_rng(seed)).positions
    }
    assert seen == set(range(6))


def test_a_statement_that_names_the_model_needs_one_from_the_start() -> None:
    strategy = build('sql("SELECT id FROM pool ORDER BY confidence")')
    with pytest.raises(StrategyError, match="there is no model yet"):
        check_reads(strategy, candidates=1, has_model=False)


def test_what_the_database_says_is_one_line() -> None:
    with pytest.raises(StrategyError, match="no such column: nowhere") as caught:
        choose('sql("SELECT nowhere FROM pool")')
    assert "\n" not in str(caught.value)
