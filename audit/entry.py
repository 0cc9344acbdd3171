"""One entry of the log: who did what, to what, under which agreement, and how it ended.

An entry holds no names, no query literals, no row values and no tokens; persons appear by
pseudonym. Its canonical bytes (RFC 8785) are made once and are what is hashed, stored and exported.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import rfc8785

from audit.actions import Action, Outcome

Bytes = bytes
"""The built-in type; inside `Entry` the name means the number of bytes sent."""

FORMAT = 1
MAX_BYTES = 65_535
"""The largest entry that a C2SP tlog-tiles entry bundle can hold."""

SALT_BYTES = 16


MOST_REASON = 2_000
"""Characters of a reason that are kept: a refusal must be recordable however long its text is."""


class Unrecordable(ValueError):
    """An entry has no canonical form: a number above 2**53, not a number at all, or a value JSON has no word for."""


class EntryTooLarge(Unrecordable):
    """An entry would not fit into an entry bundle."""


AS_RFC_8785 = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
"""For values that `_is_plain` lets through, orjson's compact form is RFC 8785's: ASCII names sort alike by code point
and by UTF-16 unit, both escape the same characters in the same words, and integers beyond 53 bits are refused."""

VARIANT = str.maketrans("0123456789abcdef", "89ab" * 4)
"""The two high bits of a hexadecimal digit made 10, the low ones kept (RFC 9562 §4.1)."""


def new_id() -> str:
    """A UUID version 7 (RFC 9562 §5.7): sortable by time, unique by chance."""
    stamp, chance = f"{time.time_ns() // 1_000_000:012x}", os.urandom(10).hex()
    return f"{stamp[:8]}-{stamp[8:]}-7{chance[:3]}-{chance[3].translate(VARIANT)}{chance[4:7]}-{chance[7:19]}"


def _new_salt() -> str:
    return os.urandom(SALT_BYTES).hex()


@dataclass(frozen=True)
class Entry:
    """A frozen entry. Empty members are left out of the canonical bytes.

    `actor` is a person's pseudonym; `ref` the id of the intent that this is the outcome of; `because` the clause
    ids, exemption codes or roles that decided; `columns` field names; `filter_commit` a digest of the query text.
    `agency` is the one that acts, `source` the one whose data it is; `code` a short word for a refusal's reason.
    `manifest` is the SHA-256 of the disclosure manifest, `subjects` how many persons it lists; `sealed` holds personal
    fields, each under its person's key.
    """

    action: Action
    outcome: Outcome
    actor: str | None = None
    client: str | None = None
    working_group: str | None = None
    agency: str | None = None
    source: str | None = None
    token: str | None = None
    grant: str | None = None
    agreement: str | None = None
    agreement_version: int | None = None
    agreement_sha256: str | None = None
    purpose: str | None = None
    dataset: str | None = None
    dataset_version: int | None = None
    dataset_class: str | None = None
    columns: tuple[str, ...] = ()
    filter_commit: str | None = None
    rows: int | None = None
    bytes: int | None = None
    result_sha256: str | None = None
    manifest: str | None = None
    subjects: int | None = None
    code: str | None = None
    reason: str | None = None
    because: tuple[str, ...] = ()
    ref: str | None = None
    sealed: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=new_id)
    salt: str = field(default_factory=_new_salt)

    def members(self) -> dict[str, Any]:
        """The entry as JSON members, in no order; see `docs/audit-log.md` for the meaning of each."""
        members: dict[str, Any] = {"v": FORMAT, "t": int(self.at.timestamp() * 1000)}
        for name, value in vars(self).items():
            if value is None or name == "at":
                continue
            if value.__class__ is str:
                members[name] = value if value.isascii() else _plain(value)
            elif value != () and value != {}:
                members[name] = _plain(value)
        members["action"], members["outcome"] = str(self.action), str(self.outcome)
        if self.reason:
            members["reason"] = members["reason"][:MOST_REASON]
        return members

    def canonical(self) -> Bytes:
        """The bytes that are hashed and kept: RFC 8785 JSON.

        Raises `EntryTooLarge` above 65,535 bytes and `Unrecordable` for values that have no canonical form.
        """
        try:
            body = canonical(self.members())
        except RecursionError as error:
            raise Unrecordable("an entry's details are nested too deeply") from error
        if len(body) > MAX_BYTES:
            raise EntryTooLarge(f"an entry of {len(body)} bytes is larger than {MAX_BYTES}")
        return body


def canonical(members: dict[str, Any]) -> bytes:
    """A JSON object in the form of RFC 8785. Raises `Unrecordable` for values that have no canonical form."""
    if _is_plain(members):
        try:
            return orjson.dumps(members, option=AS_RFC_8785)
        except orjson.JSONEncodeError:
            pass  # a number or a depth that orjson refuses: let the slower writer say what is wrong with it
    try:
        return rfc8785.dumps(members)
    except rfc8785.CanonicalizationError as error:
        raise Unrecordable(f"an entry cannot be written: {error}") from error


def _is_plain(value: Any) -> bool:
    """Whether a value is made of what both writers of JSON spell alike: no floats, no other types, ASCII names."""
    kind = value.__class__
    if kind is str or kind is int or kind is bool or value is None:
        return True
    if kind is dict:
        return all(name.__class__ is str and name.isascii() and _is_plain(member) for name, member in value.items())
    return kind is list and all(map(_is_plain, value))


def _plain(value: Any) -> Any:
    """A value as JSON knows it. Half a surrogate pair, which a request can carry but UTF-8 cannot, becomes U+FFFD."""
    if isinstance(value, str):
        if value.__class__ is str and value.isascii():
            return value
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(member) for key, member in value.items()}
    if isinstance(value, tuple | list | frozenset | set):
        return [_plain(member) for member in (value if isinstance(value, tuple | list) else sorted(value))]
    return value
