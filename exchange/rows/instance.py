"""One locked-down DuckDB instance and the versions that it holds open (reference: engine.md §1.3)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

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


@dataclass(eq=False)
class _Held:
    name: str
    bytes: int
    uses: int = 0


class Instance:
    """An instance that can read attached versions and nothing else: no file, no network, no extension, no setting."""

    def __init__(self, files: Path | None, memory: str, resident_bytes: int) -> None:
        self.watchdog = Watchdog()
        self._resident_bytes = resident_bytes
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._lock = threading.RLock()
        self._loading = threading.Lock()
        self._names = 0
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        for statement in (*_limits(files, memory), *_LOCKS):
            self._connection.execute(statement)

    def cursor(self) -> Any:
        """A connection of one request's own; 18 µs."""
        with self._lock:
            return self._connection.cursor()

    def hold(self, source: Source) -> str:
        """The relation of a version, open until `release`. Raises what opening the version raises."""
        held = self._use(source.key)
        if held is None:
            with self._loading:
                held = self._use(source.key) or self._open(source)
        return f'"{held.name}"."rows"'

    def release(self, source: Source) -> None:
        """Say that one reader of the version is done."""
        with self._lock:
            held = self._held.get(source.key)
            if held is not None:
                held.uses -= 1
            self._shrink()

    def _use(self, key: str) -> _Held | None:
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                held.uses += 1
                self._held.move_to_end(key)
            return held

    def _open(self, source: Source) -> _Held:
        with self._lock:
            self._names += 1
            name = f"v{self._names}"
        size = self._attach(source, name) if source.file is not None else self._load(source, name)
        with self._lock:
            held = self._held[source.key] = _Held(name, size, uses=1)
            self._shrink()
        return held

    def _attach(self, source: Source, name: str) -> int:
        path = str(source.file).replace("'", "''")
        with self.cursor() as cursor:
            cursor.execute(f"ATTACH '{path}' AS \"{name}\" (READ_ONLY)")
        return 0

    def _load(self, source: Source, name: str) -> int:
        if source.load is None:
            raise ValueError(f"the source {source.key} has neither a file nor rows")
        table = source.load()
        with self.cursor() as cursor:
            cursor.execute(f"ATTACH ':memory:' AS \"{name}\"")
            cursor.register("incoming", table)
            cursor.execute(f'CREATE TABLE "{name}"."rows" AS SELECT * FROM incoming')
            cursor.unregister("incoming")
        return int(table.nbytes)

    def _shrink(self) -> None:
        """Close the least recently used versions that nobody reads, until the bounds hold."""
        total = sum(held.bytes for held in self._held.values())
        for key, held in list(self._held.items()):
            if len(self._held) <= MAX_ATTACHED and total <= self._resident_bytes:
                return
            if held.uses == 0:
                total -= held.bytes
                del self._held[key]
                with self._connection.cursor() as cursor:
                    cursor.execute(f'DETACH "{held.name}"')


def _limits(files: Path | None, memory: str) -> tuple[str, ...]:
    folder = str(files.resolve()).replace("'", "''") if files is not None else ""
    return (
        f"SET memory_limit = '{memory}'",
        "SET temp_directory = ''",
        "SET TimeZone = 'UTC'",
        *((f"SET allowed_directories = ['{folder}']",) if files is not None else ()),
    )
