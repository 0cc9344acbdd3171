"""Alembic's environment: one history for every table, the log's included, on SQLite and PostgreSQL."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

import access.evidence.models
import access.models
import agreements.duties.models
import audit.desk.tables
import audit.disclosures.tables
import audit.retention.tables
import audit.tally.tables
import audit.watch.tables
import exchange.classification.models
import exchange.epoch
import exchange.hub.models
import exchange.rows.models
from audit import tables
from exchange.db import Model, UtcDateTime

TARGETS = [Model.metadata, tables.metadata]


def render(kind: str, value: object, _context: object) -> str | bool:
    """Instants are written as plain types: an old migration must not change when our code does."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(value, UtcDateTime) else False


def run(connection: Connection) -> None:
    """Upgrade in one transaction; SQLite alters tables by copying them."""
    context.configure(
        connection=connection,
        target_metadata=TARGETS,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=render,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
