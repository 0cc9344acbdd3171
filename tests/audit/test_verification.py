"""Tampering: whatever is changed in a log is found, and the first bad entry is named."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import audit.verification
from audit import checkpoints, merkle
from audit.checkpoints import COSIGNED, ML_DSA_44, Checkpoint, FileSigner, PrivateKey
from audit.tiles import Edge, TileStore, grow, pack, tile_path, unpack
from audit.verification import VerificationFailed, check_quorum, verify
from exchange.db import db
from tests.makers.audit import ORIGIN, drop_triggers, make_intent, sequence, write

SIZE = 700
SIGNER = FileSigner(ORIGIN, b"\x05" * 32)
BODIES = [make_intent(columns=(str(i),)).canonical() for i in range(SIZE)]


def make_log(folder: Path, bodies: list[bytes] = BODIES, steps: int = 3) -> Path:
    """A signed log in a folder, grown in a few steps."""
    store, edge = TileStore(folder), Edge()
    for at in range(0, len(bodies), -(-len(bodies) // steps) or 1):
        edge, files = grow(edge, bodies[at : at + -(-len(bodies) // steps)])
        store.write(files)
        store.drop_partials(files)
    note = checkpoints.sign(Checkpoint(ORIGIN, edge.size, edge.root()), SIGNER)
    store.write({"checkpoint": note.encode(), "key": SIGNER.verifier.vkey().encode()})
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A signed log of 700 entries."""
    return make_log(tmp_path / "log")


def rewrite(log: Path, number: int, width: int, change: Callable[[list[bytes]], None]) -> None:
    """Change the entries of a bundle."""
    path = log / tile_path("entries", number, width)
    bodies = list(unpack(path.read_bytes()))
    change(bodies)
    path.write_bytes(pack(bodies))


def test_a_whole_log_holds(log: Path) -> None:
    report = verify(log)
    assert (report.origin, report.size, report.root) == (ORIGIN, SIZE, merkle.root_of(map(merkle.leaf_hash, BODIES)))
    assert verify(log, SIGNER.verifier.vkey()) == report


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, 513])
def test_logs_of_every_shape_hold(tmp_path: Path, size: int) -> None:
    assert verify(make_log(tmp_path, BODIES[:size])).size == size


def test_a_flipped_bit_in_an_entry_is_named(log: Path) -> None:
    path = log / tile_path("entries", 1)
    data = bytearray(path.read_bytes())
    data[data.index(b'"columns":["300"]') + 13] ^= 1
    path.write_bytes(data)
    with pytest.raises(VerificationFailed, match="entry 300 ") as failed:
        verify(log)
    assert failed.value.index == 300


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_bit_anywhere_is_found(log: Path, data: st.DataObject) -> None:
    superseded = log / "tile/1/000.p/1"  # no part of this tree any more; flask audit fsck looks at it
    files = sorted(p for p in log.rglob("*") if p.is_file() and p.name != "key" and p != superseded)
    path = data.draw(st.sampled_from(files))
    whole = path.read_bytes()
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    try:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :])
        with pytest.raises(VerificationFailed):
            verify(log, SIGNER.verifier.vkey())
    finally:
        path.write_bytes(whole)


def test_removed_entries_are_found(log: Path) -> None:
    rewrite(log, 0, 256, lambda bodies: bodies.pop(17))
    with pytest.raises(VerificationFailed, match="entry 17 "):
        verify(log)


def test_reordered_entries_are_found(log: Path) -> None:
    def swap(bodies: list[bytes]) -> None:
        bodies[5], bodies[6] = bodies[6], bodies[5]

    rewrite(log, 2, 188, swap)
    with pytest.raises(VerificationFailed, match="entry 517 "):
        verify(log)


def test_an_entry_changed_with_its_leaf_is_found_by_the_tile_above(log: Path) -> None:
    changed = make_intent(columns=("forged",)).canonical()
    rewrite(log, 0, 256, lambda bodies: bodies.__setitem__(3, changed))
    tile = log / tile_path(0, 0)
    data = tile.read_bytes()
    tile.write_bytes(data[: 3 * 32] + merkle.leaf_hash(changed) + data[4 * 32 :])
    with pytest.raises(VerificationFailed, match=r"tile/1/000\.p/2 is wrong from entry 0"):
        verify(log)


