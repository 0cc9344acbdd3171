"""Checkpoints: the note format, the specification's own example, keys in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.checkpoints import BadCheckpoint, Checkpoint, FileSigner, parse, parse_vkey, sign
from audit.keys import KeyUnusable, load_signer
from tests.makers.audit import now

ROOT = bytes(range(32))


@pytest.fixture
def signer() -> FileSigner:
    """A key."""
    return FileSigner("example.com/log", b"\x07" * 32)


def test_a_signed_checkpoint_is_read_back(signer: FileSigner) -> None:
    head = Checkpoint("example.com/log", 20852163, ROOT)
    note = sign(head, signer)
    assert note.startswith(
        "example.com/log\n20852163\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— example.com/log "
    )
    assert parse_vkey(signer.verifier.vkey()).open(note) == head


def test_the_key_id_is_that_of_the_specification() -> None:
    """The example key of the Go note package: its id is the hash of its name, type and bytes."""
    example = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert parse_vkey(example).key_id.hex() == "c74f20a3"
    assert parse_vkey(example).vkey() == example


def test_signatures_of_others_are_passed_over(signer: FileSigner) -> None:
    head = Checkpoint("example.com/log", 5, ROOT)
    note = sign(head, signer)
    witness = sign(head, FileSigner("witness.example", b"\x08" * 32)).rpartition("\n\n")[2]
    text, _, own = note.rpartition("\n\n")
    assert signer.verifier.open(f"{text}\n\n{witness}{own}") == head


@pytest.mark.parametrize("change", [("5", "6"), ("AAEC", "AAED"), ("example.com/log\n5", "example.com/lag\n5")])
def test_a_changed_note_is_refused(signer: FileSigner, change: tuple[str, str]) -> None:
    note = sign(Checkpoint("example.com/log", 5, ROOT), signer)
    with pytest.raises(BadCheckpoint):
        signer.verifier.open(note.replace(*change, 1))


def test_another_keys_note_is_refused(signer: FileSigner) -> None:
    note = sign(Checkpoint("example.com/log", 5, ROOT), FileSigner("example.com/log", b"\x09" * 32))
    with pytest.raises(BadCheckpoint, match="no signature"):
        signer.verifier.open(note)


@pytest.mark.parametrize(
    "text", ["", "o\n1\n", "o\n01\nAAEC\n", "o\n-1\nAAEC\n", "o\n٣\nAAEC\n", "o\n1\nAAEC\n", "o\n1\n!\n"]
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        parse(text)


@pytest.mark.parametrize(
    "text", ["", "a+b", "a+00000000+AAAA", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        parse_vkey(text)


def test_a_key_file_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.key"
    first = load_signer(path, "example.com/log", create=True, now=now)
    assert path.stat().st_mode & 0o777 == 0o600
    again = load_signer(path, "another.example/log", create=True, now=now)
    assert again.verifier == first.verifier
    path.chmod(0o640)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        load_signer(path, "example.com/log", create=True, now=now)


def test_a_key_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="make-key"):
        load_signer(tmp_path / "log.key", "example.com/log", create=False, now=now)
    (tmp_path / "bad.key").write_text("PRIVATE+KEY+x+00000000+AAAA\n")
    (tmp_path / "bad.key").chmod(0o600)
    with pytest.raises(KeyUnusable, match="does not hold"):
        load_signer(tmp_path / "bad.key", "x", create=False, now=now)
    with pytest.raises(KeyUnusable, match="name"):
        load_signer(tmp_path / "new.key", "a name with spaces", create=True, now=now)
