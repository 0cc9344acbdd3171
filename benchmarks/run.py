"""`make bench`: each workload beside the peer and its floors, in turn, in one run; writes `docs/performance.md`.

make bench                                       everything, 1 M and 10 M rows; about an hour and a half
make bench BENCH="--quick"                       one short round of 1 M rows; about seven minutes
make bench BENCH="--stay --large 0"              keeps the server's folder, so that the next run goes on in it
make bench BENCH="--rows 200000 --large 0"       another size, no large table
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import appends, beside, load, log_scale, peer, report, setting, tables, workloads
from benchmarks.results import Results
from tests.makers.server import ROOT, Server, serving

OURS, PEER = report.OURS, report.PEER
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
SCALED = ("page of 100 rows, one filter", "key look-up", "group by town", "filtered group by")
EXPORTED = "amount%3E2500"


def options() -> argparse.Namespace:
    """What was chosen at the command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--large", type=int, default=10_000_000, help="rows of the large table; 0 for none")
    parser.add_argument("--restricted", type=int, default=1_000_000, help="rows of the restricted table; 0 for none")
    parser.add_argument("--log", type=int, default=1_000_000, help="entries of the large log; 0 for none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--quick", action="store_true", help="one short round, no large table, a small restricted one")
    parser.add_argument("--no-peer", action="store_true", help="without Datasette")
    parser.add_argument("--only", default="", help="workloads whose name has this text")
    parser.add_argument("--keep", type=Path, default=ROOT / "var" / "bench", help="folder for figures, files and peer")
    parser.add_argument("--again", action="store_true", help="forget figures that were taken before")
    parser.add_argument("--stay", action="store_true", help="keep the server's folder, and go on in it if it is there")
    parser.add_argument(
        "--brief-large", action="store_true", help="the large table beside DuckDB alone, without places"
    )
    parser.add_argument("--no-report", action="store_true", help="print only")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds, chosen.large, chosen.restricted = 1, 1.5, 0, min(20_000, chosen.restricted)
        chosen.log = min(100_000, chosen.log)
    return chosen


def main() -> None:
    """Measure, report."""
    chosen = options()
    kept = chosen.keep / "results.json"
    if chosen.again:
        kept.unlink(missing_ok=True)
    named = {name: getattr(chosen, name) for name in ("rows", "rounds", "seconds")}
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # so that every server is ended
    signal.signal(signal.SIGHUP, lambda _number, _frame: sys.exit(1))
    results = Results(kept, named | {"peer": not chosen.no_peer})
    Bench(chosen, results).everything()
    text, picture = report.written(results, chosen)
    print(text)
    if not chosen.no_report:
        (ROOT / "docs" / "performance.md").write_text(text)
        if picture:
            (ROOT / "docs" / "performance.svg").write_text(picture)


