"""The database handle: SQLAlchemy on SQLite (WAL, FULL) or PostgreSQL, UTC instants, named constraints.

SQLite needs two things said aloud. Durability: `synchronous=FULL`, since NORMAL loses commits on
power loss. Locking: a transaction that will write says so when it begins (`BEGIN IMMEDIATE`), so that
two writers queue instead of failing half-way; only requests that change nothing begin deferred.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Engine, MetaData, event
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import JSON, TypeDecorator

CONSTRAINT_NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

SQLITE_WAIT_MS = 15_000
POSTGRESQL_WAIT_MS = 10_000
"""How long a statement waits for somebody else's lock before it fails; without it a stuck process would stop us all."""

CONNECTIONS, MORE_CONNECTIONS = 8, 24
"""One for each thread of a worker as a rule, and room for the short ones that a watch or a refusal opens beside it."""

_reading_only: ContextVar[bool] = ContextVar("reading_only", default=False)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant. A naive one is a bug and is refused at the door."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive instant cannot be stored; pass exchange.clock.now()")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Model(DeclarativeBase):
    """Base of every table above the log."""

    metadata = MetaData(naming_convention=CONSTRAINT_NAMES)
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[str]: JSON, list[dict[str, Any]]: JSON}  # noqa: RUF012


db = SQLAlchemy(disable_autonaming=True)


def begin_reading_only(reading_only: bool) -> None:
    """Say whether transactions begun from now on, in this thread, only read: they take no write lock on SQLite."""
    _reading_only.set(reading_only)


def is_reading_only() -> bool:
    """Whether this thread said that it changes nothing; false unless it did."""
    return _reading_only.get()


def engine_options(url: str) -> dict[str, Any]:
    """Engine options for this database, with one JSON spelling for both."""
    options: dict[str, Any] = {
        "json_serializer": lambda value: json.dumps(value, sort_keys=True, ensure_ascii=False),
        "hide_parameters": True,  # bound values never reach the operator's log
    }
    if url.startswith("sqlite"):
        options["connect_args"] = {"timeout": SQLITE_WAIT_MS / 1000, "check_same_thread": False}
    else:
        options["connect_args"] = {"options": f"-c lock_timeout={POSTGRESQL_WAIT_MS}"}
        options["pool_pre_ping"] = True
    return options | {"pool_size": CONNECTIONS, "max_overflow": MORE_CONNECTIONS}


def prepare_engine(engine: Engine) -> None:
    """Attach the SQLite rules of this module to an engine. On PostgreSQL there is nothing to do."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={SQLITE_WAIT_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if _reading_only.get() else "BEGIN IMMEDIATE")
