"""Showing personal fields: for an auditor who said why, and only once that is recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from audit import tables
from audit.actions import Action, Outcome
from audit.codes import Code
from audit.entry import Entry
from audit.personal import FIELDS, Opened, Sealer
from audit.retention.acting import Acting, NotNow, NotThis


@dataclass(frozen=True)
class Sealed:
    """An entry's place in the log and its sealed fields."""

    index: int
    id: str
    fields: Mapping[str, str]

    @property
    def words(self) -> list[str]:
        """The fields in the reader's words."""
        return [FIELDS.get(name, name) for name in sorted(self.fields)]


def find(connection: Connection, entry_id: str) -> Sealed:
    """The sealed fields of an entry. Raises `NotNow` (404) for an unknown entry, and for one that has none."""
    body = tables.body_of(tables.entries)
    row = connection.execute(select(tables.entries.c.idx, body).where(tables.entries.c.id == entry_id)).first()
    members = json.loads(tables.as_bytes(row.body)) if row is not None else {}
    fields = members.get("sealed") if isinstance(members, dict) else None
    if row is None or not isinstance(fields, dict) or not fields:
        raise NotNow("There is no such entry, or nothing is sealed in it.", Code.ERASURE_STEP, 404)
    return Sealed(row.idx, entry_id, {str(name): str(text) for name, text in fields.items()})


def open_for(
    connection: Connection, sealer: Sealer, found: Sealed, reason: str, acting: Acting
) -> tuple[list[Opened], Entry]:
    """The fields, and the entry that must be durable before anybody sees them.

    Raises `NotThis` if the reason holds what is sealed, since the entry keeps the reason in clear.
    """
    opened = sealer.open(connection, found.id, found.fields)
    if any(one.text and one.text.lower() in reason.lower() for one in opened):
        raise NotThis("The reason holds one of the sealed facts itself. Name the matter instead.", "reason")
    facts = {"entry": found.id, "fields": sorted(found.fields), "opened": [one.field for one in opened if one.text]}
    return opened, Entry(Action.LOG_PERSONAL_OPEN, Outcome.DONE, actor=acting.pseudonym, reason=reason, details=facts)
