"""Signed tree heads after C2SP tlog-checkpoint and signed-note: make, sign, parse, check.

The private key stays behind `Signer`; only the sequencer ever holds one. The key file is in the note format of
Go's sumdb (`PRIVATE+KEY+<name>+<id>+<key>`), so its name is the log's origin for as long as the key lives.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
SIGNATURE_LINE = "— "
MOST_SIGNATURES = 64


class BadCheckpoint(ValueError):
    """A checkpoint, a key or a signature is not what the specification says."""


class KeyUnusable(Exception):
    """The signing key file cannot be used; the message says what the operator must do."""


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: the log's origin, the number of entries, the root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note text that is signed (tlog-checkpoint, Note text)."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"


class Signer(Protocol):
    """A key that signs in the log's name; a file here, an HSM or a key service elsewhere."""

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        ...

    def sign(self, data: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes (RFC 8032)."""
        ...


@dataclass(frozen=True)
class Verifier:
    """A public key by the name it signs under."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that name the key (signed-note, Signatures)."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def vkey(self) -> str:
        """The key as text: `<name>+<hex id>+<base64 of type and key>`."""
        return f"{self.name}+{self.key_id.hex()}+{_b64(ED25519 + self.public)}"

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note that this key signed. Raises `BadCheckpoint`."""
        text, separator, signatures = note.rpartition("\n\n")
        if not separator or not signatures.endswith("\n"):
            raise BadCheckpoint("a signed note is a text, an empty line and signature lines")
        text += "\n"
        wanted = SIGNATURE_LINE + self.name + " "
        for line in signatures.splitlines()[:MOST_SIGNATURES]:
            if line.startswith(wanted) and self._signed(text, _unb64(line[len(wanted) :])):
                return parse(text)
        raise BadCheckpoint(f"no signature by {self.name} ({self.key_id.hex()})")

    def _signed(self, text: str, signature: bytes) -> bool:
        if signature[:4] != self.key_id:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature[4:], text.encode())
        except InvalidSignature as wrong:
            raise BadCheckpoint(f"the signature by {self.name} is wrong") from wrong
        return True


def parse(text: str) -> Checkpoint:
    """The checkpoint in a note text whose signature was checked. Raises `BadCheckpoint`."""
    lines = text.split("\n")
    if len(lines) < 4 or not lines[0] or not lines[1].isascii() or not lines[1].isdigit():
        raise BadCheckpoint("a checkpoint has an origin, a size and a root, each on its line")
    root = _unb64(lines[2])
    if lines[1] != str(int(lines[1])) or len(root) != hashlib.sha256().digest_size:
        raise BadCheckpoint("a checkpoint's size has no leading zeroes and its root has 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def parse_vkey(text: str) -> Verifier:
    """A verifier from its text. Raises `BadCheckpoint` if it is not an Ed25519 key that fits its own id."""
    name, _, rest = text.strip().partition("+")
    key_id, _, key = rest.partition("+")
    raw = _unb64(key)
    verifier = Verifier(name, raw[1:])
    if raw[:1] != ED25519 or len(raw) != 33 or verifier.key_id.hex() != key_id or not name:
        raise BadCheckpoint("not an Ed25519 note key")
    return verifier


def sign(checkpoint: Checkpoint, signer: Signer) -> str:
    """The signed note of a checkpoint."""
    text = checkpoint.text()
    verifier = signer.verifier
    return f"{text}\n{SIGNATURE_LINE}{verifier.name} {_b64(verifier.key_id + signer.sign(text.encode()))}\n"


class FileSigner:
    """A signing key in a file of mode 0600."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return self._verifier

    def sign(self, data: bytes) -> bytes:
        """An Ed25519 signature over `data`."""
        return self._key.sign(data)


def load_signer(path: Path, origin: str, *, create: bool) -> FileSigner:
    """The key in a file; `origin` names a new one, which is made only if `create` (the demo's first use).

    Raises `KeyUnusable` if the file is missing, readable by others or not a key.
    """
    if create and not path.exists():
        _create(path, origin)
    try:
        if path.stat().st_mode & 0o077:
            raise KeyUnusable(f"{path} can be read by others; run: chmod 600 {path}")
        return _parse_private(path.read_text())
    except FileNotFoundError as missing:
        raise KeyUnusable(f"there is no signing key at {path}; run: flask audit make-key") from missing
    except BadCheckpoint as wrong:
        raise KeyUnusable(f"{path} does not hold an Ed25519 note key") from wrong


def _create(path: Path, origin: str) -> None:
    """Write a new key once: of two processes that try, the first wins and both then read its file."""
    if not origin or any(c.isspace() or c == "+" for c in origin):
        raise KeyUnusable(f"{origin!r} cannot be a log's name: no spaces, no plus sign")
    seed = os.urandom(32)
    verifier = FileSigner(origin, seed).verifier
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(f"PRIVATE+KEY+{origin}+{verifier.key_id.hex()}+{_b64(ED25519 + seed)}\n")
        handle.flush()
        os.fsync(handle.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _parse_private(text: str) -> FileSigner:
    parts = text.strip().split("+", 4)
    if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
        raise BadCheckpoint("not a note key")
    raw = _unb64(parts[4])
    if raw[:1] != ED25519 or len(raw) != 33:
        raise BadCheckpoint("not an Ed25519 note key")
    signer = FileSigner(parts[2], raw[1:])
    if signer.verifier.key_id.hex() != parts[3]:
        raise BadCheckpoint("the key does not fit its id")
    return signer


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise BadCheckpoint("not base64") from wrong
