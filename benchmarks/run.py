"""`make bench`: each workload beside its floor, in the same run, median of the rounds; writes `docs/performance.md`.

make bench BENCH="--rows 1000000 --rounds 3 --seconds 4"
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import appends, load, setting
from tests.makers.server import ROOT, Server, free_port, serving, wait_until

CLIENTS = 8
REPORT = ROOT / "docs" / "performance.md"


@dataclass(frozen=True)
class Line:
    """One line of the report: a workload, its figure, its floor's, and what the floor is."""

    name: str
    figure: str
    floor: str
    ratio: float
    floor_is: str


def main() -> None:
    """Parse, measure, report."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--no-report", action="store_true", help="print only")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = [*measure_appends(Path(folder), chosen), *measure_http(Path(folder), chosen)]
    text = report(lines, chosen)
    print(text)
    if not chosen.no_report:
        REPORT.write_text(text)


def measure_appends(folder: Path, chosen: argparse.Namespace) -> list[Line]:
    """Durable appends beside a hash-chained file with group commit on the same disk, in turn."""
    pairs = []
    for number in range(chosen.rounds):
        place = folder / f"append-{number}"
        place.mkdir()
        pairs.append(
            (
                appends.ledger_appends(place, chosen.seconds),
                appends.file_appends(place, chosen.seconds),
                appends.single_syncs(place, 1.0),
            )
        )
    ours, file, syncs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b, _ in pairs)
    return [
        Line(
            f"audit append, {appends.WRITERS} writers, one process, SQLite",
            f"{ours:,.0f}/s",
            f"{file:,.0f}/s",
            ratio,
            f"hash-chained file with group commit (this disk syncs {syncs:,.0f}/s)",
        )
    ]


def measure_http(folder: Path, chosen: argparse.Namespace) -> list[Line]:
    """Everything that goes over HTTP, against one running server and one floor server."""
    with serving(folder / "data") as server:
        scene = setting.prepare(server, folder, chosen.rows)
        bodies = setting.save_bodies(server, scene, folder / "bodies")
        with floor_server(bodies) as floor:
            measured = {
                name: [_round(server, floor, workload, chosen.seconds) for _ in range(chosen.rounds)]
                for name, workload in setting.workloads(scene).items()
            }
        lines = [_line(name, rounds) for name, rounds in measured.items()]
        lines += [_one_client(server, scene, count, chosen.rounds) for count in (100, 1000)]
        memory = load.memory_mb(server.pid)
    return [*lines, Line("memory, largest process after all of it", f"{memory:,.0f} MiB", "", 0.0, "")]


def _round(
    server: Server, floor: tuple[str, int], workload: setting.Workload, seconds: float
) -> tuple[load.Figure, load.Figure]:
    origin, pid = floor
    workload.prepare(seconds)
    ours = load.run(
        server.origin,
        workload.path,
        clients=workload.clients,
        seconds=seconds,
        server_pid=server.pid,
        headers=workload.headers,
        method=workload.method,
        body=workload.body,
    )
    least = load.run(origin, workload.floor, clients=workload.clients, seconds=seconds, server_pid=pid)
    return ours, least


def _line(name: str, rounds: list[tuple[load.Figure, load.Figure]]) -> Line:
    def middle(of: Callable[[tuple[load.Figure, load.Figure]], float]) -> float:
        return statistics.median(of(one) for one in rounds)

    figure = (
        f"{middle(lambda r: r[0].per_second):,.0f}/s, p50 {middle(lambda r: r[0].p50_ms):.1f} ms, "
        f"p99 {middle(lambda r: r[0].p99_ms):.1f} ms, CPU {middle(lambda r: r[0].cpu_ms):.2f} ms"
    )
    floor = f"{middle(lambda r: r[1].per_second):,.0f}/s, CPU {middle(lambda r: r[1].cpu_ms):.2f} ms"
    return Line(
        name,
        figure,
        floor,
        middle(lambda r: r[0].per_second / r[1].per_second),
        "bare Flask route, same server, same bytes",
    )


def _one_client(server: Server, scene: setting.Scene, count: int, rounds: int) -> Line:
    """An open page over HTTP beside the engine by itself in this process, in turn."""
    pairs = [(setting.one_at_a_time_ms(server, count), setting.raw_engine_ms(scene, count)) for _ in range(rounds)]
    ours, raw = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Line(
        f"open page of {count:,} rows, JSON, one client",
        f"{ours:.2f} ms",
        f"{raw:.2f} ms",
        statistics.median(b / a for a, b in pairs),
        "DuckDB in process: the same statement, rows as Arrow, no HTTP, no JSON",
    )


@contextmanager
def floor_server(bodies: Path) -> Iterator[tuple[str, int]]:
    """The floors under the same web server with the same workers."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "benchmarks.floor:app",
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "2",
        "--threads",
        "8",
        "--worker-class",
        "gthread",
        "--no-control-socket",
        "--log-level",
        "warning",
    ]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "FLOOR_BODIES": str(bodies)})
    try:
        wait_until(f"http://127.0.0.1:{port}/bare")
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)


def report(lines: list[Line], chosen: argparse.Namespace) -> str:
    """The report as Markdown."""
    return HEAD.format(
        rows=chosen.rows,
        rounds=chosen.rounds,
        seconds=chosen.seconds,
        cores=os.cpu_count(),
        python=platform.python_version(),
        lines="\n".join(_row(line) for line in lines),
        clients=CLIENTS,
        load=os.getloadavg()[2],
    )


def _row(line: Line) -> str:
    ratio = f"{line.ratio:.2f}" if line.ratio else ""
    return f"| {line.name} | {line.figure} | {line.floor} | {ratio} | {line.floor_is} |"


HEAD = """# What it costs

Written by `make bench BENCH="--rows {rows} --rounds {rounds} --seconds {seconds:g}"`; do not edit. The command works in
a fresh clone: it starts a server with the demo in a temporary folder, publishes an open and a restricted table of
{rows:,} rows and 11 columns, lets the demo's cast agree and grant, then measures. `--no-report` only prints.

Figures are medians of {rounds} rounds of {seconds:g} s; each workload and its floor take turns in one run on one
machine: {cores} cores, Python {python}, mean load of the last quarter of an hour {load:.1f} (above {cores}: others were
working too). The load generator runs on the same cores, with {clients} clients on kept connections unless the line says
otherwise; one-time proofs and assertions are signed before the measured time. **The ratio is the evidence**;
absolute figures move with the machine.

| Workload | Charter Oak | Floor | Ratio | The floor is |
|---|---|---|---|---|
{lines}

Ratio: Charter Oak's requests a second divided by the floor's; for times, the floor's time divided by ours. So 1.00
would be as fast as doing nothing. A bare route answers the very same bytes from memory: it looks nothing up, decides
nothing and records nothing. CPU is processor time of the server for one request, all its processes together.
"""

if __name__ == "__main__":
    main()
