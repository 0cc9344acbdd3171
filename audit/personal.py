"""Personal fields of an entry: each sealed under its subject's key of that year, so that the log itself names nobody.

    sealed text = "k1." key id "." base64(nonce (12 bytes), AES-256-GCM(key, nonce, padded text; AAD))
    AAD         = "k1" LF entry id LF field LF key id
    key id      = the first 32 hexadecimal digits of SHA-256("charter-oak personal key" SP key)

The id commits to the key, so no other key can be put in its place to make the text say something else. Keys live in
`audit_subject_key`, wrapped; destroying one makes its texts unreadable for ever and leaves every leaf hash as it was.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from audit.days import legal_day, milliseconds
from audit.entry import Entry
from audit.master_key import MasterKeys, MasterKeyUnusable
from audit.retention.destruction import Destroyed, destroyed_by_the_log, overwrite
from audit.retention.tables import subject_keys

FORMAT = "k1"
NONCE_BYTES = 12
BLOCK = 32
"""Texts are padded to whole blocks, so that their length says little."""

FIELDS = {"address": "Network address", "agent": "Browser or program", "email": "E-mail address typed"}
"""The closed list of personal fields, in the reader's words."""

LONGEST = {"address": 64, "agent": 300, "email": 254}
"""Characters that are kept of each."""

UNKNOWN = "unknown:"
"""How the subject of a day's unknown visitors begins."""


class KeyMissing(LookupError):
    """The subject has no key of this year yet, and the caller asked for none to be made."""


@dataclass(frozen=True)
class Opened:
    """A personal field, or why it cannot be shown. `alarm` is True if something is not as the log says."""

    field: str
    text: str | None
    why_not: str = ""
    alarm: bool = False

    @property
    def words(self) -> str:
        """The field's name for a reader."""
        return FIELDS.get(self.field, self.field)


class Sealer:
    """Seals and opens personal fields with the keys in a database; one for each process."""

    def __init__(self, master: MasterKeys) -> None:
        self.master = master
        self._not_destroyed: set[str] = set()

    def seal(
        self, connection: Connection, entry: Entry, subject: str, facts: Mapping[str, str], *, make: bool = True
    ) -> Entry:
        """The entry with these facts sealed for a subject; the key of the entry's year is made where there is none.

        `make=False` raises `KeyMissing` instead. Raises `MasterKeyUnusable`, so that nothing goes on unrecorded, and
        `ValueError` for a field that is not in the list.
        """
        told = {name: _fitting(name, text) for name, text in facts.items() if text}
        if not told:
            return entry
        key_id, key = self._living_key(connection, subject, entry.at, make)
        texts = {name: _seal(key, key_id, entry.id, name, text) for name, text in told.items()}
        return replace(entry, sealed={**entry.sealed, **texts})

    def open(self, connection: Connection, entry_id: str, sealed: Mapping[str, str]) -> list[Opened]:
        """Every sealed field of an entry: its text, or why there is none. What the log calls destroyed never opens."""
        ids = {str(text).split(".")[1] for text in sealed.values() if str(text).count(".") == 2}
        destroyed = destroyed_by_the_log(connection, ids)
        found = connection.execute(select(subject_keys).where(subject_keys.c.id.in_(ids))).all()
        rows = {row.id: row for row in found}
        return [self._open_one(entry_id, name, str(sealed[name]), rows, destroyed) for name in sorted(sealed)]

    def _open_one(
        self, entry_id: str, name: str, text: str, rows: Mapping[str, Row[Any]], destroyed: Mapping[str, Destroyed]
    ) -> Opened:
        parts = text.split(".")
        if len(parts) != 3 or parts[0] != FORMAT:
            return Opened(name, None, "This is not a sealed text of a form that is known here.", alarm=True)
        row, record = rows.get(parts[1]), destroyed.get(parts[1])
        if record is not None:
            back = row is not None and row.wrapped is not None
            more = " A copy of the key has come back from a backup; it is not used." if back else ""
            return Opened(name, None, f"Its key was {record.words()}.{more}", alarm=back)
        if row is None or row.wrapped is None:
            return Opened(name, None, "Its key is gone, and the log does not say that it was destroyed.", alarm=True)
        key = self._unwrapped(row)
        plain = _unseal(key, parts[1], entry_id, name, parts[2]) if key is not None else None
        if plain is None:
            return Opened(name, None, "It does not open: text, entry, field or key is another's.", alarm=True)
        return Opened(name, plain)

    def _living_key(self, connection: Connection, subject: str, at: datetime, make: bool) -> tuple[str, bytes]:
        year = legal_day(at).year
        for _ in range(3):  # a second round if it is made here, a third if a destroyed one had come back
            row = _living_row(connection, subject, year)
            if row is not None and not self._came_back(connection, row):
                key = self._unwrapped(row)
                if key is None:
                    break
                return row.id, key
            if row is None and not make:
                raise KeyMissing(subject)
            if row is None:
                self._make(connection, subject, year, at)
        raise MasterKeyUnusable(
            f"the key of {subject} for {year} does not open with {self.master.path}; restore that file"
        )

    def _make(self, connection: Connection, subject: str, year: int, at: datetime) -> None:
        """Make a key; of two that try, the database keeps the first."""
        key, master = AESGCM.generate_key(bit_length=256), self.master.present()
        id = _id_of(key)
        row = {"id": id, "subject": subject, "year": year, "master": master.id, "created_at": milliseconds(at)}
        dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(subject_keys).on_conflict_do_nothing()
        connection.execute(statement, {**row, "wrapped": master.wrap(key, about(id, subject, year))})

    def _came_back(self, connection: Connection, row: Row[Any]) -> bool:
        """Whether the log says that this key is destroyed; then it is overwritten again. Asked once for each key."""
        if row.id in self._not_destroyed:
            return False
        record = destroyed_by_the_log(connection, [row.id]).get(row.id)
        if record is None:
            self._not_destroyed.add(row.id)
            return False
        overwrite(connection, [row.id], record.request, record.at)
        return True

    def _unwrapped(self, row: Row[Any]) -> bytes | None:
        master = self.master.by_id(row.master)
        key = master.unwrap(row.wrapped, about(row.id, row.subject, row.year)) if master else None
        return key if key is not None and _id_of(key) == row.id else None


