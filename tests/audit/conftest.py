"""Fixtures of the log's own tests: every database that the log runs on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from audit import tables
from audit.ledger import Ledger
from exchange.db import engine_options, prepare_engine
from tests.makers.postgres import fresh_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    return f"sqlite:///{tmp_path / 'log.db'}" if request.param == "sqlite" else fresh_database()


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """An engine on it, with the log's tables."""
    engine = make_engine(database_url)
    tables.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(database: Engine, tmp_path: Path) -> Iterator[Ledger]:
    """The log's writer on it."""
    ledger = Ledger(database, tmp_path / "audit-append.lock")
    yield ledger
    ledger.close()


def make_engine(url: str) -> Engine:
    """An engine as the application makes it."""
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    return engine
