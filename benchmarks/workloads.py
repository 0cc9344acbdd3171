"""What is asked, in the words of each server: ours, the peer and the floors get the same question with the same values.

Every request of a round asks something new (another town, another offset, another limit), so that nobody answers from
a cache; where a cache is measured, the line says so. Datasette gets a filtered page by the address of its table, as its
own pages link it, and everything else by its SQL address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from benchmarks import tables
from benchmarks.load import Paths
from benchmarks.table import CATEGORIES
from demo.facts import TOWNS

NAMES = [town.name for town in TOWNS]


@dataclass(frozen=True)
class Workload:
    """One question. `floors` by the words of the report; `peer` None where Datasette has no such thing."""

    name: str
    ours: Paths
    peer: Paths | None = None
    floors: Mapping[str, Paths] = field(default_factory=dict)
    clients: int = 8


SQLITE, DUCKDB, TEXT, BARE = "Flask + sqlite3", "Flask + DuckDB", "Flask + stored JSON text", "bare route, same bytes"


def _sql(address: str, statement: str, *values: object) -> str:
    return f"/{address}?" + urlencode([("sql", statement), *(("v", value) for value in values)])


def _peer(statement: str, **values: object) -> str:
    return "/floor.json?" + urlencode({"sql": statement, "_shape": "array", **values})


def _town(n: int) -> str:
    return NAMES[(n * 7) % len(NAMES)]


def _page(rows: int, limit: int, name: str, clients: int = 8) -> Workload:
    id = tables.open_id(rows)
    spread = max(1, min(1_000, rows // len(NAMES) - limit))
    of = lambda n: (n // len(NAMES)) % spread  # noqa: E731
    select = "SELECT {} FROM {} WHERE town = ? LIMIT ? OFFSET ?"
    whole = select.format("*", "rows")
    numbered = whole.replace("LIMIT ? OFFSET ?", "LIMIT CAST(? AS INT) OFFSET CAST(? AS INT)")
    return Workload(
        name,
        lambda n: f"/resource/{id}.json?town={quote(_town(n))}&$limit={limit}&$offset={of(n)}",
        lambda n: f"/floor/rows.json?town={quote(_town(n))}&_size={limit}&_next=R{of(n):09d}",
        {
            SQLITE: lambda n: _sql("sqlite", whole, _town(n), limit, of(n)),
            DUCKDB: lambda n: _sql("duckdb", numbered, _town(n), limit, of(n)),
            TEXT: lambda n: _sql("text", select.format("json", "texts"), _town(n), limit, of(n)),
        },
        clients,
    )  # fmt: skip


def of_rows(rows: int) -> list[Workload]:
    """Everything that is asked of a table of so many rows."""
    id, places = tables.open_id(rows), tables.open_id(rows, "places")
    deep = lambda n: rows - rows // 10 + (n * 13) % (rows // 20)  # noqa: E731
    key = lambda n: f"R{(n * 7919) % rows:09d}"  # noqa: E731
    over = lambda n: 1000 + (n * 37) % 3000 + n % 100 / 100  # noqa: E731
    category = lambda n: CATEGORIES[n % len(CATEGORIES)]  # noqa: E731

    def both(statement: str, *values: object) -> dict[str, Paths]:
        return {
            SQLITE: lambda n: _sql("sqlite", statement.format(n=169 + n % 50_000), *(v(n) for v in values)),  # type: ignore[operator]
            DUCKDB: lambda n: _sql("duckdb", statement.format(n=169 + n % 50_000), *(v(n) for v in values)),  # type: ignore[operator]
        }

    two = "SELECT * FROM rows WHERE category = ? AND amount > CAST(? AS DOUBLE) LIMIT 100"
    grouped = "SELECT town, count(*) AS n FROM rows GROUP BY town ORDER BY town LIMIT {n}"
    some = "SELECT town, count(*), avg(amount) FROM rows WHERE amount > CAST(? AS DOUBLE) GROUP BY town"
    return [
        _page(rows, 100, "page of 100 rows, one filter"),
        _page(rows, 100, "page of 100 rows, one filter, 1 client", clients=1),
        _page(rows, 100, "page of 100 rows, one filter, 32 clients", clients=32),
        _page(rows, 1000, "page of 1,000 rows, one filter"),
        Workload(
            "page of 100 rows, two conditions",
            lambda n: f"/resource/{id}.json?" + _where(f"category = '{category(n)}' AND amount > {over(n)}"),
            lambda n: _peer(two.replace("category = ?", "category = :c").replace("?", ":a"), c=category(n), a=over(n)),
            both(two, category, over),
        ),
        Workload(
            "deep offset, 100 rows",
            lambda n: f"/resource/{id}.json?$limit=100&$offset={deep(n)}",
            lambda n: _peer("SELECT * FROM rows LIMIT 100 OFFSET :o", o=deep(n)),
            both("SELECT * FROM rows LIMIT 100 OFFSET CAST(? AS INT)", deep),
        ),
        Workload(
            "key look-up",
            lambda n: f"/resource/{id}.json?id={key(n)}",
            lambda n: _peer("SELECT * FROM rows WHERE id = :k", k=key(n)),
            both("SELECT * FROM rows WHERE id = ?", key),
        ),
        Workload(
            "group by town",
            lambda n: f"/resource/{id}.json?$select=town,count(*)%20as%20n&$group=town&$limit={169 + n % 50_000}",
            lambda n: _peer(grouped.format(n=169 + n % 50_000)),
            both(grouped),
        ),
        Workload(
            "filtered group by",
            lambda n: f"/resource/{id}.json?$select=town,count(*),avg(amount)&$group=town&$where=amount%3E{over(n)}",
            lambda n: _peer(some.replace("?", ":a"), a=over(n)),
            both(some, over),
        ),
        Workload(
            "full text, 100 rows ($q)",
            lambda n: f"/resource/{id}.json?$q=entry%20{n % 997}&$limit=100",
            None,
            {DUCKDB: lambda n: _sql("duckdb", WORDS, f"%entry {n % 997},%")},
        ),
        Workload(
            "circle of 2 km, 100 rows",
            lambda n: f"/resource/{places}.json?" + _where(INSIDE.format(*_centre(n))),
            None,
            {DUCKDB: lambda n: _sql("duckdb", CIRCLE, *_around(n))},
        ),
    ]  # fmt: skip


INSIDE = "within_circle(place, {:.4f}, {:.4f}, 2000)"
WORDS = "SELECT * FROM rows WHERE note ILIKE ? LIMIT 100"
CIRCLE = """SELECT id, town, latitude, longitude FROM rows
 WHERE latitude BETWEEN CAST(? AS DOUBLE) AND CAST(? AS DOUBLE)
 AND longitude BETWEEN CAST(? AS DOUBLE) AND CAST(? AS DOUBLE) LIMIT 100"""
"""The floor takes the box around the circle; it computes no distances."""


def _where(condition: str) -> str:
    return urlencode({"$where": condition, "$limit": 100})


def _centre(n: int) -> tuple[float, float]:
    return 41.1 + n % 90 / 100, -73.5 + n % 170 / 100


def _around(n: int) -> tuple[float, float, float, float]:
    latitude, longitude = _centre(n)
    return latitude - 0.018, latitude + 0.018, longitude - 0.024, longitude + 0.024


def cached(rows: int) -> Workload:
    """The same page again and again."""
    path = f"/resource/{tables.open_id(rows)}.json?$limit=100"
    return Workload("page of 100 rows, from the cache", lambda _: path, None, {BARE: lambda _: "/same/page"})


def pages_for_people(rows: int) -> list[Workload]:
    """The catalogue."""
    words = lambda n: f"{tables.WORDS[n % 10]} series {n % tables.CATALOGUE}"  # noqa: E731
    id = tables.open_id(rows)
    return [
        Workload(
            f"catalogue search, {tables.CATALOGUE} datasets",
            lambda n: f"/api/catalog/v1?q={quote(words(n))}&limit=10",
            None,
            {BARE: lambda _: "/same/search"},
        ),
        Workload("dataset page", lambda _: f"/data/{id}", lambda _: "/floor/rows", {BARE: lambda _: "/same/dataset"}),
    ]


def kept_bodies(rows: int) -> dict[str, str]:
    """The answers of ours that the bare route repeats, by its names."""
    id = tables.open_id(rows)
    search = "/api/catalog/v1?q=water&limit=10"
    return {"page": f"/resource/{id}.json?$limit=100", "search": search, "dataset": f"/data/{id}"}
