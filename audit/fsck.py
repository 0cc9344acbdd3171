"""`flask audit fsck`: is every part of the log's folder and tables there and right, and what can be made again?

Where `flask audit verify` stops at the first thing that does not hold, this goes on to the end and says of each what
can be done. Files of the tree follow from the entries: once the entries in the database were seen to lead to the signed
root, `repair` writes the files that differ. Nothing else is ever written; rows and signatures come from a backup.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from audit import merkle, tables
from audit.checkpoints import BadCheckpoint, Checkpoint
from audit.columns import id_in
from audit.mark import InconsistentLog
from audit.reconciliation import CHUNK, compare_columns, rows_between
from audit.recovery import CHECKPOINT, KEY, KEYS, size_of
from audit.tables import as_bytes, body_of
from audit.tiles import ENTRIES, WIDTH, Edge, checked_path, grow, tile_path
from audit.upkeep import Installation
from audit.verification import VerificationFailed, verify

RESTORE = "restore the newest backup of the database and the log's folder together"
FROM_FOLDER = "keep it: the bundles below tile/entries show what each row must hold"
REWRITE = "flask audit fsck --repair writes it again"
REMOVE = "flask audit fsck --repair removes it"
BY_HAND = "find out where it comes from; nothing here removes it"
CLOCK = "look after the machine's clock (NTP); the order of the entries does not depend on it"
PUBLISH = "restart the sequencer, which writes both; tell whoever took a key from there in the meantime"
LOOK = "stop the sequencer, keep a copy of everything, and compare it with the copies of witnesses and agencies"

Progress = Callable[[int, int], None]
"""Told how many entries of how many were looked at."""


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it must be, and what to do about it."""

    what: str
    mend: str


@dataclass
class Findings:
    """What an examination found. `files` are those that can be made again, by name, with the SHA-256 of what they must
    hold; `litter` are files that may go. `proven`: the entries in the database lead to the signed root."""

    size: int = 0
    faults: list[Fault] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    litter: list[Path] = field(default_factory=list)
    proven: bool = False

    def fault(self, what: str, mend: str) -> None:
        """Add one."""
        self.faults.append(Fault(what, mend))


def examine(log: Installation, progress: Progress, *, alone: bool) -> Findings:
    """Look at everything below the last signed checkpoint, and at the queue. Writes nothing.

    `alone`: no sequencer works meanwhile, so what lies beside the tree is nobody's.
    """
    found = Findings()
    signed = _heads(log, found)
    if signed is not None:
        found.size = signed.size
        _rows(log, signed, found, progress)
        if found.proven:
            for name, content in expected_files(log, signed.size):
                _file(log, name, content, found)
            _beside(log, found, alone)
        else:
            _folder_alone(log, found)
    _queue(log, found)
    return found


def repair(log: Installation, found: Findings) -> int:
    """Write again the files that differ and remove litter; how many.

    A file is written only if it is what the proven entries gave a moment ago. Raises `VerificationFailed` if not.
    """
    for name, content in expected_files(log, found.size) if found.files and found.proven else ():
        if name in found.files:
            if hashlib.sha256(content).digest() != found.files[name]:
                raise VerificationFailed(f"{name} would become another than a moment ago; nothing further is written")
            log.store.write({name: content})
    for path in found.litter:
        path.unlink(missing_ok=True)
    return len(found.files) + len(found.litter)