def test_everything_rebuilt_without_the_key_is_found_by_the_signature(log: Path) -> None:
    note = (log / "checkpoint").read_bytes()
    make_log(log, [*BODIES[:-1], make_intent().canonical()], steps=1)
    (log / "checkpoint").write_bytes(note)
    with pytest.raises(VerificationFailed, match="lead to the root"):
        verify(log)


def test_another_key_is_found_when_the_true_one_is_known(log: Path) -> None:
    forger = FileSigner(ORIGIN, b"\x06" * 32)
    _, _, head = audit.verification.open_checkpoint((log / "checkpoint").read_text(), SIGNER.verifier.vkey())
    (log / "checkpoint").write_text(checkpoints.sign(Checkpoint(ORIGIN, SIZE, head), forger))
    (log / "key").write_text(forger.verifier.vkey())
    assert verify(log).size == SIZE
    with pytest.raises(VerificationFailed, match="no signature"):
        verify(log, SIGNER.verifier.vkey())


def test_a_repeated_entry_is_found(tmp_path: Path) -> None:
    with pytest.raises(VerificationFailed, match="entry 20 repeats entry 4"):
        verify(make_log(tmp_path, [*BODIES[:20], BODIES[4]]))


@pytest.mark.parametrize(
    ("name", "named"), [("tile/entries/001", "256"), ("tile/0/001", "256"), ("tile/1/000.p/2", "0"), ("checkpoint", "")]
)
def test_a_missing_file_is_named(log: Path, name: str, named: str) -> None:
    (log / name).unlink()
    with pytest.raises(VerificationFailed, match=name) as failed:
        verify(log)
    assert str(failed.value.index if failed.value.index is not None else "") == named


def test_an_unreadable_entry_is_named(tmp_path: Path) -> None:
    with pytest.raises(VerificationFailed, match="entry 2 cannot be read"):
        verify(make_log(tmp_path, [*BODIES[:2], b"not JSON", *BODIES[2:5]]))


def cosigned(note: str, *witnesses: PrivateKey, at: int = 1_781_539_260) -> str:
    """A note with the cosignatures of witnesses."""
    text = note.rpartition("\n\n")[0] + "\n"
    return note + "".join(witness.line(text, at) for witness in witnesses)


def run_command(*arguments: object) -> str:
    """What the verifier says that an auditor was handed, as a program of its own."""
    command = [sys.executable, audit.verification.__file__, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def vkey_of(key: PrivateKey) -> str:
    """The text of a key's public half."""
    return key.verifier.vkey()


WITNESSES = [PrivateKey(f"witness.example/{kind[0]}{i}", bytes([i]) * 32, kind) for i, kind in
             enumerate((COSIGNED, COSIGNED, ML_DSA_44), start=21)]  # fmt: skip
POLICY = f"""# whom we believe
log {SIGNER.verifier.vkey()} https://log.example
witness A {vkey_of(WITNESSES[0])}
witness B {vkey_of(WITNESSES[1])} https://b.example
\twitness C {vkey_of(WITNESSES[2])}
group two 2 A B C
group both all two C
quorum both
"""


@pytest.mark.parametrize(
    ("who", "enough"), [((0, 2), True), ((0, 1, 2), True), ((0, 1), False), ((2,), False), ((), False)]
)
def test_a_policys_quorum_must_have_cosigned(log: Path, who: tuple[int, ...], enough: bool) -> None:
    note = cosigned((log / "checkpoint").read_text(), *(WITNESSES[i] for i in who))
    (log / "checkpoint").write_text(note)
    if enough:
        assert verify(log, policy=POLICY).size == SIZE
        return
    with pytest.raises(VerificationFailed, match="too few witnesses signed"):
        verify(log, SIGNER.verifier.vkey(), POLICY)


def test_the_cosigned_checkpoint_may_be_an_older_one(log: Path, tmp_path: Path) -> None:
    older = make_log(tmp_path / "older", BODIES[:300])
    note = cosigned((older / "checkpoint").read_text(), *WITNESSES)
    (log / "checkpoint.cosigned").write_text(note)
    report = verify(log, policy=POLICY)
    assert (report.size, report.cosigned) == (SIZE, 300)
    (tmp_path / "policy").write_text(POLICY)
    said = run_command(log, "--policy", str(tmp_path / "policy"))
    assert f"enough by the policy: the first 300 of {SIZE} entries" in said
    assert "policy" not in run_command(log, "--key", SIGNER.verifier.vkey())
    other = make_log(tmp_path / "other", BODIES[1:301])
    (log / "checkpoint.cosigned").write_text(cosigned((other / "checkpoint").read_text(), *WITNESSES))
    with pytest.raises(VerificationFailed, match="does not begin with"):
        verify(log, policy=POLICY)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("quorum both", "quorum nobody"), "'nobody' is not reached"),
        (("group two 2", "group two 4"), "too few"),
        (("group two 2", "group two most"), "too few"),
        (("all two C", "all two D"), "too few"),
        (("witness B", "watcher B"), "too few"),
        ((vkey_of(WITNESSES[1]), vkey_of(WITNESSES[0])), "too few"),
        ((f"log {SIGNER.verifier.vkey()}", f"log {FileSigner(ORIGIN, bytes(32)).verifier.vkey()}"), "no signature"),
    ],
)
def test_a_policy_that_is_wrong_is_refused(log: Path, change: tuple[str, str], said: str) -> None:
    (log / "checkpoint").write_text(cosigned((log / "checkpoint").read_text(), *WITNESSES))
    assert verify(log, policy=POLICY).size == SIZE
    with pytest.raises(VerificationFailed, match=re.escape(said)):
        verify(log, policy=POLICY.replace(*change))


