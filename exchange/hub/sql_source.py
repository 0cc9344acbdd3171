"""Any SQL database by SQLAlchemy URL: a table by name, or a SELECT, streamed and read-only.

The URL's password is used to connect and nowhere else: what is stored, shown and raised is the address without it.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, CursorResult, Engine, MetaData, Table, create_engine, event, make_url, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from exchange.errors import Invalid, Unavailable
from exchange.hub.source import Row, Rows, SqlGiven
from exchange.values import counted

ROWS_AT_ONCE = 5_000
CONNECT_TIMEOUT_S = 15
SERVERS = frozenset({"postgresql", "mysql", "mariadb", "mssql", "oracle", "ibm_db_sa", "db2", "snowflake"})
"""Databases that are servers of their own. From the page only these: a file URL would read the server's own disk."""

KNOWN = SERVERS | {"sqlite"}

ONE_SELECT = re.compile(r"\s*(select|with)\b[^;]*;?\s*\Z", re.IGNORECASE)


def is_sql_url(text: str) -> bool:
    """Whether the text is an address of a database and not a file name."""
    return bool(re.match(r"[a-z][a-z0-9_+]*://", text)) and not text.startswith(("http://", "https://", "file://"))


def checked(given: SqlGiven) -> URL:
    """The URL, if this can be read at all. Raises `Invalid`."""
    if (given.table is None) == (given.query is None):
        raise Invalid("Name a table, or give a SELECT: one of the two.")
    if given.query is not None and not ONE_SELECT.match(given.query):
        raise Invalid("Only one SELECT (or WITH … SELECT), without a semicolon inside, can be published.")
    try:
        url = make_url(given.url)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise Invalid(
            "This is not the address of a database that can be read: dialect://user:password@host/name."
        ) from error
    if not _has_driver(url):
        raise Invalid(
            f"No driver for {url.drivername} is installed here; there is one for {', '.join(sorted(installed()))}. "
            "Have one installed, or export the table as CSV."
        )
    return url


@functools.cache
def installed() -> frozenset[str]:
    """The databases whose usual driver is installed, by the dialect's name."""
    return frozenset(name for name in KNOWN if _has_driver(make_url(f"{name}://")))


def _has_driver(url: URL) -> bool:
    try:
        url.get_dialect().import_dbapi()
    except (ImportError, NoSuchModuleError):
        return False
    return True


def refuse_from_page(given: SqlGiven, own_database: str) -> None:
    """Refuse what a person may not reach through the web page: files of this machine and our own database.

    The person's browser is elsewhere; the connection is made from the server, with the server's files, sockets and
    trust. So: a server dialect, a host that is named, no options, and never the database this system keeps.
    """
    url, own = checked(given), make_url(own_database)
    if url.get_backend_name() not in SERVERS:
        raise Invalid(
            f"From this page only database servers can be read ({', '.join(sorted(SERVERS & installed()))}); "
            "upload a file instead."
        )
    if not url.host or url.host.startswith(("/", "@")) or "," in url.host or not url.database or url.query:
        raise Invalid("Give the database as dialect://user:password@host:port/name, with a host and without options.")
    if url.host.startswith("169.254.") or url.host.lower().startswith("fe80:"):
        raise Invalid("An address of this machine's own link is not a source.")
    same_server = own.host is not None and (url.host, url.port) == (own.host, own.port)
    if same_server or (url.get_backend_name(), url.database) == (own.get_backend_name(), own.database):
        raise Invalid("This system's own database is not a source.")


def shown(given: SqlGiven) -> str:
    """The address without password and options, for people, runs and messages."""
    url = checked(given)
    port = f":{url.port}" if url.port else ""
    user = f"{url.username}@" if url.username else ""
    return f"{url.get_backend_name()}://{user}{url.host or ''}{port}/{url.database or ''}"


