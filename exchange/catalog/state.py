"""Whether what a worker remembers of the public catalogue is still true, for a few microseconds a request.

One counter is moved by triggers in the same transaction as every change of the tables in `WATCHED`, so nobody can
forget it: not another worker, another machine, a command, nor an operator's own SQL. Each thread reads it by a kept
connection of its own. On SQLite `PRAGMA data_version` says without touching a table whether anybody at all has
committed (5 µs; 75 when somebody has); on PostgreSQL it is one look-up by key (about 170 µs).

    titles = Remembered(state, most=1_000)              # once in each worker, `state = state_of(app)`
    title = titles.get(id, web.session, lambda session: find_title(session, id))

`get` answers from memory only while the counter is the very one under which the look-up was made, so a withdrawn or
re-classified dataset is gone at the next request of every worker (invariants 3 and 6). Remember only what *everybody*
may know, and values that are cut loose from their session. What is looked up from other tables than `WATCHED` may not
be remembered here. Where the counter cannot be read, or a trigger is missing, nothing is remembered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar, cast

from flask import Flask
from sqlalchemy import Connection, Engine, Table, event, select, text
from sqlalchemy.orm import Session

from exchange.catalog.models import CatalogueState
from exchange.db import db, is_reading_only

WATCHED = ("dataset", "dataset_column", "dataset_version", "agency", "agency_alias")
"""The tables from which the public's view of the catalogue is made."""

_MOVE = "UPDATE catalogue_state SET value = value + 1 WHERE id = 1"
_WAYS = ("insert", "update", "delete")
_SQLITE_READ = (
    "SELECT value, (SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name GLOB 'catalogue_moves_*')"
    " FROM catalogue_state WHERE id = 1"
)
_POSTGRESQL_READ = "SELECT value FROM catalogue_state WHERE id = 1"
_POSTGRESQL_TRIGGERS = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'catalogue_moves_%' AND tgenabled <> 'D'"

SQLITE = tuple(
    f"CREATE TRIGGER IF NOT EXISTS catalogue_moves_{table}_{way} AFTER {way.upper()} ON {table} BEGIN {_MOVE}; END"
    for table in WATCHED
    for way in _WAYS
)
POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION catalogue_moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF current_setting('charter_oak.catalogue_moved', true) IS DISTINCT FROM pg_current_xact_id()::text THEN "
    f"{_MOVE}; PERFORM set_config('charter_oak.catalogue_moved', pg_current_xact_id()::text, true); "
    "END IF; RETURN NULL; END $$",
    *(
        statement
        for table in WATCHED
        for statement in (
            f"DROP TRIGGER IF EXISTS catalogue_moves_{table} ON {table}",
            f"CREATE CONSTRAINT TRIGGER catalogue_moves_{table} AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_moves()",
        )
    ),
)
"""Once a transaction and at its very end, so that two publishers do not wait for each other's counter."""

FIRST = "INSERT INTO catalogue_state (id, value) SELECT 1, 1 WHERE NOT EXISTS (SELECT 1 FROM catalogue_state)"


def create_triggers(connection: Connection) -> None:
    """The counter's row and the triggers that move it. Repeatable; the tables have to be there."""
    connection.execute(text(FIRST))
    for statement in SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL:
        connection.exec_driver_sql(statement)


@event.listens_for(CatalogueState.metadata, "after_create")
def _with_the_tables(_metadata: object, connection: Connection, tables: list[Table], **_rest: Any) -> None:
    """Whoever creates the tables from the models gets the triggers too; migrations say it in their own words."""
    if any(table.name == CatalogueState.__tablename__ for table in tables):
        create_triggers(connection)


