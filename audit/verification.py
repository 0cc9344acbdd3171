"""Check a whole log that somebody hands you. Written from `docs/audit-log.md` alone; shares no code with the writer.

    python verification.py FOLDER --key KEY [--policy FILE] [--older CHECKPOINT] [--manifest FILE]
    python verification.py --proof FILE --entry FILE --key KEY [--policy FILE]

Needs Python 3.11 and the `cryptography` package. Exit code 0 only if everything holds. Memory: about 10 bytes an entry.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import json
import multiprocessing
import os
import sys
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
except ImportError:  # an older `cryptography`
    MLDSA44PublicKey = None  # type: ignore[assignment,misc]

TILE, SHARE = 256, 64 * 256  # entries in a tile; entries that a process checks at a time
Paths = Sequence[Path]
KEY_BYTES = {1: 32, 4: 32, 6: 1312}  # signature types of C2SP signed-note: Ed25519, its cosignature, ML-DSA-44


class VerificationFailed(Exception):
    """The log does not hold. `index` is the first bad entry where one can be named."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class Report(NamedTuple):
    """What was checked and holds. `named` says which entry names each manifest."""

    origin: str
    key: str
    size: int
    root: bytes
    files: int
    named: dict[Path, int] = {}  # noqa: RUF012 - never changed


def verify(
    folder: Path, key: str = "", policy: str = "", older: Paths = (), named: Paths = (), jobs: int = 1
) -> Report:
    """Check signatures, every entry, every hash tile and the root of the log in `folder`. Raises `VerificationFailed`.

    `key` is the log's public key as you learnt it elsewhere, or several, with spaces between, that must all sign;
    without it and a policy, the folder's own `key` file is believed, which only shows that the log is whole, not whose.
    `older` are checkpoints that you kept, `named` manifests that an entry must name. With `jobs` above 1 it forks.
    """
    keys = key or ("" if policy else _text(folder / "key").strip())
    origin, size, root = open_checkpoint(_text(folder / "checkpoint"), keys, policy)
    if policy:
        cosigned = next(path for path in (folder / "checkpoint.cosigned", folder / "checkpoint") if path.exists())
        check_quorum(_text(cosigned), policy)
        older = [*older, cosigned]
    wanted = {path: f'"manifest":"{hashlib.sha256(_read(path)).hexdigest()}"'.encode() for path in named}
    roots, found = _check_entries(str(folder), size, tuple(wanted.values()), jobs)
    files = _check_upper_tiles(str(folder), size, roots)
    for path in older:
        _check_older(path, [*keys.split(), *_logs(policy)], str(folder), size, roots)
    if tree_root(roots) != root:
        raise VerificationFailed(f"the entries lead to the root {tree_root(roots).hex()}, but {root.hex()} was signed")
    for path, text in wanted.items():
        if text not in found:
            raise VerificationFailed(f"no entry names the manifest {path}: none holds {text.decode()}")
    return Report(origin, keys, size, root, files + 1, {path: found[text] for path, text in wanted.items()})


