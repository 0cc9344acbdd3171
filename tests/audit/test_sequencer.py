"""Sequencing: every entry once, in one order, on every database; recovery after a kill; refusals to sign."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.exc import OperationalError

from audit import sequencer, tables
from audit.columns import searchable
from audit.lag import waiting
from audit.ledger import Ledger, append
from audit.locks import leadership
from audit.mark import InconsistentLog
from audit.reconciliation import compare
from audit.sequencer import Sequencer
from audit.tiles import TileStore, tile_path
from audit.verification import verify
from tests.audit.conftest import make_engine
from tests.makers.audit import drop_triggers, make_intent, make_mark, make_signer, now, sequence, write

ROOT = Path(__file__).resolve().parents[2]


def holds(engine: Engine, data_dir: Path, count: int) -> None:
    """The log holds, with exactly this many entries, the same in the database, none waiting."""
    report = verify(data_dir / "log", make_signer(data_dir).verifier.vkey())
    assert report.size == count
    assert compare(engine, data_dir / "log", count).waiting == 0


def test_entries_get_contiguous_indexes_in_order(database: Engine, tmp_path: Path) -> None:
    entries = [make_intent() for _ in range(20)]
    write(database, entries[:7])
    assert sequence(database, tmp_path) == 7
    write(database, entries[7:])
    assert sequence(database, tmp_path) == 13
    with database.connect() as connection:
        rows = connection.execute(
            select(tables.entries.c.idx, tables.entries.c.id).order_by(tables.entries.c.idx)
        ).all()
    assert [tuple(row) for row in rows] == [(i, entry.id) for i, entry in enumerate(entries)]
    holds(database, tmp_path, 20)


def test_an_empty_log_is_signed_and_holds(database: Engine, tmp_path: Path) -> None:
    assert sequence(database, tmp_path) == 0
    holds(database, tmp_path, 0)
    assert sequence(database, tmp_path) == 0


def test_more_than_one_round(database: Engine, tmp_path: Path) -> None:
    write(database, [make_intent() for _ in range(sequencer.BATCH + 10)])
    assert sequence(database, tmp_path) == sequencer.BATCH + 10
    holds(database, tmp_path, sequencer.BATCH + 10)


def test_transactions_that_commit_out_of_order_lose_nothing(database: Engine, tmp_path: Path) -> None:
    if database.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    slow, fast = make_intent(), make_intent()
    with database.connect() as held:
        append(held, slow)
        write(database, [fast])
        assert sequence(database, tmp_path) == 1
        held.commit()
    assert sequence(database, tmp_path) == 1
    holds(database, tmp_path, 2)


def test_one_leader_at_a_time(database: Engine, tmp_path: Path) -> None:
    with leadership(database, tmp_path) as first:
        assert first is not None
        assert sequence(database, tmp_path) is None
    assert sequence(database, tmp_path) == 0


def test_one_leader_on_two_machines(database: Engine, tmp_path: Path) -> None:
    if database.dialect.name != "postgresql":
        pytest.skip("SQLite is on one machine")
    with leadership(database, tmp_path / "one") as first, leadership(database, tmp_path / "two") as second:
        assert first is not None
        assert second is None


def test_a_leader_that_lost_its_connection_cannot_commit(database: Engine, tmp_path: Path) -> None:
    if database.dialect.name != "postgresql":
        pytest.skip("a lock file ends with its process")
    with pytest.raises(OperationalError), leadership(database, tmp_path) as leader:
        assert leader is not None
        lead = Sequencer(leader, TileStore(tmp_path / "log"), make_signer(tmp_path), make_mark(tmp_path))
        write(database, [make_intent()])
        with database.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"))
        lead.step(now())
    assert sequence(database, tmp_path) == 1
    holds(database, tmp_path, 1)


def test_the_log_is_at_most_a_second_behind(database: Engine, tmp_path: Path) -> None:
    stop = threading.Event()
    run = threading.Thread(
        target=sequencer.run, args=(database, tmp_path, make_signer(tmp_path), make_mark(tmp_path), stop, now)
    )
    run.start()
    ledger = Ledger(database, tmp_path / "audit-append.lock")
    lags = []
    for i in range(1, 6):
        ledger.record(make_intent())
        begun = time.monotonic()
        while f"\n{i}\n" not in read_text(tmp_path / "log" / "checkpoint") and time.monotonic() - begun < 5:
            time.sleep(0.01)
        lags.append(time.monotonic() - begun)
    stop.set()
    run.join()
    ledger.close()
    assert max(lags[1:]) < 1
    holds(database, tmp_path, 5)


def read_text(path: Path) -> str:
    """A file, or nothing."""
    return path.read_text() if path.exists() else ""


def test_old_one_time_keys_are_forgotten(database: Engine, tmp_path: Path) -> None:
    with database.begin() as connection:
        old = int((now() - timedelta(minutes=16)).timestamp() * 1000)
        connection.execute(insert(tables.replay), [{"key": "old", "at": old}, {"key": "new", "at": old + 240_000}])
    sequence(database, tmp_path)
    with database.connect() as connection:
        assert connection.execute(select(tables.replay.c.key)).scalars().all() == ["new"]


def test_entries_that_no_column_can_hold_are_indexed_all_the_same(database: Engine, tmp_path: Path) -> None:
    odd = [
        make_intent(agreement="x" * 300, purpose="nul \x00 inside", rows=2**53 - 1, agreement_version=2**40),
        make_intent(reason="\ud800 half a pair"),
    ]
    write(database, odd)
    with database.begin() as connection:
        connection.execute(insert(tables.queue).values(id="by-hand", body=b"not JSON at all"))
        for number, body in enumerate([b'["a", "list"]', b'{"rows": true, "reason": "\\ud800"}', b"[" * 60_000]):
            connection.execute(insert(tables.queue).values(id=f"by-hand-{number}", body=body))
    assert sequence(database, tmp_path) == 6
    assert searchable(b"[]")["action"] == "unreadable"


def test_an_entry_queued_again_is_not_doubled(database: Engine, tmp_path: Path) -> None:
    entry = make_intent()
    write(database, [entry])
    sequence(database, tmp_path)
    write(database, [entry, make_intent()])
    assert sequence(database, tmp_path) == 1
    holds(database, tmp_path, 2)
    write(database, [make_intent(id=entry.id)])
    assert sequence(database, tmp_path) == 0
    with database.connect() as connection:
        assert waiting(connection) == 1


def test_a_body_that_no_bundle_can_hold_cannot_be_queued(database: Engine) -> None:
    for body in (b"", b"x" * 65_536):
        with pytest.raises(Exception, match="body_fits"), database.begin() as connection:
            connection.execute(insert(tables.queue).values(id="large", body=body))


Fault = Callable[[Engine, Path], None]


def shrink_database(engine: Engine, _: Path) -> None:
    with engine.begin() as connection:
        connection.execute(delete(tables.entries).where(tables.entries.c.idx >= 250))


def change_last_entry(engine: Engine, _: Path) -> None:
    with engine.begin() as connection:
        connection.execute(update(tables.entries).where(tables.entries.c.idx == 299).values(body=b"{}"))


def older_database(engine: Engine, _: Path) -> None:
    with engine.begin() as connection:
        connection.execute(delete(tables.checkpoints))


def flip_first_bit(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


def flip_tile(_: Engine, data_dir: Path) -> None:
    flip_first_bit(data_dir / "log" / tile_path(0, 1, 44))


def flip_upper_tile(_: Engine, data_dir: Path) -> None:
    flip_first_bit(data_dir / "log" / tile_path(1, 0, 1))
    (data_dir / "log" / "checkpoint").unlink()


def flip_bundle(_: Engine, data_dir: Path) -> None:
    path = data_dir / "log" / tile_path("entries", 1, 44)
    path.write_bytes(path.read_bytes()[:-1] + b"]")


def lose_tiles_and_change(engine: Engine, data_dir: Path) -> None:
    shutil.rmtree(data_dir / "log" / "tile")
    change_last_entry(engine, data_dir)


def other_key(_: Engine, data_dir: Path) -> None:
    (data_dir / "keys" / "log.key").unlink()


def forged_checkpoint(_: Engine, data_dir: Path) -> None:
    path = data_dir / "log" / "checkpoint"
    path.write_text(path.read_text().replace("\n300\n", "\n301\n"))


@pytest.mark.parametrize(
    "fault",
    [
        shrink_database,
        change_last_entry,
        older_database,
        flip_tile,
        flip_upper_tile,
        flip_bundle,
        lose_tiles_and_change,
        other_key,
        forged_checkpoint,
    ],
)
def test_a_log_that_does_not_fit_what_was_signed_is_not_continued(
    database: Engine, tmp_path: Path, fault: Fault
) -> None:
    write(database, [make_intent() for _ in range(300)])
    sequence(database, tmp_path)
    before = read_text(tmp_path / "log" / "checkpoint")
    drop_triggers(database)
    fault(database, tmp_path)
    write(database, [make_intent()])
    with pytest.raises(InconsistentLog):
        sequence(database, tmp_path)
    assert "\n301\n" not in before


@pytest.mark.parametrize("lost", ["tile", ""])
def test_a_folder_older_than_the_database_is_brought_up_to_date(database: Engine, tmp_path: Path, lost: str) -> None:
    """A backup takes the files first: the database then knows more, and the files are a function of it."""
    write(database, [make_intent() for _ in range(300)])
    sequence(database, tmp_path)
    shutil.copytree(tmp_path / "log", tmp_path / "copy")
    write(database, [make_intent() for _ in range(300)])
    sequence(database, tmp_path)
    shutil.rmtree(tmp_path / "log")
    shutil.copytree(tmp_path / "copy", tmp_path / "log")
    shutil.rmtree(tmp_path / "log" / lost)
    write(database, [make_intent()])
    sequence(database, tmp_path)
    holds(database, tmp_path, 601)


def crash_after(step: str, leader: Sequencer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one step of the sequencer be its last."""

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    if step == "marked":
        monkeypatch.setattr(sequencer, "_keep_checkpoint", die)
    elif step == "indexed":
        monkeypatch.setattr(TileStore, "write", die)
    elif step == "tiles written":
        monkeypatch.setattr(leader, "_publish", die)
    elif step == "checkpoint committed":
        original = TileStore.write
        monkeypatch.setattr(
            TileStore, "write", lambda self, files: die() if "checkpoint" in files else original(self, files)
        )
    else:
        monkeypatch.setattr(TileStore, "drop_partials", die)