@pytest.mark.parametrize("witness", WITNESSES)
def test_a_cosignature_that_is_wrong_or_without_time_is_refused(log: Path, witness: PrivateKey) -> None:
    note = (log / "checkpoint").read_text()
    policy = f"witness A {vkey_of(witness)}\nquorum A\n"
    for bad in (cosigned(note, witness, at=0), cosigned(note.replace(f"\n{SIZE}\n", "\n699\n"), witness)):
        signature = bad.splitlines()[-1]
        with pytest.raises(VerificationFailed, match="is wrong|does not say when"):
            check_quorum(note + signature + "\n", policy)


def test_every_key_that_is_given_must_have_signed(log: Path, tmp_path: Path) -> None:
    lattice = PrivateKey(ORIGIN, b"\x07" * 32, ML_DSA_44)
    both = f"{SIGNER.verifier.vkey()} {vkey_of(lattice)}"
    with pytest.raises(VerificationFailed, match="no signature"):
        verify(log, both)
    (log / "checkpoint").write_text(cosigned((log / "checkpoint").read_text(), lattice, at=0))
    assert verify(log, both).size == SIZE
    assert verify(log, vkey_of(lattice)).size == SIZE
    elsewhere = PrivateKey("another.example/log", b"\x07" * 32, ML_DSA_44)
    (log / "checkpoint").write_text(cosigned((log / "checkpoint").read_text(), elsewhere))
    with pytest.raises(VerificationFailed, match="has no signature by the key another"):
        verify(log, vkey_of(elsewhere))


def test_a_signature_that_cannot_be_checked_is_no_signature(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lattice = PrivateKey(ORIGIN, b"\x07" * 32, ML_DSA_44)
    (log / "checkpoint").write_text(cosigned((log / "checkpoint").read_text(), lattice))
    monkeypatch.setattr(audit.verification, "MLDSA44PublicKey", None)
    assert verify(log, SIGNER.verifier.vkey()).size == SIZE
    with pytest.raises(VerificationFailed, match="NOT checked"):
        verify(log, vkey_of(lattice))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 300, 512, 699, 700])
def test_the_log_begins_with_an_older_checkpoint(log: Path, tmp_path: Path, size: int) -> None:
    kept = make_log(tmp_path / "older", BODIES[:size]) / "checkpoint"
    verify(log, SIGNER.verifier.vkey(), older=[kept, kept])
    if not size:
        return
    other = make_log(tmp_path / "other", [make_intent().canonical(), *BODIES[1:size]]) / "checkpoint"
    with pytest.raises(VerificationFailed, match="does not begin with"):
        verify(log, SIGNER.verifier.vkey(), older=[kept, other])


def test_an_older_checkpoint_of_a_larger_tree_or_by_a_retired_key(log: Path, tmp_path: Path) -> None:
    larger = make_log(tmp_path / "larger", [*BODIES, make_intent().canonical()]) / "checkpoint"
    with pytest.raises(VerificationFailed, match="the log of 700 does not begin with .*: rewound"):
        verify(log, SIGNER.verifier.vkey(), older=[larger])
    old = FileSigner(ORIGIN, b"\x08" * 32)
    root = merkle.root_of(map(merkle.leaf_hash, BODIES[:5]))
    (tmp_path / "kept").write_text(checkpoints.sign(Checkpoint(ORIGIN, 5, root), old))
    with pytest.raises(VerificationFailed, match="no signature by the key"):
        verify(log, SIGNER.verifier.vkey(), older=[tmp_path / "kept"])
    policy = f"log {old.verifier.vkey()}\nlog {SIGNER.verifier.vkey()}\nquorum none\n"
    assert verify(log, SIGNER.verifier.vkey(), policy, [tmp_path / "kept"]).size == SIZE


