"""What auditors said of findings: kept with an entry of the log, so that a list gets shorter and nobody forgets why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from audit.actions import Action, Outcome
from audit.days import instant_of, milliseconds
from audit.entry import Entry
from audit.ledger import append
from audit.watch.finding import Finding
from audit.watch.tables import reviews

VERDICTS = {
    "explained": "Explained: nothing is to be done",
    "pursued": "Being pursued: it is in somebody’s hands",
    "reopened": "To be looked at again",
}
SETTLED = ("explained", "pursued")
"""Verdicts after which a finding is no longer shown in the list, unless reviewed ones are asked for."""

MOST_NOTE = 2_000
AT_ONCE = 500


@dataclass(frozen=True)
class Review:
    """The last thing that was said of a finding."""

    verdict: str
    note: str
    actor: str
    at: datetime
    entry: str

    @property
    def settled(self) -> bool:
        """Whether the finding can leave the list."""
        return self.verdict in SETTLED


def review(connection: Connection, finding: Finding, verdict: str, note: str, by: str, now: datetime) -> Entry:
    """Say something of a finding, and record it, in the caller's transaction; the entry holds a digest of the note."""
    digest = hashlib.sha256(note.encode()).hexdigest()
    details = {"finding": finding.key, "kind": finding.kind, "verdict": verdict, "note_sha256": digest}
    entry = Entry(
        Action.LOG_FINDING_REVIEW,
        Outcome.DONE,
        actor=by,
        dataset=finding.dataset or None,
        details=details,
        at=now,
    )
    append(connection, entry)
    row = {"entry": entry.id, "finding": finding.key, "kind": finding.kind, "verdict": verdict, "note": note}
    connection.execute(insert(reviews), {**row, "actor": by, "t": milliseconds(now)})
    return entry


def reviews_of(connection: Connection, keys: Iterable[str]) -> Mapping[str, Review]:
    """The last review of each of these findings that has one. Entry ids are in the order of time."""
    wanted, found = sorted(set(keys)), {}
    for some in (wanted[begin : begin + AT_ONCE] for begin in range(0, len(wanted), AT_ONCE)):
        last = select(func.max(reviews.c.entry)).where(reviews.c.finding.in_(some)).group_by(reviews.c.finding)
        for row in connection.execute(select(reviews).where(reviews.c.entry.in_(last))).mappings():
            found[row["finding"]] = _review(row)
    return found


def _review(row: Any) -> Review:
    return Review(row["verdict"], row["note"], row["actor"], instant_of(row["t"]), row["entry"])
