"""A closed-loop load: some clients on kept connections, each sending the next request when the last is answered."""

from __future__ import annotations

import os
import socket
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Headers = Callable[[], dict[str, str]]
Paths = Callable[[int], str]
"""The address of the n-th request; n counts over all clients."""


@dataclass(frozen=True)
class Figure:
    """What one workload did: requests a second, latencies in milliseconds, server CPU milliseconds a request."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    answers: int

    def to_json(self) -> dict[str, Any]:
        """As it is kept between runs."""
        return asdict(self)


class Connection:
    """A kept HTTP/1.1 connection that does as little as possible itself, since it shares the server's processors."""

    def __init__(self, origin: str, timeout_s: float = 300.0) -> None:
        parts = urlsplit(origin)
        self._address = parts.hostname or "127.0.0.1", parts.port or 80
        self._host = parts.netloc
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None

    def ask(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, int, bytes]:
        """Status, bytes of the body, and the first bytes of it."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines += [f"Content-Length: {len(body)}"] if body is not None else []
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=self._timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + (body or b""))
        return self._read(self._socket)

    def _read(self, connection: socket.socket) -> tuple[int, int, bytes]:
        got = b""
        while (end := got.find(b"\r\n\r\n")) < 0:
            part = connection.recv(262_144)
            if not part:
                raise ConnectionError("the server closed the connection before it answered")
            got += part
        head, first = got[:end].decode("latin-1").lower(), got[end + 4 :]
        status = int(head.split(" ", 2)[1])
        size, tail, closed = len(first), first[-8:], False
        length = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), None)
        chunked = "transfer-encoding: chunked" in head
        while size < length if length is not None else not (chunked and tail.endswith(b"0\r\n\r\n")):
            part = connection.recv(262_144)
            if not part:
                closed = True
                break
            size, tail = size + len(part), (tail + part)[-8:]
        if closed and (length is not None or chunked):
            raise ConnectionError("the answer was broken off")
        if closed or "connection: close" in head:
            self.close()
        return status, size, first[:300]

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def run(
    origin: str,
    paths: Paths,
    *,
    clients: int,
    seconds: float,
    server_pid: int,
    headers: Headers = dict,
    method: str = "GET",
    body: Callable[[], bytes | None] = lambda: None,
    first: int = 0,
) -> Figure:
    """Load the addresses from number `first` on. Any answer other than 200 ends the measurement with an error."""
    latencies: list[list[float]] = [[] for _ in range(clients)]
    failures: list[str] = []
    until = time.perf_counter() + seconds

    def work(number: int) -> None:
        connection, count = Connection(origin), first + number
        try:
            while time.perf_counter() < until and not failures:
                path = paths(count)
                start = time.perf_counter()
                status, _, shown = connection.ask(path, method, headers(), body())
                if status != 200:
                    failures.append(f"{path}: {status} {shown!r}")
                latencies[number].append(time.perf_counter() - start)
                count += clients
        except OSError as problem:
            failures.append(f"{type(problem).__name__}: {problem}")
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    cpu, start = cpu_seconds(server_pid), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, cpu = time.perf_counter() - start, cpu_seconds(server_pid) - cpu
    if failures:
        raise RuntimeError(failures[0])
    every = sorted(latency for one in latencies for latency in one)
    return Figure(
        per_second=len(every) / took,
        p50_ms=statistics.median(every) * 1000,
        p99_ms=every[min(len(every) - 1, int(len(every) * 0.99))] * 1000,
        cpu_ms=cpu / len(every) * 1000,
        answers=len(every),
    )


def seconds_of(origin: str, path: str) -> tuple[float, int]:
    """How long one whole answer takes, and its bytes."""
    connection = Connection(origin)
    start = time.perf_counter()
    try:
        status, size, shown = connection.ask(path)
    finally:
        connection.close()
    if status != 200:
        raise RuntimeError(f"{path}: {status} {shown!r}")
    return time.perf_counter() - start, size


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
        except (FileNotFoundError, ProcessLookupError):
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


def memory_mb(pid: int, field: str = "VmHWM") -> float:
    """The largest resident memory of any process below this one, MiB (Linux): so far, or now with "VmRSS"."""
    children, waiting, most = _children(), [pid], 0.0
    while waiting:
        one = waiting.pop()
        waiting += children.get(one, [])
        try:
            lines = Path(f"/proc/{one}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for line in lines:
            if line.startswith(field):
                most = max(most, int(line.split()[1]) / 1024)
    return most
