"""What a large log costs, each measure beside its floor on the same entries."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pymerkle

from audit import lag, merkle
from audit.keys import load_signer
from audit.ledger import Ledger
from audit.locks import APPEND_LOCK, leadership, quick
from audit.mark import mark_of
from audit.recovery import CHECKPOINT
from audit.sequencer import LOG, PAUSE_S, Sequencer
from audit.tiles import WIDTH, TileStore, tile_path, unpack
from benchmarks import appends
from benchmarks.log_build import engine_of
from benchmarks.log_entries import chunk
from exchange import clock
from tests.makers.log_load import LogLoad
from tests.makers.server import ROOT

Figures = dict[str, float]

WAITING = 20_000
"""Entries that wait when sequencing is measured."""

PROOFS = 1_000
MERKLE_ENTRIES = 200_000
"""Entries of pymerkle's tree, which it keeps in memory and grows by about 20,000 a second."""


def size_of(folder: Path) -> int:
    """Entries under the log's signed head."""
    return int((folder / LOG / CHECKPOINT).read_text().split("\n")[1])


def sequencing(folder: Path) -> Figures:
    """Entries a second from queue to signed checkpoint, every index in place, no other writer."""
    engine = engine_of(folder)
    signer = load_signer(folder / "keys" / "log.key", "", create=False, now=clock.now)
    with leadership(engine, folder) as leader:
        if leader is None:
            raise RuntimeError("another process sequences this log")
        sequencer = Sequencer(leader, TileStore(folder / LOG), signer, mark_of(folder / "keys" / "log.key", signer))
        sequencer.catch_up(clock.now)
        made = chunk(10**9 + sequencer.size, 10**10, WAITING)
        with quick(engine.connect()) as connection, connection.begin():
            connection.exec_driver_sql("INSERT INTO audit_queue (id, body) VALUES (?, ?)", list(made))
        start = time.perf_counter()
        sequencer.catch_up(clock.now)
        took = time.perf_counter() - start
    engine.dispose()
    return {"per_second": WAITING / took}


def appending(folder: Path, seconds: float) -> Figures:
    """Durable appends by eight threads while a process of its own sequences them; and how far behind it ever was."""
    engine = engine_of(folder)
    ledger = Ledger(engine, folder / APPEND_LOCK)
    behind, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            with engine.connect() as connection:
                connection.exec_driver_sql("ROLLBACK")  # reading needs no write lock
                behind.append(lag.behind_s(connection, clock.milliseconds(clock.now())))

    with LogLoad(str(engine.url), folder, pause_s=PAUSE_S) as load:
        load.start("sequencer")
        time.sleep(2)
        watching = threading.Thread(target=watch)
        watching.start()
        rate = appends.rate(lambda: ledger.record(appends.entry()), seconds)
        ended.set()
        watching.join()
        load.end()
    ledger.close()
    engine.dispose()
    return {"per_second": rate, "worst_lag_s": max(behind)}


def proofs(folder: Path) -> Figures:
    """Inclusion proofs a second, read from the tiles, each anew; every one is checked afterwards."""
    size, store, dice = size_of(folder), TileStore(folder / LOG), random.Random(7)
    asked = [dice.randrange(size) for _ in range(PROOFS)]
    start = time.perf_counter()
    paths = [merkle.inclusion_path(index, size, store.node(size)) for index in asked]
    took = time.perf_counter() - start
    root, node = merkle.range_root(0, size, store.node(size)), store.node(size)
    for index, path in zip(asked, paths, strict=True):
        merkle.check_inclusion(node(0, index), index, size, path, root)
    return {"per_second": PROOFS / took, "ms": took / PROOFS * 1000}


def proofs_of_pymerkle(folder: Path) -> Figures:
    """The same by pymerkle from memory, over the log's first entries."""
    size, store, dice = min(size_of(folder), MERKLE_ENTRIES), TileStore(folder / LOG), random.Random(7)
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for number in range(size // WIDTH):
        for body in store.bundle(number, WIDTH):
            tree.append_entry(body)
    held = tree.get_size()
    start = time.perf_counter()
    for _ in range(PROOFS):
        tree.prove_inclusion(1 + dice.randrange(held), held)
    took = time.perf_counter() - start
    return {"per_second": PROOFS / took, "ms": took / PROOFS * 1000}


def verification(folder: Path) -> Figures:
    """Seconds and largest process of the offline verifier over all of it."""
    key = (folder / LOG / "key").read_text().strip()
    return _program([sys.executable, str(ROOT / "audit" / "verification.py"), str(folder / LOG), "--key", key])


def chain_verification(folder: Path) -> Figures:
    """The floor: read the same entries from the same files, one hash over the last hash and the entry."""
    return _program([sys.executable, "-m", "benchmarks.log_measures", str(folder)])


def _program(command: list[str]) -> Figures:
    start, most = time.perf_counter(), 0.0
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        most = max(most, _memory_mb(process.pid))
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f"{command[1]} ended with {process.returncode}")
    return {"seconds": time.perf_counter() - start, "memory_mb": most}


def _memory_mb(pid: int) -> float:
    """What a process and those it started hold now; pages that they share count for each."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        started = [
            int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()
        ]
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
        own = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        return own / 1024 + sum(_memory_mb(child) for child in started)
    return 0.0


def chain(folder: Path) -> bytes:
    """The last hash of a plain chain over a log's entries."""
    size, last = size_of(folder), b"\0" * 32
    for number in range(-(-size // WIDTH)):
        width = min(WIDTH, size - number * WIDTH)
        for body in unpack((folder / LOG / tile_path("entries", number, width)).read_bytes()):
            last = hashlib.sha256(last + body).digest()
    return last


def raw_sql(folder: Path) -> dict[str, Callable[[], Figures]]:
    """Plain statements for what the desk's pages show, on the same rows: the floor of a page."""
    dataset = most_named(folder, "dataset")
    statements = {
        "the last 50 entries": ("SELECT idx, t, body FROM audit_entry ORDER BY idx DESC LIMIT 50", ()),
        "the last 50 reads of the most read dataset": (
            "SELECT idx, t, body FROM audit_entry WHERE dataset = ? AND action = 'access:rows:intent' "
            "ORDER BY t DESC LIMIT 50", (dataset,),
        ),
        "the last 50 refusals": (
            "SELECT idx, t, body FROM audit_entry WHERE outcome = 'refused' ORDER BY t DESC LIMIT 50", (),
        ),
        "a count of all entries by act": ("SELECT action, count(*) FROM audit_entry GROUP BY action", ()),
    }  # fmt: skip
    return {name: lambda asked=asked: _asked(folder, *asked) for name, asked in statements.items()}  # type: ignore[misc]


def _asked(folder: Path, statement: str, values: tuple[str, ...]) -> Figures:
    with sqlite3.connect(f"file:{folder / 'charter-oak.db'}?mode=ro", uri=True) as connection:
        start = time.perf_counter()
        connection.execute(statement, values).fetchall()
        return {"ms": (time.perf_counter() - start) * 1000}


def most_named(folder: Path, member: str) -> str:
    """The value of this member that most of a bundle of late entries have."""
    size, store = size_of(folder), TileStore(folder / LOG)
    values: list[str] = [json.loads(body).get(member, "") for body in store.bundle(max(0, size // WIDTH - 100), WIDTH)]
    return max(filter(None, values), key=values.count)


if __name__ == "__main__":
    sys.stdout.write(chain(Path(sys.argv[1])).hex() + "\n")
