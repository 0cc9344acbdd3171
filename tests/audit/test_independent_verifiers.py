"""Verifiers that share nothing with the writer accept the log, and refuse each way of tampering that they can see.

Four look at it: ours; Go's sumdb (checkpoint, tiles, every entry, kept checkpoints); pymerkle, which builds the tree anew
from the entries and never looks at tiles or signatures; sigstore's inclusion check, which is asked about every entry and
about those that the auditor holds, with paths read from the tiles, and never looks at signatures. What one cannot see is
said in `BLIND`, and in docs/audit-log.md.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pymerkle
import pytest
from flask import Flask

from audit import checkpoints, merkle
from audit.checkpoints import Checkpoint, FileSigner, parse
from audit.tiles import Edge, MissingTile, TileStore, grow, tile_path, unpack
from audit.verification import VerificationFailed, verify
from exchange.db import db
from tests.makers.audit import ORIGIN, make_intent, make_signer, sequence, write
from tests.makers.strangers import sigstore_inclusion, sumdb

SIZE, KEPT, HELD = 700, (400, 700), (3, 300, 690)
SIGNER = FileSigner(ORIGIN, b"\x05" * 32)
BODIES = [make_intent(columns=(str(i),)).canonical() for i in range(SIZE + 100)]
OTHER = make_intent(columns=("another",)).canonical()


class Refused(Exception):
    """A verifier does not accept the log."""


@dataclass
class Auditor:
    """What an auditor has: a copy of the folder and the key; checkpoints and entries that were kept from earlier."""

    folder: Path
    key: str = SIGNER.verifier.vkey()
    kept: list[Path] = field(default_factory=list)
    held: dict[int, bytes] = field(default_factory=dict)

    def head(self) -> Checkpoint:
        """What the checkpoint says, unchecked."""
        return parse((self.folder / "checkpoint").read_text(errors="replace"))


def ours(auditor: Auditor) -> None:
    """`verification.py`."""
    try:
        verify(auditor.folder, auditor.key, older=auditor.kept)
    except VerificationFailed as failed:
        raise Refused(str(failed)) from failed


def go(auditor: Auditor) -> None:
    """Go's `sumdb/note` and `sumdb/tlog`."""
    done = subprocess.run([sumdb(), auditor.folder, auditor.key, *auditor.kept], capture_output=True, text=True)
    if done.returncode:
        assert done.stderr.startswith("FAILED: "), done.stderr
        raise Refused(done.stderr)


def pymerkles(auditor: Auditor) -> None:
    """pymerkle's tree over the entries, its root at each size that somebody signed, and its consistency proofs."""
    head, tree = auditor.head(), pymerkle.InmemoryTree(algorithm="sha256")
    for body in _bodies(auditor.folder)[: head.size]:
        tree.append_entry(body)
    if tree.get_size() != head.size or tree.get_root() != head.root:
        raise Refused("the entries do not lead to the root")
    for kept in (parse(path.read_text()) for path in auditor.kept):
        if kept.size > head.size or tree.get_root(kept.size) != kept.root:
            raise Refused(f"the tree of {kept.size} is another")
        pymerkle.verify_consistency(kept.root, head.root, tree.prove_consistency(kept.size, head.size))


def sigstores(auditor: Auditor) -> None:
    """sigstore's check of every entry, and of each that the auditor holds at its index."""
    head, included, store = auditor.head(), sigstore_inclusion(), TileStore(auditor.folder)
    bodies = dict(enumerate(_bodies(auditor.folder)[: head.size])) | auditor.held
    for index in range(max(head.size, *bodies, 0)) if len(bodies) < head.size else bodies:
        try:
            path = merkle.inclusion_path(index, head.size, store.node(head.size))
        except (IndexError, MissingTile) as missing:
            raise Refused(str(missing)) from missing
        if not included(bodies.get(index, b""), index, head.size, path, head.root):
            raise Refused(f"entry {index} is not included")


def _bodies(folder: Path) -> list[bytes]:
    files = [path for path in (folder / "tile" / "entries").rglob("*") if path.is_file()]
    numbered = sorted((path for path in files), key=lambda path: path.relative_to(folder).as_posix())
    try:
        return [body for path in numbered for body in unpack(path.read_bytes())]
    except MissingTile as missing:
        raise Refused(str(missing)) from missing


VERIFIERS: dict[str, Callable[[Auditor], None]] = {"ours": ours, "Go": go, "pymerkle": pymerkles, "sigstore": sigstores}


