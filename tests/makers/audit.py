"""Builders for the log: entries with defaults, a folder with a signed log in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from audit import sequencer
from audit.actions import Action, Outcome
from audit.checkpoints import FileSigner, load_signer
from audit.entry import Entry
from audit.ledger import append

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


def make_signer(data_dir: Path) -> FileSigner:
    """The log's key in this data folder, made if it is not there."""
    return load_signer(data_dir / "keys" / "log.key", ORIGIN, create=True)


def sequence(engine: Engine, data_dir: Path) -> int | None:
    """Sequence everything that waits."""
    return sequencer.run_once(engine, data_dir, make_signer(data_dir), now)
