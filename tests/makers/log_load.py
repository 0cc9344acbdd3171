"""Processes that write a log and one that sequences it, to be killed: each real, started in a moment by a fork server.

Every writer notes the id of an entry in its journal once the ledger acknowledged it, with one unbuffered write, so that
a killed writer's journal says exactly what it was told.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import FrameType

from sqlalchemy import ColumnElement, literal_column

from audit import deposing, sequencer
from audit.ledger import Ledger, LogUnavailable, Recorded
from audit.locks import APPEND_LOCK, LEADER_LOCK
from tests.audit.conftest import make_engine
from tests.makers.audit import make_intent, make_mark, make_signer, now

THREADS = 4
TRUE: ColumnElement[bool] = literal_column("1") == 1

_start = multiprocessing.get_context("forkserver")
_start.set_forkserver_preload([__name__])


def write(url: str, folder: Path, journal: Path) -> None:
    """Append without pause by some threads, in each of the ways there are, until told to stop."""
    stop = _told_to_stop()
    engine = make_engine(url)
    ledger = Ledger(engine, folder / APPEND_LOCK)
    handle = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def append(thread: int) -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            entry = make_intent(details={"number": number, "thread": thread})
            key = entry.salt * 2 if number % 3 == 0 else None
            try:
                recorded = ledger.record(entry, only_if=TRUE if number % 2 else None, replay_key=key)
            except LogUnavailable:
                time.sleep(0.05)
                continue
            if recorded is Recorded.WRITTEN:
                os.write(handle, f"{entry.id}\n".encode())
            time.sleep(0.002)  # two cores are shared by all of it

    threads = [threading.Thread(target=append, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.close()


def lead(url: str, folder: Path, lease_s: float, pause_s: float) -> None:
    """Sequence until told to stop; wait for the lead if another process has it."""
    sequencer.PAUSE_S, deposing.LEASE_S = pause_s, lease_s
    sequencer.run(make_engine(url), folder, make_signer(folder), make_mark(folder), _told_to_stop(), now)


def _told_to_stop() -> threading.Event:
    stop = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, tell)
    return stop


@dataclass
class LogLoad:
    """Writers and a sequencer on one log. `with` ends them all."""

    url: str
    folder: Path
    lease_s: float = 20.0
    pause_s: float = 0.02
    running: dict[str, ForkServerProcess] = field(default_factory=dict)

    def __enter__(self) -> LogLoad:
        make_mark(self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running.values():
            process.kill()
            process.join()

    def start(self, name: str, folder: Path | None = None) -> ForkServerProcess:
        """Start one: a name that begins with "writer" writes, any other leads or waits for it."""
        at = folder or self.folder
        if name.startswith("writer"):
            process = _start.Process(target=write, args=(self.url, at, self.journal(name)))
        else:
            process = _start.Process(target=lead, args=(self.url, at, self.lease_s, self.pause_s))
        process.start()
        self.running[name] = process
        return process

    def kill(self, name: str) -> None:
        """End one as the kernel does, without a word."""
        process = self.running[name]
        if process.pid is not None:
            os.kill(process.pid, signal.SIGKILL)
        process.join()

    def end(self) -> None:
        """Ask all to finish, and wait."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.join(30)

    def journal(self, name: str) -> Path:
        """Where a writer notes what was acknowledged."""
        return self.folder / f"{name}.journal"

    def acknowledged(self) -> list[str]:
        """Every id that any writer was told is durable."""
        return [id for path in self.folder.glob("writer*.journal") for id in path.read_text().split()]

    def checkpoint(self, folder: Path | None = None) -> str:
        """The signed head as it is published now; empty before the first."""
        path = (folder or self.folder) / sequencer.LOG / "checkpoint"
        return path.read_text() if path.exists() else ""

    def leader(self, folder: Path | None = None) -> int:
        """The process that leads; 0 if none ever did."""
        path = (folder or self.folder) / LEADER_LOCK
        words = path.read_text().split() if path.exists() else []
        return int(words[0]) if words else 0


def size_in(checkpoint: str) -> int:
    """How many entries a checkpoint counts."""
    return int(checkpoint.split("\n")[1]) if checkpoint else 0


def ids_of(bodies: list[bytes]) -> list[str]:
    """The ids that entries give themselves."""
    return [json.loads(body)["id"] for body in bodies]
