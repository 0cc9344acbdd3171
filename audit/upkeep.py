"""The operator's two looks at the log: check all of it, and accept that a part is lost.

A check never signs over what does not hold: first everything that is there is compared with the high-water mark,
the files and the database, and only then what waits is given its index.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, inspect

from audit import checkpoints, merkle, tables, verification
from audit.actions import Action, Outcome
from audit.checkpoints import Checkpoint, Signer
from audit.entry import Entry
from audit.ledger import append
from audit.locks import Leader, leadership
from audit.mark import WHAT_TO_DO, HighWater, InconsistentLog
from audit.reconciliation import Comparison, compare
from audit.recovery import CHECKPOINT, recover
from audit.sequencer import LOG, Sequencer
from audit.tally import keeping
from audit.tiles import Edge, TileStore
from audit.verification import Report, VerificationFailed

MOST_NOTE = 16_000
"""Characters of an old mark that an entry keeps: a text and the lines of two keys, each in two forms."""

PATIENCE_S = 10.0
"""How long a checkpoint may stay behind the mark while another process leads: it publishes within a second."""


@dataclass(frozen=True)
class Installation:
    """A log with its database, folder, key and mark."""

    engine: Engine
    data_dir: Path
    signer: Signer
    mark: HighWater

    @property
    def store(self) -> TileStore:
        """The log's files."""
        return TileStore(self.data_dir / LOG)


@dataclass(frozen=True)
class Checked:
    """A log that holds. `led` is False if another process sequences, so that newer entries may have been left out."""

    report: Report
    comparison: Comparison
    led: bool


def missing_tables(engine: Engine) -> str | None:
    """Why there is no log in this database, or None; makes no file."""
    database = engine.url.database
    if engine.dialect.name == "sqlite" and not (database and Path(database).exists()):
        return f"there is no database at {database}"
    if not set(tables.metadata.tables) <= set(inspect(engine).get_table_names()):
        return "the database has no log"
    return None


def check(log: Installation, vkey: str, now: Callable[[], datetime]) -> Checked:
    """Check everything; bring the log up to date only if nobody else does and all holds.

    Raises `InconsistentLog` or `VerificationFailed`.
    """
    with leadership(log.engine, log.data_dir) as leader:
        checked = _check_led(log, vkey) if leader is None else _check_leading(log, vkey, leader, now)
        checked.comparison.tallies.compare()
        return checked


def _check_leading(log: Installation, vkey: str, leader: Leader, now: Callable[[], datetime]) -> Checked:
    with leader.begin() as connection:
        recover(connection, log.store, log.signer, log.mark.read())
    before = _whole(log, vkey) if log.store.read(CHECKPOINT) is not None else None
    sequencer = Sequencer(leader, log.store, log.signer, log.mark)
    sequencer.catch_up(now)
    if before is None or before.report.size != sequencer.size:
        return _whole(log, vkey)
    return before


def _whole(log: Installation, vkey: str, *, led: bool = True) -> Checked:
    report = verification.verify(log.store.folder, vkey)
    return Checked(report, compare(log.engine, log.store.folder, report.size), led)


def _check_led(log: Installation, vkey: str) -> Checked:
    """Another process signs meanwhile: what it has marked by now must be published in a moment."""
    marked, until = log.mark.read(), time.monotonic() + PATIENCE_S
    while (checked := _whole(log, vkey, led=False)).report.size < marked.size:
        if time.monotonic() > until:
            raise InconsistentLog(
                f"the log was rewound: {marked.size} entries were signed, says the high-water mark, and "
                f"{checked.report.size} are published. {WHAT_TO_DO}"
            )
        time.sleep(0.2)
    size = checked.report.size
    if merkle.range_root(0, marked.size, log.store.node(size)) != marked.root:
        raise VerificationFailed(f"the first {marked.size} entries are not those that the high-water mark names")
    return checked


def accept_restore(log: Installation, because: str, now: Callable[[], datetime]) -> Checkpoint:
    """Continue the log from what is there, though the mark says that more was signed; where it goes on from.

    What was accepted, and why, is the next entry; it holds the old mark, which is proof of what is lost. Database and
    files must fit together. Raises `InconsistentLog`, also if nothing is lost.
    """
    with leadership(log.engine, log.data_dir) as leader:
        if leader is None:
            raise InconsistentLog("another process sequences this log; stop it first")
        with leader.begin() as connection:
            if _fits(log, lambda marked: recover(connection, log.store, log.signer, marked)):
                raise InconsistentLog("the log holds all that was signed; there is nothing to accept")
            edge = recover(connection, log.store, log.signer, None)
            keeping.empty(connection)  # they may count what is lost
            append(connection, _acceptance(log, edge, because, now()))
        head = Checkpoint(log.signer.verifier.name, edge.size, edge.root())
        log.mark.write(checkpoints.sign(head, log.signer))
        return head


def _fits(log: Installation, recovered: Callable[[Checkpoint], Edge]) -> bool:
    try:
        recovered(log.mark.read())
    except InconsistentLog:
        return False
    return True


def _acceptance(log: Installation, edge: Edge, because: str, at: datetime) -> Entry:
    details = {"size": edge.size, "root": edge.root().hex(), "mark": (log.mark.note() or "none")[:MOST_NOTE]}
    return Entry(Action.LOG_RESTORE_ACCEPT, Outcome.DONE, reason=because, details=details, at=at)
