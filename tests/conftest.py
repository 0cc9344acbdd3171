"""Fixtures for every test: a real database, a real log, a real application; nothing is mocked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

import access.evidence.models
import access.models
import agreements.duties.models
import audit.disclosures.tables
import audit.retention.tables
import audit.watch.tables
import exchange.classification.models
import exchange.epoch
import exchange.hub.models
import exchange.rows.models
from audit import tables
from audit.ledger import Ledger
from exchange.db import Model, db, engine_options, prepare_engine
from exchange.settings import Settings
from wsgi import create_app

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
"""A browser that asks nobody but our server."""

NOON = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
"""A fixed instant for tests that pass the time in: noon in Connecticut on 15 June 2026."""


def make_settings(data_dir: Path, database_url: str | None = None) -> Settings:
    """Demo settings for a folder of the test's own."""
    return Settings(
        data_dir=data_dir,
        database_url=database_url or f"sqlite:///{data_dir / 'charter-oak.db'}",
        origin="http://127.0.0.1:8000",
        host="127.0.0.1",
        port=8000,
        demo=True,
        secret_key="a secret for tests only, long enough",
        log_key_file=data_dir / "keys" / "log.key",
        store_key_file=data_dir / "keys" / "store.key",
        personal_key_file=data_dir / "keys" / "personal.key",
    )


def create_tables(engine: Engine) -> None:
    """Every table, as the models say; that the migrations say the same is a guard test's business."""
    Model.metadata.create_all(engine)
    tables.metadata.create_all(engine)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an empty demo installation."""
    return make_settings(tmp_path)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """A migrated, empty database without an application."""
    engine = create_engine(settings.database_url, **engine_options(settings.database_url))
    prepare_engine(engine)
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session on that database."""
    with Session(engine) as session:
        yield session


@pytest.fixture
def ledger(engine: Engine, settings: Settings) -> Iterator[Ledger]:
    """The log's writer on that database."""
    ledger = Ledger(engine, settings.data_dir / "audit-append.lock")
    yield ledger
    ledger.close()


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The whole application on an empty database."""
    app = create_app(settings)
    app.testing = True
    with app.app_context():
        create_tables(db.engine)
        yield app
        app.extensions["ledger"].close()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without scripts."""
    return app.test_client()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("Chromium is not installed; tests/install-browser.sh installs it")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=list(QUIET))
        yield browser
        browser.close()
