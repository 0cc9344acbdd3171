"""Whole statements over small tables in a real DuckDB: what they are called, of which types they are, what they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb

from exchange.errors import NotFound
from exchange.rows import shapes
from exchange.rows.plan import Plan, Relation, resolve
from exchange.rows.soql import Query, parse_parameters, parse_statement
from exchange.rows.types import ColumnInfo
from tests.conftest import NOON

PEOPLE = tuple(
    ColumnInfo(name, name.title(), type_)
    for name, type_ in {
        "name": "text", "town": "text", "age": "number", "height": "number", "born": "calendar_date",
        "happy": "checkbox", "home": "point",
    }.items()
)  # fmt: skip
TOWNS = (
    ColumnInfo("town", "Town", "text"),
    ColumnInfo("county", "County", "text"),
    ColumnInfo("people", "People", "number"),
)
PETS = (ColumnInfo("owner", "Owner", "text"), ColumnInfo("kind", "Kind", "text"), ColumnInfo("age", "Age", "number"))
LATER = NOON.replace(year=NOON.year + 1)

_PEOPLE = [
    (0, "Ann", "Avon", 30, 1.6, datetime(1994, 1, 5), True, 41.8, -72.8),  # noqa: DTZ001 - a calendar date
    (1, "Bob", "Bethel", 40, 1.8, datetime(1984, 7, 9), False, 41.4, -73.4),  # noqa: DTZ001
    (2, "Cid", "Avon", 50, None, datetime(1974, 1, 31), None, None, None),  # noqa: DTZ001
    (3, "Dee", None, None, 1.7, None, True, 41.3, -72.9),
    (4, "Eve", "Canton", 40, 1.5, datetime(1984, 2, 29), True, 41.8, -72.9),  # noqa: DTZ001
    (5, "Flo", "Bethel", 20, 1.9, datetime(2004, 12, 1), False, 41.4, -73.4),  # noqa: DTZ001
]
_TOWNS = [(0, "Avon", "Hartford", 18000), (1, "Bethel", "Fairfield", 20000), (2, "Essex", "Middlesex", 6000)]
_PETS = [
    (0, "Ann", "cat", 3),
    (1, "Ann", "dog", 5),
    (2, "Bob", "cat", 7),
    (3, "Gus", "cow", None),
]
_OTHERS: Mapping[str, Sequence[ColumnInfo]] = {"town-0001": TOWNS, "pets-0001": PETS}


def tables(dataset: str) -> Sequence[ColumnInfo]:
    """The other datasets that everybody may read."""
    if dataset not in _OTHERS:
        raise NotFound(f"No dataset has the id {dataset}.", code="soda.dataset.not-found")
    return _OTHERS[dataset]


def connection() -> duckdb.DuckDBPyConnection:
    """A database with the three tables."""
    found = duckdb.connect(config={"threads": 1})
    shapes.install(found)
    found.execute(
        "CREATE TABLE people (_row BIGINT, name VARCHAR, town VARCHAR, age BIGINT, height DOUBLE, born TIMESTAMP_MS,"
        " happy BOOLEAN, home__lat DOUBLE, home__lon DOUBLE)"
    )
    found.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _PEOPLE)
    found.execute("CREATE TABLE towns (_row BIGINT, town VARCHAR, county VARCHAR, people BIGINT)")
    found.executemany("INSERT INTO towns VALUES (?, ?, ?, ?)", _TOWNS)
    found.execute("CREATE TABLE pets (_row BIGINT, owner VARCHAR, kind VARCHAR, age BIGINT)")
    found.executemany("INSERT INTO pets VALUES (?, ?, ?, ?)", _PETS)
    return found


def parsed(text: str | Mapping[str, str], parameters: Mapping[str, Any] | None = None) -> Query:
    """A statement, or clauses by their names without the dollar."""
    query = parse_statement(text) if isinstance(text, str) else parse_parameters(clauses(text))
    return replace(query, parameters=parameters or {})


def clauses(texts: Mapping[str, str]) -> dict[str, str]:
    """The clauses as parameters of an address."""
    return {f"${name}": text for name, text in texts.items()}


def planned(text: str | Mapping[str, str], parameters: Mapping[str, Any] | None = None, **options: Any) -> Plan:
    """The plan over the people, who have the id `main-0001`; everybody may join the other two."""
    chosen = {"tables": tables, "name": "main-0001", **options}
    return resolve(parsed(text, parameters), PEOPLE, **chosen)


def names(text: str | Mapping[str, str]) -> list[str]:
    """What the outputs are called."""
    return [field.name for field in planned(text).fields]


def run(database: duckdb.DuckDBPyConnection, plan: Plan) -> list[tuple[Any, ...]]:
    """The rows that a plan gives."""
    others = {
        "town-0001": Relation("towns", LATER, "rv-towns"),
        "pets-0001": Relation("pets", LATER, "rv-pets"),
    }
    sql, values = plan.sql("people", NOON, "rv-people", {each: others[each] for each in plan.datasets})
    answer = database.sql(sql, params=values).to_arrow_table()
    return list(zip(*(column.to_pylist() for column in answer.columns), strict=True))
