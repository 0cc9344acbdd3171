"""gunicorn's configuration, named by `flask serve`.

A worker hands rows to the kernel faster than a slow reader takes them; what the kernel holds can no longer be called
back when a right ends. So that little is held, every connection's send buffer is kept small (invariant 3).
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from typing import Any

SEND_BUFFER = 128 * 1024
"""Bytes; Linux keeps twice as much. A reader 20 ms away still gets about 10 MB a second."""

SILENCE_S = 20
"""Seconds that a client may neither send what it began nor take what it asked for, before it is cut off."""

worker_class = "gthread"
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
