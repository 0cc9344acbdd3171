"""Reading the log in tests: what stands in it, in order, sequenced or not yet."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import tables
from audit.actions import Action


def entries(session: Session, *actions: Action) -> list[dict[str, Any]]:
    """The entries (of these acts), oldest first, as their canonical JSON says them."""
    sequenced = session.scalars(select(tables.entries.c.body).order_by(tables.entries.c.idx)).all()
    queued = session.scalars(select(tables.queue.c.body).order_by(tables.queue.c.seq)).all()
    every = [json.loads(bytes(body)) for body in [*sequenced, *queued]]
    return [entry for entry in every if not actions or entry["action"] in actions]
