"""Signed tree heads after C2SP tlog-checkpoint, signed-note and tlog-cosignature: make, sign, parse, check.

A log's key signs in two forms, each its own line of the note: Ed25519 (type 0x01) and ML-DSA-44 (type 0x06). The
private halves stay behind `Signer`; only the sequencer, or a process that signs for it, ever holds one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

ED25519 = b"\x01"
"""A plain signature over the note's text (signed-note, Signature types)."""

COSIGNED = b"\x04"
"""A witness's Ed25519 signature over the text and a time (tlog-cosignature)."""

ML_DSA_44 = b"\x06"
"""An ML-DSA-44 signature over the tree and a time, by a log or a witness (tlog-cosignature)."""

KINDS = {ED25519: ("Ed25519", 32), COSIGNED: ("Ed25519 cosigner", 32), ML_DSA_44: ("ML-DSA-44", 1312)}
"""Name and public key's length in bytes of each type."""

SIGNATURE_LINE = "— "
MOST_SIGNATURES = 64
MOST_DIGITS = 19
STAMP = 8
"""Bytes of a time, seconds since 1970, before a cosignature."""


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


class Opener(Protocol):
    """Who can tell whether a note is signed as it must be."""

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note. Raises `BadCheckpoint` unless it is signed."""
        ...


class Signer(Opener, Protocol):
    """What signs in the log's name: a file here, a process of its own, an HSM or a key service elsewhere."""

    @property
    def verifier(self) -> Verifier:
        """The public half of the newest Ed25519 key; its name is the log's origin."""
        ...

    def sign(self, text: str) -> tuple[str, ...]:
        """A signature line of each key for a checkpoint's text. Raises `BadCheckpoint` for what it will not sign."""
        ...

    def statement(self) -> str:
        """The log's public keys with their dates as JSON, newest first."""
        ...


@dataclass(frozen=True)
class Verifier:
    """A public key of one type by the name it signs under."""

    name: str
    public: bytes
    kind: bytes = ED25519

    @property
    def key_id(self) -> bytes:
        """Four bytes that name the key (signed-note, Signatures)."""
        return hashlib.sha256(self.name.encode() + b"\n" + self.kind + self.public).digest()[:4]

    def vkey(self) -> str:
        """The key as text: `<name>+<hex id>+<base64 of type and key>`."""
        return f"{self.name}+{self.key_id.hex()}+{b64(self.kind + self.public)}"

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note that this key signed. Raises `BadCheckpoint`."""
        return open_with((self,), note)

    def signed_at(self, note: str) -> int | None:
        """The time in this key's line, seconds since 1970, 0 where it states none; None if it has no line.

        Raises `BadCheckpoint` if there is a line and it is wrong.
        """
        text, lines = split(note)
        wanted = f"{SIGNATURE_LINE}{self.name} "
        for line in lines:
            signature = unb64(line[len(wanted) :]) if line.startswith(wanted) else b""
            if signature[:4] == self.key_id:
                return self._check(text, signature[4:])
        return None

    def _check(self, text: str, signature: bytes) -> int:
        stamp = 0 if self.kind == ED25519 else int.from_bytes(signature[:STAMP], "big")
        try:
            if self.kind == ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
            elif self.kind == COSIGNED:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature[STAMP:], _timed(text, stamp))
            else:
                signed = _cosigned(self.name, text, stamp)
                MLDSA44PublicKey.from_public_bytes(self.public).verify(signature[STAMP:], signed)
        except (InvalidSignature, ValueError) as wrong:
            raise BadCheckpoint(f"the signature by {self.name} ({self.key_id.hex()}) is wrong") from wrong
        return stamp


def open_with(keys: Sequence[Verifier], note: str) -> Checkpoint:
    """The checkpoint in a note that at least one of these keys signed, and none of them wrongly.

    Raises `BadCheckpoint`.
    """
    if [key for key in keys if key.signed_at(note) is not None]:
        return parse(split(note)[0])
    raise BadCheckpoint("no signature by " + " or ".join(f"{key.name} ({key.key_id.hex()})" for key in keys))


def split(note: str) -> tuple[str, list[str]]:
    """Text and signature lines of a note. Raises `BadCheckpoint`."""
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise BadCheckpoint("a signed note is a text, an empty line and signature lines")
    return text + "\n", signatures.split("\n")[:MOST_SIGNATURES]


def parse(text: str) -> Checkpoint:
    """The checkpoint in a note text whose signature was checked. Raises `BadCheckpoint`."""
    lines = text.split("\n")
    if len(lines) < 4 or not lines[0] or not lines[1].isascii() or not lines[1].isdigit():
        raise BadCheckpoint("a checkpoint has an origin, a size and a root, each on its line")
    root = unb64(lines[2])
    if len(lines[1]) > MOST_DIGITS or lines[1] != str(int(lines[1])) or len(root) != hashlib.sha256().digest_size:
        raise BadCheckpoint("a checkpoint's size has no leading zeroes and its root has 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def parse_vkey(text: str) -> Verifier:
    """A verifier from its text. Raises `BadCheckpoint` if it is no key of a known type that fits its own id."""
    name, _, rest = text.strip().partition("+")
    key_id, _, key = rest.partition("+")
    raw = unb64(key)
    verifier = Verifier(name, raw[1:], raw[:1])
    known = raw[:1] in KINDS and len(raw) == 1 + KINDS[raw[:1]][1]
    if not known or verifier.key_id.hex() != key_id or not is_name(name):
        raise BadCheckpoint("not a note key of a known type")
    return verifier


def is_name(name: str) -> bool:
    """Whether a key can have this name (signed-note, Format): not empty, no white space, no plus sign."""
    return bool(name) and name.isprintable() and not any(c.isspace() or c == "+" for c in name)


def sign(checkpoint: Checkpoint, signer: Signer) -> str:
    """The signed note of a checkpoint."""
    text = checkpoint.text()
    return text + "\n" + "".join(signer.sign(text))


class PrivateKey:
    """A private key of one type, by its seed of 32 bytes."""

    def __init__(self, name: str, seed: bytes, kind: bytes = ED25519) -> None:
        made = (
            MLDSA44PrivateKey.from_seed_bytes(seed) if kind == ML_DSA_44 else Ed25519PrivateKey.from_private_bytes(seed)
        )
        public = made.public_key().public_bytes_raw()
        self._key = made
        self.seed = seed
        self.verifier = Verifier(name, public, kind)

    def line(self, text: str, at: int) -> str:
        """The signature line for a checkpoint's text, signed at a time (seconds since 1970, 0 to state none)."""
        kind, name = self.verifier.kind, self.verifier.name
        if kind == ED25519:
            signature = self._key.sign(text.encode())
        else:
            signed = _timed(text, at) if kind == COSIGNED else _cosigned(name, text, at)
            signature = at.to_bytes(STAMP, "big") + self._key.sign(signed)
        return f"{SIGNATURE_LINE}{name} {b64(self.verifier.key_id + signature)}\n"


