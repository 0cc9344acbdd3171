"""Collect an agency's receipts: every signed entry about its data, in order, each with its proof.

About its data is an entry that names the agency as the source, or one of its datasets.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, select

from audit import merkle, tables
from audit.published import Head
from audit.receipts.receipt import End, Header, Receipt, end_line, header_line, receipt_line
from audit.tables import as_bytes, body_of
from audit.tiles import TileStore

MOST = 20_000
"""Most receipts in one file: about 40 MB. The end says where the next file begins."""

CHUNK = 500


@dataclass(frozen=True)
class About:
    """What makes an entry an agency's: the agency's key, and the datasets that it owns."""

    agency: str
    datasets: tuple[str, ...]

    def conditions(self) -> list[ColumnElement[bool]]:
        """The ways to be about the agency's data, each with an index behind it."""
        columns = tables.entries.c
        found: list[ColumnElement[bool]] = [columns.source == self.agency]
        return [*found, columns.dataset.in_(self.datasets)] if self.datasets else found


@dataclass(frozen=True)
class Range:
    """The entries of one file, by index, and where the next file begins."""

    indexes: Sequence[int]
    following: int


def find(connection: Connection, about: About, first: int, size: int, most: int = MOST) -> Range:
    """Which entries from `first` to before `size` are the agency's, at most `most` of them."""
    found: set[int] = set()
    for condition in about.conditions():
        found.update(connection.execute(_indexes(condition, first, size, most + 1)).scalars())
    indexes = heapq.nsmallest(most + 1, found)
    return Range(indexes, size) if len(indexes) <= most else Range(indexes[:most], indexes[most])


def _indexes(condition: ColumnElement[bool], first: int, size: int, most: int) -> Select[Any]:
    index = tables.entries.c.idx
    return select(index).where(condition, index >= first, index < size).order_by(index).limit(most)


def write(engine: Engine, files: TileStore, head: Head, about: About, first: int, chosen: Range) -> Iterator[bytes]:
    """The file, line by line: nothing of it is held but the tiles that its proofs need."""
    yield header_line(Header(about.agency, first, head.note, about.datasets))
    for begin in range(0, len(chosen.indexes), CHUNK):
        node = files.node(head.checkpoint.size)
        for index, body in _bodies(engine, chosen.indexes[begin : begin + CHUNK]):
            yield receipt_line(Receipt(index, body, merkle.inclusion_path(index, head.checkpoint.size, node)))
    yield end_line(End(len(chosen.indexes), chosen.following))


def _bodies(engine: Engine, indexes: Sequence[int]) -> list[tuple[int, bytes]]:
    index = tables.entries.c.idx
    wanted = select(index, body_of(tables.entries)).where(index.in_(indexes)).order_by(index)
    with engine.begin() as connection:
        return [(row.idx, as_bytes(row.body)) for row in connection.execute(wanted)]
