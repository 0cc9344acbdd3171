"""One locked-down DuckDB instance and the versions that it holds open (reference: engine.md §1.3)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from exchange.rows import shapes
from exchange.rows.plan.searching import SearchIndex
from exchange.rows.source import Source
from exchange.rows.watchdog import Watchdog

MAX_ATTACHED = 256
_LOCKS = (
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


@dataclass(frozen=True)
class Opened:
    """What opening a version gave: the bytes that it holds in memory, and the text index if it has one."""

    bytes: int = 0
    index: SearchIndex | None = None


Opening = Callable[[Any, Source, str], Opened]
"""Makes a version the relation `"<name>"."rows"` of a cursor's instance."""


@dataclass(eq=False)
class Held:
    """A version that is open."""

    key: str
    name: str
    opened: Opened
    uses: int = 0
    file: Path | None = None

    @property
    def relation(self) -> str:
        """What statements call it."""
        return f'"{self.name}"."rows"'


class Instance:
    """An instance that can read attached versions and nothing else: no file, no network, no extension, no setting."""

    def __init__(self, files: Path | None, memory: str, resident_bytes: int, opening: Opening) -> None:
        self.watchdog = Watchdog()
        self._opening = opening
        self._resident_bytes = resident_bytes
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._lock = threading.RLock()
        self._loading = threading.Lock()
        self._names = 0
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        shapes.install(self._connection)
        for statement in (*_limits(files, memory), *_LOCKS):
            self._connection.execute(statement)

    def cursor(self) -> Any:
        """A connection of one request's own; 18 µs."""
        with self._lock:
            return self._connection.cursor()

    def hold(self, source: Source) -> Held:
        """The version, open until `release`. Raises what opening the version raises."""
        key, file = _key(source)
        held = self._use(key)
        if held is None:
            with self._loading:
                held = self._use(key) or self._before(file) or self._open(key, source, file)
        return held

    def release(self, held: Held) -> None:
        """Say that one reader of the version is done."""
        with self._lock:
            held.uses -= 1
            self._shrink()

    def _use(self, key: str) -> Held | None:
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                held.uses += 1
                self._held.move_to_end(key)
            return held

    def _before(self, file: Path | None) -> Held | None:
        """What a file held that was replaced, while somebody reads it; else it is closed, and there is nothing."""
        with self._lock:
            held = next((each for each in self._held.values() if file is not None and each.file == file), None)
            if held is None:
                return None
            if held.uses:
                held.uses += 1
                return held
            self._close(held)
            return None

    def _close(self, held: Held) -> None:
        del self._held[held.key]
        with self._connection.cursor() as cursor:
            cursor.execute(f'DETACH "{held.name}"')

    def _open(self, key: str, source: Source, file: Path | None) -> Held:
        with self._lock:
            self._names += 1
            name = f"v{self._names}"
        with self.cursor() as cursor:
            opened = self._opening(cursor, source, name)
        with self._lock:
            held = self._held[key] = Held(key, name, opened, uses=1, file=file)
            self._shrink()
        return held

    def _shrink(self) -> None:
        """Close the least recently used versions that nobody reads, until the bounds hold."""
        total = sum(held.opened.bytes for held in self._held.values())
        for held in list(self._held.values()):
            if len(self._held) <= MAX_ATTACHED and total <= self._resident_bytes:
                return
            if held.uses == 0:
                total -= held.opened.bytes
                self._close(held)


def _key(source: Source) -> tuple[str, Path | None]:
    """Equal content in the same place, and the serving file if that is it.

    A serving file that appears, or is built anew with what it lacked, is used from the next request on.
    """
    try:
        served = source.file.stat() if source.file is not None else None
    except FileNotFoundError:
        served = None
    if served is not None:
        return f"{source.key} file {served.st_ino} {served.st_mtime_ns}", source.file
    return f"{source.key} {'parquet' if source.parquet is not None else 'memory'}", None


def _limits(files: Path | None, memory: str) -> tuple[str, ...]:
    folder = str(files.resolve()).replace("'", "''") if files is not None else ""
    return (
        f"SET memory_limit = '{memory}'",
        "SET temp_directory = ''",
        "SET TimeZone = 'UTC'",
        *((f"SET allowed_directories = ['{folder}']",) if files is not None else ()),
    )