class Bench:
    """One run. Servers run one beside the other; who is measured is the only one that is asked."""

    def __init__(self, chosen: argparse.Namespace, results: Results) -> None:
        self._chosen, self._results = chosen, results
        self._work = chosen.keep / ("stays" if chosen.stay else f"run-{os.getpid()}")

    def everything(self) -> None:
        """Every part; a part that fails as a whole is said and passed by."""
        self._work.mkdir(parents=True, exist_ok=True)
        try:
            self._part("log", self._appends)
            if self._chosen.log and self._wanted("log at scale"):
                self._part("log at scale", self._log)
            is_there = (self._work / "data" / "demo" / "credentials.json").exists()
            with serving(self._work / "data", demo=not is_there) as server:
                asked_before = any("restricted" in name for name in self._results.taken)
                if self._chosen.restricted and not (is_there and asked_before):
                    self._part("restricted", lambda: self._restricted(server))
                self._part("rows", lambda: self._rows(server, self._chosen.rows, whole=True))
                self._part("catalogue", lambda: self._catalogue(server))
                if self._chosen.large:
                    self._part("large", lambda: self._rows(server, self._chosen.large, whole=False))
                self._part("sizes", lambda: self._sizes(server))
                self._note("memory", "largest process after all of it", lambda: load.memory_mb(server.pid))
        finally:
            if not self._chosen.stay:
                subprocess.run(["rm", "-rf", self._work], check=False)

    def _part(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as problem:
            print(f"the part “{name}” ended early: {type(problem).__name__}: {problem}", flush=True)

    def _note(self, workload: str, who: str, value: Callable[[], float]) -> None:
        self._results.take(workload, who, 1, lambda _: {"value": value()})

    def _wanted(self, name: str) -> bool:
        return self._chosen.only in name

    def _figure(
        self, workload: str, who: str, asked: workloads.Paths, at: tuple[str, int], clients: int, **more: Any
    ) -> None:
        origin, pid = at

        def measure(number: int) -> dict[str, float]:
            first = (number + 1) * 1_000_000 + sum(map(ord, workload)) * 1_000
            load.run(origin, asked, clients=1, seconds=0.2, server_pid=pid, first=first - 1_000, **more)
            seconds = self._chosen.seconds
            return load.run(
                origin, asked, clients=clients, seconds=seconds, server_pid=pid, first=first, **more
            ).to_json()

        self._results.take(workload, who, self._chosen.rounds, measure)

    def _appends(self) -> None:
        name = "audit append, 8 writers, one process, SQLite"
        if not self._wanted(name):
            return

        def into(way: Callable[[Path, float], float]) -> Callable[[int], dict[str, float]]:
            def measure(number: int) -> dict[str, float]:
                place = self._work / f"append-{way.__name__}-{number}"
                place.mkdir(parents=True)
                return {"per_second": way(place, self._chosen.seconds)}

            return measure

        self._results.take(name, OURS, self._chosen.rounds, into(appends.ledger_appends))
        self._results.take(name, report.FILE, self._chosen.rounds, into(appends.file_appends))
        self._results.take(name, report.CHAINED, self._chosen.rounds, into(appends.chained_table_appends))
        self._results.take(
            name.replace("SQLite", "PostgreSQL"), OURS, self._chosen.rounds, into(appends.ledger_appends_postgresql)
        )

    def _log(self) -> None:
        results = Results(self._chosen.keep / "log-results.json", {})
        log_scale.measure(results, self._chosen.keep, self._chosen.log, self._chosen.seconds)

    def _restricted(self, server: Server) -> None:
        scene = setting.prepare(server, self._work, self._chosen.restricted)
        for name, asked in setting.workloads(scene).items():
            if not self._wanted(name):
                continue

            def measure(number: int, asked: setting.Workload = asked) -> dict[str, float]:
                asked.prepare(self._chosen.seconds)
                return load.run(
                    server.origin, lambda _: asked.path, clients=asked.clients, seconds=self._chosen.seconds,
                    server_pid=server.pid, headers=asked.headers, method=asked.method, body=asked.body,
                ).to_json()  # fmt: skip

            self._results.take(name, OURS, self._chosen.rounds, measure)

    def _rows(self, server: Server, rows: int, *, whole: bool) -> None:
        asked = [w for w in workloads.of_rows(rows) if self._wanted(w.name)]
        brief = self._chosen.brief_large and not whole
        took = beside.timed(lambda: tables.publish(server, rows, places=not brief))
        self._note("publishing", f"{rows:,} rows{'' if brief else ' and their places'}, seconds", lambda: took)
        folder = self._chosen.keep / f"floor-{rows}"
        tables.write_floor_files(folder, rows, only_columns=brief)
        beside.keep_bodies(server, folder, rows)
        label = "" if whole else f", {rows:,} rows"
        with self._others(folder, peer_too=not brief) as others:
            for workload in asked:
                if not brief:
                    self._one(server, workload, others, label)
                elif "circle" not in workload.name:
                    floors = {name: paths for name, paths in workload.floors.items() if name == workloads.DUCKDB}
                    self._one(server, replace(workload, floors=floors), others, label)
            if whole:
                self._one(server, workloads.cached(rows), others, "")
            self._exports(server, rows, others, label, folder)
            self._during(server, rows, label)

    def _one(
        self, server: Server, workload: workloads.Workload, others: dict[str, tuple[str, int]], label: str
    ) -> None:
        if not self._wanted(workload.name):
            return
        name = workload.name + label
        self._figure(name, OURS, workload.ours, (server.origin, server.pid), workload.clients)
        if workload.peer is not None and PEER in others:
            self._figure(name, PEER, workload.peer, others[PEER], workload.clients)
        for floor, paths in workload.floors.items():
            self._figure(name, floor, paths, others["floors"], workload.clients)

    @contextmanager
    def _others(self, folder: Path, *, peer_too: bool = True) -> Iterator[dict[str, tuple[str, int]]]:
        with ExitStack() as stack:
            others = {"floors": stack.enter_context(beside.floor_server(folder))}
            if peer_too and not self._chosen.no_peer:
                try:
                    command = peer.install(self._chosen.keep)
                    others[PEER] = stack.enter_context(peer.serving(command, folder / "floor.sqlite"))
                except (OSError, subprocess.CalledProcessError, AssertionError) as problem:
                    print(f"no Datasette in this run: {problem}", flush=True)
            yield others

    def _exports(self, server: Server, rows: int, others: dict[str, tuple[str, int]], label: str, folder: Path) -> None:
        id = tables.open_id(rows)
        for kind in ("csv", "json"):
            whole = f"/resource/{id}.{kind}?$limit={rows}" if rows <= 1_000_000 else f"/api/views/{id}/rows.{kind}"
            name = f"whole export, {kind.upper()}{label}"
            if self._wanted(name):
                self._transfer(name, OURS, (server.origin, server.pid), whole)
                self._transfer(name, report.STORED, others["floors"], f"/file/rows.{kind}")
                if PEER in others and kind == "csv" and self._chosen.seconds >= 2 and not label:
                    self._transfer(name, PEER, others[PEER], "/floor/rows.csv?_stream=on&_size=max", rounds=1)
            name = f"filtered export (half the rows), {kind.upper()}{label}"
            if self._wanted(name):
                some = f"/resource/{id}.{kind}?$where={EXPORTED}&$limit={min(rows, 1_000_000)}"
                self._transfer(name, OURS, (server.origin, server.pid), some)
                self._results.take(name, report.COPY, self._chosen.rounds, beside.copying(folder, kind))

    def _transfer(self, name: str, who: str, at: tuple[str, int], path: str, rounds: int = 0) -> None:
        def measure(_: int) -> dict[str, float]:
            with beside.watching_memory(at[1]) as most:
                cpu = load.cpu_seconds(at[1])
                seconds, size = load.seconds_of(at[0], path)
                cpu = load.cpu_seconds(at[1]) - cpu
            return {"seconds": seconds, "megabytes": size / 1e6, "cpu_ms": cpu * 1000, "memory_mb": most()}

        self._results.take(name, who, rounds or self._chosen.rounds, measure)

    def _during(self, server: Server, rows: int, label: str) -> None:
        """Pages while another reader takes a filtered export, again and again."""
        page = workloads.of_rows(rows)[0]
        name = "page of 100 rows during an export" + label
        if not self._wanted(name):
            return
        path = f"/resource/{tables.open_id(rows)}.csv?$where={EXPORTED}&$limit={min(rows, 1_000_000)}"
        self._figure(name, report.ALONE, page.ours, (server.origin, server.pid), 8)
        ended = threading.Event()

        def export() -> None:
            while not ended.is_set():
                load.seconds_of(server.origin, path)

        reader = threading.Thread(target=export, daemon=True)
        reader.start()
        time.sleep(0.3)
        try:
            self._figure(name, OURS, page.ours, (server.origin, server.pid), 8)
        finally:
            ended.set()
            reader.join(timeout=120)

    def _catalogue(self, server: Server) -> None:
        rows = self._chosen.rows
        tables.fill_catalogue(server, rows)
        folder = self._chosen.keep / f"floor-{rows}"
        beside.keep_bodies(server, folder, rows)
        with self._others(folder) as others:
            for workload in workloads.pages_for_people(rows):
                self._one(server, workload, others, "")

    def _sizes(self, server: Server) -> None:
        """The cost of four questions from 10,000 rows on, for the picture."""
        most = max(self._chosen.rows, self._chosen.large)
        for rows in (size for size in SIZES if size <= most):
            tables.publish(server, rows, places=False)
            for workload in workloads.of_rows(rows):
                if workload.name in SCALED and self._wanted("sizes"):
                    name = report.sized(workload.name, rows)
                    self._figure(name, OURS, workload.ours, (server.origin, server.pid), 8)


if __name__ == "__main__":
    main()
