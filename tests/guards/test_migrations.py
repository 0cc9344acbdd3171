"""Migrations are numbered, make what the models say, and go back; on SQLite and on PostgreSQL, with rows in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from agreements.frozen import create_triggers
from audit import kept, tables
from exchange.catalog import state
from exchange.db import Model, engine_options, prepare_engine
from exchange.portal import migrating
from tests.makers.postgres import fresh_database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind."""
    url = f"sqlite:///{tmp_path / 'm.db'}" if request.param == "sqlite" else fresh_database()
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    yield engine
    engine.dispose()


def test_names_are_numbered_without_gaps() -> None:
    names = sorted(path.name for path in (migrating.FOLDER / "versions").glob("*.py"))
    assert names
    assert all(re.match(rf"{number:04d}_[a-z0-9_]+\.py$", name) for number, name in enumerate(names, 1))


def test_migrated_schema_equals_the_models(empty: Engine) -> None:
    migrating.upgrade(empty)
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, [Model.metadata, tables.metadata])
    assert differences == []


def test_a_second_upgrade_changes_nothing_and_keeps_rows(empty: Engine) -> None:
    migrating.upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text("INSERT INTO working_group (id, name, purpose) VALUES ('g', 'Group', '')"))
    migrating.upgrade(empty)
    with empty.connect() as connection:
        assert connection.scalar(text("SELECT name FROM working_group")) == "Group"


def test_down_to_nothing_and_up_again(empty: Engine) -> None:
    migrating.upgrade(empty)
    migrating.downgrade(empty, "base")
    assert set(inspect(empty).get_table_names()) <= {"alembic_version"}
    migrating.upgrade(empty)
    assert "agreement_version" in inspect(empty).get_table_names()


def test_migrations_make_the_triggers_that_the_code_makes(empty: Engine) -> None:
    migrating.upgrade(empty)
    with empty.begin() as connection:
        before = _triggers(connection)
        create_triggers(connection)
        kept.create_triggers(connection)
        state.create_triggers(connection)
        assert _triggers(connection) == before
    assert any(name.startswith("agreement_version_frozen") for name, _ in before)
    assert any(name.startswith("audit_entry_kept") for name, _ in before)
    assert any(name.startswith("catalogue_moves") for name, _ in before)


def _triggers(connection: Connection) -> set[tuple[str, str]]:
    if connection.dialect.name == "sqlite":
        statement = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    else:
        statement = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
    return {(name, body.replace("IF NOT EXISTS ", "")) for name, body in connection.execute(text(statement))}
