"""The log's tables refuse a change, on both databases; and what was changed all the same is named by the comparison."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from audit import tables
from audit.columns import searchable
from audit.reconciliation import compare
from audit.verification import VerificationFailed
from tests.makers.audit import drop_triggers, make_intent, make_outcome, make_refusal, sequence, write


def attempt(engine: Engine, statement: str) -> None:
    """One statement in its own transaction."""
    with engine.begin() as connection:
        connection.execute(text(statement))


@pytest.fixture
def log(database: Engine, tmp_path: Path) -> Engine:
    """A log of three entries; one more waits."""
    read = make_intent(actor="7c1f0a52-5d1e-4f0a-9a53-0f6f0a6f3b11")
    write(database, [read, make_outcome(read), make_refusal(reason="No.")])
    sequence(database, tmp_path)
    write(database, [make_intent()])
    return database


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET dataset = 'aaaa-bbbb', actor = NULL WHERE action LIKE 'access:rows:%'",
        "UPDATE audit_entry SET idx = 9 WHERE idx = 2",
        "DELETE FROM audit_entry WHERE idx = 2",
        "UPDATE audit_checkpoint SET size = 2",
        "DELETE FROM audit_checkpoint",
        "UPDATE audit_queue SET body = 'x'",
        "DELETE FROM audit_queue",
    ],
)
def test_what_is_kept_is_not_changed(log: Engine, statement: str) -> None:
    with pytest.raises(SQLAlchemyError, match="is kept"):
        attempt(log, statement)


def test_what_is_kept_is_not_replaced(log: Engine) -> None:
    if log.dialect.name == "postgresql":
        for table in ("audit_entry", "audit_checkpoint", "audit_queue", "audit_replay"):
            with pytest.raises(SQLAlchemyError, match="is kept"):
                attempt(log, f"TRUNCATE {table}")
        return
    for statement in (
        "INSERT OR REPLACE INTO audit_entry (idx, id, t, action, outcome, body) VALUES (1, 'x', 1, 'a', 'b', x'00')",
        "INSERT OR REPLACE INTO audit_checkpoint (size, root, note, t) SELECT size, '', '', 0 FROM audit_checkpoint",
        "INSERT OR REPLACE INTO audit_queue (id, body) SELECT id, x'00' FROM audit_queue",
        "INSERT OR REPLACE INTO audit_queue (seq, id, body) SELECT seq, 'x', x'00' FROM audit_queue",
    ):
        with pytest.raises(SQLAlchemyError, match="is kept"):
            attempt(log, statement)


def test_a_queued_entry_with_a_used_id_but_other_bytes_is_kept(log: Engine) -> None:
    attempt(log, "INSERT INTO audit_queue (id, body) SELECT id, '{}' FROM audit_entry WHERE idx = 0".replace(
        "'{}'", "x'7b7d'" if log.dialect.name == "sqlite" else "'{}'::bytea"))  # fmt: skip
    with pytest.raises(SQLAlchemyError, match="is kept"):
        attempt(log, "DELETE FROM audit_queue WHERE id = (SELECT id FROM audit_entry WHERE idx = 0)")


def test_a_one_time_key_is_forgotten_after_ten_minutes_only(database: Engine) -> None:
    at = int(time.time() * 1000)
    attempt(database, f"INSERT INTO audit_replay (key, at) VALUES ('young', {at - 500_000}), ('old', {at - 700_000})")
    attempt(database, "DELETE FROM audit_replay WHERE key = 'old'")
    for statement in ("DELETE FROM audit_replay", "UPDATE audit_replay SET at = 0"):
        with pytest.raises(SQLAlchemyError, match="is kept"):
            attempt(database, statement)
    if database.dialect.name == "sqlite":
        attempt(database, "INSERT OR REPLACE INTO audit_replay (key, at) VALUES ('young', 0)")
        with pytest.raises(SQLAlchemyError, match="is kept"):
            attempt(database, "DELETE FROM audit_replay")


OTHER = {"t": "1", "rows": "5", "bytes": "5", "agreement_version": "77"}


@pytest.mark.parametrize("column", [*searchable(b"{}"), "id"])
def test_every_column_is_compared_with_the_bytes(log: Engine, tmp_path: Path, column: str) -> None:
    sequence(log, tmp_path)
    assert compare(log, tmp_path / "log", 4).indexed_after == 0
    drop_triggers(log)
    attempt(log, f"UPDATE audit_entry SET {column} = {OTHER.get(column, chr(39) + 'other' + chr(39))} WHERE idx = 2")
    with pytest.raises(VerificationFailed, match=rf"entry 2 .* column {column} ") as found:
        compare(log, tmp_path / "log", 4)
    assert found.value.index == 2


def test_the_first_changed_entry_is_named(log: Engine, tmp_path: Path) -> None:
    drop_triggers(log)
    attempt(log, "UPDATE audit_entry SET dataset = 'aaaa-bbbb', actor = NULL WHERE action LIKE 'access:rows:%'")
    with pytest.raises(VerificationFailed, match="entry 0 .* column actor "):
        compare(log, tmp_path / "log", 3)


@pytest.mark.parametrize("index", [-1, 3, 7])
def test_an_entry_that_the_log_does_not_hold_is_found(log: Engine, tmp_path: Path, index: int) -> None:
    """Indexes before 0, after a gap, or with columns that its bytes do not say."""
    row = {**searchable(b'{"id": "x"}'), "idx": index, "id": "x", "body": b'{"id": "x"}', "dataset": "aaaa-bbbb"}
    with log.begin() as connection:
        connection.execute(tables.entries.insert().values(**row))
    with pytest.raises(VerificationFailed):
        compare(log, tmp_path / "log", 3)
