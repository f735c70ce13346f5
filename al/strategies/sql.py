"""A database query."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.errors import ConfigError, StrategyError
from al.strategies import kernels

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Connection

#: Columns of the table `pool` that come from the champion, made when a statement names them.
_OF_MODEL = ("predicted", "confidence", "margin", "entropy")


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
    variable that holds it, which is where a password belongs. Nothing is ever written: the
    connection is read-only where the database knows that, and always rolled back.

    Ids that the pool does not hold are counted and reported. Costs what the database takes.
    """
    values = {"cycle": view.cycle, "query_size": query_size}
    found, scores = _ask(view, statement, url, values)
    row_of = {id: row for row, id in enumerate(view.ids)}
    rows = {row_of[id]: score for id, score in zip(found, scores, strict=True) if id in row_of}
    unknown = [id for id in dict.fromkeys(found) if id not in row_of]
    said = f"sql returned {len(found)} rows"
    if unknown:
        some = ", ".join(map(repr, unknown[:3]))
        said += f", {len(unknown)} of them not in the pool ({some})"
    if not rows:
        raise StrategyError(f"{said}, and no sample of the pool: check the statement")
    positions = np.fromiter(rows, np.int64, len(rows))[:query_size]
    kept = np.fromiter(rows.values(), np.float64, len(rows))[:query_size]
    return Picks(
        positions,
        kept,
        propensities=np.ones(len(positions)),
        why=said,
        short=said if len(positions) < query_size else "",
    )


def _check(statement: str, *, url: str = "pool") -> None:
    """What can be told before anything runs, and before a password is logged."""
    if not re.match(r"\s*(select|with|values)\b", statement, re.IGNORECASE):
        raise ConfigError("sql takes a statement that begins with SELECT or WITH: nothing else")
    if url != "pool":
        _address(url)


sql.filters = True  # type: ignore[attr-defined]  # a link that needs no size
sql.check = _check  # type: ignore[attr-defined]


def _ask(
    view: PoolView, statement: str, url: str, values: dict[str, int]
) -> tuple[list[str], list[float]]:
    """Ids and scores as the database returns them."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with _connected(view, statement, url) as connection:
            asked = text(statement)
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
        raise StrategyError("sql returned a score that is no number: check the column") from None


@contextmanager
def _connected(view: PoolView, statement: str, url: str) -> Iterator[Connection]:
    """A connection that cannot change anything."""
    from sqlalchemy import create_engine

    arguments: dict[str, Any] = {}
    if url == "pool":
        engine = create_engine("sqlite://")
    else:
        where, arguments = _address(url)
        engine = create_engine(where, connect_args=arguments)
    try:
        with engine.connect() as connection:
            if url == "pool":
                _table(view, statement).to_sql("pool", connection, index=False)
                connection.commit()
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
            elif engine.dialect.name == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
            yield connection
            connection.rollback()
    finally:
        engine.dispose()


def _address(url: str) -> tuple[str, dict[str, Any]]:
    """What SQLAlchemy connects to, read-only where the address can say so."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    hidden = url.startswith("env:")
    if hidden:
        name = url.removeprefix("env:")
        url = os.environ.get(name, "")
        if not url:
            raise ConfigError(f"sql: the environment variable {name} is not set: set it to a URL")
    try:
        parsed = make_url(url)
    except ArgumentError:
        shown = "" if hidden else f" {url!r}"
        raise ConfigError(f"sql: the url{shown} is none: write like sqlite:///file.db") from None
    if parsed.password and not hidden:
        raise ConfigError(
            "sql: the url holds a password, which would be logged: put the url into an "
            "environment variable and write url='env:NAME'"
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        if not os.path.exists(parsed.database):
            raise ConfigError(f"sql: there is no database {parsed.database}: check the path")
        return f"sqlite:///file:{parsed.database}?mode=ro&uri=true", {}
    if parsed.get_backend_name() == "duckdb":
        return url, {"read_only": True}
    return url, {}


def _table(view: PoolView, statement: str) -> pd.DataFrame:
    """The pool as a table, with what of the model the statement names."""
    table = view.metadata.reset_index(names="id")
    named = [c for c in _OF_MODEL if re.search(rf"\b{c}\b", statement, re.IGNORECASE)]
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