def open_checkpoint(note: str, keys: str, policy: str = "") -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint that all `keys` signed, or a log of the policy."""
    origin, size, root = _head(note)
    signers = keys.split() or [vkey for vkey in _logs(policy) if signed_by(note, vkey)]
    for vkey in signers or ["of a log that the policy lists"]:
        if not signers or not signed_by(note, vkey):
            raise VerificationFailed(f"the checkpoint has no signature by the key {vkey[:90]}")
        if not vkey.startswith(f"{origin}+"):
            raise VerificationFailed(f"the checkpoint is of the log {origin!r}, which is not the key's: {vkey[:90]}")
    return origin, size, root


def signed_by(note: str, vkey: str) -> bool:
    """Whether the note has a signature by this key (C2SP signed-note, tlog-cosignature). Raises if it is wrong."""
    name, hex_id, encoded = [*vkey.split("+", 2), "", ""][:3]
    kind, public = (key := _unb64(encoded) or b"\0")[0], key[1:]
    key_id = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    if len(public) != KEY_BYTES.get(kind) or key_id.hex() != hex_id:
        raise VerificationFailed(f"{vkey[:90]!r} is not the text of an Ed25519 or ML-DSA-44 note key")
    text, _, signatures = note.rpartition("\n\n")
    lines = [line.removeprefix(f"— {name} ") for line in signatures.split("\n") if line.startswith(f"— {name} ")]
    found = next((raw[4:] for raw in map(_unb64, lines) if raw[:4] == key_id), None)
    if found is None:
        return False
    try:
        _check_signature(name, kind, public, found, text + "\n")
    except (InvalidSignature, ValueError) as wrong:
        raise VerificationFailed(f"the signature of the checkpoint by {name} is wrong") from wrong
    except UnsupportedAlgorithm as lacking:
        raise VerificationFailed(
            f"the signature by {name} was NOT checked: `cryptography` lacks ML-DSA-44"
        ) from lacking
    return True


def _check_signature(name: str, kind: int, public: bytes, found: bytes, text: str) -> None:
    if kind == 1:
        return Ed25519PublicKey.from_public_bytes(public).verify(found, text.encode())
    stamp, signature = found[:8], found[8:]
    origin, size, root = _head(text)
    if name != origin and not any(stamp):
        raise VerificationFailed(f"the cosignature by {name} does not say when it was made")
    if kind == 4:
        message = f"cosignature/v1\ntime {int.from_bytes(stamp, 'big')}\n{text}".encode()
        return Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    if MLDSA44PublicKey is None:
        raise UnsupportedAlgorithm("ML-DSA-44")
    names = [bytes([len(part.encode())]) + part.encode() for part in (name, origin)]
    message = b"subtree/v1\n\0" + names[0] + stamp + names[1] + bytes(8) + size.to_bytes(8, "big") + root
    return MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)


def _head(note: str) -> tuple[str, int, bytes]:
    origin, size, root = [*note.split("\n", 3), "", ""][:3]
    if not (size.isascii() and size.isdigit() and size[:20] == str(int(size[:20]))) or len(_unb64(root)) != 32:
        raise VerificationFailed("the checkpoint does not have an origin, a size and a root")
    return origin, int(size), _unb64(root)


def _logs(policy: str) -> list[str]:
    return [words[1] for words in map(str.split, policy.split("\n")) if words[:1] == ["log"] and words[1:]]


def check_quorum(note: str, policy: str) -> None:
    """Whether enough witnesses cosigned the note (C2SP tlog-policy)."""
    met, quorum, publics = {"none": True}, "", list[bytes]()
    for words in map(str.split, policy.split("\n")):
        match words:
            case ["witness", name, vkey, *_] if name not in met and _unb64(vkey.split("+", 2)[-1])[1:] not in publics:
                met[name] = signed_by(note, vkey)
                publics.append(_unb64(vkey.split("+", 2)[-1])[1:])
            case ["group", name, many, *members] if name not in met and {*members} <= met.keys() - {"none"}:
                needed = {"all": len(members), "any": 1}.get(many, int(many) if many.isdecimal() else 0)
                met[name] = 0 < needed <= sum(met[member] for member in {*members})
            case ["quorum", name] if name in met and not quorum:
                quorum = name
            case [first, *_] if first != "log" and first[0] != "#":
                raise VerificationFailed(f"the policy's line {' '.join(words)[:60]!r} cannot be understood")
    if not met.get(quorum):
        raise VerificationFailed(f"too few witnesses signed: the policy's quorum {quorum!r} is not reached")


def _check_entries(folder: str, size: int, wanted: Sequence[bytes], jobs: int) -> tuple[list[bytes], dict[bytes, int]]:
    """Each entry hashes to its leaf and occurs once. Gives the tiles' roots, and which entry holds a wanted text."""
    shares = [(folder, first, min(first + SHARE, size), wanted) for first in range(0, size, SHARE)]
    roots, named, buckets = list[bytes](), dict[bytes, int](), [array("q") for _ in range(256)]
    with multiprocessing.get_context("fork").Pool(jobs) if jobs > 1 else contextlib.nullcontext() as pool:
        for share_roots, identities, share_named in (pool.imap if pool else map)(_check_share, shares):
            roots += share_roots
            named = share_named | named
            for identity in identities:
                buckets[identity & 255].append(identity)
    repeated = [bucket for bucket in buckets if len(set(bucket)) < len(bucket)]
    suspects = {identity for bucket in repeated for identity, times in Counter(bucket).items() if times > 1}
    seen: dict[bytes, int] = {}
    for index, body in entries(Path(folder), size if suspects else 0):  # hashes can be equal where ids are not
        if hash(each := _id_of(body, index)) in suspects and seen.setdefault(each, index) != index:
            raise VerificationFailed(f"entry {index} repeats entry {seen[each]}: {each.decode()}", index)
    return roots, named


def _check_share(share: tuple[str, int, int, Sequence[bytes]]) -> tuple[list[bytes], array[int], dict[bytes, int]]:
    folder, begin, end, wanted = share
    roots, identities, named = list[bytes](), array("q"), dict[bytes, int]()
    for first in range(begin, end, TILE):
        bodies, leaves = _bundle(folder, first, min(TILE, end - first))
        roots.append(tree_root(leaves))
        identities.extend([hash(_id_of(body, index)) for index, body in enumerate(bodies, first)])
        for text in wanted:
            named |= {text: index for index, body in enumerate(bodies, first) if text in body}  # noqa: B035
    return roots, identities, named