def _timed(text: str, at: int) -> bytes:
    """What an Ed25519 cosigner signs (tlog-cosignature, Ed25519 signed message)."""
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _cosigned(name: str, text: str, at: int) -> bytes:
    """What an ML-DSA-44 key signs (tlog-cosignature, ML-DSA-44 signed message): the whole tree, from 0 to its size."""
    head = parse(text)
    signer, origin = name.encode(), head.origin.encode()
    if not (len(signer) < 256 and len(origin) < 256 and head.size < 1 << 64):
        raise BadCheckpoint("a cosigned tree has names of at most 255 bytes and a size of 64 bits")
    named = bytes((len(signer),)) + signer + at.to_bytes(8, "big") + bytes((len(origin),)) + origin
    return b"subtree/v1\n\0" + named + bytes(8) + head.size.to_bytes(8, "big") + head.root


class FileSigner:
    """A log's key in memory: its Ed25519 seed and, where it has one, its ML-DSA-44 seed.

    Without `now` an ML-DSA-44 line states no time.
    """

    def __init__(
        self, name: str, seed: bytes, second: bytes | None = None, now: Callable[[], datetime] | None = None
    ) -> None:
        self._keys = [PrivateKey(name, seed)] + ([PrivateKey(name, second, ML_DSA_44)] if second else [])
        self._now = now

    @property
    def verifier(self) -> Verifier:
        """The public half of the Ed25519 key."""
        return self._keys[0].verifier

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """All public halves."""
        return tuple(key.verifier for key in self._keys)

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note that this key signed."""
        return open_with(self.verifiers, note)

    def sign(self, text: str) -> tuple[str, ...]:
        """A line of each type."""
        at = int(self._now().timestamp()) if self._now else 0
        return tuple(key.line(text, at) for key in self._keys)

    def statement(self) -> str:
        """The public halves, one a line."""
        return "\n".join(verifier.vkey() for verifier in self.verifiers) + "\n"


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def unb64(text: str) -> bytes:
    """The bytes of standard base64. Raises `BadCheckpoint`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise BadCheckpoint("not base64") from wrong