@pytest.mark.parametrize("step", ["indexed", "tiles written", "marked", "checkpoint committed", "published"])
def test_a_crash_after_each_step_loses_and_doubles_nothing(
    database: Engine, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(database, [make_intent() for _ in range(250)])
    sequence(database, tmp_path)
    write(database, [make_intent() for _ in range(20)])
    with pytest.raises(KeyboardInterrupt), leadership(database, tmp_path) as leader:
        assert leader is not None
        lead = Sequencer(leader, TileStore(tmp_path / "log"), make_signer(tmp_path), make_mark(tmp_path))
        crash_after(step, lead, monkeypatch)
        lead.step(now())
    monkeypatch.undo()
    write(database, [make_intent()])
    sequence(database, tmp_path)
    holds(database, tmp_path, 271)


PROGRAM = """
import sys, threading
from pathlib import Path
from audit import sequencer
from tests.audit.conftest import make_engine
from tests.makers.audit import make_mark, make_signer, now
data_dir = Path(sys.argv[2])
sequencer.PAUSE_S = 0.01
sequencer.run(make_engine(sys.argv[1]), data_dir, make_signer(data_dir), make_mark(data_dir), threading.Event(), now)
"""


@pytest.mark.slow
def test_invariant_1_kill_9_in_a_loop_neither_loses_nor_doubles(
    database: Engine, database_url: str, tmp_path: Path
) -> None:
    """While 4 threads record, the sequencer is killed 8 times; then every acknowledged entry is in the log once."""
    dice = random.Random(9)
    stop = threading.Event()
    acknowledged: list[str] = []
    writers = [threading.Thread(target=record_until, args=(database, tmp_path, stop, acknowledged)) for _ in range(4)]
    make_signer(tmp_path)
    for writer in writers:
        writer.start()
    for _ in range(8):
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, database_url, str(tmp_path)], cwd=ROOT)
        checkpoint, begun = read_text(tmp_path / "log" / "checkpoint"), time.monotonic()
        while read_text(tmp_path / "log" / "checkpoint") == checkpoint and time.monotonic() - begun < 10:
            time.sleep(0.01)
        time.sleep(dice.random() / 10)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    stop.set()
    for writer in writers:
        writer.join()
    sequence(database, tmp_path)
    holds(database, tmp_path, len(acknowledged))
    with database.connect() as connection:
        assert sorted(connection.execute(select(tables.entries.c.id)).scalars()) == sorted(acknowledged)


