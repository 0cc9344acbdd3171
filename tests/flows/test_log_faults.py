"""The log under faults: processes killed at random points under load, a leader that hangs, a full disk for the tiles, a
clock that is set back, a database that falls over. No acknowledged entry is lost, no index is given twice, and every
checkpoint that was ever published is the beginning of the log that stands in the end.

`LOG_KILLS=200` (`make soak`) kills at 200 points on each database instead of 20.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, literal_column, select, text

from audit import merkle, sequencer, tables
from audit.deposing import Challenger
from audit.lag import Bounds
from audit.ledger import Ledger, LogUnavailable, Recorded
from audit.locks import leadership
from audit.reconciliation import compare
from audit.sequencer import Sequencer
from audit.tiles import TileStore
from audit.verification import verify
from tests.audit.conftest import make_engine
from tests.makers.audit import make_intent, make_mark, make_signer, now, sequence
from tests.makers.log_load import LogLoad, size_in
from tests.makers.postgres import RESTARTED, fresh_database, restart_at_once

KILLS = int(os.environ.get("LOG_KILLS", "20"))
TRUE = literal_column("1") == 1


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A log without entries on each database."""
    found = f"sqlite:///{tmp_path / 'log.db'}" if request.param == "sqlite" else fresh_database()
    engine = make_engine(found)
    tables.metadata.create_all(engine)
    engine.dispose()
    return found


@pytest.fixture
def load(url: str, tmp_path: Path) -> Iterator[LogLoad]:
    """Processes to be started on it."""
    with LogLoad(url, tmp_path) as load:
        yield load


def within(seconds: float, holds_now: Callable[[], bool]) -> None:
    """Fail unless this becomes true in time."""
    until = time.monotonic() + seconds
    while not holds_now():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.02)


def holds(load: LogLoad, published: list[str], folder: Path | None = None) -> int:
    """Sequence what waits; then the whole log holds, with all that was acknowledged and all that was published."""
    at = folder or load.folder
    engine = make_engine(load.url)
    sequence(engine, at)
    report = verify(at / "log", make_signer(at).verifier.vkey())
    assert compare(engine, at / "log", report.size).waiting == 0
    with engine.connect() as connection:
        rows = connection.execute(
            select(tables.entries.c.idx, tables.entries.c.id).order_by(tables.entries.c.idx)
        ).all()
    engine.dispose()
    assert [row.idx for row in rows] == list(range(report.size))
    acknowledged = load.acknowledged()
    assert len(set(acknowledged)) == len(acknowledged)
    assert set(acknowledged) <= {row.id for row in rows}
    node = TileStore(at / "log").node(report.size)
    for note in filter(None, published):
        known = make_signer(at).open(note)
        assert merkle.range_root(0, known.size, node) == known.root, f"the tree of {known.size} entries is another now"
    return report.size


def test_invariant_1_kill_9_of_any_process_at_random_points(load: LogLoad, url: str) -> None:
    dice, published = random.Random(KILLS), [""]
    names = ["writer-1", "writer-2", "sequencer"]
    victims = [["writer-1"], ["writer-2"], ["sequencer"], ["sequencer"], names]
    if url.startswith("postgresql"):
        victims.append([])
    for name in names:
        load.start(name)
    for _ in range(KILLS):
        under_way(load, published)
        time.sleep(dice.random() * 0.15)
        chosen = dice.choice(victims)
        published.append(load.checkpoint())
        for name in chosen:
            load.kill(name)
        if not chosen:
            kill_a_backend(url)
        for name in chosen:
            load.start(name)
    under_way(load, published)
    load.end()
    assert holds(load, published) >= len(load.acknowledged()) > KILLS


def under_way(load: LogLoad, published: list[str]) -> None:
    """Wait until entries are acknowledged and signed again since the last fault."""
    acknowledged, signed = len(load.acknowledged()), size_in(published[-1])
    within(60, lambda: len(load.acknowledged()) > acknowledged and size_in(load.checkpoint()) > signed)


def kill_a_backend(url: str) -> None:
    """Kill one of the server's processes; PostgreSQL then ends all others and recovers."""
    engine = create_engine(url)
    backends = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
    with engine.connect() as connection:
        pids = connection.execute(backends).scalars().all()
    engine.dispose()
    os.kill(random.Random(len(pids)).choice(pids), signal.SIGKILL)


def test_a_database_that_falls_over_under_load(tmp_path: Path) -> None:
    url = fresh_database(RESTARTED)
    engine = make_engine(url)
    tables.metadata.create_all(engine)
    engine.dispose()
    with LogLoad(url, tmp_path) as load:
        for name in ("writer-1", "writer-2", "sequencer"):
            load.start(name)
        published = [""]
        for _ in range(2):
            under_way(load, published)
            published.append(load.checkpoint())
            restart_at_once()
        under_way(load, published)
        load.end()
        holds(load, published)


def test_a_leader_that_hangs_is_ended_and_cannot_wake_up_behind_the_next(load: LogLoad) -> None:
    load.lease_s = 1.0
    load.start("writer-1")
    load.start("sequencer")
    under_way(load, [""])
    hung = load.running["sequencer"]
    assert hung.pid is not None
    os.kill(hung.pid, signal.SIGSTOP)
    before = load.checkpoint()
    load.start("standby")
    under_way(load, [before])
    assert load.leader() == load.running["standby"].pid
    hung.join(5)
    assert hung.exitcode == -signal.SIGKILL
    load.end()
    holds(load, [before])


