"""A new key for a log that goes on: for some days both sign, and the log itself says so.

The new key lies ready in `<key file>.next` before the log speaks of it, the log speaks of it (`log:key:rotate`)
before it signs, and it signs once that file takes the key file's place. A crash at any step leaves one of these
three states; running the command again goes on from there with the same new key.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from audit import tables
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.keys import KeyUnusable, changing, new_key, read_keys
from audit.ledger import append
from audit.mark import sync_folder
from audit.signing import key_file
from audit.signing.key_file import Key
from audit.tables import as_bytes, body_of


@dataclass(frozen=True)
class Rotation:
    """The new key, and until when the one before it signs too."""

    new: Key
    until: datetime


def next_of(path: Path) -> Path:
    """Where a new key waits until the log has spoken of it."""
    return path.with_name(f"{path.name}.next")


def rotate(engine: Engine, path: Path, overlap: timedelta, now: Callable[[], datetime]) -> Rotation:
    """Begin to sign with a new key, and end the old one after `overlap`; goes on with what a crash broke off.

    Without an overlap every older key ends now, also one that was to sign for longer: somebody else may have it.
    Raises `KeyUnusable` if the file cannot be used, or two keys sign already and are to go on.
    """
    with changing(path):
        ready = _prepared(engine, path, overlap, now())
        if not _said(engine, ready[0]):
            with engine.begin() as connection:
                append(connection, _entry(ready, now()))
        next_of(path).replace(path)
        sync_folder(path.parent)
    return Rotation(ready[0], ready[1].until or now())


def _prepared(engine: Engine, path: Path, overlap: timedelta, now: datetime) -> tuple[Key, ...]:
    """The keys as they will be. Dates are those of now, unless the log has named others already."""
    present = read_keys(path)
    waiting = read_keys(next_of(path)) if next_of(path).exists() else None
    if waiting and _said(engine, waiting[0]):
        return waiting
    signing = [key for key in present[1:] if key.signs(now)]
    if signing and overlap:
        raise KeyUnusable(
            f"the key before this one signs until {signing[0].until}; rotate again after that, or end both at once, "
            "if somebody else may have one of them, with --overlap-days 0"
        )
    fresh = replace(waiting[0], since=now) if waiting else new_key(present[0].verifiers[0].name, now)
    older = (replace(key, until=now) if key in signing else key for key in present[1:])
    keys = (fresh, replace(present[0], until=now + overlap), *(key.retired() for key in older))
    key_file.write(next_of(path), keys)
    return keys


def _entry(keys: tuple[Key, ...], now: datetime) -> Entry:
    new, old = keys[:2]
    until = old.until.isoformat(timespec="seconds") if old.until else ""
    details: dict[str, object] = {"new": new.vkeys(), "old": old.vkeys(), "until": until}
    if cut_short := [vkey for key in keys[2:] if key.until == old.until for vkey in key.vkeys()]:
        details["ended"] = cut_short
    return Entry(Action.LOG_KEY_ROTATE, Outcome.DONE, details=details, at=now)


def _said(engine: Engine, new: Key) -> bool:
    """Whether the log holds the entry that names this key."""
    with engine.connect() as connection:
        return any(new.vkeys() == json.loads(body)["details"]["new"] for body in _rotations(connection))


def _rotations(connection: Connection) -> list[bytes]:
    entries, queue = tables.entries, tables.queue
    indexed = select(body_of(entries)).where(entries.c.action == Action.LOG_KEY_ROTATE)
    found = [as_bytes(body) for body in connection.execute(indexed).scalars()]
    waiting = [as_bytes(body) for body in connection.execute(select(body_of(queue))).scalars()]
    return found + [body for body in waiting if json.loads(body).get("action") == Action.LOG_KEY_ROTATE]
