"""A new master key: every living key of personal fields is wrapped anew, and the old master is forgotten.

Then a wrapped key in an old backup opens with no key that is left, unless somebody kept the old file too. Run it after
erasures, and destroy the copies of the old file: that is when erased keys are gone from backups.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, select, update

from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.master_key import MasterKey, MasterKeys, MasterKeyUnusable, new_master_key
from audit.personal import about
from audit.retention.destruction import scrub
from audit.retention.tables import subject_keys


def rotate(engine: Engine, master: MasterKeys, at: datetime) -> int:
    """Change the master key; gives how many keys were wrapped anew. Stop the web workers while it runs.

    The file holds both keys until the last row is wrapped, so that it can be stopped at any moment and run again.
    Raises `MasterKeyUnusable` if a living key opens with none of them; then nothing is forgotten.
    """
    former, fresh = master.all(), new_master_key()
    master.write(fresh, *former)
    with engine.begin() as connection:
        count = _wrap_anew(connection, master, fresh)
        facts = {"keys": count, "new": fresh.id, "old": [key.id for key in former]}
        ledger.append(connection, Entry(Action.LOG_PERSONAL_ROTATE, Outcome.DONE, details=facts, at=at))
    master.write(fresh)
    scrub(engine)
    return count


def _wrap_anew(connection: Connection, master: MasterKeys, fresh: MasterKey) -> int:
    rows = connection.execute(select(subject_keys).where(subject_keys.c.wrapped.is_not(None))).all()
    for row in rows:
        bound, old = about(row.id, row.subject, row.year), master.by_id(row.master)
        key = old.unwrap(row.wrapped, bound) if old else None
        if key is None:
            raise MasterKeyUnusable(
                f"the key {row.id} does not open with {master.path}; restore the file it was made with"
            )
        values = {"wrapped": fresh.wrap(key, bound), "master": fresh.id}
        connection.execute(update(subject_keys).where(subject_keys.c.id == row.id).values(**values))
    return len(rows)