def test_a_leader_that_hangs_on_another_machine_signs_and_publishes_nothing_when_it_wakes(tmp_path: Path) -> None:
    """Two folders stand for two machines; the database is one, and the key lies on both."""
    url, there = fresh_database(), tmp_path / "there"
    engine = make_engine(url)
    tables.metadata.create_all(engine)
    engine.dispose()
    with LogLoad(url, tmp_path, lease_s=1.0) as load:
        load.start("writer-1")
        load.start("sequencer")
        under_way(load, [""])
        hung = load.running["sequencer"]
        assert hung.pid is not None
        os.kill(hung.pid, signal.SIGSTOP)
        before = load.checkpoint()
        shutil.copytree(tmp_path / "keys", there / "keys")
        load.start("standby", there)
        within(30, lambda: size_in(load.checkpoint(there)) > size_in(before))
        os.kill(hung.pid, signal.SIGCONT)
        within(30, lambda: size_in(load.checkpoint(there)) > size_in(before) + 50)
        assert load.checkpoint() == before
        load.end()
        holds(load, [before, load.checkpoint(there)], there)


def test_a_leader_that_works_is_not_ended_however_long_the_other_waits(url: str, tmp_path: Path) -> None:
    engine = make_engine(url)
    with leadership(engine, tmp_path) as leader:
        assert leader is not None
        challenger = Challenger(engine, tmp_path, lease_s=0.2)
        for _ in range(6):
            with leader.begin() as connection:
                connection.execute(text("SELECT 1"))
            assert not challenger.look()
            time.sleep(0.1)
    engine.dispose()


def test_a_leader_that_reads_for_long_shows_that_it_lives(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.locks.BEAT_S", 0.05)
    engine = make_engine(url)
    with leadership(engine, tmp_path) as leader:
        assert leader is not None
        challenger = Challenger(engine, tmp_path, lease_s=0.5)
        for _ in range(10):
            assert not challenger.look()
            time.sleep(0.1)
    engine.dispose()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB for the log's files alone."""
    folder = tmp_path / "log"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True).returncode:
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_invariant_1_no_room_for_tiles_stops_permits_and_loses_nothing(
    url: str, tmp_path: Path, small_disk: Path
) -> None:
    engine, stop = make_engine(url), threading.Event()
    ledger = Ledger(engine, tmp_path / "audit-append.lock", bounds=Bounds(longest_s=1.0))
    signer, mark = make_signer(tmp_path), make_mark(tmp_path)
    run = threading.Thread(target=sequencer.run, args=(engine, tmp_path, signer, mark, stop, now))
    run.start()
    load = LogLoad(url, tmp_path)
    written = [recorded(ledger, only_if=True)]
    within(20, lambda: size_in(load.checkpoint()) == 1)
    filler = small_disk / "filler"
    with filler.open("wb") as handle, pytest.raises(OSError, match="No space"):
        while True:
            handle.write(b"\0" * 65_536)
            handle.flush()
    until = time.monotonic() + 20
    with pytest.raises(LogUnavailable, match="no checkpoint for more than"):
        while time.monotonic() < until:
            written.append(recorded(ledger, only_if=True))
            time.sleep(0.2)
    written.append(recorded(ledger, only_if=False))
    filler.unlink()
    within(20, lambda: size_in(load.checkpoint()) == len(written))
    time.sleep(1.1)
    written.append(recorded(ledger, only_if=True))
    stop.set()
    run.join()
    ledger.close()
    (tmp_path / "writer.journal").write_text("\n".join(written))
    assert holds(load, []) == len(written)
    engine.dispose()


def recorded(ledger: Ledger, *, only_if: bool) -> str:
    """The id of an entry that was acknowledged."""
    entry = make_intent()
    assert ledger.record(entry, only_if=TRUE if only_if else None) is Recorded.WRITTEN
    return entry.id


def test_a_clock_that_is_set_back_and_forth_breaks_nothing(url: str, tmp_path: Path) -> None:
    """Order is by index. A one-time key is remembered at least as long; a checkpoint's time is only its own."""
    engine: Engine = make_engine(url)
    ledger, load = Ledger(engine, tmp_path / "audit-append.lock"), LogLoad(url, tmp_path)
    signer, mark = make_signer(tmp_path), make_mark(tmp_path)
    written: list[str] = []
    with leadership(engine, tmp_path) as leader:
        assert leader is not None
        lead = Sequencer(leader, TileStore(tmp_path / "log"), signer, mark)
        for jump, hours in enumerate((0, -30, -30.001, 48, -1, 0)):
            at = now() + timedelta(hours=hours)
            for number in range(3):
                entry = make_intent(at=at, id=id_at(at, len(written)))
                assert ledger.record(entry, replay_key=f"{jump}-{number}" * 4) is Recorded.WRITTEN
                written.append(entry.id)
            assert lead.step(at) == 3
            assert ledger.record(make_intent(at=at), replay_key=f"{jump}-0" * 4) is Recorded.REPLAYED
    ledger.close()
    with engine.connect() as connection:
        in_order = connection.execute(select(tables.entries.c.id).order_by(tables.entries.c.idx)).scalars().all()
    assert in_order == written
    assert sorted(written) != written
    (tmp_path / "writer.journal").write_text("\n".join(written))
    assert holds(load, [load.checkpoint()]) == len(written)
    engine.dispose()


def id_at(at: datetime, number: int) -> str:
    """A UUID version 7 of that time."""
    text = f"{int(at.timestamp() * 1000):012x}7000{0x8000:04x}{number:012x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
