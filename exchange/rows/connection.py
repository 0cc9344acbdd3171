"""The connection by which an answer leaves, and how to break it off.

What has been handed to the kernel is still on its way to a slow reader. When a right ends the connection is reset, so
that what was not yet sent is thrown away instead of trickling out (invariant 3: a running stream stops within a
second). A reader who has gone is noticed while the query still computes, so that it stops and its thread is free.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
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


class ReaderGone(threading.Event):
    """Set once the client hung up; whoever asks `is_set` looks at the socket. It can also be set by hand.

    What a client sends ahead is left unread. A client that only closed its sending side counts as gone as well.
    """

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._poll = select.poll()
        self._poll.register(connection, select.POLLRDHUP | select.POLLHUP | select.POLLERR)

    def is_set(self) -> bool:
        """Whether nobody reads any more; a few microseconds."""
        if super().is_set():
            return True
        if self._poll.poll(0):
            self.set()
        return super().is_set()


def reader_gone(environ: Mapping[str, Any]) -> threading.Event:
    """An event that tells when the client of this request hangs up; never set where there is no socket."""
    connection = environ.get("gunicorn.socket")
    return ReaderGone(connection) if isinstance(connection, socket.socket) else threading.Event()