def record_until(engine: Engine, data_dir: Path, stop: threading.Event, acknowledged: list[str]) -> None:
    """Record entries until told to stop."""
    ledger = Ledger(engine, data_dir / "audit-append.lock")
    while not stop.is_set():
        entry = make_intent()
        ledger.record(entry)
        acknowledged.append(entry.id)
        time.sleep(0.002)
    ledger.close()


def test_it_stops_when_told_and_signs_what_was_written(database: Engine, tmp_path: Path) -> None:
    stop = threading.Event()
    run = threading.Thread(
        target=sequencer.run, args=(database, tmp_path, make_signer(tmp_path), make_mark(tmp_path), stop, now)
    )
    run.start()
    write(database, [make_intent() for _ in range(50)])
    time.sleep(0.5)
    stop.set()
    run.join(5)
    assert not run.is_alive()
    holds(database, tmp_path, 50)


def test_a_database_that_goes_away_for_a_while_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'log.db'}")
    monkeypatch.setattr(sequencer, "PAUSE_S", 0.02)
    stop = threading.Event()
    run = threading.Thread(
        target=sequencer.run, args=(engine, tmp_path, make_signer(tmp_path), make_mark(tmp_path), stop, now)
    )
    run.start()
    time.sleep(0.3)
    tables.metadata.create_all(engine)
    write(engine, [make_intent()])
    time.sleep(0.5)
    stop.set()
    run.join()
    holds(engine, tmp_path, 1)
    engine.dispose()
