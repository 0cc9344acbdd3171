"""Entries in the Common Event Format, version 0 (ArcSight), for older SIEM systems.

Text is escaped as the format asks, and what has no width or would turn the line is spelt out, so that an entry is one
line however it was recorded. It is for alarms; only the exact bytes can be verified.
"""

from __future__ import annotations

from audit.plain import visible
from audit.streams.sequenced import Sequenced

VENDOR, PRODUCT, VERSION = "State of Connecticut", "Charter Oak", "1"
MOST = 1023
"""Characters of one value; the format's dictionary bounds most of them there."""

_SEVERITY = {"refused": "5", "cut": "6", "failed": "7"}
_TEXTS = {
    "externalId": "id",
    "act": "action",
    "outcome": "outcome",
    "suid": "actor",
    "sourceServiceName": "client",
    "reason": "reason",
}
_LABELLED = {
    "dataset": "cs1",
    "agreement": "cs2",
    "purpose": "cs3",
    "working_group": "cs4",
    "source": "cs5",
    "code": "cs6",
}
_NUMBERS = {"out": "bytes", "cnt": "rows"}


def line(entry: Sequenced) -> bytes:
    """One entry as a CEF line, UTF-8, without its line end."""
    name = entry.text("action") or "unreadable"
    severity = _SEVERITY.get(entry.text("outcome"), "3")
    header = "|".join(_header(part) for part in (VENDOR, PRODUCT, VERSION, name, name, severity))
    return f"CEF:0|{header}|{_extension(entry)}".encode()


def _extension(entry: Sequenced) -> str:
    found = {"rt": str(entry.time_ms), "cn1Label": "logIndex", "cn1": str(entry.index)}
    found |= {key: entry.text(member) for key, member in _TEXTS.items()}
    found |= {key: str(number) for key, member in _NUMBERS.items() if (number := entry.number(member)) is not None}
    for member, key in _LABELLED.items():
        if entry.text(member):
            found |= {f"{key}Label": member, key: entry.text(member)}
    return " ".join(f"{key}={_value(text)}" for key, text in found.items() if text)


def _header(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    """A value: backslash and equals sign escaped, line ends as \\n and \\r, other unseen characters spelt out."""
    kept = text[:MOST].replace("\\", "\\\\").replace("=", "\\=").replace("\n", "\\n").replace("\r", "\\r")
    return visible(kept)
