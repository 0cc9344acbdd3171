"""Witnesses as real processes on loopback, and a log for them to watch."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit import merkle
from audit.checkpoints import Checkpoint, Signer, Verifier, b64, parse_vkey, sign
from audit.posting import post
from audit.witness.__main__ import WitnessServer
from audit.witness.service import Witness, set_up
from tests.makers.audit import now

HOME = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Running:
    """A witness that answers: where, its keys and its folder."""

    url: str
    verifiers: tuple[Verifier, ...]
    folder: Path

    def add(self, body: str) -> tuple[int, str]:
        """`add-checkpoint` as it is."""
        status, answer = post(f"{self.url}/add-checkpoint", body.encode(), "text/plain", 10)
        return status, answer.decode()


@contextlib.contextmanager
def witness(folder: Path, logs: Sequence[str], name: str = "witness.example/one", port: int = 0) -> Iterator[Running]:
    """A witness in a process of its own, killed when the block ends."""
    options = [part for log in logs for part in ("--log", log)]
    command = [sys.executable, "-m", "audit.witness", str(folder), "--name", name, "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen([*command, *options], cwd=HOME, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        keys = [parse_vkey(process.stdout.readline().removeprefix("key ")) for _ in range(2)]
        watching = process.stdout.readline()
        assert watching.startswith("watching")
        yield Running(f"http://{watching.split()[-1]}", tuple(keys), folder)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def near_witness(folder: Path, logs: Sequence[str], name: str = "witness.example/near") -> Iterator[Running]:
    """The same over HTTP in a thread of this process, for tests that need no kill."""
    key = set_up(folder, name, tuple(logs), now())
    with WitnessServer(("127.0.0.1", 0), Witness(folder, now)) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield Running(f"http://127.0.0.1:{server.server_address[1]}", key.verifiers, folder)
        server.shutdown()


class Tree:
    """A log's tree in memory: leaves by number, or others from a number on (a fork)."""

    def __init__(self, origin: str, signer: Signer, fork_at: int | None = None) -> None:
        self.origin, self.signer, self._fork_at = origin, signer, fork_at

    def note(self, size: int) -> str:
        """The signed checkpoint of the first `size` leaves."""
        return sign(Checkpoint(self.origin, size, merkle.range_root(0, size, self._node)), self.signer)

    def request(self, old: int, size: int) -> str:
        """The body of `add-checkpoint`."""
        hashes = merkle.consistency_path(old, size, self._node)
        return "".join((f"old {old}\n", *(f"{b64(value)}\n" for value in hashes), "\n", self.note(size)))

    def _node(self, height: int, index: int) -> bytes:
        first = index << height
        return merkle.root_of(self._leaf(number) for number in range(first, first + (1 << height)))

    def _leaf(self, number: int) -> bytes:
        other = self._fork_at is not None and number >= self._fork_at
        return merkle.leaf_hash(f"{'other ' if other else ''}{number}".encode())