def _bundle(folder: str, first: int, width: int) -> tuple[list[bytes], list[bytes]]:
    """The entries of a bundle (C2SP tlog-tiles), and their leaf hashes, which are those of the leaf tile."""
    bundle, held = _tile(folder, "entries", first // TILE, width, first)
    at, bodies, sha256 = 0, list[bytes](), hashlib.sha256
    while len(bodies) < width and at + 1 < len(bundle):
        end = at + 2 + (bundle[at] << 8 | bundle[at + 1])
        bodies.append(bundle[at + 2 : end])
        at = end
    leaves = [sha256(b"\0" + body).digest() for body in bodies]
    _check_tile(folder, 0, first // TILE, width, leaves, "entry {} does not hash to its leaf: it was changed")
    if (ends := first + len(bodies)) < first + width:
        raise VerificationFailed(f"entry {ends} is missing: its bundle ends before it", ends)
    if at != len(bundle) and held == width:
        raise VerificationFailed(f"the bundle of entries {first} to {ends - 1} has bytes after its end", first)
    _check_partials(folder, "entries", first // TILE, width, bundle)
    return bodies, leaves


def entries(folder: Path, size: int) -> Iterator[tuple[int, bytes]]:
    """Index and exact bytes of every entry below `size`, each checked against its leaf."""
    for first in range(0, size, TILE):
        yield from enumerate(_bundle(str(folder), first, min(TILE, size - first))[0], first)


def _id_of(body: bytes, index: int) -> bytes:
    """The id of an entry. If no object begins before the first member "id", that is the entry's: nothing is parsed."""
    at = body.find(b'"id":"')
    if at > 0 and body.find(b"{", 1, at) < 0 and body[at + 42 : at + 43] == b'"' and body[:1] + body[-1:] == b"{}":
        return body[at + 6 : at + 42]
    try:
        return str(json.loads(body)["id"]).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        raise VerificationFailed(f"entry {index} cannot be read", index) from None


def _check_upper_tiles(folder: str, size: int, roots: Sequence[bytes]) -> int:
    """Every hash tile above the leaves holds the roots of the full tiles below. Gives how many files the log has."""
    level, files, hashes = 1, 2 * len(roots), roots[: size // TILE]
    while hashes:
        tiles = [hashes[at : at + TILE] for at in range(0, len(hashes), TILE)]
        for number, tile in enumerate(tiles):
            _check_tile(folder, level, number, len(tile), tile, "{1} is wrong from entry {0} on")
        hashes = [tree_root(tile) for tile in tiles if len(tile) == TILE]
        level, files = level + 1, files + len(tiles)
    return files


def _check_tile(folder: str, level: int, number: int, width: int, hashes: Sequence[bytes], otherwise: str) -> None:
    span, whole = TILE**level, b"".join(hashes)
    found, held = _tile(folder, str(level), number, width, number * TILE * span)
    if not found.startswith(whole):
        wrong = next(at for at, value in enumerate(hashes) if found[at * 32 : at * 32 + 32] != value)
        index = (number * TILE + wrong) * span
        raise VerificationFailed(otherwise.format(index, _path(str(level), number, held)), index)
    if len(found) != held * 32:
        raise VerificationFailed(f"{_path(str(level), number, held)} has {len(found)} bytes, not {held * 32}")
    _check_partials(folder, str(level), number, width, found)


def _check_partials(folder: str, level: str, number: int, width: int, whole: bytes) -> None:
    """Older partial files that were not removed must be beginnings of what stands now."""
    shelf = Path(f"{folder}/{_path(level, number, TILE)}.p")
    for file in sorted(shelf.iterdir()) if os.path.exists(shelf) else ():  # noqa: PTH110 - half of Path.exists' time
        found = _read(file) if file.name.isdigit() and int(file.name) <= width and file.exists() else b""
        if not whole.startswith(found):
            raise VerificationFailed(f"{file.relative_to(folder)} is not the beginning of its tile", number * TILE)


def _tile(folder: str, level: str, number: int, width: int, first: int) -> tuple[bytes, int]:
    """A tile's bytes and width; a partial one that was already removed is the beginning of the full one."""
    for held in dict.fromkeys((width, TILE)):
        with contextlib.suppress(VerificationFailed):
            return _read(f"{folder}/{_path(level, number, held)}"), held
    raise VerificationFailed(f"{_path(level, number, width)} is missing; it covers entries from {first} on", first)


def _path(level: str, number: int, width: int) -> str:
    address = f"{number % 1000:03d}"
    while number := number // 1000:
        address = f"x{number % 1000:03d}/{address}"
    return f"tile/{level}/{address}" + (f".p/{width}" if width < TILE else "")


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash over leaf hashes (RFC 6962 §2.1): pair neighbours, level by level; an odd one moves up."""
    row, sha256 = [*leaves], hashlib.sha256
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=False)
        row = [sha256(b"\1" + left + right).digest() for left, right in pairs] + row[len(row) & ~1 :]
    return row[0] if row else sha256(b"").digest()


def _check_older(path: Path, keys: Sequence[str], folder: str, size: int, roots: Sequence[bytes]) -> None:
    """The tree of a checkpoint that somebody kept is the beginning of this one."""
    signer = next((vkey for vkey in keys if signed_by(_text(path), vkey)), None)
    if signer is None:
        raise VerificationFailed(f"{path}: none of the given keys, nor a log of the policy, signed this checkpoint")
    _, old, root = open_checkpoint(_text(path), signer)
    if old > size:
        raise VerificationFailed(f"the log was rewound: {path} counts {old} entries, the log {size}")
    first = old - old % TILE
    rest = _bundle(folder, first, min(TILE, size - first))[1][: old - first] if old > first else []
    if tree_root([*roots[: old // TILE], *([tree_root(rest)] if rest else [])]) != root:
        raise VerificationFailed(f"the first {old} entries are not those of {path}: changed, or two logs are shown")


def verify_proof(proof: str, body: bytes, key: str, policy: str = "") -> Report:
    """Check a `.tlog-proof` of one entry's exact bytes (C2SP tlog-proof). Raises `VerificationFailed`."""
    head, _, note = proof.partition("\n\n")
    first, index, *path = [line for line in head.split("\n") if not line.startswith("extra ")] + [""]
    if first != "c2sp.org/tlog-proof@v1" or not (digits := index.removeprefix("index ")).isdecimal():
        raise VerificationFailed("this is not a tlog-proof, or it does not say which entry it is for")
    origin, size, root = open_checkpoint(note, key, policy)
    check_quorum(note, policy or "quorum none")
    found, position, last = hashlib.sha256(b"\0" + body).digest(), int(digits[:20]), size - 1
    for other in map(_unb64, path[:-1]):  # RFC 9162 §2.1.3.2
        left = position & 1 or position == last
        found = hashlib.sha256(b"\1" + (other + found if left else found + other)).digest()
        while left and position and not position & 1:
            position, last = position >> 1, last >> 1
        position, last = position >> 1, last >> 1
    if position or last or found != root:
        raise VerificationFailed(f"the proof does not lead from entry {digits} to the signed root", int(digits[:20]))
    return Report(origin, key, size, root, 0)


def _read(path: Path | str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - less work for each of many files
            return file.read()
    except OSError as error:
        raise VerificationFailed(f"{path} cannot be read") from error


def _text(path: Path) -> str:
    return _read(path).decode("utf-8", "replace")


def _unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; its exit code."""
    parser = argparse.ArgumentParser(description="Check a log, or a proof, offline.")
    parser.add_argument("folder", type=Path, nargs="?", help="the log's folder: checkpoint, key, tile/")
    parser.add_argument("--key", action="append", default=[], help="a key of the log, as you learnt it elsewhere")
    parser.add_argument("--policy", type=Path, help="a tlog-policy: logs, witnesses, how many must have cosigned")
    parser.add_argument("--older", type=Path, action="append", default=[], help="a checkpoint that you kept")
    parser.add_argument("--manifest", type=Path, action="append", default=[], help="a file that an entry must name")
    parser.add_argument("--proof", type=Path, help="a .tlog-proof file")
    parser.add_argument("--entry", type=Path, help="the entry's exact bytes")
    chosen = parser.parse_args(arguments)
    jobs = (os.cpu_count() or 1) if "fork" in multiprocessing.get_all_start_methods() else 1
    try:
        key, policy = " ".join(chosen.key), _text(chosen.policy) if chosen.policy else ""
        if chosen.proof and chosen.entry and (key or policy):
            report = verify_proof(_text(chosen.proof), _read(chosen.entry), key, policy)
        elif chosen.folder:
            report = verify(chosen.folder, key, policy, chosen.older, chosen.manifest, jobs)
        else:
            parser.error("name a folder, or --proof, --entry and --key")
    except VerificationFailed as failed:
        sys.stderr.write(f"FAILED: {failed}\n")
        return 1
    origin = report.origin + (", cosigned as the policy demands" if policy else "")
    lines = [f"holds: {origin}", f"tree size {report.size}", f"root {base64.b64encode(report.root).decode()}"]
    lines += [f"begins with the tree of {path}" for path in chosen.older]
    lines += [f"the manifest {path} is named by entry {index}" for path, index in report.named.items()]
    sys.stdout.write("\n".join([*lines, ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
