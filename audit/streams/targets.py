"""Where a stream of entries goes: a file, syslog over TCP or TLS, RELP, or an HTTP collector.

`send` returns only when the receiver has taken all of it, as far as its protocol can say so; anything else raises, and
the same entries are sent again. A receiver may so see an entry twice, never not at all; the entry's id tells.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import SplitResult, urlsplit

from audit.streams.syslog import framed

PATIENCE_S = 20.0
"""How long a receiver may take to confirm a batch."""

TAIL = 65_536

SYSLOG_PORTS = {"syslog": 514, "syslog+tls": 6514, "relp": 2514}
TYPES = {"jsonl": "application/jsonl", "ocsf": "application/x-ndjson", "cef": "text/plain; charset=utf-8"}


class NotTaken(Exception):
    """The receiver did not confirm; the batch must be sent again."""


class UnknownTarget(ValueError):
    """An address to which entries cannot be sent; the message says which can be."""


class Target(Protocol):
    """Something that takes lines and confirms them."""

    def send(self, lines: Sequence[bytes]) -> None:
        """Hand over all lines. Raises `NotTaken` or `OSError` unless the receiver confirmed every one of them."""
        ...


@dataclass(frozen=True)
class FileTarget:
    """A file that grows; durable when `send` returns. Rotating it is the reader's business."""

    path: Path

    def send(self, lines: Sequence[bytes]) -> None:
        """Append and sync. A line that a crash cut short is taken back first; it is among those sent again."""
        with self.path.open("ab+") as handle:
            handle.truncate(_end_of_last_line(handle))
            handle.write(b"".join(line + b"\n" for line in lines))
            handle.flush()
            os.fsync(handle.fileno())


def _end_of_last_line(handle: IO[bytes]) -> int:
    """Where the last whole line of a file ends; 0 if it has none."""
    end = handle.seek(0, os.SEEK_END)
    while end > 0:
        begin = max(0, end - TAIL)
        handle.seek(begin)
        found = handle.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


@dataclass(frozen=True)
class SyslogTarget:
    """Syslog over TCP, octet-counted (RFC 6587 §3.4.1), with TLS as RFC 5425 has it.

    Syslog confirms nothing, so each batch has a connection of its own: we end our half, and take the receiver's end
    of the other half as its word that it has read everything.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def send(self, lines: Sequence[bytes]) -> None:
        """Send every message (RFC 5424, made by `syslog.message`) and wait for the receiver to have read them."""
        with _connect(self.host, self.port, self.tls) as connection:
            connection.sendall(b"".join(framed(line) for line in lines))
            if isinstance(connection, ssl.SSLSocket):
                _end_tls(connection)
                return
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass


@dataclass(frozen=True)
class RelpTarget:
    """The Reliable Event Logging Protocol, version 0: the receiver answers every message when it has taken it."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def send(self, lines: Sequence[bytes]) -> None:
        """Open, send all, wait for an answer of 200 to each, close."""
        with _connect(self.host, self.port, self.tls) as connection, connection.makefile("rb") as answers:
            commands = [b"relp_version=0\nrelp_software=charter-oak\ncommands=syslog", *lines]
            for number, data in enumerate(commands, start=1):
                command = b"open" if number == 1 else b"syslog"
                connection.sendall(b"%d %s %d %s\n" % (number, command, len(data), data))
                if number == 1:
                    _relp_answer(answers, 1)
            for number in range(2, len(commands) + 1):
                _relp_answer(answers, number)
            connection.sendall(b"%d close 0\n" % (len(commands) + 1))


@dataclass(frozen=True)
class HttpTarget:
    """A collector that takes POST: one batch is one body of lines, and 2xx is its word."""

    address: SplitResult
    content_type: str
    authorization: str = ""

    def send(self, lines: Sequence[bytes]) -> None:
        """POST the batch. Raises `NotTaken` for any answer but 2xx, redirects too."""
        kind = http.client.HTTPSConnection if self.address.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.address.hostname or "", self.address.port, timeout=PATIENCE_S)
        headers = {"Content-Type": self.content_type}
        if self.authorization:
            headers["Authorization"] = self.authorization
        path = (self.address.path or "/") + (f"?{self.address.query}" if self.address.query else "")
        try:
            connection.request("POST", path, b"".join(line + b"\n" for line in lines), headers)
            answer = connection.getresponse()
            answer.read()
        except http.client.HTTPException as error:
            raise NotTaken(f"{self.address.hostname} did not answer as HTTP: {type(error).__name__}") from error
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise NotTaken(f"{self.address.hostname} answered {answer.status} {answer.reason}")


def target_at(address: str, shape: str, authorization: str = "") -> Target:
    """The target that an address names. Raises `UnknownTarget`."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as wrong:
        raise UnknownTarget(f"{address} is not an address: {wrong}") from wrong
    if parts.scheme == "file" and parts.path:
        return FileTarget(Path(parts.path))
    if parts.scheme in ("http", "https") and parts.hostname:
        return HttpTarget(parts, TYPES[shape], authorization)
    if parts.scheme in SYSLOG_PORTS and parts.hostname:
        context = ssl.create_default_context() if parts.scheme.endswith("tls") else None
        kind = RelpTarget if parts.scheme == "relp" else SyslogTarget
        return kind(parts.hostname, port or SYSLOG_PORTS[parts.scheme], context)
    raise UnknownTarget(
        f"Entries cannot be sent to {address!r}. Name file:///path, syslog://host:514, syslog+tls://host:6514, "
        "relp://host:2514 or https://host/path."
    )


def speaks_syslog(address: str) -> bool:
    """Whether lines to this address are wrapped as syslog messages."""
    return urlsplit(address).scheme in SYSLOG_PORTS


def _connect(host: str, port: int, tls: ssl.SSLContext | None) -> socket.socket:
    plain = socket.create_connection((host, port), timeout=PATIENCE_S)
    return tls.wrap_socket(plain, server_hostname=host) if tls else plain


def _end_tls(connection: ssl.SSLSocket) -> None:
    """End our half and wait for the other; many receivers end the connection without TLS's own farewell."""
    with contextlib.suppress(ssl.SSLEOFError, ssl.SSLZeroReturnError):
        connection.unwrap()


def _relp_answer(answers: IO[bytes], number: int) -> None:
    """One answer: `<number> rsp <length> <data>` and a line end."""
    head = b""
    while head.count(b" ") < 3 and not head.endswith(b"\n"):
        byte = answers.read(1)
        if not byte:
            raise NotTaken("the receiver went away before it confirmed")
        head += byte
    fields = head.split()
    length = int(fields[2]) if len(fields) > 2 and fields[2].isdigit() else 0
    data = answers.read(length + 1) if length else b""
    if fields[:2] != [b"%d" % number, b"rsp"] or (data and not data.startswith(b"200")):
        raise NotTaken(f"the receiver refused message {number}: {data[:80].decode('ascii', 'replace').strip()}")
