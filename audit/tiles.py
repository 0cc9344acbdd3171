"""The log as files after C2SP tlog-tiles: hash tiles, partial tiles and entry bundles.

`grow` is pure: it turns the right edge and new entries into file contents. `TileStore` writes them so that
a crash leaves either no file or the whole file, and reads hashes back for proofs.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit import merkle

WIDTH = 256
HEIGHT = 8
HASH = 32
ENTRIES = "entries"


class MissingTile(Exception):
    """A file that the tree needs is not there or is too short; the message names it."""


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """The address of a tile below the log's folder: `tile/<L>/<N>[.p/<W>]`, `level` "entries" for entry bundles."""
    parts = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        parts.insert(0, f"x{number % 1000:03d}")
    return f"tile/{level}/{'/'.join(parts)}" + (f".p/{width}" if width < WIDTH else "")


def checked_path(level: str, number: str) -> str | None:
    """The path below the log's folder of an address `<N>[.p/<W>]` that somebody sent; None if it is misspelt."""
    digits, _, width = number.partition(".p/")
    plain = digits.replace("/x", "").replace("/", "").removeprefix("x")
    if not (plain.isascii() and plain.isdigit() and (width or str(WIDTH)).isdecimal()):
        return None
    path = tile_path(level, int(plain), int(width or WIDTH))
    return path if path == f"tile/{level}/{number}" else None


def pack(bodies: Sequence[bytes]) -> bytes:
    """An entry bundle: each entry behind its length as a big-endian uint16."""
    return b"".join(len(body).to_bytes(2, "big") + body for body in bodies)


def unpack(bundle: bytes) -> tuple[bytes, ...]:
    """The entries of a bundle. Raises `MissingTile` if it ends inside an entry."""
    bodies, at = [], 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if end > len(bundle):
            raise MissingTile("an entry bundle ends inside an entry")
        bodies.append(bundle[at + 2 : end])
        at = end
    return tuple(bodies)


@dataclass(frozen=True)
class Edge:
    """All that is needed to grow a tree: the hashes of each level's partial tile and the partial bundle's entries."""

    size: int = 0
    levels: tuple[tuple[bytes, ...], ...] = ()
    bundle: tuple[bytes, ...] = ()

    def root(self) -> bytes:
        """The root of the tree whose edge this is."""
        subtrees: list[bytes] = []
        for hashes in reversed(self.levels):
            subtrees += _compact(hashes)
        return merkle.fold(subtrees)


def _compact(hashes: Sequence[bytes]) -> list[bytes]:
    edge = merkle.CompactRange()
    for value in hashes:
        edge.append(value)
    return edge.hashes


def grow(edge: Edge, bodies: Sequence[bytes]) -> tuple[Edge, dict[str, bytes]]:
    """The edge after these entries, and every file that they complete or change. Pure."""
    files: dict[str, bytes] = {}
    rest = _grow_bundles(edge, bodies, files)
    levels: list[tuple[bytes, ...]] = []
    incoming: Sequence[bytes] = [merkle.leaf_hash(body) for body in bodies]
    level = 0
    while incoming or level < len(edge.levels):
        held = edge.levels[level] if level < len(edge.levels) else ()
        left, incoming = _grow_level(level, edge.size >> HEIGHT * level, held, incoming, files)
        levels.append(left)
        level += 1
    return Edge(edge.size + len(bodies), tuple(levels), rest), files


def _grow_bundles(edge: Edge, bodies: Sequence[bytes], files: dict[str, bytes]) -> tuple[bytes, ...]:
    waiting, number = (*edge.bundle, *bodies), edge.size // WIDTH
    while len(waiting) >= WIDTH:
        files[tile_path(ENTRIES, number)] = pack(waiting[:WIDTH])
        waiting, number = waiting[WIDTH:], number + 1
    if waiting and bodies:
        files[tile_path(ENTRIES, number, len(waiting))] = pack(waiting)
    return waiting


