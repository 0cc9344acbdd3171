"""The file of a log's or a witness's keys: private halves of those that sign, public halves of those that did.

Each private key is a line in the note format of Go's sumdb (`PRIVATE+KEY+<name>+<id>+<type and seed>`), each
retired one a verifier key. A line `KEY <since> <until>` begins a key of several types; `-` is a date that was not
set. A file of one private line, as it was made before keys had dates, is a key without dates.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from audit.checkpoints import (
    ED25519,
    KINDS,
    ML_DSA_44,
    BadCheckpoint,
    PrivateKey,
    Verifier,
    b64,
    parse_vkey,
    unb64,
)
from audit.mark import write_private

PRIVATE = "PRIVATE+KEY+"
HEADER = "KEY "
UNSET = "-"
SEED = 32


@dataclass(frozen=True)
class Key:
    """One key under its name, in one form or two, with its dates; `private` is empty once it is retired."""

    verifiers: tuple[Verifier, ...]
    private: tuple[PrivateKey, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def signs(self, now: datetime) -> bool:
        """Whether it signs at this time."""
        return bool(self.private) and not self.ended(now)

    def ended(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.until is not None and now >= self.until

    def of_kind(self, kind: bytes) -> Verifier | None:
        """Its public half of one type, if it has one."""
        return next((verifier for verifier in self.verifiers if verifier.kind == kind), None)

    def vkeys(self) -> list[str]:
        """Its public halves as text."""
        return [verifier.vkey() for verifier in self.verifiers]

    def retired(self) -> Key:
        """The same without its private halves."""
        return replace(self, private=())


def make(name: str, seeds: Sequence[tuple[bytes, bytes]], since: datetime | None) -> Key:
    """A key from pairs of type and seed."""
    private = tuple(PrivateKey(name, seed, kind) for kind, seed in seeds)
    return Key(tuple(key.verifier for key in private), private, since)


def read(text: str) -> tuple[Key, ...]:
    """The keys of a file, newest first. Raises `BadCheckpoint`."""
    keys: list[Key] = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if line.startswith(HEADER):
            keys.append(Key((), (), *_dates(line)))
            continue
        if not keys:
            keys.append(Key(()))
        private = (_private(line),) if line.startswith(PRIVATE) else ()
        public = private[0].verifier if private else parse_vkey(line)
        last = keys.pop()
        keys.append(replace(last, verifiers=(*last.verifiers, public), private=(*last.private, *private)))
    if not keys or not all(key.verifiers for key in keys):
        raise BadCheckpoint("no key")
    return tuple(keys)


def write(path: Path, keys: Sequence[Key]) -> None:
    """Replace the file: durable when this returns, whole at every instant, mode 0600."""
    write_private(path, "".join(_text(key) for key in keys))


def statement(keys: Sequence[Key]) -> str:
    """What the log says of its keys, as JSON: origin, and of each key its types and dates, newest first."""
    said = [
        {
            "ed25519": _vkey(key, ED25519),
            "ml_dsa_44": _vkey(key, ML_DSA_44),
            "since": _spoken(key.since),
            "until": _spoken(key.until),
        }
        for key in keys
    ]
    return json.dumps({"origin": keys[0].verifiers[0].name, "keys": said}, indent=1) + "\n"


def _vkey(key: Key, kind: bytes) -> str | None:
    verifier = key.of_kind(kind)
    return verifier.vkey() if verifier else None


def _text(key: Key) -> str:
    held = {private.verifier: private for private in key.private}
    lines = [_line(held[public]) if public in held else public.vkey() for public in key.verifiers]
    return "\n".join([f"{HEADER}{_spoken(key.since) or UNSET} {_spoken(key.until) or UNSET}", *lines]) + "\n"


def _line(key: PrivateKey) -> str:
    name, kind = key.verifier.name, key.verifier.kind
    return f"{PRIVATE}{name}+{key.verifier.key_id.hex()}+{b64(kind + key.seed)}"


def _private(line: str) -> PrivateKey:
    parts = line.split("+", 4)
    raw = unb64(parts[4]) if len(parts) == 5 else b""
    if raw[:1] not in KINDS or len(raw) != 1 + SEED:
        raise BadCheckpoint("not a private note key")
    key = PrivateKey(parts[2], raw[1:], raw[:1])
    if key.verifier.key_id.hex() != parts[3]:
        raise BadCheckpoint("the key does not fit its id")
    return key


def _dates(line: str) -> tuple[datetime | None, datetime | None]:
    words = line.split()
    if len(words) != 3:
        raise BadCheckpoint("a key begins with KEY, since when and until when")
    try:
        since, until = (None if word == UNSET else datetime.fromisoformat(word) for word in words[1:])
    except ValueError as wrong:
        raise BadCheckpoint("a key's date is not a date") from wrong
    return since, until


def _spoken(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
