"""The connection by which an answer leaves, and how to break it off.

What has been handed to the kernel is still on its way to a slow reader. When a right ends the connection is reset, so
that what was not yet sent is thrown away instead of trickling out (invariant 3: a running stream stops within a
second).
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

BreakOff = Callable[[], None]

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing discards what is unsent and tells the reader so (RST)."""


def nothing_to_break() -> None:
    """There is no socket: a test client, or another server than gunicorn."""


def breaker(environ: Mapping[str, Any]) -> BreakOff:
    """How to break off the connection of this request, from any thread; safe after it has ended."""
    connection = environ.get("gunicorn.socket")
    if not isinstance(connection, socket.socket):
        return nothing_to_break

    def break_off() -> None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            connection.shutdown(socket.SHUT_RDWR)

    return break_off
