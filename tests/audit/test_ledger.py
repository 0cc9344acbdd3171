"""Appends: durable before they return, authorised in the same statement, once per key, together or alone."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Engine, String, bindparam, event, func, literal_column, select, text

from audit import tables
from audit.lag import EVERY_S, Bounds, Gauge, Lag, behind_s, look, waiting
from audit.ledger import Ledger, LogUnavailable, Recorded, append
from tests.audit.conftest import make_engine
from tests.makers.audit import make_intent, sequence, write

TRUE: ColumnElement[bool] = literal_column("1") == 1
FALSE: ColumnElement[bool] = literal_column("1") == 2


def ids(engine: Engine) -> set[str]:
    """What is in the queue."""
    with engine.connect() as connection:
        return set(connection.execute(select(tables.queue.c.id)).scalars())


def test_recorded_is_durable(database: Engine, database_url: str, writer: Ledger) -> None:
    entry = make_intent()
    assert writer.record(entry) is Recorded.WRITTEN
    other = make_engine(database_url)
    with other.connect() as connection:
        body = connection.execute(select(tables.queue.c.body).where(tables.queue.c.id == entry.id)).scalar_one()
        assert waiting(connection) == 1
    other.dispose()
    assert bytes(body) == entry.canonical()


def test_an_append_stands_or_falls_with_its_transaction(database: Engine) -> None:
    kept, lost = make_intent(), make_intent()
    with database.begin() as connection:
        append(connection, kept)
    with pytest.raises(RuntimeError), database.begin() as connection:
        append(connection, lost)
        raise RuntimeError
    assert ids(database) == {kept.id}


def test_only_if(database: Engine, writer: Ledger) -> None:
    permitted, refused = make_intent(), make_intent()
    assert writer.record(permitted, only_if=TRUE) is Recorded.WRITTEN
    assert writer.record(refused, only_if=FALSE) is Recorded.NOT_PERMITTED
    assert ids(database) == {permitted.id}


def test_only_if_sees_what_was_committed(database: Engine, writer: Ledger) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE permit (state VARCHAR(10))"))
        connection.execute(text("INSERT INTO permit VALUES ('active')"))
    active = select(func.count()).select_from(text("permit")).where(text("state = 'active'")).scalar_subquery() > 0
    assert writer.record(make_intent(), only_if=active) is Recorded.WRITTEN
    with database.begin() as connection:
        connection.execute(text("UPDATE permit SET state = 'ended'"))
    assert writer.record(make_intent(), only_if=active) is Recorded.NOT_PERMITTED


def test_one_condition_asked_with_other_values_each_time(database: Engine, writer: Ledger) -> None:
    condition = bindparam("state", type_=String()) == "active"
    active, ended = make_intent(), make_intent()
    assert writer.record(active, only_if=condition, values={"state": "active"}) is Recorded.WRITTEN
    assert writer.record(ended, only_if=condition, values={"state": "ended"}) is Recorded.NOT_PERMITTED
    with database.begin() as connection:
        assert append(connection, make_intent(), only_if=condition, values={"state": "ended"}) is Recorded.NOT_PERMITTED
    assert ids(database) == {active.id}


def test_a_batch_of_every_kind_is_answered_one_by_one(database: Engine, writer: Ledger) -> None:
    kinds: list[dict[str, Any]] = [{}, {"only_if": TRUE}, {"only_if": FALSE}, {"replay_key": "c" * 64}]
    asked = [(make_intent(), kinds[number % 4]) for number in range(32)]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda one: writer.record(one[0], **one[1]), asked))
    assert set(answers[0::4]) == set(answers[1::4]) == {Recorded.WRITTEN}
    assert set(answers[2::4]) == {Recorded.NOT_PERMITTED}
    assert Counter(answers[3::4]) == {Recorded.WRITTEN: 1, Recorded.REPLAYED: 7}
    written = {entry.id for (entry, _), answer in zip(asked, answers, strict=True) if answer is Recorded.WRITTEN}
    assert ids(database) == written


def test_a_key_works_once(database: Engine, writer: Ledger) -> None:
    first, second = make_intent(), make_intent()
    assert writer.record(first, replay_key="a" * 64) is Recorded.WRITTEN
    assert writer.record(second, replay_key="a" * 64) is Recorded.REPLAYED
    assert writer.record(make_intent(), replay_key="b" * 64, only_if=FALSE) is Recorded.NOT_PERMITTED
    assert writer.record(make_intent(), replay_key="b" * 64) is Recorded.REPLAYED
    assert ids(database) == {first.id}


def test_of_32_threads_with_one_key_one_wins(database: Engine, writer: Ledger) -> None:
    with ThreadPoolExecutor(32) as pool:
        results = list(pool.map(lambda _: writer.record(make_intent(), replay_key="k" * 64), range(32)))
    assert Counter(results) == {Recorded.WRITTEN: 1, Recorded.REPLAYED: 31}


def test_32_threads_share_their_syncs(database: Engine, writer: Ledger) -> None:
    """Every entry is written exactly once; on SQLite with fewer commits than entries."""
    commits = 0

    @event.listens_for(database, "commit")
    def count(_connection: object) -> None:
        nonlocal commits
        commits += 1

    entries = [[make_intent() for _ in range(20)] for _ in range(32)]
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda own: [writer.record(entry) for entry in own], entries))
    assert ids(database) == {entry.id for own in entries for entry in own}
    if database.dialect.name == "sqlite":
        assert commits < 32 * 20 / 2


def test_one_poisoned_entry_does_not_harm_the_others(database: Engine, tmp_path: Path) -> None:
    """A condition over a table that is not there, and an id used twice, fail alone even in the same batch."""
    ledger = Ledger(database, tmp_path / "lock")
    broken = literal_column("(SELECT 1 FROM no_such_table)") == 1
    used = make_intent()
    ledger.record(used)
    good = [make_intent() for _ in range(30)]
    with held_back(ledger, tmp_path / "lock"), ThreadPoolExecutor(40) as pool:
        bad = [pool.submit(ledger.record, make_intent(), only_if=broken), pool.submit(ledger.record, used)]
        fine = [pool.submit(ledger.record, entry) for entry in good]
        time.sleep(0.2)
    assert all(future.result() is Recorded.WRITTEN for future in fine)
    assert all(isinstance(future.exception(), LogUnavailable) for future in bad)
    assert ids(database) == {entry.id for entry in [used, *good]}
    ledger.close()


@contextmanager
def held_back(ledger: Ledger, lock_file: Path) -> Iterator[None]:
    """Keep the committer waiting for its turn, so that what is recorded meanwhile becomes one batch."""
    from audit.locks import turn  # noqa: PLC0415

    release, held = threading.Event(), threading.Event()

    def hold() -> None:
        with turn(lock_file):
            held.set()
            release.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    first = threading.Thread(target=lambda: ledger.record(make_intent(), only_if=FALSE))
    first.start()
    threading.Timer(0.4, release.set).start()
    yield
    holder.join()
    first.join()


def sqlite(tmp_path: Path) -> Engine:
    """A SQLite log, for the faults that only a file has."""
    engine = make_engine(f"sqlite:///{tmp_path / 'log.db'}")
    tables.metadata.create_all(engine)
    return engine


def test_invariant_1_a_full_disk_is_unavailable_and_heals(tmp_path: Path) -> None:
    engine = sqlite(tmp_path)

    @event.listens_for(engine, "connect")
    def shrink(connection: object, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=1")  # type: ignore[attr-defined]

    engine.dispose()
    ledger = Ledger(engine, tmp_path / "lock")
    written: list[Recorded] = []
    with pytest.raises(LogUnavailable, match="could not be written"):
        while len(written) < 2_000:
            written.append(ledger.record(make_intent()))
    assert len(ids(engine)) == len(written) > 0
    event.remove(engine, "connect", shrink)
    engine.dispose()
    assert ledger.record(make_intent()) is Recorded.WRITTEN
    ledger.close()


def test_invariant_1_a_locked_database_is_unavailable_and_heals(tmp_path: Path) -> None:
    engine = sqlite(tmp_path)
    ledger = Ledger(engine, tmp_path / "lock", patience_s=0.3)
    with engine.connect() as holder:
        holder.exec_driver_sql("SELECT 1")
        with pytest.raises(LogUnavailable, match="in time"):
            ledger.record(make_intent())
        holder.rollback()
    ledger.close()
    assert ledger.record(make_intent()) is Recorded.WRITTEN
    ledger.close()
    engine.dispose()


def test_invariant_1_a_lost_table_or_server_is_unavailable(database: Engine, writer: Ledger) -> None:
    tables.metadata.drop_all(database)
    with pytest.raises(LogUnavailable):
        writer.record(make_intent())


def test_a_full_backlog_is_unavailable_at_once(tmp_path: Path) -> None:
    engine = sqlite(tmp_path)
    ledger = Ledger(engine, tmp_path / "lock", patience_s=5, backlog=2)
    with held_back(ledger, tmp_path / "lock"), ThreadPoolExecutor(10) as pool:
        time.sleep(0.1)
        futures = [pool.submit(ledger.record, make_intent()) for _ in range(10)]
        time.sleep(0.1)
        refused = [future for future in futures if future.done()]
        assert len(refused) == 8
    assert sum(1 for future in futures if future.exception() is None) == 2
    assert len(ids(engine)) == 2
    ledger.close()
    engine.dispose()


def test_postgresql_without_flush_is_no_place_for_a_log(database: Engine, tmp_path: Path) -> None:
    if database.dialect.name != "postgresql":
        pytest.skip("a setting of PostgreSQL")
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ALTER DATABASE {database.url.database} SET synchronous_commit = off"))
    database.dispose()
    with pytest.raises(LogUnavailable, match="synchronous_commit"):
        Ledger(database, tmp_path / "lock").record(make_intent())


class ByHand:
    """A clock and a lag that the test sets."""

    def __init__(self) -> None:
        self.now, self.lag = 0.0, Lag(0, 0, due=False)

    def gauge(self) -> Gauge:
        return Gauge(lambda: self.lag, Bounds(most_waiting=10, longest_s=30), lambda: self.now)


def test_a_queue_above_its_bound_shuts_the_door_and_a_shorter_one_opens_it() -> None:
    hand = ByHand()
    gauge = hand.gauge()
    assert gauge.too_far() == ""
    hand.now, hand.lag = 2, Lag(11, 5, due=True)
    assert "more than 10 entries" in gauge.too_far()
    hand.now, hand.lag = 4, Lag(10, 6, due=True)
    assert gauge.too_far() == ""


def test_a_checkpoint_that_does_not_come_shuts_the_door_and_the_next_opens_it() -> None:
    hand = ByHand()
    gauge = hand.gauge()
    for hand.now, hand.lag, shut in [
        (1, Lag(0, 100, due=False), False),
        (5_000, Lag(1, 100, due=True), False),  # idle for long, then one entry: it has waited for a moment
        (5_029, Lag(3, 100, due=True), False),
        (5_031, Lag(3, 100, due=True), True),
        (5_033, Lag(3, 101, due=True), False),  # it goes on
        (5_070, Lag(3, 102, due=True), False),
        (5_101, Lag(3, 102, due=True), True),
        (5_103, Lag(0, 105, due=False), False),
    ]:
        assert bool(gauge.too_far()) is shut, hand.now


def test_invariant_1_a_permit_waits_for_the_sequencer_and_a_refusal_does_not(database: Engine, tmp_path: Path) -> None:
    ledger = Ledger(database, tmp_path / "audit-append.lock", bounds=Bounds(most_waiting=5))
    for _ in range(6):
        ledger.record(make_intent())
    with pytest.raises(LogUnavailable, match="the log is behind: more than 5 entries wait"):
        ledger.record(make_intent(), only_if=TRUE)
    refusal = make_intent()
    assert ledger.record(refusal) is Recorded.WRITTEN
    assert refusal.id in ids(database)
    sequence(database, tmp_path)
    time.sleep(EVERY_S)
    assert ledger.record(make_intent(), only_if=TRUE) is Recorded.WRITTEN
    ledger.close()


def test_an_entry_that_can_get_no_index_does_not_shut_the_door(database: Engine, tmp_path: Path) -> None:
    used = make_intent()
    write(database, [used])
    sequence(database, tmp_path)
    write(database, [make_intent(id=used.id)])
    sequence(database, tmp_path)
    assert look(database, 10) == Lag(1, 1, due=False)
    write(database, [make_intent()])
    assert look(database, 10) == Lag(2, 1, due=True)


def test_how_long_the_oldest_waits(database: Engine, tmp_path: Path) -> None:
    with database.connect() as connection:
        assert behind_s(connection, 5_000) == 0
    entry = make_intent()
    write(database, [entry])
    made = int(entry.at.timestamp() * 1000)
    with database.connect() as connection:
        assert 1.9 < behind_s(connection, made + 2_000) < 2.1
        assert behind_s(connection, made - 60_000) == 0, "a clock that was set back"
    sequence(database, tmp_path)
    with database.connect() as connection:
        assert behind_s(connection, made + 2_000) == 0
