"""The log's private key is in the sequencer's process and in no web worker: looked for in their memory."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.keys import read_keys
from tests.makers.server import Server


def test_no_web_worker_ever_holds_the_key(server: Server) -> None:
    [key] = read_keys(server.data_dir / "keys" / "log.key")
    secrets = [private.seed for private in key.private]
    secrets += [base64.b64encode(private.verifier.kind + private.seed) for private in key.private]
    assert len(secrets) == 4
    found: dict[str, set[bool]] = {}
    for pid in _below(server.pid):
        words = _words(pid)
        kind = "web" if b"gunicorn" in words else "sequencer" if b"sequence" in words else "other"
        found.setdefault(kind, set()).add(any(_holds(pid, secret) for secret in secrets))
        assert not _has_open(pid, server.data_dir / "keys" / "log.key") or kind == "sequencer"
    assert found["web"] == {False}
    assert found["sequencer"] == {True}, "what is looked for can be found"


def _below(pid: int) -> Iterator[int]:
    """All processes below this one."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            child = int(status.parent.name)
            yield child
            yield from _below(child)


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def _holds(pid: int, secret: bytes) -> bool:
    """Whether these bytes are in the memory that the process can write."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text()
        with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
            return any(secret in _part(memory.fileno(), line) for line in maps.splitlines())
    except PermissionError:
        pytest.skip("this account may not look into its own processes' memory")
    except OSError:
        return False


def _part(memory: int, line: str) -> bytes:
    place = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
    if place is None:
        return b""
    begin, end = (int(number, 16) for number in place.groups())
    try:
        return os.pread(memory, end - begin, begin)
    except OSError:
        return b""


def _has_open(pid: int, path: Path) -> bool:
    handles = Path(f"/proc/{pid}/fd")
    try:
        return any(os.path.realpath(handle) == str(path) for handle in handles.iterdir())
    except OSError:
        return False
