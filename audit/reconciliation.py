"""The database beside the files: does `audit_entry` hold exactly the entries of the bundles, and what still waits?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, func, select

from audit import tables
from audit.ledger import waiting
from audit.tables import as_bytes, body_of
from audit.verification import VerificationFailed, entries

CHUNK = 1024


@dataclass(frozen=True)
class Comparison:
    """How many entries the database has beyond the tree of `size` entries that was compared."""

    size: int
    indexed_after: int
    waiting: int


def compare(engine: Engine, folder: Path, size: int) -> Comparison:
    """Compare every entry below `size`, in short transactions. Raises `VerificationFailed` for the first bad one."""
    held: dict[int, bytes] = {}
    for index, body in entries(folder, size):
        if index % CHUNK == 0:
            held = _chunk(engine, index)
        if index not in held:
            raise VerificationFailed(f"entry {index} is in the log but not in the database", index)
        if held[index] != body:
            raise VerificationFailed(f"entry {index} in the database is not the entry in the log", index)
    with engine.begin() as connection:
        indexed = connection.execute(select(func.count()).select_from(tables.entries)).scalar_one()
        if indexed < size:
            raise VerificationFailed(f"the log has {size} entries, the database {indexed}", indexed)
        return Comparison(size, indexed - size, waiting(connection))


def _chunk(engine: Engine, begin: int) -> dict[int, bytes]:
    entry = tables.entries.c
    chosen = select(entry.idx, body_of(tables.entries)).where(entry.idx >= begin, entry.idx < begin + CHUNK)
    with engine.begin() as connection:
        return {row.idx: as_bytes(row.body) for row in connection.execute(chosen)}
