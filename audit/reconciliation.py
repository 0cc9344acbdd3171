"""The database beside the files: does `audit_entry` hold exactly the entries of the bundles, and what still waits?

The bytes are compared with the bundles, and every column under which an entry is found with what its bytes say: an
entry that a question cannot find might as well have been removed. The tallies are counted again from the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from audit import tables
from audit.columns import id_in, row_of
from audit.lag import waiting
from audit.tables import as_bytes, body_of
from audit.tally.comparing import Recount
from audit.verification import Log, VerificationFailed

CHUNK = 1024

Rows = dict[int, dict[str, Any]]


@dataclass(frozen=True)
class Comparison:
    """How many entries the database has beyond the tree of `size` entries that was compared.

    `tallies` counted them meanwhile; its `compare` is the last question, since it depends on all others.
    """

    size: int
    indexed_after: int
    waiting: int
    tallies: Recount


def compare(engine: Engine, folder: Path, size: int) -> Comparison:
    """Compare every entry, in short transactions; those below `size` with the bundles too.

    Raises `VerificationFailed` for the first bad one, with its column.
    """
    held: Rows = {}
    recount = Recount(engine)
    for index, body in Log(str(folder), size).entries():
        if index % CHUNK == 0:
            held = rows_between(engine, index, min(index + CHUNK, size))
        if index not in held:
            raise VerificationFailed(f"entry {index} is in the log but not in the database", index)
        if held[index]["body"] != body:
            raise VerificationFailed(f"entry {index} in the database is not the entry in the log", index)
        recount.add(compare_columns(held[index]))
    _compare_newer(engine, size, recount)
    with engine.begin() as connection:
        return Comparison(size, _count(connection) - size, waiting(connection), recount)


def _compare_newer(engine: Engine, begin: int, recount: Recount) -> None:
    """Those that the tree does not hold yet: found by the questions already."""
    while rows := rows_between(engine, begin, begin + CHUNK):
        for row in rows.values():
            recount.add(compare_columns(row))
        begin += CHUNK


def compare_columns(row: dict[str, Any]) -> dict[str, Any]:
    """What the entry's bytes say, which every column must hold. Raises `VerificationFailed`."""
    index, body = row["idx"], row["body"]
    expected = row_of(index, id_in(body) or row["id"], body)
    for name, value in expected.items():
        if row[name] != value:
            raise VerificationFailed(
                f"entry {index} is not found as it was recorded: its column {name} is {row[name]!r}, "
                f"its bytes say {value!r}",
                index,
            )
    return expected


def _count(connection: Connection) -> int:
    """How many entries the database holds. Raises `VerificationFailed` if their indexes are not 0, 1, 2 and so on."""
    index = tables.entries.c.idx
    count, lowest, highest = connection.execute(select(func.count(), func.min(index), func.max(index))).one()
    if count and (lowest != 0 or highest != count - 1):
        raise VerificationFailed(f"the database holds {count} entries with indexes from {lowest} to {highest}", lowest)
    return int(count)


def rows_between(engine: Engine, begin: int, end: int) -> Rows:
    """The rows of the entries from one index to before another."""
    columns = [body_of(tables.entries) if each.name == "body" else each for each in tables.entries.columns]
    index = tables.entries.c.idx
    chosen = select(*columns).where(index >= begin, index < end).order_by(index)
    with engine.begin() as connection:
        rows = connection.execute(chosen).mappings()
        return {row["idx"]: {**row, "body": as_bytes(row["body"])} for row in rows}