def _grow_level(
    level: int, begin: int, held: Sequence[bytes], incoming: Sequence[bytes], files: dict[str, bytes]
) -> tuple[tuple[bytes, ...], list[bytes]]:
    """Add hashes to one level: what stays in its partial tile, and the roots of the tiles that became full."""
    waiting, number, parents = (*held, *incoming), begin // WIDTH, []
    while len(waiting) >= WIDTH:
        files[tile_path(level, number)] = b"".join(waiting[:WIDTH])
        parents.append(merkle.root_of(waiting[:WIDTH]))
        waiting, number = waiting[WIDTH:], number + 1
    if waiting and incoming:
        files[tile_path(level, number, len(waiting))] = b"".join(waiting)
    return waiting, parents


class TileStore:
    """The log's folder on a disk. One writer at a time; any number of readers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, files: Mapping[str, bytes]) -> None:
        """Make all files durable. When this returns, a crash can lose none of them."""
        touched: set[Path] = set()
        for name, content in files.items():
            path = self.folder / name
            self._make_folder(path.parent, touched)
            _replace(path, content)
            touched.add(path.parent)
        for folder in touched:
            _sync(folder)

    def drop_partials(self, files: Mapping[str, bytes]) -> None:
        """Remove the partial tiles whose full tile is among `files` (tlog-tiles, Partial Tiles: a log MAY)."""
        for name in files:
            if name.startswith("tile/") and ".p/" not in name:
                shutil.rmtree(self.folder / f"{name}.p", ignore_errors=True)

    def read(self, name: str) -> bytes | None:
        """One file, or None."""
        try:
            return (self.folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def hashes(self, level: int, number: int, width: int) -> tuple[bytes, ...]:
        """The first `width` hashes of a tile, from the partial or the full file. Raises `MissingTile`."""
        found = self.read(tile_path(level, number, width)) or self.read(tile_path(level, number))
        if found is None or len(found) < width * HASH:
            raise MissingTile(f"{tile_path(level, number, width)} is missing or too short")
        return tuple(found[i : i + HASH] for i in range(0, width * HASH, HASH))

    def bundle(self, number: int, width: int) -> tuple[bytes, ...]:
        """The first `width` entries of a bundle. Raises `MissingTile`."""
        found = self.read(tile_path(ENTRIES, number, width)) or self.read(tile_path(ENTRIES, number))
        bodies = unpack(found or b"")
        if len(bodies) < width:
            raise MissingTile(f"{tile_path(ENTRIES, number, width)} is missing or too short")
        return bodies[:width]

    def edge(self, size: int) -> Edge:
        """The right edge of the tree of `size` entries, read back from its files. Raises `MissingTile`."""
        levels = []
        for level in range((max(size, 1).bit_length() - 1) // HEIGHT + 1 if size else 0):
            count = size >> HEIGHT * level
            width = count % WIDTH
            levels.append(self.hashes(level, count // WIDTH, width) if width else ())
        return Edge(size, tuple(levels), self.bundle(size // WIDTH, size % WIDTH) if size % WIDTH else ())

    def node(self, size: int) -> merkle.Node:
        """The tree of `size` entries as `node(height, index)`, for proofs; remembers the tiles it has read."""
        seen: dict[tuple[int, int], tuple[bytes, ...]] = {}

        def node(height: int, index: int) -> bytes:
            level, within = divmod(height, HEIGHT)
            number, offset = divmod(index << within, WIDTH)
            if (level, number) not in seen:
                width = min(WIDTH, (size >> HEIGHT * level) - number * WIDTH)
                seen[level, number] = self.hashes(level, number, width)
            return merkle.root_of(seen[level, number][offset : offset + (1 << within)])

        return node

    def _make_folder(self, folder: Path, touched: set[Path]) -> None:
        """Create a folder; those that gained a name must be synced too, or the name itself can be lost."""
        missing = [level for level in (folder, *folder.parents) if not level.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        touched.update(level.parent for level in missing)


def _replace(path: Path, content: bytes) -> None:
    """Temporary name, fsync, rename: readers see the old file or the new one, never half of one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
