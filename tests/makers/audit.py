"""Builders for the log: entries with defaults, a folder with a signed log in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from audit import sequencer
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.keys import KeyFile, load_signer
from audit.ledger import append
from audit.mark import Mark, mark_of

ORIGIN = "127.0.0.1:8000/audit/log"


def now() -> datetime:
    """The present, for the sequencer."""
    return datetime.now(UTC)


def make_intent(**members: Any) -> Entry:
    """An intent to read rows."""
    given: dict[str, Any] = {
        "dataset": "abcd-2345",
        "agreement": "DSA-2026-01",
        "agreement_version": 1,
        "purpose": "evaluation",
        "working_group": "health-and-human-services",
        "client": "notebook",
        "columns": ("district", "rate"),
    }
    return Entry(Action.ACCESS_ROWS_INTENT, Outcome.INTENDED, **{**given, **members})


def make_outcome(intent: Entry, rows: int = 10, sent: int = 1000, outcome: Outcome = Outcome.DONE) -> Entry:
    """What became of an intent."""
    return Entry(
        Action.ACCESS_ROWS_OUTCOME, outcome, actor=intent.actor, dataset=intent.dataset, ref=intent.id, rows=rows,
        bytes=sent,
    )  # fmt: skip


def make_refusal(**members: Any) -> Entry:
    """A refused read."""
    given: dict[str, Any] = {"dataset": "abcd-2345", "reason": "The agreement was suspended."}
    return Entry(Action.ACCESS_ROWS_REFUSE, Outcome.REFUSED, **{**given, **members})


def write(engine: Engine, entries: Iterable[Entry]) -> None:
    """Append entries in one transaction."""
    with engine.begin() as connection:
        for entry in entries:
            append(connection, entry)


def make_signer(data_dir: Path) -> KeyFile:
    """The log's key in this data folder, made if it is not there."""
    return load_signer(data_dir / "keys" / "log.key", ORIGIN, create=True, now=now)


def make_mark(data_dir: Path) -> Mark:
    """The mark of that key."""
    return mark_of(data_dir / "keys" / "log.key", make_signer(data_dir))


def sequence(engine: Engine, data_dir: Path) -> int | None:
    """Sequence everything that waits."""
    return sequencer.run_once(engine, data_dir, make_signer(data_dir), make_mark(data_dir), now)


def drop_triggers(engine: Engine) -> None:
    """Take the log's triggers away, as somebody would who owns the database."""
    sqlite = engine.dialect.name == "sqlite"
    found = (
        "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit%'"
        if sqlite
        else "SELECT tgname, tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE 'audit%'"
    )
    with engine.begin() as connection:
        for name, table in connection.execute(text(found)).all():
            connection.execute(text(f"DROP TRIGGER {name}" + ("" if sqlite else f" ON {table}")))
