"""Adding to the tallies, in the sequencer's own transaction; and counting from the beginning again.

Tallies are committed together with how far they count, so no crash can part the two. A round that is not full counts
its own entries; after full ones (a burst, a log older than its tallies) the rest follows, `BEHIND` entries a round.
`flask audit rebuild-tallies` counts all at once.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    Insert,
    Table,
    case,
    delete,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from audit import tables
from audit.tally.counting import NEEDED, Counts, Row, count, nothing
from audit.tally.tables import access_days, access_hours, act_days, actor_days, firsts, tallied

TALLIES = (access_hours, access_days, act_days, actor_days, firsts)

FULL = 1024
"""Entries of a round that is full: more wait. Such rounds are not counted at once, so that evidence comes first."""

BEHIND = 2048
"""Entries counted in one round while the tallies are behind: more than a round that is not full indexes."""

THE_LOG = 1


def add(connection: Connection, rows: Sequence[Row]) -> None:
    """Count entries that were just given their index, in the same transaction; without rows, some of those that wait.

    While older entries are uncounted, those are counted first. Nothing is counted in a round that is full.
    """
    if len(rows) >= FULL:
        return
    size = size_of(connection)
    if not rows or rows[0]["idx"] != size:
        rows = entries_from(connection, size, BEHIND)
    if rows:
        put(connection, count(rows, nothing()))
        _set_size(connection, rows[-1]["idx"] + 1)


def size_of(connection: Connection) -> int:
    """How many entries are counted. On PostgreSQL the row stays locked until the transaction ends."""
    size: int | None = connection.execute(_locked_size()).scalar()
    return size or 0


def behind(connection: Connection) -> int:
    """How many entries have their index and are not counted yet: none, unless the log is older than its tallies."""
    counted = connection.execute(select(tallied.c.size)).scalar() or 0
    highest = connection.execute(select(func.max(tables.entries.c.idx))).scalar()
    return 0 if highest is None else max(0, int(highest) + 1 - counted)


def last_use(connection: Connection, actors: Collection[str]) -> dict[tuple[str, str], int]:
    """When each of these persons last read each dataset that they ever read, in milliseconds since 1970."""
    read = firsts.c
    chosen = select(read.who, read.dataset, read.last_t).where(read.kind == "actor", read.who.in_(set(actors)))
    return {(row.who, row.dataset): row.last_t for row in connection.execute(chosen)}


def empty(connection: Connection) -> None:
    """Forget every tally; what follows counts from the first entry."""
    size_of(connection)
    for table in TALLIES:
        connection.execute(delete(table))
    _set_size(connection, 0)


def rebuild(engine: Engine) -> int:
    """Count the whole log anew, in short transactions between those of a sequencer; how many entries."""
    with engine.begin() as connection:
        empty(connection)
    return catch_up(engine)


def catch_up(engine: Engine) -> int:
    """Count what is not counted yet, in short transactions; how many entries the tallies hold then."""
    while True:
        with engine.begin() as connection:
            before = size_of(connection)
            add(connection, ())
            if size_of(connection) == before:
                return before


def put(connection: Connection, counts: Counts) -> None:
    """Add counts to the tables."""
    for table in TALLIES:
        if counts[table.name]:
            upsert, names = _compiled(table, connection.dialect)
            rows = [(*key, *values) for key, values in counts[table.name].items()]
            connection.exec_driver_sql(upsert, [dict(zip(names, row, strict=True)) for row in rows] if names else rows)


def entries_from(connection: Connection, begin: int, most: int) -> Sequence[Row]:
    """What is counted of the entries from this index on, at most so many."""
    entry = tables.entries.c
    chosen = select(*(entry[name] for name in NEEDED)).where(entry.idx >= begin).order_by(entry.idx).limit(most)
    return cast(Sequence[Row], connection.execute(chosen).mappings().all())


def _set_size(connection: Connection, size: int) -> None:
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    first = dialect.insert(tallied).values(log=THE_LOG, size=size)
    connection.execute(first.on_conflict_do_update(index_elements=[tallied.c.log], set_={"size": size}))


@functools.cache
def _locked_size() -> Any:
    return select(tallied.c.size).where(tallied.c.log == THE_LOG).with_for_update()


_statements: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {}


def _compiled(table: Table, dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """The upsert as the driver takes it, and its parameters' names if it takes them by name."""
    made = _statements.get((table.name, dialect.name))
    if made is None:
        compiled = _upsert(table, dialect.name).compile(dialect=dialect)
        names = () if compiled.positional else tuple(column.name for column in table.columns)
        made = _statements[(table.name, dialect.name)] = (str(compiled), names)
    return made


def _upsert(table: Table, dialect_name: str) -> Insert:
    """A new key is inserted; to one that is there the measures are added."""
    dialect: Any = postgresql if dialect_name == "postgresql" else sqlite
    statement = dialect.insert(table)
    measures = [column for column in table.columns if not column.primary_key]
    added = {column.name: _merged(column, statement.excluded[column.name]) for column in measures}
    # Of clients and groups only the first read is kept: nothing is written for the others.
    where = statement.excluded.reads > literal_column("0") if table is firsts else None
    return cast(
        Insert, statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=added, where=where)
    )


def _merged(held: Column[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    if held.name == "hours":
        return held.bitwise_or(new)
    if held.name in ("idx", "t"):  # the first of all stays the first
        return held
    if held.name == "first_t":
        return case((new < held, new), else_=held)
    if held.name == "last_t":
        return case((new > held, new), else_=held)
    return held + new
