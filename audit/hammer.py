"""`flask audit hammer`: writers append as fast as they can while a checker reads what is published, like a stranger.

It holds the log to its promises under load: every entry that was acknowledged gets one index, is in the bundle and the
leaf tile at that index, and stays there; every checkpoint contains the one before it; nothing is published late without
being said. At the end the whole log is verified, with the checkpoints that were seen on the way.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue

from audit import merkle, sequencer
from audit.actions import Action, Outcome
from audit.columns import id_in
from audit.entry import Entry
from audit.ledger import Ledger, LogUnavailable
from audit.locks import APPEND_LOCK
from audit.mark import InconsistentLog
from audit.reconciliation import compare
from audit.recovery import CHECKPOINT
from audit.tiles import WIDTH, MissingTile
from audit.upkeep import Installation
from audit.verification import VerificationFailed, open_checkpoint, verify

PROOFS = 16
"""Inclusion proofs checked for each checkpoint, of entries chosen at random; the last look checks every entry."""

KEPT = 50
"""Checkpoints that are kept on the way, to be shown to the last look."""

WRITERS_A_LEDGER = 4
"""Threads that share a ledger, as those of a web worker do."""

PATIENCE_S = 60.0
"""How long acknowledged entries may stay unpublished once the writers have stopped."""


@dataclass(frozen=True)
class Acknowledged:
    """An entry that the log said is durable: its id, its leaf, when that was said and how long it took (seconds)."""

    id: str
    leaf: bytes
    at: float
    took_s: float


@dataclass
class Results:
    """What was seen. `failures` is empty if the log kept its promises; times are in seconds."""

    acknowledged: int = 0
    unavailable: int = 0
    checkpoints: int = 0
    proofs: int = 0
    seconds: float = 0.0
    lags: list[float] = field(default_factory=list)
    appends: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def share(values: Sequence[float], part: float) -> float:
    """The value that this part of all values does not exceed; 0 for none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


