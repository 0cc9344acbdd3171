"""Signed tree heads after C2SP tlog-checkpoint and signed-note: make, sign, parse, check.

The private key stays behind `Signer`; only the sequencer ever holds one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
SIGNATURE_LINE = "— "
MOST_SIGNATURES = 64


class BadCheckpoint(ValueError):
    """A checkpoint, a key or a signature is not what the specification says."""


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: the log's origin, the number of entries, the root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note text that is signed (tlog-checkpoint, Note text)."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


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
        return f"{self.name}+{self.key_id.hex()}+{b64(ED25519 + self.public)}"

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note that this key signed. Raises `BadCheckpoint`."""
        text, separator, signatures = note.rpartition("\n\n")
        if not separator or not signatures.endswith("\n"):
            raise BadCheckpoint("a signed note is a text, an empty line and signature lines")
        text += "\n"
        wanted = SIGNATURE_LINE + self.name + " "
        for line in signatures.splitlines()[:MOST_SIGNATURES]:
            if line.startswith(wanted) and self._signed(text, unb64(line[len(wanted) :])):
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
    root = unb64(lines[2])
    if lines[1] != str(int(lines[1])) or len(root) != hashlib.sha256().digest_size:
        raise BadCheckpoint("a checkpoint's size has no leading zeroes and its root has 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def parse_vkey(text: str) -> Verifier:
    """A verifier from its text. Raises `BadCheckpoint` if it is not an Ed25519 key that fits its own id."""
    name, _, rest = text.strip().partition("+")
    key_id, _, key = rest.partition("+")
    raw = unb64(key)
    verifier = Verifier(name, raw[1:])
    if raw[:1] != ED25519 or len(raw) != 33 or verifier.key_id.hex() != key_id or not name:
        raise BadCheckpoint("not an Ed25519 note key")
    return verifier


def sign(checkpoint: Checkpoint, signer: Signer) -> str:
    """The signed note of a checkpoint."""
    text = checkpoint.text()
    verifier = signer.verifier
    return f"{text}\n{SIGNATURE_LINE}{verifier.name} {b64(verifier.key_id + signer.sign(text.encode()))}\n"


class FileSigner:
    """A signing key from a file."""

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


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def unb64(text: str) -> bytes:
    """The bytes of standard base64. Raises `BadCheckpoint`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise BadCheckpoint("not base64") from wrong