@dataclass(frozen=True)
class Traces:
    """The personal facts of one request, and who seals them; without a sealer (commands, the demo's load) none."""

    sealer: Sealer | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def plus(self, **facts: str) -> Traces:
        """These facts and some more."""
        return replace(self, facts={**self.facts, **facts})

    def into(self, connection: Connection, entry: Entry, *, make: bool = True) -> Entry:
        """The entry with these facts sealed for its actor, or for the day's unknown visitors."""
        if self.sealer is None:
            return entry
        return self.sealer.seal(connection, entry, entry.actor or unknown_on(entry.at), self.facts, make=make)


NO_TRACES = Traces()


def unknown_on(at: datetime) -> str:
    """The subject that stands for everybody unknown on one day."""
    return f"{UNKNOWN}{legal_day(at).isoformat()}"


def about(key_id: str, subject: str, year: int) -> bytes:
    """What a wrapped key is bound to: it opens under no other row's id, subject or year."""
    return f"charter-oak/personal/{key_id}/{subject}/{year}".encode()


_LIVING_ROW = select(*(subject_keys.c[name] for name in ("id", "subject", "year", "master", "wrapped"))).where(
    subject_keys.c.subject == bindparam("of_subject"),
    subject_keys.c.year == bindparam("of_year"),
    subject_keys.c.destroyed_at.is_(None),
    subject_keys.c.wrapped.is_not(None),
)
"""Built once, since it is asked for every sign-in and every restricted reading."""


def _living_row(connection: Connection, subject: str, year: int) -> Row[Any] | None:
    return connection.execute(_LIVING_ROW, {"of_subject": subject, "of_year": year}).first()


def _id_of(key: bytes) -> str:
    return hashlib.sha256(b"charter-oak personal key " + key).hexdigest()[:32]


def _bound_to(entry_id: str, name: str, key_id: str) -> bytes:
    return "\n".join((FORMAT, entry_id, name, key_id)).encode()


def _fitting(name: str, text: str) -> bytes:
    if name not in FIELDS:
        raise ValueError(f"{name} is not a personal field; known are {', '.join(FIELDS)}")
    plain = text[: LONGEST[name]].encode("utf-8", "replace") + b"\x80"
    return plain + bytes(-len(plain) % BLOCK)


def _seal(key: bytes, key_id: str, entry_id: str, name: str, plain: bytes) -> str:
    nonce = os.urandom(NONCE_BYTES)
    raw = nonce + AESGCM(key).encrypt(nonce, plain, _bound_to(entry_id, name, key_id))
    return f"{FORMAT}.{key_id}.{base64.b64encode(raw).decode()}"


def _unseal(key: bytes, key_id: str, entry_id: str, name: str, text: str) -> str | None:
    try:
        raw = base64.b64decode(text, validate=True)
        plain = AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound_to(entry_id, name, key_id))
    except (InvalidTag, ValueError, binascii.Error):
        return None
    return plain.rstrip(b"\x00").removesuffix(b"\x80").decode("utf-8", "replace")
