"""Check a whole log that somebody hands you. Written from `docs/audit-log.md` alone; shares no code with the writer.

As a program:  python verification.py FOLDER [--key VKEY]
               python verification.py --proof FILE --entry FILE --key VKEY
Needs Python 3.11 and the `cryptography` package. Exit code 0 only if everything holds.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TILE = 256


class VerificationFailed(Exception):
    """The log does not hold. `index` is the first bad entry where one can be named."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


@dataclass(frozen=True)
class Report:
    """What was checked and holds."""

    origin: str
    key: str
    size: int
    root: bytes
    files: int


def verify(folder: Path, vkey: str | None = None) -> Report:
    """Check the signature, every entry, every hash tile and the root of the log in `folder`.

    `vkey` is the log's public key as you learnt it elsewhere; without it the folder's own `key` file is believed, which
    only shows that the log is whole, not whose it is. Raises `VerificationFailed`.
    """
    key = vkey or _text(folder / "key").strip()
    origin, size, root = open_checkpoint(_text(folder / "checkpoint"), key)
    leaves = _check_entries(folder, size)
    files = _check_tiles(folder, size, leaves)
    found = tree_root(leaves)
    if found != root:
        raise VerificationFailed(f"the entries lead to the root {_b64(found)}, but {_b64(root)} was signed")
    return Report(origin, key, size, root, files + -(-size // TILE) + 1)


def open_checkpoint(note: str, vkey: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint that `vkey` signed (signed-note, tlog-checkpoint)."""
    name, key_id, public = _parse_vkey(vkey)
    text, _, signatures = note.rpartition("\n\n")
    prefix = f"— {name} "
    for line in signatures.split("\n"):
        signature = _unb64(line.removeprefix(prefix)) if line.startswith(prefix) else b""
        if signature[:4] == key_id:
            _check_signature(public, signature[4:], (text + "\n").encode())
            return _parse_head(text, name)
    raise VerificationFailed(f"the checkpoint has no signature by {name} with key {key_id.hex()}")


def _check_signature(public: bytes, signature: bytes, text: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError) as wrong:
        raise VerificationFailed("the signature of the checkpoint is wrong") from wrong


def _parse_vkey(vkey: str) -> tuple[str, bytes, bytes]:
    name, _, rest = vkey.partition("+")
    hex_id, _, encoded = rest.partition("+")
    key = _unb64(encoded)
    key_id = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    if len(key) != 33 or key[0] != 1 or key_id.hex() != hex_id:
        raise VerificationFailed(f"{vkey!r} is not the text of an Ed25519 note key")
    return name, key_id, key[1:]


def _parse_head(text: str, name: str) -> tuple[str, int, bytes]:
    lines = text.split("\n")
    if len(lines) < 3 or not (lines[1].isascii() and lines[1].isdigit()) or lines[1] != str(int(lines[1])):
        raise VerificationFailed("the checkpoint does not have an origin, a size and a root")
    if lines[0] != name:
        raise VerificationFailed(f"the checkpoint is of the log {lines[0]!r}, the key of {name!r}")
    return lines[0], int(lines[1]), _unb64(lines[2])


def entries(folder: Path, size: int) -> Iterator[tuple[int, bytes]]:
    """Index and exact bytes of every entry below `size`, from the bundles."""
    for number in range(-(-size // TILE)):
        first = number * TILE
        width = min(TILE, size - first)
        bundle, held = _tile(folder, "entries", number, width, first)
        at = 0
        for index in range(first, first + width):
            end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
            if len(bundle) < at + 2 or len(bundle) < end:
                raise VerificationFailed(f"entry {index} is missing: its bundle ends before it", index)
            yield index, bundle[at + 2 : end]
            at = end
        if at != len(bundle) and held == width:
            raise VerificationFailed(f"the bundle of entries {first} to {index} has bytes after its end", first)
        _check_partials(folder, "entries", number, width, bundle)


def _check_entries(folder: Path, size: int) -> list[bytes]:
    """Each entry hashes to its leaf, can be read, and occurs once. Gives the leaf hashes."""
    leaves: list[bytes] = []
    seen: dict[str, int] = {}
    tile = b""
    for index, body in entries(folder, size):
        if index % TILE == 0:
            tile, _ = _tile(folder, "0", index // TILE, min(TILE, size - index), index)
        leaf = hashlib.sha256(b"\x00" + body).digest()
        if tile[index % TILE * 32 : index % TILE * 32 + 32] != leaf:
            raise VerificationFailed(f"entry {index} does not hash to its leaf: it was changed", index)
        identity = _id_of(body, index)
        if seen.setdefault(identity, index) != index:
            raise VerificationFailed(f"entry {index} repeats entry {seen[identity]}: {identity}", index)
        leaves.append(leaf)
    return leaves


def _id_of(body: bytes, index: int) -> str:
    try:
        return str(json.loads(body)["id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise VerificationFailed(f"entry {index} cannot be read", index) from None


def _check_tiles(folder: Path, size: int, leaves: Sequence[bytes]) -> int:
    """Every hash tile, and every partial tile that is still there, holds exactly the hashes of its subtrees."""
    hashes, level, files = list(leaves), 0, 0
    while hashes:
        for number in range(-(-len(hashes) // TILE)):
            _check_tile(folder, level, number, b"".join(hashes[number * TILE : (number + 1) * TILE]))
            files += 1
        hashes = [tree_root(hashes[i : i + TILE]) for i in range(0, len(hashes) - TILE + 1, TILE)]
        level += 1
    return files


def _check_tile(folder: Path, level: int, number: int, expected: bytes) -> None:
    width, span = len(expected) // 32, int(TILE**level)
    found, held = _tile(folder, str(level), number, width, number * TILE * span)
    for offset in range(width):
        if found[offset * 32 : offset * 32 + 32] != expected[offset * 32 : offset * 32 + 32]:
            index = (number * TILE + offset) * span
            raise VerificationFailed(f"{_path(str(level), number, held)} is wrong from entry {index} on", index)
    if len(found) != held * 32:
        raise VerificationFailed(f"{_path(str(level), number, held)} has {len(found)} bytes, not {held * 32}")
    _check_partials(folder, str(level), number, width, expected)


def _check_partials(folder: Path, level: str, number: int, width: int, whole: bytes) -> None:
    """Older partial files that were not removed must be beginnings of what stands now."""
    shelf = folder / f"{_path(level, number, TILE)}.p"
    for file in sorted(shelf.iterdir()) if shelf.is_dir() else ():
        if file.name.isdigit() and int(file.name) <= width and not whole.startswith(_bytes_or_nothing(file)):
            raise VerificationFailed(f"{file.relative_to(folder)} is not the beginning of its tile", number * TILE)


def _bytes_or_nothing(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:  # removed meanwhile by a log that goes on growing
        return b""


def _path(level: str, number: int, width: int) -> str:
    text = f"{number:03d}"
    text = text.zfill(-(-len(text) // 3) * 3)
    groups = [text[i : i + 3] for i in range(0, len(text), 3)]
    address = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return f"tile/{level}/{address}" + (f".p/{width}" if width < TILE else "")


def _tile(folder: Path, level: str, number: int, width: int, first: int) -> tuple[bytes, int]:
    """A tile's bytes and width; a partial one that was already removed is the beginning of the full one."""
    for held in dict.fromkeys((width, TILE)):
        try:
            return (folder / _path(level, number, held)).read_bytes(), held
        except (FileNotFoundError, NotADirectoryError):
            continue
    raise VerificationFailed(f"{_path(level, number, width)} is missing; it covers entries from {first} on", first)


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash over leaf hashes (RFC 6962 §2.1): pair neighbours, level by level; an odd one moves up."""
    row = list(leaves)
    if not row:
        return hashlib.sha256(b"").digest()
    while len(row) > 1:
        paired = [hashlib.sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        row = paired + (row[-1:] if len(row) % 2 else [])
    return row[0]


def verify_proof(proof: str, body: bytes, vkey: str) -> Report:
    """Check a `.tlog-proof` of one entry's exact bytes against a key. Raises `VerificationFailed`."""
    head, _, note = proof.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != "c2sp.org/tlog-proof@v1":
        raise VerificationFailed("this is not a tlog-proof")
    lines = [line for line in lines[1:] if not line.startswith("extra ")]
    number = lines[0].removeprefix("index ") if lines else ""
    if not (number.isascii() and number.isdigit()):
        raise VerificationFailed("the proof does not say which entry it is for")
    origin, size, root = open_checkpoint(note, vkey)
    index = int(number)
    _check_path(hashlib.sha256(b"\x00" + body).digest(), index, size, [_unb64(line) for line in lines[1:]], root)
    return Report(origin, vkey, size, root, 0)


def _check_path(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    """Climb from the leaf: at each row the neighbour is left, right or absent, as in `tree_root`."""
    position, width, found, rest = index, size, leaf, list(path)
    while width > 1 and position < width:
        alone = position == width - 1 and width % 2 == 1
        if not alone and not rest:
            raise VerificationFailed("the proof ends before the root", index)
        if not alone:
            other = rest.pop(0)
            pair = other + found if position % 2 else found + other
            found = hashlib.sha256(b"\x01" + pair).digest()
        position, width = position // 2, (width + 1) // 2
    if position >= width or rest or found != root:
        raise VerificationFailed(f"the proof does not lead from entry {index} to the signed root", index)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VerificationFailed(f"{path.name} cannot be read from {path.parent}") from error


def _unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; its exit code."""
    parser = argparse.ArgumentParser(description="Check a log, or a proof, offline.")
    parser.add_argument("folder", type=Path, nargs="?", help="the log's folder: checkpoint, key, tile/")
    parser.add_argument("--key", help="the log's public key, as you learnt it from somebody you trust")
    parser.add_argument("--proof", type=Path, help="a .tlog-proof file")
    parser.add_argument("--entry", type=Path, help="the entry's exact bytes")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.proof and chosen.entry and chosen.key:
            report = verify_proof(_text(chosen.proof), chosen.entry.read_bytes(), chosen.key)
        elif chosen.folder:
            report = verify(chosen.folder, chosen.key)
        else:
            parser.error("name a folder, or --proof, --entry and --key")
    except VerificationFailed as failed:
        sys.stderr.write(f"FAILED: {failed}\n")
        return 1
    sys.stdout.write(f"holds: {report.origin}\ntree size {report.size}\nroot {_b64(report.root)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