def read_sql(given: SqlGiven) -> Rows:
    """The columns and rows of a table or SELECT.

    Raises `Invalid` for what cannot be read and `Unavailable` when the database refuses or goes away, at once or
    while rows are drawn; the connection is given back when the rows end or are abandoned.
    """
    url = checked(given)
    _require_file(url)
    engine = _engine(url)
    try:
        connection = engine.connect()
        result = _ask(engine, connection, given)
    except NoSuchTableError as error:
        engine.dispose()
        raise Invalid(f"{shown(given)} has no table {given.table!r}.") from error
    except SQLAlchemyError as error:
        engine.dispose()
        raise Unavailable(f"{shown(given)} cannot be read: {_reason(error, given)}. Nothing was changed.") from error
    return Rows(
        labels=tuple(result.keys()), rows=_stream(engine, connection, result, given), declared=_declared(result)
    )


def _require_file(url: URL) -> None:
    """Refuse a database file that is not there: connecting would make an empty one."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return
    name = str(url.database).removeprefix("file:")
    if not Path(name).is_file():
        raise Invalid(f"There is no file {name}.")


def _engine(url: URL) -> Engine:
    timeout = {"postgresql": "connect_timeout", "mysql": "connect_timeout", "mariadb": "connect_timeout"}
    option = timeout.get(url.get_backend_name())
    engine = create_engine(url, connect_args={option: CONNECT_TIMEOUT_S} if option else {}, hide_parameters=True)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", lambda raw, _record: raw.execute("PRAGMA query_only=1"))
    return engine


def _ask(engine: Engine, connection: Connection, given: SqlGiven) -> CursorResult[Any]:
    options: dict[str, Any] = {"stream_results": True, "yield_per": ROWS_AT_ONCE}
    if engine.dialect.name == "postgresql":
        options["postgresql_readonly"] = True
    connection = connection.execution_options(**options)
    if given.query is not None:
        return connection.exec_driver_sql(given.query.rstrip().rstrip(";"))
    schema, _, name = (given.table or "").rpartition(".")
    table = Table(name, MetaData(), schema=schema or None, autoload_with=engine)
    return connection.execute(select(table))


def _stream(engine: Engine, connection: Connection, result: CursorResult[Any], given: SqlGiven) -> Iterator[Row]:
    labels, drawn = tuple(result.keys()), 0
    try:
        for rows in result.partitions(ROWS_AT_ONCE):
            for row in rows:
                yield [_text(value, label) for value, label in zip(row, labels, strict=True)]
            drawn += len(rows)
    except SQLAlchemyError as error:
        raise Unavailable(
            f"{shown(given)} stopped answering after {counted(drawn, 'row', 'rows')}: {_reason(error, given)}. "
            "Nothing was published and the version before stays. Start the run again when the database answers."
        ) from error
    finally:
        connection.invalidate()
        connection.close()
        engine.dispose()


def _declared(result: CursorResult[Any]) -> dict[str, str]:
    described = result.cursor.description if result.cursor is not None else ()
    named = {column[0]: _type_name(column) for column in described or ()}
    return {label: name for label, name in named.items() if name}


def _type_name(described: Any) -> str:
    """What the database calls a column's type, where the driver says it in words; a bare number says nothing."""
    shown = getattr(described, "type_display", None) or getattr(described[1], "__name__", described[1])
    return shown if isinstance(shown, str) and not shown.isdigit() else ""


def _text(value: Any, label: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f") if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | memoryview | bytearray):
        raise Invalid(
            f"The column {label!r} holds binary values, which cannot be published. Leave it out of the SELECT."
        )
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return str(value)


def _reason(error: SQLAlchemyError, given: SqlGiven) -> str:
    """The driver's first line without the password, should the driver repeat it."""
    cause = getattr(error, "orig", None) or error
    line = (str(cause).strip().splitlines() or [type(cause).__name__])[0][:300]
    password = make_url(given.url).password
    return line.replace(str(password), "…") if password else line
