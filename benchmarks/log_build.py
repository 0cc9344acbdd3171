"""A log of so many entries, built through what builds every log: queue, indexes, tallies, tiles, signed checkpoints.

python -m benchmarks.log_build FOLDER ENTRIES

The folder is that of a demo, migrated and loaded, so that pages can be asked over it. What is there is gone on with.
Two things are other than in production, so that ten million entries take minutes: no appends have to be let in between,
so that rounds index in one transaction, and the indexes for searching are made at the end, all entries at once.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, create_engine, func, select

from audit import tables
from audit.keys import load_signer
from audit.lag import waiting
from audit.locks import leadership, quick
from audit.mark import mark_of
from audit.sequencer import LOG, ROUND, Sequencer
from audit.tally import keeping
from audit.tiles import TileStore
from benchmarks.log_entries import CHUNK, chunk
from exchange import clock
from exchange.db import engine_options, prepare_engine
from tests.makers.server import environment, free_port, run_flask

FIRST = "first-built-entry"
"""A file that remembers how many entries the demo had left before the first of ours."""


@dataclass(frozen=True)
class Built:
    """A log that stands: its folder, its size, and seconds spent queueing and sequencing (0 if it was there)."""

    folder: Path
    size: int
    added: int
    queueing_s: float
    sequencing_s: float

    @property
    def engine(self) -> Engine:
        """Its database."""
        return engine_of(self.folder)


def engine_of(folder: Path) -> Engine:
    """The database in a folder, as the application opens it."""
    url = f"sqlite:///{folder / 'charter-oak.db'}"
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    return engine


def build_log(folder: Path, entries: int) -> Built:
    """A log of at least so many entries in a folder, begun, gone on with, or left as it is."""
    _prepare(folder)
    engine = engine_of(folder)
    signer = load_signer(folder / "keys" / "log.key", "bench/audit/log", create=True, now=clock.now)
    mark = mark_of(folder / "keys" / "log.key", signer)
    queueing = sequencing = 0.0
    with leadership(engine, folder) as leader:
        if leader is None:
            raise RuntimeError(f"another process sequences the log in {folder}")
        sequencer = Sequencer(leader, TileStore(folder / LOG), signer, mark, batch=ROUND)
        sequencer.catch_up(clock.now)
        begun, first = sequencer.size, _first(folder, sequencer.size)
        done, chunks = (begun - first) // CHUNK, -(-(entries - first) // CHUNK)
        if done < chunks:
            _search_indexes(engine, there=False)
        for made in _made(done, chunks):
            start = time.perf_counter()
            _queue(engine, made)
            queued = time.perf_counter()
            sequencer.catch_up(clock.now)
            queueing, sequencing = queueing + queued - start, sequencing + time.perf_counter() - queued
            _say(sequencer.size, entries, queueing + sequencing)
        size = sequencer.size
    start = time.perf_counter()
    keeping.catch_up(engine)
    sequencing += time.perf_counter() - start
    _search_indexes(engine, there=True)
    engine.dispose()
    return Built(folder, size, size - begun, queueing, sequencing)


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    variables = environment(folder, free_port())
    run_flask(variables, "migrate")
    if not (folder / "demo" / "credentials.json").exists():
        run_flask(variables, "demo", "load")


def _first(folder: Path, size: int) -> int:
    kept = folder / FIRST
    if not kept.exists():
        kept.write_text(str(size))
    return int(kept.read_text())


def _made(begin: int, end: int) -> Iterator[Sequence[tuple[str, bytes]]]:
    """The chunks, drawn by a process of its own, a few ahead of the one that writes."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        numbers = iter(range(begin, end))
        ahead = [pool.apply_async(chunk, (number, end)) for number in itertools.islice(numbers, 3)]
        while ahead:
            yield ahead.pop(0).get()
            ahead += [pool.apply_async(chunk, (number, end)) for number in itertools.islice(numbers, 1)]


def _search_indexes(engine: Engine, *, there: bool) -> None:
    """Make or drop the indexes that only searches need."""
    for index in sorted(tables.entries.indexes, key=lambda index: str(index.name)):
        with quick(engine.connect()) as connection, connection.begin():
            (index.create if there else index.drop)(connection, checkfirst=True)


def _queue(engine: Engine, made: Sequence[tuple[str, bytes]]) -> None:
    with quick(engine.connect()) as connection, connection.begin():
        connection.exec_driver_sql("INSERT INTO audit_queue (id, body) VALUES (?, ?)", list(made))


def _say(size: int, entries: int, seconds: float) -> None:
    if size // CHUNK % 10 == 0:
        print(f"{seconds:8.0f} s  {size:,} of {entries:,} entries", flush=True)


def main() -> None:
    """Build; say how fast."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("entries", type=int)
    chosen = parser.parse_args()
    built = build_log(chosen.folder, chosen.entries)
    with built.engine.connect() as connection:
        indexed = connection.execute(select(func.count()).select_from(tables.entries)).scalar_one()
        print(f"{indexed:,} entries, {waiting(connection)} waiting, {built.added:,} added: "
              f"{built.added / max(built.queueing_s, 0.001):,.0f}/s queued, "
              f"{built.added / max(built.sequencing_s, 0.001):,.0f}/s sequenced")  # fmt: skip


if __name__ == "__main__":
    main()