def expected_files(log: Installation, size: int) -> Iterator[tuple[str, bytes]]:
    """Every file of the tree of the first `size` entries of the database, without those that a larger one replaced."""
    last = {tile_path(ENTRIES, size // WIDTH, size % WIDTH)}
    last |= {tile_path(level, (size >> 8 * level) // WIDTH, (size >> 8 * level) % WIDTH) for level in range(8)}
    edge = Edge()
    for begin in range(0, size, CHUNK):
        rows = rows_between(log.engine, begin, min(begin + CHUNK, size))
        edge, files = grow(edge, [row["body"] for row in rows.values()])
        yield from ((name, content) for name, content in files.items() if ".p/" not in name or name in last)


def _heads(log: Installation, found: Findings) -> Checkpoint | None:
    """The checkpoints that must agree: the table's newest, the published one, the high-water mark."""
    with log.engine.begin() as connection:
        newest = select(tables.checkpoints).order_by(tables.checkpoints.c.size.desc()).limit(1)
        row, indexed = connection.execute(newest).first(), size_of(connection)
    signed = _opened(log, row.note if row else None, "the newest row of audit_checkpoint", found)
    if row and signed and row.size != signed.size:
        found.fault(f"the newest row of audit_checkpoint says {row.size} entries, its note {signed.size}", RESTORE)
    published = _opened(log, _text(log.store.read(CHECKPOINT)), "the published checkpoint", found)
    marked = _marked(log, found)
    for name, other in (("the published checkpoint", published), ("the high-water mark", marked)):
        if other and signed and other.size == signed.size and other.root != signed.root:
            found.fault(f"{name} has another root for {other.size} entries than audit_checkpoint", LOOK)
        if other and other.size > indexed:
            found.fault(f"{name} counts {other.size} entries, audit_entry holds {indexed}", RESTORE)
    if signed and signed.size > indexed:
        found.fault(f"audit_checkpoint counts {signed.size} entries, audit_entry holds {indexed}", RESTORE)
    if published and published.size > (signed.size if signed else 0):
        found.fault(f"{published.size} entries are published, of which audit_checkpoint knows nothing", RESTORE)
    if published:
        _keys(log, found)
    return signed


def _keys(log: Installation, found: Findings) -> None:
    """Whoever fetches the keys gets this log's own; just after a rotation the newest may not be among them yet."""
    shown = _vkeys(_text(log.store.read(KEYS))) | {(_text(log.store.read(KEY)) or "none").strip()}
    if strange := shown - _vkeys(log.signer.statement()):
        names = ", ".join(sorted(each[:60] for each in strange))
        found.fault(f"key or keys in the log's folder name what is not this log's key: {names}", PUBLISH)


def _vkeys(statement: str | None) -> set[str]:
    try:
        keys = json.loads(statement or "")["keys"]
        return {str(key[form]) for key in keys for form in ("ed25519", "ml_dsa_44") if key[form]}
    except (ValueError, LookupError, TypeError):
        return {"a statement that cannot be read"}


def _opened(log: Installation, note: str | None, name: str, found: Findings) -> Checkpoint | None:
    try:
        return log.signer.open(note) if note is not None else None
    except BadCheckpoint as bad:
        found.fault(f"{name} is not signed by this log's key: {bad}", LOOK)
        return None


def _marked(log: Installation, found: Findings) -> Checkpoint | None:
    try:
        return log.mark.read()
    except InconsistentLog as bad:
        found.fault(str(bad), LOOK)
        return None


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "replace")


def _rows(log: Installation, signed: Checkpoint, found: Findings, progress: Progress) -> None:
    """One reading: rows against their bytes, each kept checkpoint against the tree at its size, the last root."""
    edge, kept = merkle.CompactRange(), _kept(log, signed.size, found)
    at, root = next(kept, (-1, b""))
    for begin in range(0, signed.size, CHUNK):
        progress(begin, signed.size)
        rows = rows_between(log.engine, begin, min(begin + CHUNK, signed.size))
        for index in range(begin, min(begin + CHUNK, signed.size)):
            if index not in rows:
                found.fault(f"entry {index} is missing in audit_entry", RESTORE)
                return
            _row(rows[index], found)
            edge.append(merkle.leaf_hash(rows[index]["body"]))
            while edge.size == at:
                if edge.root() != root:
                    found.fault(
                        f"checkpoint {at} was signed for other entries than the first {at} of audit_entry", LOOK
                    )
                at, root = next(kept, (-1, b""))
    found.proven = edge.root() == signed.root


def _row(row: dict[str, Any], found: Findings) -> None:
    try:
        compare_columns(row)
    except VerificationFailed as wrong:
        found.fault(str(wrong), RESTORE)


def _kept(log: Installation, size: int, found: Findings) -> Iterator[tuple[int, bytes]]:
    """Size and root of each checkpoint that was signed, smallest first; says which row is not what its note says."""
    checkpoints, above, before = tables.checkpoints.c, 0, 0
    while True:
        chosen = select(tables.checkpoints).where(checkpoints.size > above, checkpoints.size <= size)
        with log.engine.begin() as connection:
            rows = connection.execute(chosen.order_by(checkpoints.size).limit(CHUNK)).mappings().all()
        for row in rows:
            note = _opened(log, row["note"], f"checkpoint {row['size']} in audit_checkpoint", found)
            if note and (note.size, note.root.hex()) != (row["size"], row["root"]):
                found.fault(
                    f"the row of checkpoint {row['size']} in audit_checkpoint is not what its note says", RESTORE
                )
            if row["t"] < before:
                found.fault(f"checkpoint {row['size']} is dated before a smaller one: the clock was set back", CLOCK)
            above, before = row["size"], row["t"]
            if note:
                yield note.size, note.root
        if not rows:
            return


def _file(log: Installation, name: str, content: bytes, found: Findings) -> None:
    """A file against what the entries give; instead of a partial one the full one may be there."""
    held = log.store.read(name)
    if held is None and ".p/" in name:
        held = (log.store.read(name.partition(".p/")[0]) or b"")[: len(content)] or None
    if held != content:
        found.files[name] = hashlib.sha256(content).digest()
        found.fault(f"{name} is {'missing' if held is None else 'not what the entries give'}", REWRITE)


def _beside(log: Installation, found: Findings, alone: bool) -> None:
    """Files that are not the tree's: left by a crash, older partial ones, what nobody knows."""
    for path in sorted((log.store.folder / "tile").rglob("*")):
        name = path.relative_to(log.store.folder).as_posix()
        if path.is_dir() or not (alone or ".p/" in name):
            continue
        if path.name.startswith(".") and path.name.endswith(".tmp"):
            _litter(path, f"{name} was left by a process that died", found)
        elif (address := _address(name)) is None:
            found.fault(f"{name} is no file of a log", BY_HAND)
        elif not _begins(log, *address, found):
            _litter(path, f"{name} is not the beginning of its full tile", found)


def _litter(path: Path, what: str, found: Findings) -> None:
    found.litter.append(path)
    found.fault(what, REMOVE)


def _address(name: str) -> tuple[str, int, int] | None:
    """Level, number and width of a tile from its file's name."""
    _, level, rest = name.split("/", 2) if name.count("/") >= 2 else ("", "", "")
    if checked_path(level, rest) != name:
        return None
    number, _, width = rest.partition(".p/")
    return level, int(number.replace("/x", "").replace("/", "").removeprefix("x")), int(width or WIDTH)


def _begins(log: Installation, level: str, number: int, width: int, found: Findings) -> bool:
    """Whether an older partial file is the beginning of what stands now; others were compared already, or are newer."""
    count = (found.size >> 8 * (0 if level == ENTRIES else int(level))) - number * WIDTH
    names = [tile_path(level, number, min(count, WIDTH)), tile_path(level, number)]
    if width >= min(count, WIDTH) or not found.files.keys().isdisjoint(names):
        return True
    stands = log.store.read(names[0]) or log.store.read(names[1]) or b""
    return stands.startswith(log.store.read(tile_path(level, number, width)) or b"")


def _folder_alone(log: Installation, found: Findings) -> None:
    """The entries in the database are not those that were signed: perhaps the folder still holds them."""
    found.fault("the entries in audit_entry do not lead to the signed root", RESTORE)
    try:
        size = verify(log.store.folder, log.signer.verifier.vkey()).size
        found.fault(f"the folder holds all {size} entries as they were signed", FROM_FOLDER)
    except VerificationFailed as failed:
        found.fault(f"the folder does not hold either: {failed}", LOOK)


def _queue(log: Installation, found: Findings) -> None:
    """What waits can be indexed: its id is in its bytes, and no other entry has it."""
    queue, entries = tables.queue.c, tables.entries.c
    chosen = select(queue.seq, queue.id, body_of(tables.queue)).order_by(queue.seq)
    same = select(entries.id, body_of(tables.entries)).where(entries.id.in_(select(queue.id)))
    with log.engine.begin() as connection:
        waiting = connection.execute(chosen).all()
        indexed = {row.id: as_bytes(row.body) for row in connection.execute(same)}
    for row in waiting:
        if id_in(as_bytes(row.body)) != row.id:
            found.fault(f"queued entry {row.seq} does not hold its id {row.id}", BY_HAND)
        if indexed.get(row.id, as_bytes(row.body)) != as_bytes(row.body):
            found.fault(f"queued entry {row.seq} has the id of another that is indexed: {row.id}", BY_HAND)
