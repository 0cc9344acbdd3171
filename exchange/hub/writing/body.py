"""A request's body to a file: unpacked, bounded, and told what it is (soda.md §1 rule 11: by content, if need be)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from exchange.hub.writing.faults import MALFORMED, TOO_LARGE, UNPARSABLE, BadBody
from exchange.hub.writing.operations import CSV, JSON, TSV

MOST_BYTES = 256 * 1024 * 1024
"""Bytes of one body, unpacked."""

_PIECE = 1 << 20
_SAMPLE = 64 * 1024
_BY_TYPE = {
    "application/json": JSON, "text/json": JSON, "text/csv": CSV, "application/csv": CSV,
    "text/tab-separated-values": TSV,
}  # fmt: skip
_BY_CONTENT = ("", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded")
"""Types that say nothing: none at all (sodapy), and what command-line programs send unasked."""

KINDS = "application/json, text/csv or text/tab-separated-values"


@dataclass(frozen=True)
class Body:
    """The file with what was sent, and its form: json, csv or tsv."""

    path: Path
    kind: str


def receive(stream: IO[bytes], path: Path, *, type_: str, encoding: str, extension: str | None) -> Body:
    """Write the body to `path`. Its type says what it is, else the extension of the address, else its first bytes.

    Raises `BadBody`: 413 above `MOST_BYTES`, 415 for a type or encoding that is not read.
    """
    kind = _declared(type_, extension)
    written = 0
    with path.open("wb") as file:
        for piece in _unpacked(stream, encoding.strip().lower()):
            written += len(piece)
            if written > MOST_BYTES:
                raise BadBody(
                    TOO_LARGE, f"A body has at most {MOST_BYTES // 1024**2} megabytes. Send it in parts.", status=413
                )
            file.write(piece)
    return Body(path, kind or _by_content(path))


def _declared(type_: str, extension: str | None) -> str | None:
    """What the request says that it is; None if it says nothing."""
    named = type_.strip().lower()
    if named in _BY_TYPE:
        return _BY_TYPE[named]
    if named not in _BY_CONTENT:
        raise BadBody(UNPARSABLE, f"A body of type {named[:80]} is not read here. Send {KINDS}.", status=415)
    return extension if extension in (CSV, TSV) else None


def _by_content(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(_SAMPLE).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start or start[:1] in b"[{":
        return JSON
    header = start.partition(b"\n")[0]
    return TSV if header.count(b"\t") > header.count(b",") else CSV


def _unpacked(stream: IO[bytes], encoding: str) -> Iterator[bytes]:
    pieces = iter(lambda: stream.read(_PIECE), b"")
    if encoding in ("", "identity"):
        yield from pieces
    elif encoding in ("gzip", "x-gzip", "deflate"):
        yield from _inflated(pieces)
    else:
        raise BadBody(
            UNPARSABLE, f"A body packed as {encoding[:40]} is not read here. Send gzip, or plain.", status=415
        )


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """gzip (RFC 1952) or zlib, by its header; never more at once than a piece, however well it was packed.

    A gzip body may be several, one after another (RFC 1952 §2.2); what follows the last of them is refused.
    """
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for piece in pieces:
            given = piece
            while given := given.lstrip(b"\0") if unpack.eof else given:  # zeros may fill a block
                if unpack.eof:
                    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
                yield unpack.decompress(given, _PIECE)
                given = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
        yield unpack.flush()
    except zlib.error as error:
        raise BadBody(MALFORMED, "The body says that it is packed by gzip, and is not. Nothing was changed.") from error
    if not unpack.eof:
        raise BadBody(MALFORMED, "The packed body ends before its end. Nothing was changed.")