def lay(folder: Path, bodies: list[bytes]) -> Path:
    """A signed log's folder with these entries."""
    edge, files = grow(Edge(), bodies)
    note = checkpoints.sign(Checkpoint(ORIGIN, edge.size, edge.root()), SIGNER)
    for name, content in {**files, "checkpoint": note.encode(), "key": SIGNER.verifier.vkey().encode()}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def auditor(tmp_path: Path) -> Auditor:
    """Somebody who kept checkpoints of 400 and 700 entries, and three entries, and gets a copy of the folder."""
    kept = [lay(tmp_path / f"at-{size}", BODIES[:size]) / "checkpoint" for size in KEPT]
    folder = lay(tmp_path / "log", BODIES[:SIZE])
    return Auditor(folder, kept=kept, held={index: BODIES[index] for index in HELD})


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def _forge(auditor: Auditor, bodies: list[bytes]) -> None:
    """The whole folder laid anew by somebody without the key: the checkpoint stays."""
    note = (auditor.folder / "checkpoint").read_bytes()
    for path in sorted((auditor.folder / "tile").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    lay(auditor.folder, bodies)
    (auditor.folder / "checkpoint").write_bytes(note)


def _sign(auditor: Auditor, bodies: list[bytes]) -> None:
    """The same by the log's own operator, who has the key."""
    _forge(auditor, bodies)
    lay(auditor.folder, bodies)


def _replaced(index: int, bodies: list[bytes]) -> list[bytes]:
    return [*bodies[:index], OTHER, *bodies[index + 1 :]]


TAMPERS: dict[str, Callable[[Auditor], None]] = {
    "flipped bit in an entry": lambda a: _flip(a.folder / tile_path("entries", 1), 100),
    "flipped bit in a leaf tile": lambda a: _flip(a.folder / tile_path(0, 1), 3200),
    "flipped bit in an upper tile": lambda a: _flip(a.folder / tile_path(1, 0, 2), 40),
    "flipped bit in the checkpoint's root": lambda a: _flip(a.folder / "checkpoint", len(ORIGIN) + 8),
    "flipped bit in the checkpoint's signature": lambda a: _flip(a.folder / "checkpoint", -20),
    "entry removed": lambda a: _forge(a, BODIES[:17] + BODIES[18:SIZE]),
    "last entry removed": lambda a: _forge(a, BODIES[: SIZE - 1]),
    "entry inserted": lambda a: _forge(a, [*BODIES[:17], OTHER, *BODIES[17:SIZE]]),
    "entry replaced": lambda a: _forge(a, _replaced(3, BODIES[:SIZE])),
    "entries reordered": lambda a: _forge(a, [BODIES[1], BODIES[0], *BODIES[2:SIZE]]),
    "tree rewound, signed by the log": lambda a: _sign(a, BODIES[:500]),
    "two trees of one size, both signed": lambda a: _sign(a, _replaced(3, BODIES[:SIZE])),
    "fork, signed and grown": lambda a: _sign(a, _replaced(300, BODIES)),
}

BLIND = {
    ("pymerkle", "flipped bit in a leaf tile"),
    ("pymerkle", "flipped bit in an upper tile"),
    ("pymerkle", "flipped bit in the checkpoint's signature"),
    ("sigstore", "flipped bit in the checkpoint's signature"),
}
"""What a verifier cannot see, as it never reads it: then it must accept, so that this list stays true."""


@pytest.mark.parametrize("name", VERIFIERS)
@pytest.mark.parametrize("tamper", TAMPERS)
def test_tampering_is_refused(auditor: Auditor, name: str, tamper: str) -> None:
    TAMPERS[tamper](auditor)
    if (name, tamper) in BLIND:
        VERIFIERS[name](auditor)
        return
    with pytest.raises(Refused):
        VERIFIERS[name](auditor)


@pytest.mark.parametrize("name", VERIFIERS)
def test_the_log_is_accepted(auditor: Auditor, tmp_path: Path, name: str) -> None:
    VERIFIERS[name](auditor)
    for size in (1, 2, 255, 256, 257):
        VERIFIERS[name](Auditor(lay(tmp_path / f"of-{size}", BODIES[:size])))


@pytest.mark.parametrize("name", VERIFIERS)
def test_the_log_of_the_application_is_accepted(app: Flask, tmp_path: Path, name: str) -> None:
    data_dir, kept = app.config["SETTINGS"].data_dir, tmp_path / "kept"
    write(db.engine, [make_intent() for _ in range(150)])
    sequence(db.engine, data_dir)
    kept.write_bytes((data_dir / "log" / "checkpoint").read_bytes())
    write(db.engine, [make_intent() for _ in range(150)])
    sequence(db.engine, data_dir)
    VERIFIERS[name](Auditor(data_dir / "log", make_signer(data_dir).verifier.vkey(), [kept]))


def test_the_specification_says_who_sees_what() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "audit-log.md").read_text()
    rows = re.findall(
        r"^\| ([^|]+) \| (refuses|–) \| (refuses|–) \| (refuses|–) \| (refuses|–) \|$", page, re.MULTILINE
    )
    said = {row[0]: {name for name, word in zip(VERIFIERS, row[1:], strict=True) if word == "–"} for row in rows}
    assert said == {tamper: {name for name, blind in BLIND if blind == tamper} for tamper in TAMPERS}
