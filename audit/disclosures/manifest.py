"""A manifest: whose records left by one reading, as sorted keyed hashes under a header. Its SHA-256 is in the log.

charter-oak/disclosures/v1
intent 019ecc3e-b802-7000-8000-000000000002
dataset q5np-7r2k
version 3
namespace student-id
secret 0f1e2d3c4b5a6978
kind records
ended whole
unnamed 0
subjects 2

(64 hexadecimal digits a line, ascending, each once)
"""

from __future__ import annotations

import binascii
import enum
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

FORMAT = "charter-oak/disclosures/v1"
HASH = 32
_NAMES = ("intent", "dataset", "version", "namespace", "secret", "kind")


class Kind(enum.StrEnum):
    """What left. `records`: rows, each of one record; those persons are listed and no others.

    `derived`: each row that left was made of several records, with no floor under their number; everybody is listed
    whose record met the query's conditions. `totals`: sums over at least the smallest cell; nobody is listed.
    """

    RECORDS = "records"
    DERIVED = "derived"
    TOTALS = "totals"


class Ended(enum.StrEnum):
    """`whole`: written when the reading ended. `broken`: put together later from the draft of a process that died;
    it may list persons whose rows were about to leave."""

    WHOLE = "whole"
    BROKEN = "broken"


class NotAManifest(ValueError):
    """A text is not a manifest in its one form, or not the one that was asked for."""


@dataclass(frozen=True)
class Head:
    """What a manifest is about: one reading of one version, and the secret under which its hashes were made."""

    intent: str
    dataset: str
    version: int
    namespace: str
    secret: str
    kind: Kind

    def text(self) -> str:
        """The lines of the header that are known when the reading begins."""
        return f"{FORMAT}\n" + "".join(f"{name} {getattr(self, name)}\n" for name in _NAMES)


@dataclass(frozen=True)
class Manifest:
    """A manifest in its canonical bytes. `unnamed` counts rows whose subject column was empty."""

    head: Head
    ended: Ended
    unnamed: int
    subjects: int
    body: bytes

    @cached_property
    def sha256(self) -> str:
        """What the outcome's entry says of it."""
        return hashlib.sha256(self.body).hexdigest()

    def lists(self, subject: bytes) -> bool:
        """Whether this person is on it."""
        return f"\n{subject.hex()}\n".encode() in self.body

    def hashes(self) -> Iterator[bytes]:
        """Everybody on it, ascending."""
        return apart(bytes.fromhex(self.body.decode("ascii").partition("\n\n")[2]))


def packed(subjects: Iterable[bytes]) -> bytes:
    """Hashes as `write` wants them, in whatever order and however often they come."""
    return b"".join(sorted(set(subjects)))


def apart(raw: bytes) -> Iterator[bytes]:
    """The hashes that lie one after the other; what is left of one at the end is no hash."""
    return (raw[at : at + HASH] for at in range(0, len(raw) - HASH + 1, HASH))


def write(head: Head, subjects: bytes, *, unnamed: int = 0, ended: Ended = Ended.WHOLE) -> Manifest:
    """The manifest over these hashes: each once, ascending, one after the other (`packed`)."""
    count = len(subjects) // HASH
    counts = f"ended {ended}\nunnamed {unnamed}\nsubjects {count}\n\n"
    listed = (binascii.hexlify(subjects, b"\n", HASH), b"\n") if count else ()
    return Manifest(head, ended, unnamed, count, b"".join(((head.text() + counts).encode(), *listed)))


def read(body: bytes) -> Manifest:
    """A manifest from its bytes. Raises `NotAManifest` for anything that `write` would not have written so."""
    try:
        top, _, listed = body.decode("ascii").partition("\n\n")
        head, facts = head_of(top)
        hashes = bytes.fromhex(listed)
        found = write(head, hashes, unnamed=int(facts["unnamed"]), ended=Ended(facts["ended"]))
    except (ValueError, KeyError) as wrong:
        raise NotAManifest("this is not a disclosure manifest") from wrong
    if found.body != body or packed(apart(hashes)) != hashes:
        raise NotAManifest("this is not a disclosure manifest in its canonical form")
    return found


def head_of(text: str) -> tuple[Head, dict[str, str]]:
    """The header and all its members. Raises `ValueError` or `KeyError` for another text."""
    first, *lines = text.split("\n")
    if first != FORMAT:
        raise NotAManifest(f"this is not of the form {FORMAT}")
    facts = dict(line.split(" ", 1) for line in lines if line)
    known = {name: facts[name] for name in _NAMES}
    return Head(**known | {"version": int(facts["version"]), "kind": Kind(facts["kind"])}), facts  # type: ignore[arg-type]