class Writers:
    """Threads that append until told to stop. What is acknowledged goes into `done`."""

    def __init__(self, log: Installation, count: int, now: Callable[[], datetime]) -> None:
        ledgers = -(-count // WRITERS_A_LEDGER)
        self._ledgers = [Ledger(log.engine, log.data_dir / APPEND_LOCK) for _ in range(ledgers)]
        self._stop, self._now = threading.Event(), now
        self.done: SimpleQueue[Acknowledged] = SimpleQueue()
        self.unavailable = 0
        self._threads = [threading.Thread(target=self._write, args=(i,), daemon=True) for i in range(count)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; when this returns, all that was appended is in `done`."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for ledger in self._ledgers:
            ledger.close()

    def _write(self, writer: int) -> None:
        count = 0
        while not self._stop.is_set():
            entry = Entry(Action.LOG_HAMMER_WRITE, Outcome.DONE, details={"writer": writer, "n": count}, at=self._now())
            begun = time.monotonic()
            try:
                self._ledgers[writer // WRITERS_A_LEDGER].record(entry)
            except LogUnavailable:  # back-pressure: nothing was promised
                self.unavailable += 1
                continue
            at, count = time.monotonic(), count + 1
            self.done.put(Acknowledged(entry.id, merkle.leaf_hash(entry.canonical()), at, at - begun))


class Checker:
    """Reads the published log like a stranger, and holds it to what it said before."""

    def __init__(self, log: Installation, results: Results, notes: Path) -> None:
        self._log, self._results, self._notes = log, results, notes
        self._waiting: dict[str, Acknowledged] = {}
        self._leaves: list[bytes] = []
        self._seen: dict[str, int] = {}
        self._root = merkle.EMPTY_ROOT
        self.kept: list[Path] = []

    @property
    def waiting(self) -> int:
        """Acknowledged entries that no checkpoint covers yet."""
        return len(self._waiting)

    def take(self, done: SimpleQueue[Acknowledged]) -> None:
        """Learn what was acknowledged meanwhile."""
        while True:
            try:
                entry = done.get_nowait()
            except Empty:
                return
            self.expect(entry)

    def expect(self, entry: Acknowledged) -> None:
        """An entry was acknowledged: it must be published, or already is."""
        self._results.acknowledged += 1
        self._results.appends.append(entry.took_s)
        if entry.id in self._seen:  # published before its writer heard of it
            self._match(entry, self._seen[entry.id], entry.at)
        else:
            self._waiting[entry.id] = entry

    def look(self) -> None:
        """Read the published checkpoint and, if it is a new one, what it adds."""
        note = (self._log.store.read(CHECKPOINT) or b"").decode("utf-8", "replace")
        if not note:
            return
        _, size, root = open_checkpoint(note, self._log.signer.verifier.vkey())
        old = len(self._leaves)
        if size == old and (root == self._root or old == 0):
            return
        seen = time.monotonic()
        self._consistent(old, size, root)
        for index, body in self._new(old, size):
            self._entry(index, body, seen)
        self._prove(size, root)
        self._keep(note, size)
        self._root = root

    def _consistent(self, old: int, size: int, root: bytes) -> None:
        self._results.checkpoints += 1
        if size < old or (size == old and root != self._root):
            raise VerificationFailed(f"after a checkpoint of {old} entries another of {size} was published")
        path = merkle.consistency_path(old, size, self._log.store.node(size))
        merkle.check_consistency(old, size, self._root, root, path)

    def _new(self, old: int, size: int) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        for number in range(old // WIDTH, -(-size // WIDTH)):
            bodies = self._log.store.bundle(number, min(WIDTH, size - number * WIDTH))
            found += [(index, body) for index, body in enumerate(bodies, number * WIDTH) if index >= old]
        return found

    def _entry(self, index: int, body: bytes, seen: float) -> None:
        name, leaf = id_in(body) or "", merkle.leaf_hash(body)
        if name in self._seen:
            raise VerificationFailed(f"entry {index} repeats entry {self._seen[name]}", index)
        self._seen[name] = index
        self._leaves.append(leaf)
        if name in self._waiting:
            self._match(self._waiting.pop(name), index, seen)

    def _match(self, entry: Acknowledged, index: int, seen: float) -> None:
        self._results.lags.append(max(0.0, seen - entry.at))
        if self._leaves[index] != entry.leaf:
            raise VerificationFailed(f"entry {index} is not what its writer wrote", index)

    def _prove(self, size: int, root: bytes) -> None:
        node = self._log.store.node(size)
        for index in random.sample(range(size), min(PROOFS, size)):  # every index's leaf was seen before
            merkle.check_inclusion(self._leaves[index], index, size, merkle.inclusion_path(index, size, node), root)
            self._results.proofs += 1

    def _keep(self, note: str, size: int) -> None:
        path = self._notes / f"checkpoint-{size}"
        path.write_text(note)
        self.kept = [*self.kept, path] if len(self.kept) < KEPT else [*self.kept[::2], path]

    def last_look(self) -> None:
        """Every entry against the tree and the database, and the tree against each checkpoint that was kept."""
        report = verify(self._log.store.folder, self._log.signer.verifier.vkey(), older=self.kept)
        if merkle.root_of(self._leaves) != report.root or len(self._leaves) != report.size:
            raise VerificationFailed("entries that were seen at an index are no longer those of the tree")
        compare(self._log.engine, self._log.store.folder, report.size)


def hammer(
    log: Installation, seconds: float, writers: int, now: Callable[[], datetime], progress: Callable[[Results], None]
) -> Results:
    """Write and check for this long; `progress` is told once a look. What does not hold is in the results' `failures`.

    The log must be one that may be filled: the entries stay. An interrupt ends the writing; the last look is made.
    """
    results, stop = Results(), threading.Event()
    leading = threading.Thread(
        target=sequencer.run, args=(log.engine, log.data_dir, log.signer, log.mark, stop, now), daemon=True
    )
    team = Writers(log, writers, now)
    with tempfile.TemporaryDirectory() as notes:
        checker = Checker(log, results, Path(notes))
        leading.start()
        team.start()
        try:
            _watch(checker, team, results, seconds, progress)
            team.stop()
            _settle(checker, team, leading)
            stop.set()
            leading.join()
            checker.look()
            checker.last_look()
        except (VerificationFailed, InconsistentLog, MissingTile, merkle.ProofError) as failed:
            results.failures.append(str(failed))
        finally:
            team.stop()
            stop.set()
            leading.join()
    results.unavailable = team.unavailable
    return results


def _watch(
    checker: Checker, team: Writers, results: Results, seconds: float, progress: Callable[[Results], None]
) -> None:
    begun = time.monotonic()
    try:
        while results.seconds < seconds:
            checker.take(team.done)
            checker.look()
            progress(results)
            time.sleep(0.05)
            results.seconds = time.monotonic() - begun
    except KeyboardInterrupt:
        results.seconds = time.monotonic() - begun


def _settle(checker: Checker, team: Writers, leading: threading.Thread) -> None:
    """What was acknowledged must be published."""
    until = time.monotonic() + PATIENCE_S
    checker.take(team.done)
    while checker.waiting:
        if time.monotonic() > until or not leading.is_alive():
            raise VerificationFailed(f"{checker.waiting} acknowledged entries were not published in {PATIENCE_S:.0f} s")
        time.sleep(0.05)
        checker.look()
