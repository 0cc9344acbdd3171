"""Does the index say what the manifests say, and is each manifest there that the log names?

The account of a person is looked up in the index. Whoever takes a row out of it, or a file with its rows, hides a
disclosure that the log proves; this check finds that, as the log's own verifier does not read the index.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from audit import tables
from audit.actions import Action
from audit.disclosures.keeping import Store
from audit.disclosures.manifest import NotAManifest
from audit.disclosures.tables import PREFIX, disclosures, manifests
from audit.lookup import members
from audit.tables import as_bytes, body_of

AT_ONCE = 1_000
RESTORE = "restore the folder of manifests from its backup, then: flask disclosures rebuild"
REBUILD = "run: flask disclosures rebuild"


@dataclass(frozen=True)
class Checked:
    """How many readings with a manifest the log names, how many manifests the index holds, and what is wrong."""

    readings: int
    manifests: int
    faults: tuple[str, ...]


def check(connection: Connection, store: Store) -> Checked:
    """Compare log, manifests and index with each other, to the end. Writes nothing."""
    arriving, named, faults = frozenset(store.arriving()), _named(connection), list[str]()
    readings = 0
    for readings, (intent, sha256) in enumerate(named, start=1):  # noqa: B007
        faults += _reading(connection, store, intent, sha256, sha256 in arriving)
    sums = _Sums()
    rows = connection.execution_options(yield_per=AT_ONCE).execute(select(manifests)).all()
    for row in rows:
        faults += _indexed(connection, store, row, sums)
    faults += sums.differing(connection, {row.number: row.intent for row in rows})
    return Checked(readings, len(rows), tuple(faults))


def _named(connection: Connection) -> Iterator[tuple[str, str]]:
    """Intent and manifest of each outcome in the log that names one, in the log's order."""
    e, after = tables.entries.c, -1
    chosen = select(e.idx, body_of(tables.entries)).where(e.action == Action.ACCESS_ROWS_OUTCOME).order_by(e.idx)
    while some := connection.execute(chosen.where(e.idx > after).limit(AT_ONCE)).all():
        for row in some:
            said = members(as_bytes(row.body))
            if "manifest" in said:
                yield str(said["ref"]), str(said["manifest"])
        after = some[-1].idx


def _reading(connection: Connection, store: Store, intent: str, sha256: str, arriving: bool) -> Iterator[str]:
    held = connection.scalar(select(manifests.c.sha256).where(manifests.c.intent == intent))
    if held is None and not arriving:
        yield f"the index lacks the reading {intent}; {REBUILD}"
    elif held not in (None, sha256):
        yield f"the index has another manifest for the reading {intent} than the log; {REBUILD}"
    if held is None or held != sha256:  # those of the index are read once, with their rows
        yield from _file(store, intent, sha256)


def _file(store: Store, intent: str, sha256: str) -> Iterator[str]:
    try:
        if store.read(sha256).head.intent == intent:
            return
    except NotAManifest:
        pass
    yield f"the manifest of the reading {intent} is missing or not what the log names; {RESTORE}"


def _indexed(connection: Connection, store: Store, row: Row[Any], sums: _Sums) -> Iterator[str]:
    number, intent, sha256 = row.number, row.intent, row.sha256
    if not _in_log(connection, intent):
        yield f"the index has the reading {intent}, which the log does not know; {REBUILD}"
    try:
        made = store.read(sha256)
    except NotAManifest:
        yield f"the manifest of the reading {intent} is missing or not what the log names; {RESTORE}"
        sums.passed_over.add(number)
        return
    if (made.head.intent, made.head.dataset, made.head.namespace) != (intent, row.dataset, row.namespace):
        yield f"the index says other things of the reading {intent} than its manifest; {REBUILD}"
    for subject in made.hashes():
        sums.expect(number, subject[:PREFIX])


def _in_log(connection: Connection, intent: str) -> bool:
    return any(
        connection.execute(select(table.c.id).where(table.c.id == intent)).first()
        for table in (tables.entries, tables.queue)
    )


class _Sums:
    """Which persons each manifest lists, as sums of hashes under a key of this run, so that nobody can aim at one."""

    def __init__(self) -> None:
        self._key, self._balance = os.urandom(32), Counter[int]()
        self.passed_over: set[int] = set()

    def expect(self, number: int, prefix: bytes) -> None:
        """The manifest of this number lists the person."""
        self._balance[number] += self._of(prefix)

    def differing(self, connection: Connection, intents: dict[int, str]) -> Iterator[str]:
        """Compare with the rows of the index."""
        for row in connection.execution_options(yield_per=AT_ONCE).execute(select(disclosures)):
            self._balance[row.manifest] -= self._of(bytes(row.subject))
        for number, balance in self._balance.items():
            if balance and number not in self.passed_over:
                reading = f"the reading {intents[number]}" if number in intents else "a reading that it does not hold"
                yield f"the index does not list the persons of {reading} as its manifest does; {REBUILD}"

    def _of(self, prefix: bytes) -> int:
        return int.from_bytes(hashlib.blake2b(prefix, key=self._key, digest_size=32).digest())
