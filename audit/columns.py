"""The columns under which an entry is found, made from its bytes.

The sequencer fills them and `audit.reconciliation` makes them again to compare: the questions select on them, so a
changed column would hide an entry though its bytes stand.
"""

from __future__ import annotations

import json
from typing import Any

import orjson
from sqlalchemy import BigInteger, Column, String

from audit import tables

_UNREADABLE = {"t": 0, "action": "unreadable", "outcome": "unreadable"}


def _room(column: Column[Any]) -> tuple[str, int, int]:
    """A column's name, its length in characters (0: a number) and the number that is too large for it."""
    if isinstance(column.type, String):
        return column.name, column.type.length or 2**31, 0
    return column.name, 0, 2**63 if isinstance(column.type, BigInteger) else 2**31


_SEARCHED = [_room(column) for column in tables.entries.columns if column.name not in ("idx", "id", "body")]


def searchable(body: bytes) -> dict[str, Any]:
    """Every column but index, id and bytes. They help to search; only the body counts, so nothing may fail."""
    found = _members(body)
    values: dict[str, Any] = {}
    for name, length, too_large in _SEARCHED:
        value = found.get(name)
        if value is not None:
            value = _text(value, length) if length else _number(value, too_large)
        values[name] = _UNREADABLE.get(name) if value is None else value
    return values


def row_of(index: int, entry_id: str, body: bytes) -> dict[str, Any]:
    """A row of `audit_entry`."""
    return {"idx": index, "id": entry_id, "body": body, **searchable(body)}


def id_in(body: bytes) -> str | None:
    """The id that an entry gives itself; None if it cannot be read."""
    found = _members(body).get("id")
    return None if found is None else str(found)


def _members(body: bytes) -> dict[str, Any]:
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError:
        members = _members_of_any_json(body)
    return members if isinstance(members, dict) else {}


def _members_of_any_json(body: bytes) -> Any:
    """What a laxer reader makes of bytes that no entry of ours has, such as half a surrogate pair."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _text(value: object, length: int) -> str:
    """Text that both databases can hold: cut to the column's length, without NUL or half a surrogate pair."""
    if value.__class__ is str and value.isascii() and "\x00" not in value:
        return value[:length]
    return str(value).encode("utf-8", "replace").decode().replace("\x00", "")[:length]


def _number(value: object, too_large: int) -> int | None:
    return int(value) if isinstance(value, int) and -too_large < value < too_large else None
