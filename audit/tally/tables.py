"""The tables of the tallies. Each key is made of what was counted by; "" stands where an entry says nothing.

NULL equals nothing, so a key with NULL could not be added to. On SQLite a tally is one tree without row numbers.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from audit.tables import metadata


def _key(name: str, length: int) -> Column[str]:
    return Column(name, String(length), primary_key=True)


def _time(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _sum(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


ACCESS = ("reads", "refusals", "done", "cut", "failed", "rows", "bytes")

access_hours = Table(
    "audit_hour",
    metadata,
    _time("hour"),
    _key("source", 80),
    _key("working_group", 80),
    _key("dataset", 9),
    *map(_sum, ACCESS),
    sqlite_with_rowid=False,
)
"""Access to restricted rows by the hour (since 1970, UTC), the agency whose data it is, the group and the dataset."""

access_days = Table(
    "audit_access_day",
    metadata,
    _time("day"),
    _key("kind", 8),
    _key("what", 80),
    *map(_sum, ACCESS),
    sqlite_with_rowid=False,
)
"""Access to restricted rows by the legal day (days since 1970 in Connecticut): in all (kind ""), and for each "source",
"group" and "dataset" by itself."""

act_days = Table(
    "audit_day",
    metadata,
    _time("day"),
    _key("action", 40),
    _key("outcome", 12),
    _key("code", 40),
    _key("source", 80),
    _key("working_group", 80),
    _key("dataset", 9),
    *map(_sum, ("entries", "rows", "bytes")),
    sqlite_with_rowid=False,
)
"""Every entry by its legal day, act and outcome; refused ones by code, agency, group and dataset too."""

actor_days = Table(
    "audit_actor_day",
    metadata,
    _time("day"),
    _key("actor", 36),
    _key("client", 80),
    *map(_sum, ("entries", "reads", "refusals", "rows", "bytes", "hours", "first_t", "last_t")),
    sqlite_with_rowid=False,
)
"""What a person did through a client on a legal day; `refusals` of any kind. Bit n of `hours` is set if rows were read
in the hour n of Connecticut's clock; times in milliseconds since 1970."""

firsts = Table(
    "audit_first",
    metadata,
    _key("kind", 8),
    _key("who", 80),
    _key("dataset", 9),
    Column("idx", BigInteger, nullable=False),
    Column("t", BigInteger, nullable=False, index=True),
    *map(_sum, ("reads", "last_t")),
    sqlite_with_rowid=False,
)
"""The first permitted read of a dataset by an "actor", through a "client" and for a "group", by its index and time; of
an actor also how many there were, and the time of the latest."""

tallied = Table(
    "audit_tallied",
    metadata,
    Column("log", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
)
"""One row: how many entries, from the first, the tallies hold."""
