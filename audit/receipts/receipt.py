"""A file of receipts, format 1: JSON Lines, specified in docs/audit-log.md ("Receipts").

First a header with the checkpoint, then one line for each entry, then a last line with their number, so that a file cut
short is seen. Reading it checks every line against the checkpoint.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from audit import merkle
from audit.checkpoints import BadCheckpoint, Checkpoint, Opener

FORMAT = 1


class BadReceipts(Exception):
    """A file of receipts does not hold. `line` is the line at fault, counted from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


@dataclass(frozen=True)
class Header:
    """Whose receipts, from which index of the log on, and the checkpoint (a signed note) that they lead to.

    `datasets` are the agency's when the file was written, by id: what entries about its data name.
    """

    agency: str
    first: int
    checkpoint: str
    datasets: tuple[str, ...]


@dataclass(frozen=True)
class Receipt:
    """One entry: its index, its exact bytes, and its inclusion proof (RFC 6962 §2.1.1)."""

    index: int
    body: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True)
class End:
    """The last line: how many receipts, and the first index that was not looked at any more."""

    receipts: int
    following: int


def header_line(header: Header) -> bytes:
    """The header as it stands in the file."""
    whose = {"agency": header.agency, "datasets": header.datasets}
    return _line({**whose, "checkpoint": header.checkpoint, "first": header.first, "receipts": FORMAT})


def receipt_line(receipt: Receipt) -> bytes:
    """One receipt as it stands in the file. Entries are UTF-8; anything else is nobody's entry."""
    hashes = [base64.b64encode(value).decode() for value in receipt.path]
    return _line({"entry": receipt.body.decode(), "hashes": hashes, "index": receipt.index})


def end_line(end: End) -> bytes:
    """The last line."""
    return _line({"end": end.receipts, "next": end.following})


@dataclass(frozen=True)
class File:
    """A file whose header was read and whose checkpoint's signature was checked."""

    header: Header
    signed: Checkpoint
    lines: Iterator[bytes]

    def receipts(self) -> Iterator[Receipt | End]:
        """Each receipt in order, checked; then the end. Raises `BadReceipts` for the first that does not hold."""
        count, last = 0, self.header.first - 1
        for number, line in enumerate(self.lines, start=2):
            members = _members(line, number)
            if "end" in members:
                yield self._end(members, count, last, number)
                if next(self.lines, None) is not None:
                    raise BadReceipts("something follows the end", number + 1)
                return
            receipt = _receipt(members, number)
            if receipt.index <= last:
                raise BadReceipts(f"index {receipt.index} comes after {last}", number)
            self._check(receipt, number)
            yield receipt
            count, last = count + 1, receipt.index
        raise BadReceipts("the file ends before its last line; fetch it again", count + 2)

    def _check(self, receipt: Receipt, number: int) -> None:
        leaf = merkle.leaf_hash(receipt.body)
        try:
            merkle.check_inclusion(leaf, receipt.index, self.signed.size, receipt.path, self.signed.root)
        except merkle.ProofError as wrong:
            raise BadReceipts(f"entry {receipt.index} is not in the signed tree: {wrong}", number) from wrong

    def _end(self, members: dict[str, Any], count: int, last: int, number: int) -> End:
        end, following = members.get("end"), members.get("next")
        if not isinstance(following, int) or end != count or not last < following <= self.signed.size:
            raise BadReceipts(f"the end speaks of {end} receipts up to {following}; {count} came, up to {last}", number)
        return End(count, following)


def open_file(lines: Iterable[bytes], keys: Opener) -> File:
    """Begin to read a file of receipts by keys that its reader trusts. Raises `BadReceipts`."""
    coming = iter(lines)
    members = _members(next(coming, b""), 1)
    agency, first, note = members.get("agency"), members.get("first"), members.get("checkpoint")
    datasets = members.get("datasets")
    if members.get("receipts") != FORMAT or not isinstance(agency, str) or not isinstance(note, str):
        raise BadReceipts("this is no file of receipts of format 1", 1)
    if not isinstance(first, int) or first < 0:
        raise BadReceipts("the header does not say from which index on", 1)
    if not isinstance(datasets, list) or not all(isinstance(each, str) for each in datasets):
        raise BadReceipts("the header does not say which datasets were the agency's", 1)
    try:
        signed = keys.open(note)
    except BadCheckpoint as bad:
        raise BadReceipts(f"the checkpoint: {bad}", 1) from bad
    return File(Header(agency, first, note, tuple(datasets)), signed, coming)


def _receipt(members: dict[str, Any], number: int) -> Receipt:
    index, entry, hashes = members.get("index"), members.get("entry"), members.get("hashes")
    if not isinstance(index, int) or not isinstance(entry, str) or not isinstance(hashes, list):
        raise BadReceipts("a receipt has an index, an entry and hashes", number)
    try:
        return Receipt(index, entry.encode(), _hashes(hashes))
    except (UnicodeEncodeError, binascii.Error, TypeError, ValueError) as wrong:
        raise BadReceipts(f"entry {index} or its hashes cannot be read", number) from wrong


def _hashes(texts: Sequence[Any]) -> tuple[bytes, ...]:
    return tuple(base64.b64decode(text, validate=True) for text in texts)


def _members(line: bytes, number: int) -> dict[str, Any]:
    try:
        members = json.loads(line)
    except (ValueError, RecursionError) as wrong:
        cut = "" if line.endswith(b"\n") else "; the file is cut short"
        raise BadReceipts(f"not a line of JSON{cut}", number) from wrong
    if not isinstance(members, dict):
        raise BadReceipts("not a JSON object", number)
    return members


def _line(members: dict[str, Any]) -> bytes:
    return json.dumps(members, separators=(",", ":"), sort_keys=True).encode() + b"\n"
