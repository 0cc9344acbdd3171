"""A process that holds the log's key and signs for another: `flask audit signer`, over a UNIX socket.

It signs checkpoints of its own log only, and remembers the largest: a smaller tree, or another root for the same size,
is refused whoever asks. One request and one answer a connection, each a line of JSON.
"""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from audit.checkpoints import BadCheckpoint, Checkpoint, parse
from audit.keys import KeyUnusable, load_signer
from audit.locks import turn
from audit.mark import InconsistentLog, mark_of

LONGEST = 65_536
"""Bytes of a request or an answer: a checkpoint with the lines of two keys has 7,000."""

PATIENCE_S = 5.0


class Guarded:
    """A key that signs no tree smaller or other than the largest it signed. The mark moves before a line leaves."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._keys = load_signer(path, "", create=False, now=now)
        self._mark = mark_of(path, self._keys)
        self._lock_file = path.with_name(f".{path.name}.signing")
        self._mark.read()

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What the other side of the socket hears: the keys and the mark, signature lines, or why not."""
        try:
            with turn(self._lock_file):
                lines = self._sign(str(asked["sign"])) if "sign" in asked else ()
                return {"keys": self._keys.statement(), "mark": self._mark.note(), "lines": lines}
        except (BadCheckpoint, InconsistentLog, KeyUnusable) as refused:
            return {"refused": str(refused)}

    def _sign(self, text: str) -> tuple[str, ...]:
        asked, stands = parse(text), self._mark.read()
        if asked.text() != text:
            raise BadCheckpoint("a checkpoint of this log has three lines")
        _refuse_less(asked, stands)
        lines = self._keys.sign(text)
        if asked != stands:
            self._mark.write(text + "\n" + "".join(lines))
        return lines


def _refuse_less(asked: Checkpoint, stands: Checkpoint) -> None:
    if asked.size < stands.size:
        raise InconsistentLog(f"{stands.size} entries were signed; a tree of {asked.size} is smaller and is not signed")
    if asked.size == stands.size and asked.root != stands.root:
        raise InconsistentLog(f"another root was signed for {stands.size} entries; this one is not signed")


class SigningServer(socketserver.ThreadingUnixStreamServer):
    """The socket. Only the key's own account may connect, or with `group` also the socket's group."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: Path, guarded: Guarded, *, group: bool = False) -> None:
        self.guarded = guarded
        path.unlink(missing_ok=True)
        before = os.umask(0o117 if group else 0o177)
        try:
            super().__init__(str(path), _Conversation)
        finally:
            os.umask(before)


class _Conversation(socketserver.StreamRequestHandler):
    timeout = PATIENCE_S
    server: SigningServer

    def handle(self) -> None:
        """One line in, one line out; whoever sends no request gets no answer."""
        try:
            asked = json.loads(self.rfile.readline(LONGEST))
        except (ValueError, OSError, RecursionError):
            return
        if isinstance(asked, dict):
            self.wfile.write(json.dumps(self.server.guarded.answer(asked)).encode() + b"\n")


def serve(key: Path, socket: Path, stop: threading.Event, now: Callable[[], datetime], *, group: bool = False) -> None:
    """Sign until `stop`. Raises `KeyUnusable` or `InconsistentLog` if key or mark cannot be used."""
    with SigningServer(socket, Guarded(key, now), group=group) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stop.wait()
        server.shutdown()
    socket.unlink(missing_ok=True)
