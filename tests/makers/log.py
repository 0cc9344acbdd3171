"""Reading the log in tests: what stands in it, in order, sequenced or not yet."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import create_engine, literal, select, union_all
from sqlalchemy.orm import Session

from audit import tables
from audit.actions import Action
from tests.makers.server import Server


def entries(session: Session, *actions: Action) -> list[dict[str, Any]]:
    """The entries (of these acts), oldest first, as their canonical JSON says them."""
    sequenced = session.scalars(select(tables.entries.c.body).order_by(tables.entries.c.idx)).all()
    queued = session.scalars(select(tables.queue.c.body).order_by(tables.queue.c.seq)).all()
    every = [json.loads(bytes(body)) for body in [*sequenced, *queued]]
    return [entry for entry in every if not actions or entry["action"] in actions]


def kept_entries(server: Server) -> list[dict[str, Any]]:
    """Every durable entry of a running server, in the log's order, read from outside in one statement."""
    url = server.environment.get("EXCHANGE_DATABASE_URL") or f"sqlite:///{server.data_dir / 'charter-oak.db'}"
    indexed = select(literal(0).label("part"), tables.entries.c.idx.label("place"), tables.entries.c.body)
    waiting = select(literal(1).label("part"), tables.queue.c.seq.label("place"), tables.queue.c.body)
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(union_all(indexed, waiting).order_by("part", "place")).all()
    engine.dispose()
    return [json.loads(bytes(row.body)) for row in rows]
