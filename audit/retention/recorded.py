"""What the log says was done, sequenced or still waiting for an index: the registers' rows are held against it.

The log's word counts, not the row's: a row can be changed by whoever has the database, an entry cannot.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from audit import tables
from audit.actions import Action, Outcome


def done(connection: Connection, action: Action) -> Iterator[Mapping[str, Any]]:
    """The members of every entry that says this was done, oldest first."""
    e = tables.entries.c
    kept = select(tables.body_of(tables.entries)).where(e.action == str(action), e.outcome == str(Outcome.DONE))
    for body in connection.execute(kept.order_by(e.idx)).scalars():
        yield _members(tables.as_bytes(body))
    mark = f'"action":"{action}"'.encode()
    for body in connection.execute(select(tables.body_of(tables.queue)).order_by(tables.queue.c.seq)).scalars():
        waiting = tables.as_bytes(body)
        if mark in waiting and (members := _members(waiting)).get("outcome") == Outcome.DONE:
            yield members


def details(connection: Connection, action: Action, name: str) -> dict[str, list[Mapping[str, Any]]]:
    """The entries that say this was done, by what their details call `name`."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for members in done(connection, action):
        found.setdefault(str(members.get("details", {}).get(name, "")), []).append(members)
    return found


def _members(body: bytes) -> Mapping[str, Any]:
    members: Mapping[str, Any] = json.loads(body)
    return members
