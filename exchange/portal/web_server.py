"""gunicorn's configuration, named by `flask serve`.

A worker hands rows to the kernel faster than a slow reader takes them; what the kernel holds can no longer be called
back when a right ends. So that little is held, every connection's send buffer is kept small (invariant 3).

Addresses hold whole queries, so they may be longer than gunicorn likes; how long, `exchange.rows.limits` says, in JSON.
What never reaches the application, because its first lines cannot be read, is refused in JSON as well (soda.md §1, 7).
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http import message  # type: ignore[import-untyped]

SEND_BUFFER = 128 * 1024
"""Bytes; Linux keeps twice as much. A reader 20 ms away still gets about 10 MB a second."""

SILENCE_S = 20
"""Seconds that a client may neither send what it began nor take what it asked for, before it is cut off."""

LONGEST_LINE = 64 * 1024
"""Bytes of a request's first line that are read at all."""

UNREAD = {
    414: ("req.url.too-long", "The address is too long. Post the query to /api/v3/views/<id>/query.json."),
    431: ("req.headers.too-large", "The headers of this request are larger than this server reads. Send fewer."),
    500: ("internal-error", "The request failed. This is our fault, and it is in the server's log."),
}

worker_class = "gthread"
limit_request_line = message.MAX_REQUEST_LINE = LONGEST_LINE
loglevel = "warning"
timeout = 120
graceful_timeout = 10


def when_ready(server: Any) -> None:
    """Called once the sockets listen; connections inherit the size."""
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        for silence in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.sock.setsockopt(socket.SOL_SOCKET, silence, struct.pack("ll", SILENCE_S, 0))


def worker_exit(_server: Any, worker: Any) -> None:
    """Called when a worker has finished its requests; DuckDB's binding would fill the screen with its own affairs."""
    if worker.booted:  # one that could not start must still say so
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def refuse_unread(connection: socket.socket, status: int, reason: str, _details: str) -> None:
    """Answer a request that could not be read, in the form of soda.md §11; what it held is not repeated."""
    code, words = UNREAD.get(status, ("req.malformed", "This is no HTTP request that this server can read."))
    body = json.dumps({"code": code, "error": True, "errorCode": code, "message": words, "data": {}}) + "\n"
    head = (
        f"HTTP/1.1 {status} {reason}",
        "Connection: close",
        "Content-Type: application/json;charset=utf-8",
        "X-Content-Type-Options: nosniff",
        f"Content-Length: {len(body)}",
    )
    util.write_nonblock(connection, ("\r\n".join(head) + "\r\n\r\n" + body).encode("latin-1"))


util.write_error = refuse_unread
