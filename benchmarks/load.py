"""A closed-loop load: some clients on kept connections, each sending the next request when the last is answered."""

from __future__ import annotations

import http.client
import os
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

Headers = Callable[[], dict[str, str]]


@dataclass(frozen=True)
class Figure:
    """What one workload did: requests a second, latencies in milliseconds, server CPU milliseconds a request."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    answers: int


def run(
    origin: str,
    path: str,
    *,
    clients: int,
    seconds: float,
    server_pid: int,
    headers: Headers = dict,
    method: str = "GET",
    body: Callable[[], bytes | None] = lambda: None,
) -> Figure:
    """Load one address. Any answer other than 200 ends the measurement with an error."""

    def send(connection: http.client.HTTPConnection) -> None:
        connection.request(method, path, body=body(), headers=headers())

    latencies: list[list[float]] = [[] for _ in range(clients)]
    failures: list[str] = []
    until = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=_client, args=(origin, send, until, latencies[number], failures))
        for number in range(clients)
    ]
    cpu, start = cpu_seconds(server_pid), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, cpu = time.perf_counter() - start, cpu_seconds(server_pid) - cpu
    if failures:
        raise RuntimeError(f"{path}: {failures[0]}")
    every = sorted(latency for one in latencies for latency in one)
    return Figure(
        per_second=len(every) / took,
        p50_ms=statistics.median(every) * 1000,
        p99_ms=every[min(len(every) - 1, int(len(every) * 0.99))] * 1000,
        cpu_ms=cpu / len(every) * 1000,
        answers=len(every),
    )


def _client(
    origin: str,
    send: Callable[[http.client.HTTPConnection], None],
    until: float,
    latencies: list[float],
    failures: list[str],
) -> None:
    connection = http.client.HTTPConnection(urlsplit(origin).netloc, timeout=60)
    while time.perf_counter() < until and not failures:
        start = time.perf_counter()
        send(connection)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            failures.append(f"{answer.status} {body[:300]!r}")
        latencies.append(time.perf_counter() - start)
    connection.close()


def cpu_seconds(pid: int) -> float:
    """Processor seconds used so far by a process and everything it started (Linux)."""
    ticks = os.sysconf("SC_CLK_TCK")
    children = _children()
    waiting, total = [pid], 0.0
    while waiting:
        one = waiting.pop()
        waiting += children.get(one, [])
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        total += sum(int(fields[position]) for position in (11, 12, 13, 14)) / ticks
    return total


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    return children


def memory_mb(pid: int) -> float:
    """The largest resident memory reached so far by any process below this one, MiB (Linux)."""
    children, waiting, most = _children(), [pid], 0.0
    while waiting:
        one = waiting.pop()
        waiting += children.get(one, [])
        for line in Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                most = max(most, int(line.split()[1]) / 1024)
    return most
