"""Giving indexes: durable queue -> `audit_entry`, without a gap, in the transaction of the one leader."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, select

from audit import tables
from audit.columns import row_of
from audit.mark import WHAT_TO_DO, InconsistentLog
from audit.recovery import size_of
from audit.tables import as_bytes, body_of
from audit.tally import keeping

BATCH = 1024
"""Most entries in one transaction: bounds how long appends on SQLite wait for the leader (about 40 ms)."""

logger = logging.getLogger(__name__)


def index_waiting(connection: Connection, most: int = BATCH) -> int:
    """Move up to `most` entries from the queue to `audit_entry`; how many.

    On PostgreSQL queue numbers become visible out of order; an entry gets its index when it is seen, so none is passed
    over. An entry that was indexed before is dropped; another with its id stays queued, where `verify` reports it.
    """
    waiting = connection.execute(_first_in_line().limit(most)).all()
    if not waiting:
        keeping.add(connection, ())
        return 0
    known = _indexed_before(connection, waiting[-1].seq)
    new = [row for row in waiting if row.id not in known] if known else waiting
    same = [row for row in waiting if known.get(row.id) == as_bytes(row.body)] if known else []
    if len(new) + len(same) < len(waiting):
        logger.error("the queue holds %d entries with a used id; they stay there", len(waiting) - len(new) - len(same))
    if new:
        begin = size_of(connection)
        rows = [row_of(begin + i, row.id, as_bytes(row.body)) for i, row in enumerate(new)]
        connection.exec_driver_sql(_insert(connection.dialect.name), [tuple(row.values()) for row in rows])
        keeping.add(connection, rows)
    _take_out(connection, [*new, *same], whole=len(new) + len(same) == len(waiting))
    return len(new)


def unsigned(connection: Connection, begin: int, end: int) -> list[bytes]:
    """The entries from one index to before another, without a gap. Raises `InconsistentLog`."""
    entries = tables.entries.c
    chosen = select(entries.idx, body_of(tables.entries)).where(entries.idx >= begin, entries.idx < end)
    rows = connection.execute(chosen.order_by(entries.idx)).all()
    if [row.idx for row in rows] != list(range(begin, begin + len(rows))) or (not rows and size_of(connection) > begin):
        raise InconsistentLog(f"after entry {begin - 1} an index is missing in the database. {WHAT_TO_DO}")
    return [as_bytes(row.body) for row in rows]


@functools.cache
def _first_in_line() -> Any:
    queue = tables.queue.c
    return select(queue.seq, queue.id, body_of(tables.queue)).order_by(queue.seq)


def _indexed_before(connection: Connection, last: int) -> dict[str, bytes]:
    """Entries in line, up to a number, that have an index: their bytes by id."""
    queue, entries = tables.queue.c, tables.entries.c
    both = tables.entries.join(tables.queue, and_(entries.id == queue.id, queue.seq <= last))
    chosen = select(entries.id, body_of(tables.entries)).select_from(both)
    return {row.id: as_bytes(row.body) for row in connection.execute(chosen)}


def _take_out(connection: Connection, rows: Sequence[Row[Any]], *, whole: bool) -> None:
    """Remove from the line what has an index. SQLite has one writer, so there all up to a number is what was read."""
    queue = tables.queue.c
    if whole and connection.dialect.name == "sqlite":
        chosen = queue.seq <= rows[-1].seq
    else:
        chosen = queue.seq.in_([row.seq for row in rows])
    connection.execute(delete(tables.queue).where(chosen))


@functools.cache
def _insert(dialect_name: str) -> str:
    """Past SQLAlchemy's compiler, which takes longer for a row than the database; the names are those of `row_of`."""
    names = list(row_of(0, "", b"{}"))
    places = ", ".join(["%s" if dialect_name == "postgresql" else "?"] * len(names))
    return f"INSERT INTO audit_entry ({', '.join(names)}) VALUES ({places})"  # noqa: S608
