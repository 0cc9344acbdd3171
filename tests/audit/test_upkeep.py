"""A log that was rewound or emptied is not signed anew: the mark beside the key remembers."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, delete, insert, select

from audit import checkpoints, sequencer, tables, upkeep
from audit.checkpoints import Checkpoint, FileSigner
from audit.locks import leadership
from audit.mark import InconsistentLog
from audit.upkeep import Installation, accept_restore, check
from audit.verification import VerificationFailed, verify
from exchange.db import db
from tests.conftest import make_settings
from tests.makers.audit import drop_triggers, make_intent, make_mark, make_signer, now, sequence, write
from wsgi import create_app

COUNT = 300


def installation(engine: Engine, data_dir: Path) -> Installation:
    """The log in this folder."""
    return Installation(engine, data_dir, make_signer(data_dir), make_mark(data_dir))


@pytest.fixture
def log(database: Engine, tmp_path: Path) -> Installation:
    """A log of 300 entries in two rounds, and the backup of its folder after the first."""
    for _ in range(2):
        write(database, [make_intent() for _ in range(COUNT // 2)])
        sequence(database, tmp_path)
        if not (tmp_path / "older").exists():
            shutil.copytree(tmp_path / "log", tmp_path / "older")
    return installation(database, tmp_path)


def checked(log: Installation) -> int:
    """The size of a log that holds."""
    return check(log, log.signer.verifier.vkey(), now).report.size


def rewind(log: Installation, size: int) -> None:
    """Remove the end of the log everywhere but at the mark; 0 removes all."""
    drop_triggers(log.engine)
    with log.engine.begin() as connection:
        connection.execute(delete(tables.entries).where(tables.entries.c.idx >= size))
        connection.execute(delete(tables.checkpoints).where(tables.checkpoints.c.size > size))
    shutil.rmtree(log.store.folder, ignore_errors=True)
    if size:
        shutil.copytree(log.data_dir / "older", log.store.folder)


def keep_all(log: Installation) -> dict[str, bytes]:
    """Every file of the log and the mark."""
    files = [path for path in log.store.folder.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in [*files, log.mark.path]}


def test_a_log_that_holds_is_brought_up_to_date(log: Installation) -> None:
    assert checked(log) == COUNT
    write(log.engine, [make_intent()])
    assert checked(log) == COUNT + 1
    assert log.mark.read().size == COUNT + 1
    assert log.mark.path.stat().st_mode & 0o777 == 0o600
    assert log.mark.path.parent != log.store.folder


def test_an_empty_log_holds_and_has_its_mark(database: Engine, tmp_path: Path) -> None:
    log = installation(database, tmp_path)
    assert log.mark.read().size == 0
    assert checked(log) == 0


@pytest.mark.parametrize("size", [COUNT // 2, 0])
def test_a_rewound_log_is_neither_signed_nor_said_to_hold(log: Installation, size: int) -> None:
    rewind(log, size)
    before = keep_all(log)
    write(log.engine, [make_intent()])
    with pytest.raises(InconsistentLog, match=rf"rewound: {COUNT} entries were signed.*{size} are there"):
        checked(log)
    with pytest.raises(InconsistentLog, match="accept-restore"):
        sequence(log.engine, log.data_dir)
    assert keep_all(log) == before


def test_an_end_that_was_written_anew_is_found(log: Installation) -> None:
    """As many entries as were signed, but others; the checkpoints and files of the last round are gone."""
    rewind(log, COUNT // 2)
    write(log.engine, [make_intent() for _ in range(COUNT)])
    with pytest.raises(InconsistentLog):
        checked(log)
    with log.engine.begin() as connection:
        sequencer.index_waiting(connection)
    with pytest.raises(InconsistentLog, match="not those that were signed"):
        checked(log)


def test_removed_checkpoints_are_found(log: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.recovery.UNFINISHED", 100)
    drop_triggers(log.engine)
    with log.engine.begin() as connection:
        connection.execute(delete(tables.checkpoints))
    shutil.rmtree(log.store.folder)
    with pytest.raises(InconsistentLog, match="checkpoints were removed"):
        checked(log)


def test_what_does_not_hold_is_not_signed_over(log: Installation) -> None:
    """A change in the middle, far from the edge that the sequencer reads back."""
    drop_triggers(log.engine)
    with log.engine.begin() as connection:
        connection.execute(tables.entries.update().where(tables.entries.c.idx == 3).values(dataset="aaaa-bbbb"))
    write(log.engine, [make_intent()])
    before = keep_all(log)
    with pytest.raises(VerificationFailed, match="entry 3 .* column dataset"):
        checked(log)
    assert keep_all(log) == before


def test_a_lost_mark_is_not_a_new_log(log: Installation) -> None:
    log.mark.path.unlink()
    for _ in range(2):
        with pytest.raises(InconsistentLog, match="mark .* is missing"):
            checked(log)
        rewind(log, 0)


def test_anothers_mark_is_refused(log: Installation) -> None:
    other = FileSigner(log.signer.verifier.name, b"\x09" * 32)
    log.mark.write(checkpoints.sign(Checkpoint(other.verifier.name, 0, b"\0" * 32), other))
    with pytest.raises(InconsistentLog, match="not this key's"):
        checked(log)


def test_an_older_mark_catches_up(log: Installation) -> None:
    """The keys are in a backup of their own, which may be older."""
    older = (log.data_dir / "older" / "checkpoint").read_text()
    log.mark.write(older)
    assert checked(log) == COUNT
    assert log.mark.read().size == COUNT


def test_another_signer_with_this_key_is_noticed(log: Installation) -> None:
    with leadership(log.engine, log.data_dir) as leader:
        assert leader is not None
        lead = sequencer.Sequencer(leader, log.store, log.signer, log.mark)
        elsewhere = Checkpoint(log.signer.verifier.name, COUNT + 5, b"\x01" * 32)
        log.mark.write(checkpoints.sign(elsewhere, log.signer))
        write(log.engine, [make_intent()])
        with pytest.raises(InconsistentLog, match="another process signs"):
            lead.step(now())


def test_a_gap_in_the_indexes_is_not_signed(log: Installation) -> None:
    row = tables.entries.select().where(tables.entries.c.idx == 0)
    with log.engine.begin() as connection:
        values = {**connection.execute(row).mappings().one(), "idx": COUNT + 3, "id": "x"}
        connection.execute(insert(tables.entries).values(**values))
    with pytest.raises(InconsistentLog, match="index is missing"):
        sequence(log.engine, log.data_dir)


def test_while_another_leads_its_checkpoint_is_checked_against_the_mark(
    log: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "PATIENCE_S", 0.5)
    found: list[object] = []
    with leadership(log.engine, log.data_dir) as leader:
        assert leader is not None
        assert check(log, log.signer.verifier.vkey(), now).led is False
        rewind(log, COUNT // 2)
        aside = threading.Thread(target=lambda: found.append(_failure(lambda: checked(log))))
        aside.start()
        aside.join()
    assert "rewound" in str(found[0])


def _failure(act: Callable[[], object]) -> Exception | None:
    try:
        act()
    except (InconsistentLog, VerificationFailed) as failed:
        return failed
    return None


def test_a_restore_is_accepted_aloud(log: Installation) -> None:
    lost = log.mark.path.read_text()
    rewind(log, COUNT // 2)
    head = accept_restore(log, "The disk failed; restored from Sunday's backup.", now)
    assert head.size == COUNT // 2
    assert checked(log) == COUNT // 2 + 1
    with log.engine.connect() as connection:
        last = select(tables.entries.c.body).order_by(tables.entries.c.idx.desc()).limit(1)
        entry = json.loads(bytes(connection.execute(last).scalar_one()))
    assert entry["action"] == "log:restore:accept"
    assert entry["reason"].startswith("The disk failed")
    assert entry["details"]["mark"] == lost
    assert verify(log.store.folder).size == COUNT // 2 + 1


def test_nothing_is_accepted_where_nothing_is_lost_or_nothing_fits(log: Installation) -> None:
    with pytest.raises(InconsistentLog, match="nothing to accept"):
        accept_restore(log, "because", now)
    rewind(log, COUNT // 2)
    with log.engine.begin() as connection:
        connection.execute(delete(tables.entries).where(tables.entries.c.idx == 149))
    with pytest.raises(InconsistentLog, match="the database holds 149"):
        accept_restore(log, "because", now)
    assert log.mark.read().size == COUNT


def test_flask_audit_verify_says_no_to_an_emptied_log(app: Flask) -> None:
    folder = app.config["SETTINGS"].data_dir
    write(db.engine, [make_intent() for _ in range(5)])
    runner = app.test_cli_runner()
    assert runner.invoke(args=["audit", "verify"]).exit_code == 0
    log = installation(db.engine, folder)
    (folder / "older").mkdir()
    rewind(log, 0)
    emptied = runner.invoke(args=["audit", "verify"])
    assert emptied.exit_code == 1
    assert "does NOT hold: the log was rewound: 5 entries were signed" in emptied.output
    assert not (folder / "log").exists()
    assert runner.invoke(args=["audit", "accept-restore", "--because", " "]).exit_code == 1
    accepted = runner.invoke(args=["audit", "accept-restore", "--because", "A rehearsal."])
    assert accepted.exit_code == 0, accepted.output
    assert runner.invoke(args=["audit", "verify"]).exit_code == 0


def test_flask_audit_verify_without_a_log_is_one_line_and_makes_nothing(tmp_path: Path) -> None:
    settings = replace(make_settings(tmp_path / "data"), demo=True)
    runner = create_app(settings).test_cli_runner()
    for _ in range(2):
        before = files_in(tmp_path)
        result = runner.invoke(args=["audit", "verify"])
        assert result.exit_code == 1
        assert result.output.count("\n") == 1
        assert "flask migrate" in result.output
        assert files_in(tmp_path) == before
        (tmp_path / "data" / "charter-oak.db").touch()


def files_in(folder: Path) -> list[Path]:
    """What is there, without what SQLite keeps beside a database that is open."""
    return sorted(path for path in folder.rglob("*") if not path.name.endswith(("-wal", "-shm")))


def test_the_mark_is_written_before_the_checkpoint(log: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    kept, marked = sequencer._keep_checkpoint, type(log.mark).write

    def keep(*given: object) -> None:
        order.append("checkpoint")
        kept(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(sequencer, "_keep_checkpoint", keep)
    monkeypatch.setattr(type(log.mark), "write", lambda mark, note: (order.append("mark"), marked(mark, note))[1])
    write(log.engine, [make_intent()])
    sequence(log.engine, log.data_dir)
    assert order == ["mark", "checkpoint"]