class StateReader:
    """Reads the counter by one kept connection for each thread, beside the pool and outside any transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        self._of_thread = threading.local()

    def current(self) -> int | None:
        """The counter as committed by now; None if it is not known, so that nothing may be remembered."""
        try:
            return self._read_sqlite() if self._sqlite else self._read_postgresql()
        except self._engine.dialect.loaded_dbapi.Error:
            self._forget()
            return None

    def close(self) -> None:
        """Close this thread's connection."""
        self._forget()

    def _read_sqlite(self) -> int | None:
        mine = self._of_thread
        connection = getattr(mine, "connection", None) or self._connected()
        commits = connection.execute("PRAGMA data_version").fetchone()[0]
        if commits != mine.commits:
            row = connection.execute(_SQLITE_READ).fetchone()
            mine.commits, mine.value = commits, row[0] if row and row[1] == len(SQLITE) else None
        return cast("int | None", mine.value)

    def _read_postgresql(self) -> int | None:
        connection = getattr(self._of_thread, "connection", None) or self._connected()
        row = connection.execute(_POSTGRESQL_READ).fetchone()
        return cast("int | None", row[0] if row else None)

    def _connected(self) -> Any:
        """A connection of this thread's own. On PostgreSQL the triggers are counted once, when it is made."""
        dialect = self._engine.dialect
        arguments, options = dialect.create_connect_args(self._engine.url)
        if self._sqlite:
            if not self._engine.url.database or self._engine.url.database == ":memory:":
                raise dialect.loaded_dbapi.OperationalError("a database in memory has no other readers")
            connection: Any = dialect.connect(*arguments, **{**options, "isolation_level": None})
            connection.execute("PRAGMA query_only = ON")
        else:
            connection = dialect.connect(*arguments, **{**options, "autocommit": True})
            if connection.execute(_POSTGRESQL_TRIGGERS).fetchone()[0] < len(WATCHED):
                connection.close()
                raise dialect.loaded_dbapi.OperationalError("the triggers are missing; run: flask migrate")
        self._of_thread.connection, self._of_thread.commits = connection, None
        return connection

    def _forget(self) -> None:
        connection = getattr(self._of_thread, "connection", None)
        self._of_thread.connection = None
        if connection is not None:
            connection.close()


def state_of(app: Flask) -> StateReader:
    """This process's reader of the counter. Needs an application context the first time."""
    if "catalogue_state" not in app.extensions:
        app.extensions["catalogue_state"] = StateReader(db.engine)
    return cast(StateReader, app.extensions["catalogue_state"])


def catalogue_state(session: Session) -> int | None:
    """The counter as this session's transaction sees it."""
    return session.execute(select(CatalogueState.value).where(CatalogueState.id == 1)).scalar()


V = TypeVar("V")
_NOTHING: Any = object()


class Remembered(Generic[V]):
    """Look-ups that hold until the catalogue changes; at most `most` of them, the oldest go first."""

    def __init__(self, state: StateReader, most: int) -> None:
        self._state = state
        self._most = most
        self._lock = threading.Lock()
        self._kept: tuple[int, dict[Hashable, V]] = (0, {})

    def get(self, key: Hashable, session: Callable[[], Session], find: Callable[[Session], V]) -> V:
        """The value remembered under this key, or the one that `find` finds. Raises what `find` raises."""
        now = self._state.current()
        kept_at, kept = self._kept
        if now is not None and kept_at == now:
            value = kept.get(key, _NOTHING)
            if value is not _NOTHING:
                return cast(V, value)
        opened = session()
        value = find(opened)
        if now is not None and is_reading_only() and catalogue_state(opened) == now:
            self._keep(now, key, value)  # the transaction that looked saw exactly this state, neither older nor newer
        return value

    def known(self, key: Hashable) -> V | None:
        """The value remembered under this key, if that still holds; nothing is looked up."""
        kept_at, kept = self._kept
        return kept.get(key) if key in kept and self._state.current() == kept_at else None

    def _keep(self, now: int, key: Hashable, value: V) -> None:
        with self._lock:
            if self._kept[0] < now:
                self._kept = (now, {})
            kept_at, kept = self._kept
            if kept_at != now:
                return
            while len(kept) >= self._most:
                del kept[next(iter(kept))]
            kept[key] = value

    def __len__(self) -> int:
        """How many values are remembered now, true or not."""
        return len(self._kept[1])
