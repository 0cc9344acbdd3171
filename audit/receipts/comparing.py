"""Hold an agency's kept receipts against a log as it stands: the installation's own, or one published elsewhere.

What is kept leads to a checkpoint that the log signed once. The log as it stands must begin with that tree, and hold
every kept entry where it was. The installation can also say which entries about the agency's data the file lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Engine, select

from audit import merkle, tables
from audit.checkpoints import BadCheckpoint, Checkpoint, Opener
from audit.receipts.collecting import About
from audit.receipts.receipt import End, File, Receipt, open_file
from audit.recovery import CHECKPOINT
from audit.tables import as_bytes, body_of
from audit.tiles import MissingTile, TileStore

CHUNK = 500

index = tables.entries.c.idx


class Differs(Exception):
    """The log contradicts receipts that hold by themselves, or does not hold by itself."""


@dataclass(frozen=True)
class Compared:
    """A comparison without a contradiction. `missing` are entries of the agency's datasets that the file lacks."""

    agency: str
    receipts: int
    first: int
    following: int
    kept: Checkpoint
    stands: Checkpoint
    missing: tuple[int, ...] = ()


def with_log(lines: Iterable[bytes], keys: Opener, files: TileStore, now: Opener | None = None) -> Compared:
    """Compare with a log's public files: checkpoint and hash tiles.

    `keys` may have signed the receipts' checkpoint, `now` (the same, if left out) the one that stands: keys change.
    Raises `BadReceipts` if the file itself does not hold, `Differs` if the log contradicts it.
    """
    try:
        kept = open_file(lines, keys)
        stands = _head(files, now or keys)
        node = files.node(stands.size)
        _check_begins(kept.signed, stands, node)
        end = None
        for receipt in kept.receipts():
            if isinstance(receipt, End):
                end = receipt
            elif node(0, receipt.index) != merkle.leaf_hash(receipt.body):
                raise Differs(f"entry {receipt.index} in the log is not the one that was kept")
    except MissingTile as wrong:
        raise Differs(str(wrong)) from wrong
    assert end is not None  # noqa: S101  # `receipts` ends with it or raises
    return Compared(kept.header.agency, end.receipts, kept.header.first, end.following, kept.signed, stands)


def with_missing(compared: Compared, missing: tuple[int, ...]) -> Compared:
    """The comparison, with what the file lacks."""
    return replace(compared, missing=missing)


def lacking(engine: Engine, lines: Iterable[bytes], keys: Opener) -> tuple[int, ...]:
    """Entries about the agency's data within the file's range that the file does not have. Raises `BadReceipts`.

    Its data are the entries that name it as source, and those that name a dataset that was its own then.
    """
    kept = open_file(lines, keys)
    have, end = _held(kept)
    about = About(kept.header.agency, kept.header.datasets)
    found: set[int] = set()
    with engine.begin() as connection:
        for condition in about.conditions():
            wanted = select(index).where(condition, index >= kept.header.first, index < end.following)
            found.update(connection.execute(wanted).scalars())
    return tuple(sorted(found - have))


def database_differs(engine: Engine, lines: Iterable[bytes], keys: Opener) -> None:
    """Compare the kept bytes with those in the installation's database. Raises `BadReceipts`, `Differs`."""
    for chunk in _chunks(open_file(lines, keys)):
        _compare_bodies(engine, chunk)


def _held(kept: File) -> tuple[set[int], End]:
    have: set[int] = set()
    for receipt in kept.receipts():
        if isinstance(receipt, End):
            return have, receipt
        have.add(receipt.index)
    raise AssertionError("unreachable: receipts end with their end")


def _chunks(kept: File) -> Iterator[dict[int, bytes]]:
    held: dict[int, bytes] = {}
    for receipt in kept.receipts():
        if isinstance(receipt, Receipt):
            held[receipt.index] = receipt.body
        if len(held) == CHUNK or isinstance(receipt, End):
            yield held
            held = {}


def _compare_bodies(engine: Engine, held: dict[int, bytes]) -> None:
    with engine.begin() as connection:
        rows = connection.execute(select(index, body_of(tables.entries)).where(index.in_(held)))
        stands = {row.idx: as_bytes(row.body) for row in rows}
    for number, body in held.items():
        if stands.get(number) != body:
            word = "is not in the database" if number not in stands else "in the database is not the one that was kept"
            raise Differs(f"entry {number} {word}")


def _head(files: TileStore, keys: Opener) -> Checkpoint:
    note = files.read(CHECKPOINT)
    if note is None:
        raise Differs("the log has no checkpoint")
    try:
        return keys.open(note.decode("utf-8", "replace"))
    except BadCheckpoint as bad:
        raise Differs(f"the log's checkpoint: {bad}") from bad


def _check_begins(kept: Checkpoint, stands: Checkpoint, node: merkle.Node) -> None:
    """The kept tree is the beginning of the one that stands."""
    if stands.size < kept.size:
        raise Differs(f"the log was rewound: it had {kept.size} entries when these were fetched, and has {stands.size}")
    if merkle.range_root(0, stands.size, node) != stands.root:
        raise Differs(f"the log's checkpoint of {stands.size} entries does not fit its tiles; it shows two faces")
    if merkle.range_root(0, kept.size, node) != kept.root:
        raise Differs(f"the log was rewritten: its first {kept.size} entries are not those that it signed then")
