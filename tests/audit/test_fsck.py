"""`flask audit fsck`: each thing that is wrong is said with what mends it, and a repair makes the files as they were."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from audit import checkpoints, fsck, tables
from audit.checkpoints import Checkpoint
from audit.fsck import Findings, examine, repair
from audit.tiles import tile_path
from audit.upkeep import Installation
from audit.verification import VerificationFailed, verify
from exchange.db import db
from tests.audit.conftest import make_engine
from tests.makers.audit import drop_triggers, make_intent, make_mark, make_signer, sequence, write

COUNT = 700


def make_log(database: Engine, data_dir: Path) -> Installation:
    """A log of 700 entries under three checkpoints."""
    for count in (100, 300, 300):
        write(database, [make_intent() for _ in range(count)])
        sequence(database, data_dir)
    return Installation(database, data_dir, make_signer(data_dir), make_mark(data_dir))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a log on SQLite, made once and copied."""
    folder = tmp_path_factory.mktemp("kept")
    engine = make_engine(f"sqlite:///{folder / 'log.db'}")
    tables.metadata.create_all(engine)
    make_log(engine, folder)
    engine.dispose()
    return folder


@pytest.fixture
def log(kept: Path, tmp_path: Path) -> Iterator[Installation]:
    """A copy of it."""
    folder = shutil.copytree(kept, tmp_path / "data")
    engine = make_engine(f"sqlite:///{folder / 'log.db'}")
    yield Installation(engine, folder, make_signer(folder), make_mark(folder))
    engine.dispose()


def look(log: Installation, *, alone: bool = True) -> Findings:
    """Examine in silence."""
    return examine(log, lambda done, size: None, alone=alone)


def said(found: Findings) -> str:
    """Every fault in one text."""
    return "\n".join(f"{fault.what}: {fault.mend}" for fault in found.faults)


