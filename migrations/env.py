"""Alembic's environment: one history for every table, the log's included, on SQLite and PostgreSQL."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

import access.models
import exchange.classification.models
import exchange.epoch
import exchange.hub.models  # noqa: F401
from audit import tables
from exchange.db import Model

TARGETS = [Model.metadata, tables.metadata]


def run(connection: Connection) -> None:
    """Upgrade in one transaction; SQLite alters tables by copying them."""
    context.configure(
        connection=connection,
        target_metadata=TARGETS,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
