"""What a new leader does before it signs: read back the right edge and compare it with what was signed before.

A log that shrank, or that no longer has the root it signed, is not continued: the operator restores the files or the
database. Files that are merely missing (a copy of the folder older than the database) are written again from the
entries, after these were seen to lead to the signed root.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, func, select

from audit import merkle, tables
from audit.checkpoints import BadCheckpoint, Checkpoint, Opener
from audit.mark import WHAT_TO_DO, InconsistentLog
from audit.tables import as_bytes, body_of
from audit.tiles import WIDTH, Edge, MissingTile, TileStore, grow

CHECKPOINT = "checkpoint"
KEY = "key"
KEYS = "keys"
COSIGNED = "checkpoint.cosigned"
CHUNK = 8 * WIDTH


UNFINISHED = 4096
"""The most entries by which the mark may be ahead of the last checkpoint: one round, broken off between the two."""


def recover(
    connection: Connection,
    store: TileStore,
    opener: Opener,
    marked: Checkpoint | None,
    beat: Callable[[], None] = lambda: None,
) -> Edge:
    """The right edge at the last signed checkpoint, which leads to `marked`, the high-water mark, or comes from it.

    None for `marked` looks at database and files alone. `beat` is called now and then, as this can take minutes.
    Raises `InconsistentLog`.
    """
    try:
        signed = latest(connection, opener)
        published = _published(store, opener)
        if marked is not None:
            _compare_with_mark(connection, signed, marked)
        _compare_sizes(connection, signed, published)
        edge = _read_back(connection, store, signed, published, beat) if signed else Edge()
        if marked is not None:
            _check_mark(connection, store, edge, marked)
        return edge
    except (BadCheckpoint, MissingTile, merkle.ProofError) as error:
        raise InconsistentLog(f"{error}. {WHAT_TO_DO}") from error


def _compare_with_mark(connection: Connection, signed: Checkpoint | None, marked: Checkpoint) -> None:
    indexed, known = size_of(connection), signed.size if signed else 0
    if indexed < marked.size:
        raise BadCheckpoint(
            f"the log was rewound: {marked.size} entries were signed, says the high-water mark, and {indexed} are there"
        )
    if marked.size - known > UNFINISHED:
        raise BadCheckpoint(
            f"checkpoints were removed: {marked.size} entries were signed, says the high-water mark, and the last "
            f"checkpoint counts {known}"
        )


def _check_mark(connection: Connection, store: TileStore, edge: Edge, marked: Checkpoint) -> None:
    if marked.size <= edge.size:
        root = merkle.range_root(0, marked.size, store.node(edge.size))
    else:
        root = grow(edge, _bodies(connection, edge.size, marked.size))[0].root()
    if root != marked.root:
        raise BadCheckpoint(f"the first {marked.size} entries are not those that were signed, says the high-water mark")


def latest(connection: Connection, opener: Opener) -> Checkpoint | None:
    """The largest checkpoint this database holds, its signature checked. Raises `BadCheckpoint`."""
    newest = select(tables.checkpoints.c.note).order_by(tables.checkpoints.c.size.desc()).limit(1)
    note = connection.execute(newest).scalar()
    return opener.open(note) if note is not None else None


def _published(store: TileStore, opener: Opener) -> Checkpoint | None:
    note = store.read(CHECKPOINT)
    return opener.open(note.decode("utf-8", "replace")) if note is not None else None


def _compare_sizes(connection: Connection, signed: Checkpoint | None, published: Checkpoint | None) -> None:
    indexed = size_of(connection)
    known = signed.size if signed else 0
    if published and published.size > known:
        raise BadCheckpoint(f"the published checkpoint counts {published.size} entries, the database signed {known}")
    if indexed < known:
        raise BadCheckpoint(f"the signed checkpoint counts {known} entries, the database holds {indexed}")


def size_of(connection: Connection) -> int:
    """How many entries have an index."""
    highest = connection.execute(select(func.max(tables.entries.c.idx))).scalar()
    return 0 if highest is None else highest + 1


def _read_back(
    connection: Connection,
    store: TileStore,
    signed: Checkpoint,
    published: Checkpoint | None,
    beat: Callable[[], None],
) -> Edge:
    edge = _edge(connection, store, signed, beat)
    if edge.root() != signed.root:
        raise BadCheckpoint(f"the tiles lead to the root {edge.root().hex()}, signed was {signed.root.hex()}")
    if published and merkle.range_root(0, published.size, store.node(signed.size)) != published.root:
        raise BadCheckpoint(f"the tiles do not contain the published tree of {published.size} entries")
    for offset, body in enumerate(edge.bundle):
        if merkle.leaf_hash(body) != edge.levels[0][offset]:
            raise BadCheckpoint(f"entry {signed.size // WIDTH * WIDTH + offset} does not hash to its leaf")
    if edge.bundle != _bodies(connection, signed.size // WIDTH * WIDTH, signed.size):
        raise BadCheckpoint("the last entries in the database are not those in the files")
    return edge


def _edge(connection: Connection, store: TileStore, signed: Checkpoint, beat: Callable[[], None]) -> Edge:
    try:
        return store.edge(signed.size)
    except MissingTile:
        _rebuild(connection, signed, beat)
    return _rebuild(connection, signed, beat, store)


def _rebuild(
    connection: Connection, signed: Checkpoint, beat: Callable[[], None], store: TileStore | None = None
) -> Edge:
    """Grow the tree anew from the database. Writes files only into `store`; without one it only checks the root."""
    edge = Edge()
    while edge.size < signed.size:
        beat()
        bodies = _bodies(connection, edge.size, min(edge.size + CHUNK, signed.size))
        if not bodies:
            raise BadCheckpoint(f"entry {edge.size} is missing in the database and the files are incomplete")
        edge, files = grow(edge, bodies)
        if store is not None:
            store.write(files)
            store.drop_partials(files)
    if edge.root() != signed.root:
        raise BadCheckpoint(f"the files are incomplete, and the database leads to the root {edge.root().hex()}")
    return edge


def _bodies(connection: Connection, begin: int, end: int) -> tuple[bytes, ...]:
    entries = tables.entries.c
    chosen = select(body_of(tables.entries)).where(entries.idx >= begin, entries.idx < end).order_by(entries.idx)
    return tuple(as_bytes(body) for body in connection.execute(chosen).scalars())
