"""The tables of the tallies. Each key is made of what was counted by; "" stands where an entry says nothing.

NULL equals nothing, so a key with NULL could not be added to. On SQLite a tally is one tree without row numbers.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from audit.tables import metadata


def _key(name: str, length: int) -> Column[str]:
    return Column(name, String(length), primary_key=True)


def _time(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _sum(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


access_hours = Table(
    "audit_hour",
    metadata,
    _time("hour"),
    _key("source", 80),
    _key("working_group", 80),
    _key("dataset", 9),
    *map(_sum, ("reads", "refusals", "done", "cut", "failed", "rows", "bytes")),
    sqlite_with_rowid=False,
)
"""Access to restricted rows by the hour (since 1970, UTC), the agency whose data it is, the group and the dataset."""

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
"""Every entry by its legal day (days since 1970 in Connecticut), act, outcome, code, agency, group, dataset."""

_ACTIVE = ("entries", "reads", "refusals", "rows", "bytes", "first_t", "last_t")

actor_hours = Table(
    "audit_actor_hour",
    metadata,
    _time("hour"),
    _key("actor", 36),
    _key("client", 80),
    *map(_sum, _ACTIVE),
    sqlite_with_rowid=False,
)
"""What a person did through a client in an hour; `refusals` of any kind; times in milliseconds since 1970."""

actor_days = Table(
    "audit_actor_day",
    metadata,
    _time("day"),
    _key("actor", 36),
    _key("client", 80),
    *map(_sum, _ACTIVE),
    Index("ix_audit_actor_day_actor", "actor", "client", "day"),
    sqlite_with_rowid=False,
)
"""The same by the legal day."""

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
"""Permitted reads of a dataset by an "actor", through a "client" and for a "group": the first of all by its index and
time, how many, and the time of the latest."""

tallied = Table(
    "audit_tallied",
    metadata,
    Column("log", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
)
"""One row: how many entries, from the first, the tallies hold."""
