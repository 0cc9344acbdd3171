"""Appending to the log, durably, beside its floors on the same disk."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
import time
from pathlib import Path

import psycopg
from sqlalchemy import create_engine, make_url

from audit import tables
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.ledger import Ledger
from exchange.db import engine_options, prepare_engine
from tests.makers.postgres import fresh_database

WRITERS = 8


def entry() -> Entry:
    """An entry of the usual size: an intent to read rows."""
    return Entry(
        Action.ACCESS_ROWS_INTENT,
        Outcome.INTENDED,
        actor="0b0c6f0e-0000-4000-8000-000000000001",
        client="bench",
        agreement="DSA-2026-0001",
        agreement_version=1,
        purpose="bench",
        dataset="abcd-2345",
        dataset_version=1,
        columns=("district", "grade", "days_absent"),
        filter_commit="0" * 64,
    )


def ledger_appends(folder: Path, seconds: float) -> float:
    """Durable appends a second through the ledger on SQLite, by `WRITERS` threads."""
    url = f"sqlite:///{folder / 'bench.db'}"
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    tables.metadata.create_all(engine)
    ledger = Ledger(engine, folder / "append.lock")
    try:
        return rate(lambda: ledger.record(entry()), seconds)
    finally:
        ledger.close()
        engine.dispose()


def file_appends(folder: Path, seconds: float) -> float:
    """The floor: a hash-chained file with group commit (one writer thread, one fdatasync a batch)."""
    waiting: queue.Queue[tuple[bytes, threading.Event] | None] = queue.Queue()
    writer = threading.Thread(target=_chain, args=(folder / "chain.log", waiting))
    writer.start()

    def append() -> None:
        done = threading.Event()
        waiting.put((entry().canonical(), done))
        done.wait()

    try:
        return rate(append, seconds)
    finally:
        waiting.put(None)
        writer.join()


def _chain(path: Path, waiting: queue.Queue[tuple[bytes, threading.Event] | None]) -> None:
    previous = b"\0" * 32
    with path.open("ab", buffering=0) as handle:
        while True:
            batch = [waiting.get()]
            while not waiting.empty() and len(batch) < 256:
                batch.append(waiting.get_nowait())
            items = [item for item in batch if item is not None]
            lines = []
            for body, _ in items:
                previous = hashlib.sha256(previous + body).digest()
                lines.append(previous + body)
            handle.write(b"".join(lines))
            os.fdatasync(handle.fileno())
            for _, done in items:
                done.set()
            if None in batch:
                return


def single_syncs(folder: Path, seconds: float) -> float:
    """Syncs a second: 400 bytes written and synced, one at a time."""
    with (folder / "single.log").open("ab", buffering=0) as handle:
        until, count = time.perf_counter() + seconds, 0
        while time.perf_counter() < until:
            handle.write(b"x" * 400)
            os.fdatasync(handle.fileno())
            count += 1
    return count / seconds


def chained_table_appends(folder: Path, seconds: float) -> float:
    """The peer: a PostgreSQL table whose trigger chains each row to the last, by `WRITERS` connections."""
    url = make_url(fresh_database()).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CHAINED_TABLE)
    held = threading.local()

    def append() -> None:
        if not hasattr(held, "connection"):
            held.connection = psycopg.connect(url, autocommit=True)
        held.connection.execute("INSERT INTO chained (body) VALUES (%s)", (entry().canonical(),))

    return rate(append, seconds)


def ledger_appends_postgresql(folder: Path, seconds: float) -> float:
    """Durable appends a second through the ledger on PostgreSQL, by `WRITERS` threads."""
    url = fresh_database()
    engine = create_engine(url, **engine_options(url))
    tables.metadata.create_all(engine)
    ledger = Ledger(engine, folder / "append.lock")
    try:
        return rate(lambda: ledger.record(entry()), seconds)
    finally:
        ledger.close()
        engine.dispose()


CHAINED_TABLE = """
CREATE TABLE chained (seq BIGINT PRIMARY KEY, body BYTEA NOT NULL, hash BYTEA NOT NULL);
CREATE FUNCTION chain_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last chained;
BEGIN
  PERFORM pg_advisory_xact_lock(1);
  SELECT * INTO last FROM chained ORDER BY seq DESC LIMIT 1;
  NEW.seq := coalesce(last.seq, 0) + 1;
  NEW.hash := sha256(coalesce(last.hash, '') || NEW.body);
  RETURN NEW;
END $$;
CREATE TRIGGER chain_row BEFORE INSERT ON chained FOR EACH ROW EXECUTE FUNCTION chain_row();
"""


def rate(append: object, seconds: float) -> float:
    """Calls a second by `WRITERS` threads."""
    counts = [0] * WRITERS
    until = time.perf_counter() + seconds

    def work(number: int) -> None:
        while time.perf_counter() < until:
            append()  # type: ignore[operator]
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(WRITERS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - start)
