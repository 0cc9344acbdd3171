"""Keys in two forms and with dates, and the change from one to the next, killed at each step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from sqlalchemy import Engine, select

from audit import tables
from audit.checkpoints import (
    ED25519,
    ML_DSA_44,
    BadCheckpoint,
    Checkpoint,
    FileSigner,
    b64,
    parse_vkey,
    sign,
    split,
    unb64,
)
from audit.keys import KeyUnusable, add_ml_dsa, load_signer, read_keys, succeed
from audit.mark import InconsistentLog
from audit.signing.rotation import next_of, rotate
from audit.tables import as_bytes, body_of
from audit.upkeep import Installation, accept_restore, check
from audit.verification import verify
from tests.makers.audit import make_intent, make_mark, make_signer, now, sequence, write

ROOT = bytes(range(32))
HEAD = Checkpoint("example.com/log", 5, ROOT)
MONTH = timedelta(days=30)


def test_the_second_line_is_a_cosignature_over_the_tree() -> None:
    """Built here from the words of tlog-cosignature, not by the code that signs."""
    at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    both = FileSigner("example.com/log", b"\x07" * 32, b"\x08" * 32, lambda: at)
    classic, post_quantum = both.verifiers
    note = sign(HEAD, both)
    raw = unb64(split(note)[1][1].removeprefix("— example.com/log "))
    stamp = int(at.timestamp()).to_bytes(8, "big")
    message = b"subtree/v1\n\x00" + b"\x0f" + b"example.com/log" + stamp + b"\x0f" + b"example.com/log"
    message += bytes(8) + (5).to_bytes(8, "big") + ROOT
    assert (raw[:4], raw[4:12], len(raw)) == (post_quantum.key_id, stamp, 4 + 8 + 2420)
    MLDSA44PublicKey.from_public_bytes(post_quantum.public).verify(raw[12:], message)
    assert post_quantum.signed_at(note) == int(at.timestamp())
    assert parse_vkey(post_quantum.vkey()).open(note) == classic.open(note) == both.open(note) == HEAD


def test_a_wrong_second_line_spoils_the_note() -> None:
    both = FileSigner("example.com/log", b"\x07" * 32, b"\x08" * 32)
    text, lines = split(sign(HEAD, both))
    raw = bytearray(unb64(lines[1].rpartition(" ")[2]))
    raw[-1] ^= 1
    spoilt = f"{text}\n{lines[0]}\n— example.com/log {b64(bytes(raw))}\n"
    assert both.verifier.open(spoilt) == HEAD
    for opener in (both, both.verifiers[1]):
        with pytest.raises(BadCheckpoint, match="wrong"):
            opener.open(spoilt)
    with pytest.raises(BadCheckpoint, match="no signature"):
        both.verifiers[1].open(f"{text}\n{lines[0]}\n")


def test_an_old_key_file_of_one_line_signs_and_gains_its_second_half(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    old = FileSigner("example.com/log", b"\x07" * 32)
    private = b64(ED25519 + b"\x07" * 32)
    path.write_text(f"PRIVATE+KEY+example.com/log+{old.verifier.key_id.hex()}+{private}\n")
    path.chmod(0o600)
    signer = load_signer(path, "", create=False, now=now)
    assert old.open(sign(HEAD, signer)) == HEAD
    assert len(signer.sign(HEAD.text())) == 1
    whole = add_ml_dsa(path)
    note = sign(HEAD, signer)
    assert len(split(note)[1]) == 3
    assert signer.verifier == old.verifier
    assert [verifier.open(note) for verifier in whole.verifiers] == [HEAD, HEAD]
    with pytest.raises(KeyUnusable, match="both"):
        add_ml_dsa(path)


def test_a_key_signs_for_its_own_log_only(tmp_path: Path) -> None:
    signer = load_signer(tmp_path / "log.key", "example.com/log", create=True, now=now)
    with pytest.raises(BadCheckpoint, match="only"):
        signer.sign(Checkpoint("example.com/lag", 5, ROOT).text())


def test_both_keys_sign_for_a_while_and_then_the_new_one(database: Engine, tmp_path: Path) -> None:
    clock = [now()]
    signer = load_signer(tmp_path / "keys" / "log.key", "example.com/log", create=True, now=lambda: clock[0])
    old = signer.keys[0]
    rotated = rotate(database, tmp_path / "keys" / "log.key", MONTH, lambda: clock[0])
    note = sign(HEAD, signer)
    assert [verifier.open(note) for verifier in (*rotated.new.verifiers, *old.verifiers)] == [HEAD] * 4
    assert signer.verifier == rotated.new.verifiers[0]
    with pytest.raises(KeyUnusable, match="signs until"):
        rotate(database, tmp_path / "keys" / "log.key", MONTH, lambda: clock[0])
    clock[0] += MONTH
    later = sign(HEAD, signer)
    with pytest.raises(BadCheckpoint, match="no signature"):
        old.verifiers[0].open(later)
    assert signer.open(later) == signer.open(note) == HEAD
    assert (tmp_path / "keys" / "log.key").read_text().count("PRIVATE+KEY+") == 2
    stated = json.loads(signer.statement())["keys"]
    assert [(key["ed25519"], key["until"] is None) for key in stated] == [
        (rotated.new.verifiers[0].vkey(), True),
        (old.verifiers[0].vkey(), False),
    ]
    assert rotate(database, tmp_path / "keys" / "log.key", MONTH, lambda: clock[0]).new != rotated.new


def test_stolen_while_two_keys_sign_both_end_at_once(database: Engine, tmp_path: Path) -> None:
    path, clock = tmp_path / "keys" / "log.key", [now()]
    signer = load_signer(path, "example.com/log", create=True, now=lambda: clock[0])
    first = signer.keys[0]
    second = rotate(database, path, MONTH, lambda: clock[0]).new
    clock[0] += timedelta(hours=1)
    third = rotate(database, path, timedelta(0), lambda: clock[0]).new
    note = sign(HEAD, signer)
    assert [verifier.open(note) for verifier in third.verifiers] == [HEAD, HEAD]
    for over in (*first.verifiers, *second.verifiers):
        with pytest.raises(BadCheckpoint, match="no signature"):
            over.open(note)
    assert path.read_text().count("PRIVATE+KEY+") == 2
    assert {key.until for key in read_keys(path)[1:]} == {read_keys(path)[1].until}
    with database.connect() as connection:
        said = [json.loads(as_bytes(body)) for body in connection.execute(select(body_of(tables.queue))).scalars()]
    assert [entry["details"].get("ended") for entry in said] == [None, first.vkeys()]
    assert said[1]["details"]["old"] == second.vkeys()


STEPS = ("prepared", "said", "done")


@pytest.mark.parametrize("step", STEPS)
def test_a_change_of_keys_that_was_killed_goes_on_with_the_same_key(
    database: Engine, tmp_path: Path, step: str
) -> None:
    path = tmp_path / "keys" / "log.key"
    old = make_signer(tmp_path).verifier
    write(database, [make_intent()])
    sequence(database, tmp_path)
    _killed(database, path, step)
    if step != "done":
        promised = read_keys(next_of(path))[0]
        sequence(database, tmp_path)
        assert make_signer(tmp_path).verifier == old
        assert rotate(database, path, MONTH, lambda: now() + timedelta(days=3)).new.verifiers == promised.verifiers
    assert not next_of(path).exists()
    sequence(database, tmp_path)
    new = make_signer(tmp_path).verifier
    assert new != old
    for key in (new, old):
        assert verify(tmp_path / "log", key.vkey()).size == 2
    assert (tmp_path / "log" / "key").read_text().strip() == new.vkey()
    with database.connect() as connection:
        rows = connection.execute(select(tables.entries.c.body).order_by(tables.entries.c.idx)).scalars().all()
    said = json.loads(bytes(rows[-1]))
    assert (said["action"], said["details"]["new"][0]) == ("log:key:rotate", new.vkey())
    until = read_keys(path)[1].until
    assert until is not None
    assert said["details"]["until"] == until.isoformat(timespec="seconds"), "the file ends the key when the log says"
    assert make_mark(tmp_path).read().size == 2


def _killed(database: Engine, path: Path, step: str) -> None:
    """Rotate in a process that kills itself after a step."""
    program = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
from audit.signing import rotation
from tests.audit.conftest import make_engine
from tests.makers.audit import now
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "prepared":
    rotation.append = die
elif sys.argv[3] == "said":
    Path.replace = lambda self, target: die() if self.name.endswith(".next") else os.replace(self, target)
else:
    rotation.sync_folder = die
rotation.rotate(make_engine(sys.argv[1]), Path(sys.argv[2]), timedelta(days=30), now)
"""
    url = database.url.render_as_string(hide_password=False)
    home = Path(__file__).resolve().parents[2]
    ran = subprocess.run(
        (sys.executable, "-c", program, url, str(path), step), cwd=home, env={**os.environ, "PYTHONPATH": str(home)},
        check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == -signal.SIGKILL


def test_a_file_without_a_key_that_signs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    load_signer(path, "example.com/log", create=True, now=now)
    vkeys = read_keys(path)[0].vkeys()
    path.write_text("KEY - -\n" + "\n".join(vkeys) + "\n")
    with pytest.raises(KeyUnusable, match="does not hold"):
        read_keys(path)
    assert parse_vkey(vkeys[1]).kind == ML_DSA_44


def test_after_a_loss_the_log_goes_on_under_another_name(database: Engine, tmp_path: Path) -> None:
    write(database, [make_intent() for _ in range(3)])
    sequence(database, tmp_path)
    path = tmp_path / "keys" / "log.key"
    lost = read_keys(path)[0].verifiers
    final = (tmp_path / "log" / "checkpoint").read_text()
    path.unlink()
    with pytest.raises(KeyUnusable, match="another name"):
        succeed(path, lost[0].name, lost, now())
    key = succeed(path, f"{lost[0].name}-2", lost, now())
    with pytest.raises(InconsistentLog, match="mark"):
        sequence(database, tmp_path)
    log = Installation(database, tmp_path, make_signer(tmp_path), make_mark(tmp_path))
    assert accept_restore(log, "The key was lost.", now).size == 3
    sequence(database, tmp_path)
    sequence(database, tmp_path)
    report = verify(tmp_path / "log", key.verifiers[0].vkey())
    assert (report.origin, report.size) == (f"{lost[0].name}-2", 4)
    assert lost[0].open(final).size == 3
    assert check(log, key.verifiers[0].vkey(), now).report.size == 4
