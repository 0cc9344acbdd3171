"""gunicorn's configuration, named by `flask serve`.

A worker hands rows to the kernel faster than a slow reader takes them; what the kernel holds can no longer be called
back when a right ends. So that little is held, every connection's send buffer is kept small (invariant 3).
"""

from __future__ import annotations

import socket
from typing import Any

SEND_BUFFER = 128 * 1024
"""Bytes; Linux keeps twice as much. A reader 20 ms away still gets about 10 MB a second."""

worker_class = "gthread"
loglevel = "warning"
timeout = 120
graceful_timeout = 10


def when_ready(server: Any) -> None:
    """Called once the sockets listen; connections inherit the size."""
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
