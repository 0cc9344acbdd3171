"""The columns under which an entry is found, made from its bytes.

The sequencer fills them and `audit.reconciliation` makes them again to compare: the questions select on them, so a
changed column would hide an entry though its bytes stand.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import BigInteger, String

from audit import tables

_SEARCHED = [column for column in tables.entries.columns if column.name not in ("idx", "id", "body")]
_UNREADABLE = {"t": 0, "action": "unreadable", "outcome": "unreadable"}


def searchable(body: bytes) -> dict[str, Any]:
    """Every column but index, id and bytes. They help to search; only the body counts, so nothing may fail."""
    found = _members(body)
    values = {column.name: _fitting(column.type, found.get(column.name)) for column in _SEARCHED}
    return {name: _UNREADABLE.get(name) if value is None else value for name, value in values.items()}


def row_of(index: int, entry_id: str, body: bytes) -> dict[str, Any]:
    """A row of `audit_entry`."""
    return {"idx": index, "id": entry_id, "body": body, **searchable(body)}


def id_in(body: bytes) -> str | None:
    """The id that an entry gives itself; None if it cannot be read."""
    found = _members(body).get("id")
    return None if found is None else str(found)


def _members(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


def _fitting(kind: Any, value: object) -> str | int | None:
    """A value that the column can hold on both databases: cut to its length, without NUL, within 64 bits."""
    if value is None:
        return None
    if isinstance(kind, String):
        text = str(value).encode("utf-8", "replace").decode()  # half a surrogate pair cannot be stored
        return text.replace("\x00", "")[: kind.length]
    largest = 2**63 if isinstance(kind, BigInteger) else 2**31
    return int(value) if isinstance(value, int) and -largest < value < largest else None
