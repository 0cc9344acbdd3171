"""A person's key as the log may know it: HMAC-SHA-256 under a secret that lies outside log and database.

Whoever holds log, manifests and index, but not the secret, cannot tell whom a hash means, nor try out keys.
The secrets are a file of mode 0600, one a line, the newest first: new readings use the first, and a person is looked
for under each. Without its line, what was recorded under a secret can no longer be found.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audit.locks import turn
from audit.mark import sync_folder

SECRET_BYTES = 32
NAMESPACE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
MOST_NAMESPACE = 80


class SecretUnusable(Exception):
    """The file of secrets cannot be used; the message says what the operator must do."""


@dataclass(frozen=True)
class Secret:
    """One secret. `id` names it in manifests: the first 8 bytes of its SHA-256 under a label, in hexadecimal."""

    value: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """What manifests call this secret."""
        return hashlib.sha256(b"disclosure secret\x00" + self.value).hexdigest()[:16]

    def subject(self, namespace: str, key: object) -> bytes:
        """The keyed hash of a person's key: HMAC over "subject", the namespace and the key's normal form."""
        message = b"\x00".join((b"subject", namespace.encode(), normal(key).encode()))
        return hmac.digest(self.value, message, "sha256")


def normal(key: object) -> str:
    """The form in which equal keys are equal texts: NFKC, small letters, no outer space, inner space single.

    What has no shape (a byte order mark, a zero width space: general category Cf) comes along when a key is copied and
    is dropped; every dash (Pd) is a hyphen-minus. A whole number is written without a point: 1042, 1042.0 and "1042"
    are one key. Leading zeros of a text count.
    """
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    text = unicodedata.normalize("NFKC", str(key)).casefold()
    return " ".join("".join(text if text.isascii() else map(_shaped, text)).split())


def _shaped(character: str) -> str:
    return {"Cf": "", "Pd": "-"}.get(unicodedata.category(character), character)


def is_namespace(text: str) -> bool:
    """Whether this can name a kind of key: small letters, digits and single hyphens, at most 80."""
    return len(text) <= MOST_NAMESPACE and NAMESPACE.match(text) is not None


def load(path: Path, *, create: bool = False) -> tuple[Secret, ...]:
    """The secrets of the file, the newest first. `create` makes the first (the demo, and `make-secret`).

    Raises `SecretUnusable` if the file is missing, readable by others, or holds anything else.
    """
    if create and not path.exists():
        add(path)
    try:
        if path.stat().st_mode & 0o077:
            raise SecretUnusable(f"{path.name} can be read by others; run: chmod 600 {path.name}")
        return _parsed(path.read_text())
    except FileNotFoundError as missing:
        raise SecretUnusable(f"there is no {path.name}; run: flask disclosures make-secret") from missing
    except (ValueError, binascii.Error) as wrong:
        raise SecretUnusable(f"{path.name} does not hold 32 bytes as base64 on each line") from wrong


def add(path: Path) -> Secret:
    """Put a new secret before those that are there; make the file if there is none."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with turn(path.with_name(f".{path.name}.lock")):
        kept = load(path) if path.exists() else ()
        secrets = (Secret(os.urandom(SECRET_BYTES)), *kept)
        _write(path, (base64.b64encode(secret.value).decode() for secret in secrets))
    return secrets[0]


def subjects(secrets: Iterable[Secret], namespace: str, key: object) -> tuple[bytes, ...]:
    """Every hash that this person may have been recorded under, the newest secret's first."""
    return tuple(secret.subject(namespace, key) for secret in secrets)


def _parsed(text: str) -> tuple[Secret, ...]:
    secrets = tuple(Secret(base64.b64decode(line, validate=True)) for line in text.split())
    if not secrets or any(len(secret.value) != SECRET_BYTES for secret in secrets):
        raise ValueError("not secrets")
    return secrets


def _write(path: Path, lines: Iterable[str] | Sequence[str]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write("".join(f"{line}\n" for line in lines))
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
