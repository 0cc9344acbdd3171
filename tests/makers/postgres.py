"""A PostgreSQL server for tests, started once per test session, and a fresh database for each test that asks."""

from __future__ import annotations

import atexit
import functools
import importlib
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

SESSIONS, RESTARTED = "session", "restarted"
"""The session's server; and one that may be stopped as by a power cut: it has few files to look through afterwards."""


@functools.cache
def _server(which: str) -> Any:
    pgserver = pytest.importorskip("pgserver")
    folder = Path(tempfile.mkdtemp(prefix=f"charter-oak-pg-{which}-"))
    server = pgserver.get_server(folder, cleanup_mode="stop")
    atexit.register(shutil.rmtree, folder, True)
    atexit.register(server.cleanup)
    return server


def fresh_database(which: str = SESSIONS) -> str:
    """The SQLAlchemy URL (psycopg) of a new, empty database on the session's server, or on the one to restart."""
    server = make_url(_server(which).get_uri()).set(drivername="postgresql+psycopg")
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return server.set(database=name).render_as_string(hide_password=False)


def restart_at_once() -> None:
    """Stop that server as a power cut would (connections broken, nothing written back) and start it again."""
    server = _server(RESTARTED)
    commands = importlib.import_module("pgserver._commands")
    commands.pg_ctl(["-m", "immediate", "-w", "stop"], pgdata=server.pgdata, user=server.system_user)
    server.ensure_postgres_running()
