"""A key in a process of its own: it signs what goes on from what it signed, and refuses the rest whoever asks."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from audit import sequencer, tables
from audit.checkpoints import Checkpoint
from audit.keys import read_keys
from audit.mark import InconsistentLog
from audit.signing.remote import RemoteSigner
from audit.upkeep import Installation, accept_restore, check
from audit.verification import verify
from tests.makers.audit import ORIGIN, make_intent, make_mark, make_signer, now, write

HOME = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys, threading
from pathlib import Path
from audit.signing.guarded import serve
from tests.makers.audit import now
serve(Path(sys.argv[1]), Path(sys.argv[2]), threading.Event(), now)
"""


@contextlib.contextmanager
def signing(folder: Path) -> Iterator[RemoteSigner]:
    """The signer in a process of its own, killed when the block ends."""
    make_signer(folder)
    path = folder / "signer.sock"
    command = (sys.executable, "-c", PROGRAM, str(folder / "keys" / "log.key"), str(path))
    process = subprocess.Popen(command, cwd=HOME, env={**os.environ, "PYTHONPATH": str(HOME)})
    try:
        until = time.monotonic() + 30
        while not _listens(path) and time.monotonic() < until:
            time.sleep(0.02)
        yield RemoteSigner(path)
    finally:
        process.kill()
        process.wait()


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database with the log's tables."""
    made = create_engine(f"sqlite:///{tmp_path / 'log.db'}")
    tables.metadata.create_all(made)
    yield made
    made.dispose()


def test_nothing_smaller_or_other_is_signed(tmp_path: Path) -> None:
    with signing(tmp_path) as remote:
        assert (tmp_path / "signer.sock").stat().st_mode & 0o777 == 0o600
        five = Checkpoint(ORIGIN, 5, b"\x05" * 32)
        assert len(remote.sign(five.text())) == 2
        assert remote.read() == five
        assert len(remote.sign(five.text())) == 2
        for other, words in (
            (Checkpoint(ORIGIN, 4, b"\x04" * 32), "smaller"),
            (Checkpoint(ORIGIN, 5, b"\x06" * 32), "another root"),
            (Checkpoint("other.example/log", 6, b"\x06" * 32), "only"),
        ):
            with pytest.raises(InconsistentLog, match=words):
                remote.sign(other.text())
        for text in (five.text() + "extension\n", "anything", ORIGIN + "\n6\n"):
            with pytest.raises(InconsistentLog, match="refuses"):
                remote.sign(text)
    with signing(tmp_path) as again, pytest.raises(InconsistentLog, match="smaller"):
        again.sign(Checkpoint(ORIGIN, 4, b"\x04" * 32).text())


def test_garbage_on_the_socket_ends_nothing(tmp_path: Path) -> None:
    with signing(tmp_path) as remote:
        for sent in (
            b"\xff\xfe\n",
            b"[1]\n",
            b"[" * 60_000 + b"\n",
            b'"sign"\n',
            b"{",
            b'{"sign": 5}\n',
            b"x" * 100_000 + b"\n",
        ):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(tmp_path / "signer.sock"))
                with contextlib.suppress(OSError):
                    connection.sendall(sent)
        assert remote.read().size == 0


def test_a_log_grows_with_its_key_elsewhere(engine: Engine, tmp_path: Path) -> None:
    with signing(tmp_path) as remote:
        for _ in range(2):
            write(engine, [make_intent() for _ in range(150)])
            assert sequencer.run_once(engine, tmp_path, remote, remote, now) == 150
        log = Installation(engine, tmp_path, remote, remote)
        assert check(log, remote.verifier.vkey(), now).report.size == 300
        stated = json.loads((tmp_path / "log" / "keys").read_text())["keys"]
        assert [stated[0]["ed25519"], stated[0]["ml_dsa_44"]] == read_keys(tmp_path / "keys" / "log.key")[0].vkeys()
        (tmp_path / "log" / "checkpoint").unlink()
        assert sequencer.run_once(engine, tmp_path, remote, remote, now) == 0
        assert verify(tmp_path / "log", remote.verifier.vkey()).size == 300
        with pytest.raises(InconsistentLog):
            accept_restore(log, "no", now)


def test_a_round_that_was_broken_off_after_signing_is_finished(engine: Engine, tmp_path: Path) -> None:
    """The signer's mark moved, the process died before the database heard: nothing smaller is asked for afterwards."""
    with signing(tmp_path) as remote:
        write(engine, [make_intent() for _ in range(3)])
        sequencer.run_once(engine, tmp_path, remote, remote, now)
        write(engine, [make_intent() for _ in range(4)])
        with pytest.raises(ZeroDivisionError):
            sequencer.run_once(engine, tmp_path, _Dying(tmp_path / "signer.sock"), remote, now)
        assert remote.read().size == 7
        sequencer.run_once(engine, tmp_path, remote, remote, now)
        assert verify(tmp_path / "log", remote.verifier.vkey()).size == 7


class _Dying(RemoteSigner):
    """Has the tree of seven signed, and dies before it hands the lines on."""

    def sign(self, text: str) -> tuple[str, ...]:
        lines = super().sign(text)
        if "\n7\n" in text:
            raise ZeroDivisionError
        return lines


def test_a_log_goes_from_a_file_to_a_signer_and_back(engine: Engine, tmp_path: Path) -> None:
    write(engine, [make_intent()])
    sequencer.run_once(engine, tmp_path, make_signer(tmp_path), make_mark(tmp_path), now)
    with signing(tmp_path) as remote:
        write(engine, [make_intent()])
        sequencer.run_once(engine, tmp_path, remote, remote, now)
    write(engine, [make_intent()])
    sequencer.run_once(engine, tmp_path, make_signer(tmp_path), make_mark(tmp_path), now)
    assert verify(tmp_path / "log", make_signer(tmp_path).verifier.vkey()).size == 3


def test_a_signer_that_is_away_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        RemoteSigner(tmp_path / "nobody.sock").read()
