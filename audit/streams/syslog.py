"""Entries as syslog messages (RFC 5424): facility 13, log audit."""

from __future__ import annotations

from datetime import UTC, datetime

from audit.streams.sequenced import Sequenced

FACILITY = 13
NOTICE, WARNING = 5, 4
APP = "charter-oak"
LARGEST_SEQUENCE = 2**31 - 1
"""`sequenceId` is a positive integer of at most this (RFC 5424 §7.3.1); after it counts from 1 again."""


def message(entry: Sequenced, text: bytes, host: str) -> bytes:
    """One message: its header says when, from where, which act; `text` is the entry in its shape."""
    severity = WARNING if entry.refused else NOTICE
    sequence = entry.index % LARGEST_SEQUENCE + 1
    header = (
        f"<{FACILITY * 8 + severity}>1 {_stamp(entry.time_ms)} {_name(host, 255)} {APP} - "
        f'{_name(entry.text("action"), 32)} [meta sequenceId="{sequence}"] '
    )
    return header.encode("ascii") + text


def framed(text: bytes) -> bytes:
    """A message behind its length (RFC 6587 §3.4.1), so that nothing inside it can end it."""
    return b"%d %s" % (len(text), text)


def _stamp(time_ms: int) -> str:
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return "-"


def _name(text: str, most: int) -> str:
    """Printable ASCII without spaces (PRINTUSASCII), `-` for nothing."""
    return "".join(c if 33 <= ord(c) <= 126 else "_" for c in text[:most]) or "-"