def test_a_manifest_is_the_one_that_an_entry_names(tmp_path: Path) -> None:
    listed = tmp_path / "manifest"
    listed.write_bytes(b"who it was\n")
    digest = hashlib.sha256(b"who it was\n").hexdigest()
    bodies = [*BODIES[:300], make_intent(manifest=digest).canonical(), *BODIES[300:]]
    log = make_log(tmp_path / "log", bodies)
    assert verify(log, named=[listed]).named == {listed: 300}
    listed.write_bytes(b"who it was not\n")
    with pytest.raises(VerificationFailed, match="no entry names the manifest"):
        verify(log, named=[listed])
    talking = make_log(tmp_path / "talking", [make_intent(reason=f'"manifest":"{digest}"').canonical()])
    listed.write_bytes(b"who it was\n")
    with pytest.raises(VerificationFailed, match="no entry names the manifest"):
        verify(talking, named=[listed])


def test_several_processes_find_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit.verification, "SHARE", 256)
    bodies = [make_intent(details={"id": BODIES[0].decode()[:40], "n": i}).canonical() for i in range(40)]
    many = [*bodies, *BODIES]
    log = make_log(tmp_path / "log", many)
    assert verify(log, jobs=3) == verify(log)
    again = make_log(tmp_path / "again", [*many, bodies[7]])
    for jobs in (1, 3):
        with pytest.raises(VerificationFailed, match=f"entry {len(many)} repeats entry 7") as failed:
            verify(again, jobs=jobs)
        assert failed.value.index == len(many)


def test_equal_hashes_of_other_ids_are_no_repetition(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit.verification, "hash", lambda identity: identity[-1], raising=False)
    assert verify(log).size == SIZE


def test_it_is_a_program_of_one_file(log: Path, tmp_path: Path) -> None:
    program = tmp_path / "elsewhere" / "verification.py"
    program.parent.mkdir()
    source = Path(str(audit.verification.__file__)).read_text()
    assert len(source.splitlines()) < 300
    program.write_text(source)
    command = [sys.executable, "-I", str(program), str(log), "--key", SIGNER.verifier.vkey()]
    good = subprocess.run(command, capture_output=True, text=True)
    assert (good.returncode, good.stderr) == (0, "")
    assert "tree size 700" in good.stdout
    (log / "tile" / "0" / "000").write_bytes(b"\0" * 8192)
    bad = subprocess.run(command, capture_output=True, text=True)
    assert bad.returncode == 1
    assert "entry 0 " in bad.stderr


def test_flask_audit_verify_brings_up_to_date_compares_and_says_no(app: Flask) -> None:
    write(db.engine, [make_intent() for _ in range(5)])
    runner = app.test_cli_runner()
    good = runner.invoke(args=["audit", "verify"])
    assert good.exit_code == 0, good.output
    assert "tree size 5" in good.output
    assert "0 still waiting" in good.output
    drop_triggers(db.engine)
    with db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_entry SET body = '{}' WHERE idx = 2")
    bad = runner.invoke(args=["audit", "verify"])
    assert bad.exit_code == 1
    assert "does NOT hold" in bad.output


def test_the_database_must_hold_the_same_entries(app: Flask) -> None:
    folder = app.config["SETTINGS"].data_dir
    write(db.engine, [make_intent() for _ in range(300)])
    sequence(db.engine, folder)
    drop_triggers(db.engine)
    with db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_entry SET body = '{}' WHERE idx = 2")
    result = app.test_cli_runner().invoke(args=["audit", "verify"])
    assert result.exit_code == 1
    assert "entry 2 in the database is not the entry in the log" in result.output


def test_flask_audit_verify_takes_a_folder(app: Flask, log: Path) -> None:
    runner = app.test_cli_runner()
    assert runner.invoke(args=["audit", "verify", str(log), "--key", SIGNER.verifier.vkey()]).exit_code == 0
    (log / "tile" / "0" / "000").unlink()
    assert runner.invoke(args=["audit", "verify", str(log)]).exit_code == 1
