"""Receipts prove themselves, and a log that changed afterwards is caught by them."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, update

from audit import tables
from audit.checkpoints import Checkpoint, FileSigner, Verifier, sign
from audit.published import Head
from audit.receipts import __main__ as program
from audit.receipts import comparing
from audit.receipts.collecting import About, find, write
from audit.receipts.comparing import Compared, Differs, with_log
from audit.receipts.elsewhere import PublishedLog, Unreachable
from audit.receipts.receipt import BadReceipts, End, open_file
from audit.tiles import TileStore, tile_path
from tests.makers.audit import drop_triggers, make_intent, make_outcome, make_signer, sequence
from tests.makers.audit import write as append

ABOUT = About("education", ("abcd-2345",))


def fill(database: Engine, folder: Path, count: int = 30) -> None:
    """Entries of two agencies, by turns; one of ours says no source, as older entries do not."""
    for number in range(count):
        own = number % 3 == 0
        intent = make_intent(
            source="education" if own and number else None if own else "labor",
            dataset="abcd-2345" if own else "zzzz-9999",
        )
        append(database, [intent, make_outcome(intent)])
    sequence(database, folder)


def vkey(folder: Path) -> Verifier:
    return make_signer(folder).verifier


def files_of(folder: Path) -> TileStore:
    return TileStore(folder / "log")


def head_of(folder: Path) -> Head:
    note = (folder / "log" / "checkpoint").read_text()
    return Head(note, make_signer(folder).verifier.open(note))


def fetch(database: Engine, folder: Path, first: int = 0, most: int = 20_000) -> list[bytes]:
    head = head_of(folder)
    with database.connect() as connection:
        chosen = find(connection, ABOUT, first, head.checkpoint.size, most)
    return list(write(database, files_of(folder), head, ABOUT, first, chosen))


def compare(database: Engine, folder: Path, lines: list[bytes]) -> Compared:
    key = vkey(folder)
    compared = with_log(lines, key, files_of(folder))
    comparing.database_differs(database, lines, key)
    return comparing.with_missing(compared, comparing.lacking(database, lines, key))


def test_receipts_are_the_agencys_entries_and_no_others(database: Engine, tmp_path: Path) -> None:
    fill(database, tmp_path)
    lines = fetch(database, tmp_path)
    *receipts, end = open_file(lines, vkey(tmp_path)).receipts()
    bodies = [json.loads(receipt.body) for receipt in receipts if not isinstance(receipt, End)]
    assert len(bodies) == 20
    assert {body["dataset"] for body in bodies} == {"abcd-2345"}
    assert end == End(20, 60)
    assert compare(database, tmp_path, lines).missing == ()


def test_a_long_list_comes_in_files_that_go_on(database: Engine, tmp_path: Path) -> None:
    fill(database, tmp_path)
    got, first = [], 0
    while first < 60:
        *receipts, end = open_file(fetch(database, tmp_path, first, most=7), vkey(tmp_path)).receipts()
        got += [receipt.index for receipt in receipts if not isinstance(receipt, End)]
        assert isinstance(end, End)
        assert end.receipts <= 7
        first = end.following
    assert got == [index for index in range(60) if index // 2 % 3 == 0]


def test_kept_receipts_agree_with_a_log_that_grew(database: Engine, tmp_path: Path) -> None:
    fill(database, tmp_path)
    lines = fetch(database, tmp_path)
    fill(database, tmp_path, 300)
    compared = compare(database, tmp_path, lines)
    assert (compared.receipts, compared.kept.size, compared.stands.size) == (20, 60, 660)


Change = Callable[[list[bytes]], list[bytes]]


def changed(line: bytes, **members: object) -> bytes:
    return json.dumps({**json.loads(line), **members}).encode() + b"\n"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the file does not depend on the database
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [lines[0].replace(b"education", b"labor"), *lines[1:]], None),
        (lambda lines: [*lines[:1], changed(lines[1], entry="{}"), *lines[2:]], "line 2: entry 0 is not in"),
        (lambda lines: [*lines[:1], changed(lines[1], index=1), *lines[2:]], "line 2: entry 1 is not in"),
        (lambda lines: [*lines[:1], changed(lines[1], hashes=["x"]), *lines[2:]], "line 2: entry 0 or its hashes"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "line 3: index 0 comes after 1"),
        (lambda lines: [*lines[:5], *lines[6:]], "the end speaks of 20"),
        (lambda lines: lines[:-1], "ends before its last line"),
        (lambda lines: [*lines, b"{}\n"], "something follows"),
        (lambda lines: [*lines[:-1], changed(lines[-1], next=10)], "the end speaks of"),
        (lambda lines: [changed(lines[0], checkpoint="x\n1\n\n"), *lines[1:]], "line 1: the checkpoint"),
        (lambda lines: [changed(lines[0], receipts=2), *lines[1:]], "no file of receipts"),
        (lambda lines: [b"\xff", *lines[1:]], "line 1: not a line of JSON"),
        (lambda _lines: [], "line 1"),
    ],
)
def test_a_file_that_was_changed_does_not_hold(
    database: Engine, tmp_path: Path, change: Change, said: str | None
) -> None:
    fill(database, tmp_path)
    lines = change(fetch(database, tmp_path))
    if said is None:  # whose receipts they are is our word, not the tree's: the installation finds what is missing
        assert comparing.lacking(database, lines, vkey(tmp_path))
        return
    with pytest.raises(BadReceipts, match=said):
        list(open_file(lines, vkey(tmp_path)).receipts())


def change_tile(_database: Engine, folder: Path) -> None:
    path = folder / "log" / tile_path(0, 0, 60)
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


def change_database(database: Engine, _folder: Path) -> None:
    with database.begin() as connection:
        connection.execute(update(tables.entries).where(tables.entries.c.idx == 7).values(body=b"{}"))


def remove_from_database(database: Engine, _folder: Path) -> None:
    with database.begin() as connection:
        connection.execute(delete(tables.entries).where(tables.entries.c.idx == 7))


def rewind(_database: Engine, folder: Path) -> None:
    smaller = Checkpoint(make_signer(folder).verifier.name, 50, b"\1" * 32)
    (folder / "log" / "checkpoint").write_text(sign(smaller, make_signer(folder)))


def fork(_database: Engine, folder: Path) -> None:
    other = Checkpoint(make_signer(folder).verifier.name, 60, b"\1" * 32)
    (folder / "log" / "checkpoint").write_text(sign(other, make_signer(folder)))


@pytest.mark.parametrize("fault", [change_tile, change_database, remove_from_database, rewind, fork])
def test_a_log_that_was_changed_does_not_agree(
    database: Engine, tmp_path: Path, fault: Callable[[Engine, Path], None]
) -> None:
    fill(database, tmp_path)
    lines = fetch(database, tmp_path)
    drop_triggers(database)
    fault(database, tmp_path)
    with pytest.raises(Differs, match=r"rewritten|rewound|entry 7|not the one|two faces"):
        compare(database, tmp_path, lines)


def test_an_entry_that_was_left_out_is_missed_by_the_installation(database: Engine, tmp_path: Path) -> None:
    fill(database, tmp_path)
    lines = fetch(database, tmp_path)
    less = [*lines[:3], *lines[4:-1], json.dumps({"end": 19, "next": 60}).encode()]
    assert len(list(open_file(less, vkey(tmp_path)).receipts())) == 20
    gone = json.loads(lines[3])["index"]
    assert compare(database, tmp_path, less).missing == (gone,)


def test_one_that_names_the_dataset_alone_is_missed_too(database: Engine, tmp_path: Path) -> None:
    fill(database, tmp_path)
    lines = fetch(database, tmp_path)
    assert "source" not in json.loads(json.loads(lines[1])["entry"])
    less = [lines[0], *lines[2:-1], json.dumps({"end": 19, "next": 60}).encode()]
    assert compare(database, tmp_path, less).missing == (0,)


def test_an_agency_compares_by_the_public_address_alone(database: Engine, tmp_path: Path) -> None:
    fill(database, tmp_path)
    lines = fetch(database, tmp_path)
    fill(database, tmp_path, 300)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "log")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        published = PublishedLog(f"http://127.0.0.1:{server.server_port}")
        assert with_log(lines, vkey(tmp_path), published).stands.size == 660
        change_leaf(tmp_path)
        with pytest.raises(Differs):
            with_log(lines, vkey(tmp_path), published)
        server.shutdown()
    with pytest.raises(Unreachable):
        with_log(lines, vkey(tmp_path), published)


def change_leaf(folder: Path) -> None:
    path = folder / "log" / tile_path(0, 0)
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


def test_an_agency_compares_on_a_machine_without_settings(
    database: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(database, tmp_path)
    file, lines = tmp_path / "kept.jsonl", fetch(database, tmp_path)
    options = ["--with", str(tmp_path / "log"), "--key", vkey(tmp_path).vkey()]

    def told(kept: list[bytes]) -> tuple[int, str]:
        file.write_bytes(b"".join(kept))
        code = program.main([str(file), *options])
        answer = capsys.readouterr()
        return code, answer.out + answer.err

    assert told(lines) == (
        0,
        f"{program.said(with_log(lines, vkey(tmp_path), files_of(tmp_path)))}\n{program.AGREES}\n",
    )
    for damaged, fault in ((lines[:-1], "ends before its last line"), ([*lines[:5], lines[5][:50]], "cut short")):
        code, said = told(damaged)
        assert code == 1
        assert fault in said
        assert "does NOT agree" not in said  # a damaged file accuses nobody
    rewind(database, tmp_path)
    code, said = told(lines)
    assert code == 1
    assert "does NOT agree with the receipts: the log was rewound" in said


def test_the_program_that_compares_starts_without_settings() -> None:
    command = [sys.executable, "-m", "audit.receipts", "--help"]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(command, cwd=root, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_receipts_outlive_the_key_that_signed_them(database: Engine, tmp_path: Path) -> None:
    fill(database, tmp_path)
    file, old = tmp_path / "kept.jsonl", vkey(tmp_path)
    file.write_bytes(b"".join(fetch(database, tmp_path)))
    head = head_of(tmp_path).checkpoint
    new = FileSigner(head.origin, b"\x09" * 32)
    (tmp_path / "log" / "checkpoint").write_text(sign(head, new))  # the old key's time is over
    log, now = str(tmp_path / "log"), new.verifier.vkey()
    assert program.with_other(file, log, [now, old.vkey()]).receipts == 20
    with pytest.raises(program.NotCompared, match="older key"):
        program.with_other(file, log, [now])
    with pytest.raises(program.NotCompared, match="does NOT agree"):  # an old key cannot speak for the log of today
        program.with_other(file, log, [old.vkey(), now])
    with pytest.raises(program.NotCompared, match="not the text of a key"):
        program.with_other(file, log, ["data.example"])
