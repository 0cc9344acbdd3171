"""A witness: it cosigns a log's checkpoint only if the log goes on from what this witness saw before.

C2SP tlog-witness, `add-checkpoint` and the monitor's retrieval. State is files in one folder: `witness.key` (mode
0600), `logs` (verifier keys of the logs it watches, one a line), `seen/<origin hash>` (the last checkpoint it
cosigned, with its lines) and `evidence/` (what a log signed that contradicts this).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from audit import merkle
from audit.checkpoints import (
    COSIGNED,
    ML_DSA_44,
    BadCheckpoint,
    Checkpoint,
    Verifier,
    is_name,
    open_with,
    parse_vkey,
    split,
    unb64,
)
from audit.locks import turn
from audit.mark import write_private
from audit.signing import key_file
from audit.signing.key_file import SEED, Key

TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"
MOST_HASHES = 63
MOST_EVIDENCE = 1_000
"""Pieces of evidence of each kind that are kept; the first matter most, and nobody may fill the witness's disk."""


@dataclass(frozen=True)
class Answer:
    """What an HTTP request gets."""

    status: int
    body: str
    kind: str = TEXT


@dataclass(frozen=True)
class Request:
    """A parsed `add-checkpoint`: the size the log believes was seen last, the proof, and the signed checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: str
    origin: str


class Witness:
    """One witness with its key, its logs and its memory."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._folder, self._now = folder, now
        self.key = key_file.read((folder / "witness.key").read_text())[0]

    def add(self, body: bytes) -> Answer:
        """Cosign a checkpoint, or say why not."""
        try:
            request = _parse(body)
        except (BadCheckpoint, UnicodeDecodeError) as wrong:
            return Answer(400, f"not an add-checkpoint request: {wrong}\n")
        keys = self.logs().get(request.origin)
        if keys is None:
            return Answer(404, "this witness does not watch a log of this origin\n")
        try:
            head = open_with(keys, request.note)
        except BadCheckpoint as wrong:
            return Answer(403, f"not signed by a key that this witness has for the log: {wrong}\n")
        if request.old > head.size:
            return Answer(400, "the old size is larger than the checkpoint's\n")
        try:
            with turn(self._folder / ".turn"):
                return self._compare(request, head, keys)
        except BadCheckpoint as wrong:
            return Answer(500, f"this witness's own record cannot be read; its operator must look: {wrong}\n")

    def seen(self, origin_hash: str) -> Answer:
        """The last checkpoint it cosigned of a log, for monitors."""
        known = {_hash(origin) for origin in self.logs()}
        path = self._folder / "seen" / origin_hash
        if origin_hash not in known or not path.exists():
            return Answer(404, "no checkpoint of such a log was cosigned here\n")
        return Answer(200, path.read_text())

    def logs(self) -> dict[str, tuple[Verifier, ...]]:
        """The logs it watches: origin to keys. Read anew each time, so that a line can be added while it runs."""
        found: dict[str, tuple[Verifier, ...]] = {}
        for line in (self._folder / "logs").read_text().splitlines():
            if line.strip() and not line.startswith("#"):
                verifier = parse_vkey(line)
                found[verifier.name] = (*found.get(verifier.name, ()), verifier)
        return found

    def _compare(self, request: Request, head: Checkpoint, keys: tuple[Verifier, ...]) -> Answer:
        note, before = self._last(head.origin, keys)
        if request.old != before.size:
            if head.size == before.size and head.root != before.root:
                self._keep("equivocation", head, note, request.note)
            return Answer(409, f"{before.size}\n", SIZE)
        try:
            merkle.check_consistency(before.size, head.size, before.root, head.root, request.proof)
            if head.size == 0 and head.root != merkle.EMPTY_ROOT:
                raise merkle.ProofError("the root of an empty tree is SHA-256 of nothing")
        except merkle.ProofError as wrong:
            kind = "equivocation" if head.size == before.size else "unproven"
            self._keep(kind, head, note, request.note)
            return Answer(422, f"the log does not go on from the {before.size} entries seen here: {wrong}\n")
        return self._cosign(request.note, head, keys)

    def _cosign(self, note: str, head: Checkpoint, keys: tuple[Verifier, ...]) -> Answer:
        """Durable before it is said."""
        text, lines = split(note)
        at = int(self._now().timestamp())
        own = "".join(private.line(text, at) for private in self.key.private)
        signed = [line for line in lines if line and any(_by(key, text, line) for key in keys)]
        write_private(self._folder / "seen" / _hash(head.origin), "\n".join((text, *signed)) + "\n" + own)
        return Answer(200, own)

    def _last(self, origin: str, keys: tuple[Verifier, ...]) -> tuple[str, Checkpoint]:
        path = self._folder / "seen" / _hash(origin)
        if not path.exists():
            return "", Checkpoint(origin, 0, merkle.EMPTY_ROOT)
        note = path.read_text()
        return note, open_with(self.key.verifiers, note)

    def _keep(self, kind: str, head: Checkpoint, seen: str, shown: str) -> None:
        """Both signed notes as one file, named by what they are; the same evidence is kept once.

        `equivocation` proves itself: one key, one size, two roots. `unproven` does not: anybody can send a true
        checkpoint with a wrong proof. Each kind has its own limit, so that the second cannot crowd out the first.
        """
        folder = self._folder / "evidence"
        path = folder / f"{kind}-{_hash(head.origin)[:12]}-{head.size}-{head.root.hex()[:16]}.txt"
        if not path.exists() and len(list(folder.glob(f"{kind}-*.txt"))) < MOST_EVIDENCE:
            write_private(path, f"cosigned here before:\n\n{seen}\nshown at {self._now().isoformat()}:\n\n{shown}")


def set_up(folder: Path, name: str, logs: tuple[str, ...], now: datetime) -> Key:
    """Make what is missing in a witness's folder; its key. Raises `BadCheckpoint` for a name or key that is none."""
    for part in ("seen", "evidence"):
        (folder / part).mkdir(parents=True, exist_ok=True, mode=0o700)
    path, watched = folder / "witness.key", folder / "logs"
    if not path.exists():
        if not is_name(name):
            raise BadCheckpoint("a witness needs a name without spaces or plus signs, such as witness.example.gov/one")
        seeds = [(COSIGNED, os.urandom(SEED)), (ML_DSA_44, os.urandom(SEED))]
        key_file.write(path, [key_file.make(name, seeds, now)])
    known = watched.read_text().splitlines() if watched.exists() else []
    new = [parse_vkey(log).vkey() for log in logs if log.strip() not in known]
    if new or not watched.exists():
        write_private(watched, "".join(f"{line}\n" for line in (*known, *new)))
    return key_file.read(path.read_text())[0]


def _parse(body: bytes) -> Request:
    head, separator, note = body.decode().partition("\n\n")
    first, *hashes = head.split("\n")
    size = first.removeprefix("old ")
    plain = size.isascii() and size.isdigit() and len(size) < 20 and size == str(int(size))
    if not separator or not first.startswith("old ") or not plain or len(hashes) > MOST_HASHES:
        raise BadCheckpoint("it begins with the old size, at most 63 hashes and an empty line")
    split(note)
    return Request(int(size), tuple(_hash_of(line) for line in hashes), note, note.split("\n", 1)[0])


def _hash_of(line: str) -> bytes:
    value = unb64(line)
    if len(value) != hashlib.sha256().digest_size:
        raise BadCheckpoint("a hash has 32 bytes")
    return value


def _by(key: Verifier, text: str, line: str) -> bool:
    return key.signed_at(f"{text}\n{line}\n") is not None


def _hash(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()
