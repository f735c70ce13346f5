"""A database query."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from al import kernels
from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.errors import ConfigError, StrategyError

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Connection

#: Columns of the table `pool` that come from the champion, made when a statement names them.
_OF_MODEL = ("predicted", "confidence", "margin", "entropy")

#: Texts, quoted names and comments.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


@strategies.register("sql")
def sql(
    view: PoolView,
    query_size: int,
    rng: np.random.Generator,
    statement: str,
    *,
    url: str = "pool",
) -> Picks:
    """Asks for what a SELECT returns, in its order; as a link of a chain, narrows to it.

    The first column holds sample ids; a column `score` is kept, else the order is the score.
    `:cycle` and `:query_size` stand for their values. Written
    `sql("SELECT id FROM pool WHERE confidence < 0.9 ORDER BY mean")`.

    By default the database is a table `pool` of this pool alone: `id`, the Data Loader's
    metadata, and of the champion `predicted`, `confidence`, `margin` and `entropy`. Else `url`
    is what SQLAlchemy takes (SQLite, PostgreSQL, DuckDB …) or `env:NAME` for an environment
    variable that holds it, which is where a password belongs. One statement that reads is all
    that is taken; SQLite, PostgreSQL, DuckDB and MySQL are also instructed that the connection is
    read-only, and it is always rolled back.

    Ids that the pool does not hold are counted and reported. Costs what the database takes.
    """
    picks = _all_of(view, query_size, statement, url=url)
    note = picks.why if len(picks.positions) < query_size else ""
    chances = np.ones(min(query_size, len(picks.positions)))
    first = slice(query_size)
    return Picks(picks.positions[first], picks.scores[first], (), chances, picks.why, note)


def _all_of(view: PoolView, query_size: int, statement: str, *, url: str = "pool") -> Picks:
    """All that matches: what a chain goes on with."""
    values = {"cycle": view.cycle, "query_size": query_size}
    found, scores = _ask(view, statement, url, values)
    row_of = {id: row for row, id in enumerate(view.ids)}
    rows = {row_of[id]: score for id, score in zip(found, scores, strict=True) if id in row_of}
    unknown = [id for id in dict.fromkeys(found) if id not in row_of]
    note = f"sql returned {len(found)} rows"
    if unknown:
        some = ", ".join(map(repr, unknown[:3]))
        note += f", {len(unknown)} of them not in the pool ({some})"
    if not rows:
        raise StrategyError(f"{note}, and no sample of the pool: check the statement")
    positions = np.fromiter(rows, np.int64, len(rows))
    kept = np.fromiter(rows.values(), np.float64, len(rows))
    return Picks(positions, kept, propensities=np.ones(len(rows)), why=note, short=note)


def _reads_of(statement: str, *, url: str = "pool") -> tuple[str, ...]:
    """Whether the statement names what comes from the model."""
    return ("probabilities",) if url == "pool" and _named(statement) else ()


def _named(statement: str) -> list[str]:
    return [c for c in _OF_MODEL if re.search(rf"\b{c}\b", statement, re.IGNORECASE)]


def _check(statement: str, *, url: str = "pool") -> None:
    """Checks its arguments before anything runs, and before a password is logged."""
    if not re.match(r"\s*(select|with|values)\b", statement, re.IGNORECASE):
        raise ConfigError("it takes only a statement that begins with SELECT or WITH")
    bare = _QUOTED.sub("", statement)
    if ";" in bare.rstrip().removesuffix(";"):
        raise ConfigError("it takes one statement: leave out what comes after the semicolon")
    if url != "pool":
        _address(url)


sql.all_of = _all_of  # type: ignore[attr-defined]  # a link that needs no size
sql.reads_of = _reads_of  # type: ignore[attr-defined]
sql.check = _check  # type: ignore[attr-defined]


def _ask(
    view: PoolView, statement: str, url: str, values: dict[str, int]
) -> tuple[list[str], list[float]]:
    """Ids and scores as the database returns them."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with _connected(view, statement, url) as connection:
            # A colon in a text or comment stands for itself, one before a name for a value.
            asked = text(_QUOTED.sub(lambda part: part[0].replace(":", r"\:"), statement))
            used = {k: v for k, v in values.items() if k in asked.compile().params}
            result = connection.execute(asked, used)
            columns = [str(name).lower() for name in result.keys()]  # noqa: SIM118 - not a dict
            rows = result.fetchall()
    except (SQLAlchemyError, ImportError) as error:
        first = str(getattr(error, "orig", None) or error).strip().partition("\n")[0][:200]
        raise StrategyError(f"sql failed ({first}): check the statement and the database") from None
    ids = [str(row[0]) for row in rows]
    if "score" not in columns:
        return ids, [float(len(rows) - place) for place in range(len(rows))]
    place = columns.index("score")
    try:
        return ids, [float(row[place]) for row in rows]
    except (TypeError, ValueError):
        raise StrategyError("sql returned a score that is not a number: check the column") from None


@contextmanager
def _connected(view: PoolView, statement: str, url: str) -> Iterator[Connection]:
    """A connection that cannot change anything."""
    from sqlalchemy import create_engine

    if url == "pool":
        engine = create_engine("sqlite://")
    else:
        where, options = _address(url)
        engine = create_engine(where, **options)
    try:
        with engine.connect() as connection:
            if url == "pool":
                _table(view, statement).to_sql("pool", connection, index=False)
                connection.commit()
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
            elif engine.dialect.name == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
            elif engine.dialect.name in ("mysql", "mariadb"):
                connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
                connection.rollback()
            yield connection
            connection.rollback()
    finally:
        engine.dispose()


def _address(url: str) -> tuple[str, dict[str, Any]]:
    """What SQLAlchemy's engine is made of, read-only where the engine supports that."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    hidden = url.startswith("env:")
    if hidden:
        name = url.removeprefix("env:")
        url = os.environ.get(name, "")
        if not url:
            raise ConfigError(f"the environment variable {name} is not set: set it to a URL")
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError("this url is not valid: write one like sqlite:///file.db") from None
    if not hidden and (parsed.password or parsed.query):
        raise ConfigError(
            "the url holds a password or options, which would be logged: put the url into an "
            "environment variable, write url='env:NAME', and change a password that stood there"
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        if not os.path.exists(parsed.database):
            raise ConfigError(f"there is no database {parsed.database}: check the path")
        path = os.path.abspath(parsed.database)

        def opened() -> sqlite3.Connection:
            return sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)

        return "sqlite://", {"creator": opened}
    if parsed.get_backend_name() == "duckdb":
        return url, {"connect_args": {"read_only": True}}
    return url, {}


def _table(view: PoolView, statement: str) -> pd.DataFrame:
    """The pool as a table, with what of the model the statement names."""
    table = view.metadata.reset_index(names="id")
    named = _named(statement)
    if named:
        p = view.probabilities
        columns = {
            "predicted": np.asarray(view.classes)[p.argmax(axis=1)],
            "confidence": kernels.largest(p).astype(float),
            "margin": kernels.two_largest_apart(p).astype(float),
            "entropy": kernels.entropy(p).astype(float),
        }
        for name in named:
            table[name] = columns[name]
    return table
