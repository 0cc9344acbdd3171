"""Destroying keys of personal fields, and what the log says was destroyed.

The log's word counts, not the row's: a key that comes back from a backup is still destroyed, since the entry
`log:personal:destroy` that named it cannot be taken back. Whoever opens or seals asks here first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from audit import ledger
from audit.actions import Action, Outcome
from audit.days import instant_of, legal_day, milliseconds
from audit.entry import Entry
from audit.retention.recorded import done
from audit.retention.tables import subject_keys

KEYS_IN_AN_ENTRY = 1_000
"""So many key ids of 32 digits fit into an entry with room to spare."""


@dataclass(frozen=True)
class Destroyed:
    """When a key was destroyed (milliseconds), under which request, by which entry."""

    at: int
    request: str
    entry: str

    def words(self) -> str:
        """The sentence for a page."""
        return f"destroyed on {legal_day(instant_of(self.at)).isoformat()} under request {self.request}"


def destroyed_by_the_log(connection: Connection, wanted: Iterable[str] | None = None) -> dict[str, Destroyed]:
    """The keys (of those wanted, or all) whose destruction is recorded, sequenced or still waiting for an index."""
    only = None if wanted is None else set(wanted)
    found: dict[str, Destroyed] = {}
    for members in done(connection, Action.LOG_PERSONAL_DESTROY):
        details = members.get("details", {})
        record = Destroyed(int(members["t"]), str(details.get("request", "")), str(members["id"]))
        found |= {key: record for key in details.get("keys", ()) if only is None or key in only}
    return found


def revived(connection: Connection) -> dict[str, Destroyed]:
    """Keys that the log says are destroyed and whose row holds a key all the same: a row came back from a backup."""
    living = set(connection.execute(select(subject_keys.c.id).where(subject_keys.c.wrapped.is_not(None))).scalars())
    return destroyed_by_the_log(connection, living)


def vanished(connection: Connection) -> list[str]:
    """Keys whose row holds none, though the log does not say that they were destroyed."""
    gone = set(connection.execute(select(subject_keys.c.id).where(subject_keys.c.wrapped.is_(None))).scalars())
    return sorted(gone - destroyed_by_the_log(connection, gone).keys())


def destroy(connection: Connection, keys: Sequence[str], request: str, entry: Entry) -> None:
    """Overwrite these wrapped keys and record each, in the caller's transaction. `entry` says who, and when.

    Afterwards call `scrub`, so that the bytes leave the database's files too.
    """
    overwrite(connection, keys, request, milliseconds(entry.at))
    for start in range(0, len(keys), KEYS_IN_AN_ENTRY):
        part = sorted(keys)[start : start + KEYS_IN_AN_ENTRY]
        facts = {"request": request, "keys": part, "count": len(part)}
        ledger.append(
            connection,
            Entry(
                Action.LOG_PERSONAL_DESTROY, Outcome.DONE, actor=entry.actor, ref=entry.id, details=facts, at=entry.at
            ),
        )


def overwrite(connection: Connection, keys: Sequence[str], request: str, at: int) -> None:
    """Take the wrapped keys out of their rows; the rows stay."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")  # zeroes what the changed row leaves behind
    gone = {"wrapped": None, "destroyed_at": at, "destroyed_by": request}
    for start in range(0, len(keys), KEYS_IN_AN_ENTRY):
        part = keys[start : start + KEYS_IN_AN_ENTRY]
        connection.execute(update(subject_keys).where(subject_keys.c.id.in_(part)).values(**gone))


def destroy_again(connection: Connection) -> list[str]:
    """Overwrite every key that came back though the log says it is destroyed; gives their ids."""
    back = revived(connection)
    for key, record in back.items():
        overwrite(connection, [key], record.request, record.at)
    return sorted(back)


def scrub(engine: Engine) -> bool:
    """Have the database let go of overwritten bytes: SQLite's write-ahead log is emptied, PostgreSQL's table rewritten.

    False if readers were in the way; then `flask audit retention --destroy-again` does it later. Outside a transaction.
    """
    on_postgresql = engine.dialect.name == "postgresql"
    statement = f"VACUUM (FULL) {subject_keys.name}" if on_postgresql else "PRAGMA wal_checkpoint(TRUNCATE)"
    with contextlib.closing(engine.raw_connection()) as raw:
        driver: Any = raw.driver_connection
        driver.rollback()
        if on_postgresql:
            driver.autocommit = True
        try:
            answer = driver.execute(statement)
            return on_postgresql or answer.fetchone()[0] == 0
        except engine.dialect.loaded_dbapi.Error:
            return False
        finally:
            if on_postgresql:
                driver.autocommit = False