def flip(path: Path, at: int) -> None:
    """Another bit in a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def change(log: Installation, statement: str) -> None:
    """What somebody does who owns the database."""
    drop_triggers(log.engine)
    with log.engine.begin() as connection:
        connection.execute(text(statement))


def test_a_whole_log_has_no_faults_and_is_told_of_progress(database: Engine, tmp_path: Path) -> None:
    log, seen = make_log(database, tmp_path), list[tuple[int, int]]()
    found = examine(log, lambda done, size: seen.append((done, size)), alone=True)
    assert (found.faults, found.size, found.proven) == ([], COUNT, True)
    assert seen == [(0, COUNT)]
    assert look(log, alone=False).faults == []


def test_an_empty_log_has_no_faults(database: Engine, tmp_path: Path) -> None:
    sequence(database, tmp_path)
    assert look(Installation(database, tmp_path, make_signer(tmp_path), make_mark(tmp_path))).faults == []


@pytest.mark.parametrize(
    "name", ["tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/000", "tile/entries/002.p/188"]
)
@pytest.mark.parametrize(
    "harm", [Path.unlink, lambda path: flip(path, 40), lambda path: path.write_bytes(path.read_bytes()[:-5])]
)
def test_files_are_named_and_written_again(log: Installation, name: str, harm: Callable[[Path], None]) -> None:
    before = {path: path.read_bytes() for path in log.store.folder.rglob("*") if path.is_file()}
    harm(log.store.folder / name)
    found = look(log)
    assert [fault.what.split(" is ")[0] for fault in found.faults] == [name]
    assert repair(log, found) == 1
    assert look(log).faults == []
    assert {path: path.read_bytes() for path in log.store.folder.rglob("*") if path.is_file()} == before
    assert verify(log.store.folder, log.signer.verifier.vkey()).size == COUNT


def test_what_a_crash_left_is_removed_and_what_nobody_knows_is_not(log: Installation) -> None:
    left, strange = log.store.folder / "tile/0/.000.1234abcd.tmp", log.store.folder / "tile/0/notes.txt"
    left.write_bytes(b"half a ti")
    strange.write_bytes(b"mine")
    log.store.write({tile_path(0, 0, 3): b"x" * 96})
    assert "tile/0/000.p/3 is not the beginning of its full tile" in said(look(log, alone=False))
    found = look(log)
    assert "tile/0/.000.1234abcd.tmp was left by a process that died" in said(found)
    assert "tile/0/notes.txt is no file of a log" in said(found)
    assert repair(log, found) == 2
    assert [fault.what for fault in look(log).faults] == ["tile/0/notes.txt is no file of a log"]
    assert strange.exists()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit_entry SET dataset = 'zzzz-9999' WHERE idx = 5", "entry 5 is not found as it was recorded: its column dataset"),
        ("UPDATE audit_checkpoint SET t = 1 WHERE size = 400", "checkpoint 400 is dated before a smaller one"),
        ("UPDATE audit_checkpoint SET root = 'ab' WHERE size = 400", "the row of checkpoint 400 in audit_checkpoint is not what"),
        ("UPDATE audit_checkpoint SET note = 'x' WHERE size = 400", "checkpoint 400 in audit_checkpoint is not signed by"),
        ("DELETE FROM audit_checkpoint WHERE size = 700", "700 entries are published, of which audit_checkpoint knows nothing"),
        ("INSERT INTO audit_queue (id, body) VALUES ('019ecc3e-b802-7000-8000-000000000002', 'xy')", "does not hold its id"),
        ("INSERT INTO audit_queue (id, body) SELECT id, 'xy' FROM audit_entry WHERE idx = 3", "has the id of another that is indexed"),
    ],
)  # fmt: skip
def test_rows_are_named_and_never_repaired(log: Installation, statement: str, fault: str) -> None:
    change(log, statement)
    found = look(log)
    assert fault in said(found)
    assert repair(log, found) == 0
    assert fault in said(look(log))


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET body = '{}' WHERE idx = 2", "DELETE FROM audit_entry WHERE idx = 2"]
)
def test_files_are_not_made_of_entries_that_do_not_lead_to_the_root(log: Installation, statement: str) -> None:
    change(log, statement)
    tile = log.store.folder / "tile/0/000"
    flip(tile, 64)
    before = tile.read_bytes()
    found = look(log)
    assert "the entries in audit_entry do not lead to the signed root" in said(found)
    assert "the folder does not hold either: entry 2 " in said(found)
    assert (repair(log, found), tile.read_bytes()) == (0, before)
    flip(tile, 64)
    assert f"the folder holds all {COUNT} entries as they were signed" in said(look(log))


def test_entries_that_change_between_look_and_repair_are_not_written(log: Installation) -> None:
    flip(log.store.folder / "tile/0/000", 64)
    found = look(log)
    change(log, "UPDATE audit_entry SET body = '{}' WHERE idx = 2")
    with pytest.raises(VerificationFailed, match="tile/0/000 would become another"):
        repair(log, found)


def test_a_checkpoint_of_another_tree_is_named(log: Installation) -> None:
    other = checkpoints.sign(Checkpoint(log.signer.verifier.name, 400, b"\1" * 32), log.signer)
    change(log, f"UPDATE audit_checkpoint SET note = '{other}', root = '{'01' * 32}' WHERE size = 400")
    assert "checkpoint 400 was signed for other entries than the first 400" in said(look(log))
    log.store.write(
        {"checkpoint": checkpoints.sign(Checkpoint(log.signer.verifier.name, COUNT, b"\1" * 32), log.signer).encode()}
    )
    assert f"the published checkpoint has another root for {COUNT} entries" in said(look(log))


def test_the_command_says_what_to_do_and_does_it(app: Flask) -> None:
    write(db.engine, [make_intent() for _ in range(300)])
    folder = app.config["SETTINGS"].data_dir
    sequence(db.engine, folder)
    runner = app.test_cli_runner()
    good = runner.invoke(args=["audit", "fsck"])
    assert (good.exit_code, good.output) == (0, "300 entries examined: no faults\n")
    (folder / "log" / "tile/0/000").unlink()
    bad = runner.invoke(args=["audit", "fsck"])
    assert bad.exit_code == 1
    assert f"- tile/0/000 is missing\n  {fsck.REWRITE}\n" in bad.output
    mended = runner.invoke(args=["audit", "fsck", "--repair"])
    assert mended.exit_code == 0, mended.output
    assert "repaired: 1 files; looking again" in mended.output


def test_keys_that_are_published_and_are_not_the_logs_are_named(log: Installation) -> None:
    own = {name: log.store.read(name) or b"" for name in ("key", "keys")}
    other = checkpoints.FileSigner(log.signer.verifier.name, bytes([7]) * 32).verifier.vkey()
    for name, content in (
        ("key", other.encode()),
        ("keys", own["keys"].replace(log.signer.verifier.vkey().encode(), other.encode())),
        ("keys", b"{}"),
    ):
        log.store.write({name: content})
        assert "not this log's key" in said(look(log)), name
        log.store.write(own)
        assert look(log).faults == []
    (log.store.folder / "key").unlink()
    assert "not this log's key: none" in said(look(log))


def test_a_row_of_a_checkpoint_that_never_was_is_named(log: Installation) -> None:
    change(log, "INSERT INTO audit_checkpoint SELECT 9000, root, note, t FROM audit_checkpoint WHERE size = 700")
    assert "says 9000 entries, its note 700" in said(look(log))
