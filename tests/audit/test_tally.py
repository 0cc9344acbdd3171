"""Tallies say what the entries say: after any rounds, a kill between, a restart; a changed one is found and named."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, delete, select, update

from audit import tables
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.indexing import index_waiting
from audit.reconciliation import compare
from audit.recovery import size_of
from audit.tally import keeping
from audit.tally.counting import NEEDED, Counts, count, day_number, day_of_hour, nothing
from audit.tally.tables import access_hours, act_days, actor_days, firsts, tallied
from audit.verification import VerificationFailed
from exchange.db import db
from tests.makers.audit import make_intent, make_outcome, make_refusal, sequence, write

JUNE = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)


def any_entries(dice: random.Random, number: int) -> list[Entry]:
    """Reads, refusals and other acts, over some days, by some persons; some with what no honest entry holds."""
    made: list[Entry] = []
    for _ in range(number):
        at = JUNE + timedelta(minutes=dice.randrange(-60 * 24 * 20, 60 * 24 * 20))
        who = {"actor": dice.choice([None, "ann", "ben"]), "at": at, "dataset": dice.choice(["aaaa-2222", "bbbb-3333"])}
        source = dice.choice([None, "education", "labor"])
        kind = dice.randrange(4)
        if kind == 0:
            made.append(make_intent(source=source, **who))
        elif kind == 1:
            sent = dice.choice([0, 7, 2**53 - 1, -5])
            made.append(make_outcome(make_intent(**who), sent, sent, dice.choice([Outcome.DONE, Outcome.CUT])))
        elif kind == 2:
            made.append(make_refusal(code=dice.choice([None, "ended"]), source=source, **who))
        else:
            made.append(Entry(Action.SESSION_SIGN_IN, Outcome.DONE, actor=who["actor"], at=at))  # type: ignore[arg-type]
    return made


def stored(engine: Engine) -> Counts:
    """What the tables hold, in the shape of what is counted."""
    found = nothing()
    with engine.connect() as connection:
        for table in keeping.TALLIES:
            width = len(table.primary_key)
            rows = connection.execute(select(table)).all()
            found[table.name] = {tuple(row[:width]): list(row[width:]) for row in rows}
    return found


def counted(engine: Engine) -> Counts:
    """What the entries say, read from the database in one go."""
    chosen = select(*(tables.entries.c[name] for name in NEEDED)).order_by(tables.entries.c.idx)
    with engine.connect() as connection:
        return count(connection.execute(chosen).mappings().all(), nothing())  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(3))
def test_tallies_are_the_sum_of_the_entries_after_any_rounds(database: Engine, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(6):
        write(database, any_entries(dice, dice.randrange(1, 40)))
        if dice.random() < 0.4:  # a leader that is killed before its transaction is committed
            with pytest.raises(InterruptedError), database.begin() as connection:
                index_waiting(connection)
                raise InterruptedError
        if dice.random() < 0.4:  # a leader that is killed after it, before the tree is grown
            with database.begin() as connection:
                index_waiting(connection)
        if dice.random() < 0.6:
            sequence(database, tmp_path)
        assert stored(database) == counted(database)
    sequence(database, tmp_path)
    assert stored(database) == counted(database)
    with database.connect() as connection:
        size = connection.execute(select(tallied.c.size)).scalar_one()
        assert size == size_of(connection)
    compare(database, tmp_path / "log", size).tallies.compare()


def test_a_log_older_than_its_tallies_is_counted_in_the_next_rounds(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "BEHIND", 8)
    write(database, any_entries(random.Random(5), 30))
    sequence(database, tmp_path)
    with database.begin() as connection:
        for table in (*keeping.TALLIES, tallied):
            connection.execute(delete(table))
    rounds = 0
    while stored(database) != counted(database):
        with database.begin() as connection:
            index_waiting(connection)
        rounds += 1
    assert rounds == 4
    compare(database, tmp_path / "log", 30).tallies.compare()


def test_full_rounds_are_counted_when_there_is_time(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "FULL", 10)
    monkeypatch.setattr(keeping, "BEHIND", 8)
    write(database, any_entries(random.Random(7), 14))
    with database.begin() as connection:
        assert index_waiting(connection, 10) == 10
        assert (keeping.size_of(connection), keeping.behind(connection)) == (0, 10)
        assert index_waiting(connection, 10) == 4
        assert (keeping.size_of(connection), keeping.behind(connection)) == (8, 6)
        assert index_waiting(connection, 10) == 0
        assert keeping.behind(connection) == 0
    assert stored(database) == counted(database)
    sequence(database, tmp_path)
    compare(database, tmp_path / "log", 14).tallies.compare()


def test_counting_anew_gives_the_same(database: Engine, tmp_path: Path) -> None:
    write(database, any_entries(random.Random(6), 30))
    sequence(database, tmp_path)
    before = stored(database)
    with database.begin() as connection:
        keeping.empty(connection)
    assert stored(database) == nothing()
    assert keeping.rebuild(database) == 30
    assert stored(database) == before


def test_a_tally_changed_by_hand_is_found_and_named(database: Engine, tmp_path: Path) -> None:
    write(database, [make_intent(actor="ann", at=JUNE), make_refusal(at=JUNE)])
    sequence(database, tmp_path)
    changes = [
        (
            update(access_hours).where(access_hours.c.working_group == "").values(reads=1),
            "audit_hour of hour 2026-06-15T16Z, .* says reads 1, .* say reads 0",
        ),
        (delete(firsts).where(firsts.c.kind == "client"), "audit_first lacks kind 'client', who 'notebook'"),
        (
            update(act_days).where(act_days.c.outcome == "refused").values(dataset="zzzz-9999"),
            "audit_day of .* entries say nothing of it",
        ),
        (update(actor_days).values(last_t=actor_days.c.last_t - 1), "audit_actor_day of day 2026-06-15, actor 'ann'"),
        (update(tallied).values(size=1), "audit_hour|audit_day|audit_actor"),
    ]
    for change, named in changes:
        with database.begin() as connection:
            connection.execute(change)
        with pytest.raises(VerificationFailed, match=named):
            compare(database, tmp_path / "log", 2).tallies.compare()
        keeping.rebuild(database)
        compare(database, tmp_path / "log", 2).tallies.compare()


def test_a_tally_that_counts_more_than_there_is_is_found(database: Engine, tmp_path: Path) -> None:
    write(database, [make_intent(at=JUNE)])
    sequence(database, tmp_path)
    with database.begin() as connection:
        connection.execute(update(tallied).values(size=5))
    with pytest.raises(VerificationFailed, match="the tallies count 5 entries, the database holds 1"):
        compare(database, tmp_path / "log", 1).tallies.compare()


def test_a_day_is_connecticuts_whatever_the_clocks_do() -> None:
    spring, autumn = datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    for midnight, offsets in ((spring, (4, 5, 27, 28)), (autumn, (3, 4, 28, 29))):
        first = int(midnight.timestamp()) // 3600
        days = [day_of_hour(first + offset)[0] - day_number(midnight.date()) for offset in offsets]
        assert days == [-1, 0, 0, 1]
        assert [day_of_hour(first + offset)[1] for offset in offsets] == [23, 0, 23, 0]
    assert day_of_hour(-1) == (-1, 23)
    assert day_of_hour(2**62 // 3_600_000)[0] == 2**62 // 3_600_000 // 24


def test_the_last_use_of_a_dataset_is_known(database: Engine, tmp_path: Path) -> None:
    times = [JUNE, JUNE + timedelta(days=3), JUNE + timedelta(days=1)]
    write(database, [make_intent(actor="ann", at=at) for at in times] + [make_refusal(actor="ann", at=JUNE)])
    sequence(database, tmp_path)
    with database.connect() as connection:
        found = keeping.last_use(connection, ["ann", "ben"])
    assert found == {("ann", "abcd-2345"): int(times[1].timestamp() * 1000)}


def test_the_operator_counts_anew(app: Flask) -> None:
    write(db.engine, [make_intent(actor="ann", at=JUNE)])
    sequence(db.engine, app.config["SETTINGS"].data_dir)
    with db.engine.begin() as connection:
        connection.execute(delete(act_days))
    runner = app.test_cli_runner()
    wrong = runner.invoke(args=["audit", "verify"])
    assert wrong.exit_code == 1
    assert "the tally audit_day lacks day 2026-06-15" in wrong.output
    assert "the tallies hold 1 entries" in runner.invoke(args=["audit", "rebuild-tallies"]).output
    assert runner.invoke(args=["audit", "verify"]).exit_code == 0
