"""An auditor's browser, and the log's entries as they stand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from audit import tables
from exchange.db import db
from exchange.directory.models import RoleKind
from tests.makers.audit import sequence
from tests.makers.directory import make_person, sign_in


@pytest.fixture
def auditor(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser in which a state auditor is signed in."""
    sign_in(client, make_person(db.session, "Perpetua Lund", roles=[RoleKind.AUDITOR]))
    return client


@pytest.fixture
def recorded(app: Flask) -> Callable[[], list[dict[str, Any]]]:
    """What the log holds when asked, oldest first, everything sequenced."""

    def entries() -> list[dict[str, Any]]:
        sequence(db.engine, app.config["SETTINGS"].data_dir)
        with db.engine.connect() as connection:
            chosen = select(tables.entries.c.body).order_by(tables.entries.c.idx)
            return [json.loads(body) for body in connection.execute(chosen).scalars()]

    return entries
