"""What stands beside the server that is measured: the floors, a watch on memory, a copy by DuckDB itself."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from benchmarks import load, workloads
from tests.makers.server import ROOT, Server, free_port, wait_until


@contextmanager
def watching_memory(pid: int) -> Iterator[Callable[[], float]]:
    """Gives the growth of the largest process below this one, MiB, while the block runs."""
    before, seen, ended = load.memory_mb(pid, "VmRSS"), [0.0], threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            seen.append(load.memory_mb(pid, "VmRSS"))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield lambda: max(0.0, max(seen) - before)
    finally:
        ended.set()
        watcher.join()


@contextmanager
def floor_server(folder: Path) -> Iterator[tuple[str, int]]:
    """The floors under the same web server with as many workers and threads."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "benchmarks.floor:app", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", "2", "--threads", "8", "--worker-class", "gthread", "--no-control-socket"]
    command += ["--log-level", "warning", "--timeout", "600"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "FLOOR_FOLDER": str(folder)})
    try:
        wait_until(f"http://127.0.0.1:{port}/same/page")
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server; it is gone when this returns."""
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=30)


def keep_bodies(server: Server, folder: Path, rows: int) -> None:
    """Ask once for each page that the bare route repeats, and keep the bytes."""
    (folder / "bodies").mkdir(parents=True, exist_ok=True)
    for name, path in workloads.kept_bodies(rows).items():
        with urllib.request.urlopen(server.origin + path, timeout=60) as answer:
            (folder / "bodies" / f"{name}.json").write_bytes(answer.read())


def copying(folder: Path, kind: str) -> Callable[[int], dict[str, float]]:
    """Measures `_copy`."""
    return lambda _: {"seconds": _copy(folder, kind)}


def _copy(folder: Path, kind: str) -> float:
    """Seconds that DuckDB takes to write the filtered rows to a file, one thread."""
    form = "HEADER" if kind == "csv" else "FORMAT json, ARRAY true"
    with duckdb.connect(str(folder / "floor.duckdb"), read_only=True, config={"threads": 1}) as connection:
        some = "SELECT * FROM rows WHERE amount > 2500 LIMIT 1000000"
        return timed(lambda: connection.execute(f"COPY ({some}) TO '{folder / f'copied.{kind}'}' ({form})"))


def timed(work: Callable[[], object]) -> float:
    """Seconds that this took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
