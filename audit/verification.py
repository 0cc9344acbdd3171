"""Check a whole log that somebody hands you. Written from `docs/audit-log.md` alone; shares no code with the writer.

    python verification.py FOLDER --key KEY [--policy FILE] [--older CHECKPOINT] [--manifest FILE]
    python verification.py --proof FILE --entry FILE --key KEY [--policy FILE]
Several --key must all have signed. Needs Python 3.11 and `cryptography`. Exit code 0 only if everything holds."""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import multiprocessing
import os
import re
from array import array
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
except ImportError:  # an older `cryptography`
    MLDSA44PublicKey = None  # type: ignore[assignment,misc]

TILE, SHARE = 256, 64 * 256  # entries in a tile; entries that a process checks at a time
KEY_BYTES = {b"\1": 32, b"\4": 32, b"\6": 1312}  # C2SP signed-note: Ed25519, its cosignature, ML-DSA-44
Kept = Sequence[Path]


class VerificationFailed(Exception):
    """The log does not hold. `index` is the first bad entry where one can be named."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


Report = NamedTuple("Report", [  # noqa: UP014 - what holds; which entry names each manifest; how much was cosigned
    ("origin", str), ("key", str), ("size", int), ("root", bytes), ("files", int), ("named", dict[Path, int]),
    ("cosigned", int),
])  # fmt: skip


def verify(folder: Path, key: str = "", policy: str = "", older: Kept = (), named: Kept = (), jobs: int = 1) -> Report:
    """Check signatures, every entry, every hash tile and the root of the log in `folder`. Raises `VerificationFailed`.

    `key` may be several with spaces between; without it and a policy the folder's own is believed: whole, but whose?"""
    note, logs = _text(folder / "checkpoint"), list[str]()
    if policy:
        older = [*older, [*folder.glob("checkpoint"), *folder.glob("checkpoint.cosigned")][-1]]
        logs = check_quorum(_text(older[-1]), policy)
    keys = key or " ".join(vkey for vkey in logs if signed_by(note, vkey)) or ("" if policy else _text(folder / "key"))
    origin, size, root = open_checkpoint(note, keys)
    log = Log(str(folder), size)
    roots = log.check_entries(jobs)
    files = sum(-(-(size >> 8 * level) // TILE) for level in range(8)) + len(roots) + 1
    for path in older:
        log.check_beginning(path, [*keys.split(), *logs], roots)
    if tree_root(roots) != root:
        raise VerificationFailed(f"the entries lead to the root {tree_root(roots).hex()}, but {root.hex()} was signed")
    wanted = {f'"manifest":"{sha256(_read(path)).hexdigest()}"'.encode(): path for path in named}
    found = {path: i for i, body in log.entries() for text, path in wanted.items() if text in body} if wanted else {}
    if lost := wanted.values() - found.keys():
        raise VerificationFailed(f"no entry names the manifest {', '.join(map(str, lost))}")
    return Report(origin, keys.strip(), size, root, files, found, _head(_text(older[-1]))[1] if policy else 0)


def open_checkpoint(note: str, keys: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint that all these keys of one log signed."""
    origin, size, root = _head(note)
    for vkey in keys.split() or ["of any log that the policy lists"]:
        if not vkey.startswith(f"{origin}+") or not signed_by(note, vkey):
            raise VerificationFailed(f"the checkpoint of {origin!r} has no signature by the key {vkey[:90]}")
    return origin, size, root


def signed_by(note: str, vkey: str) -> bool:
    """Whether the note has a signature by this key (C2SP signed-note, tlog-cosignature). Raises if it is wrong."""
    name, key_id, key = [*vkey.split("+", 2), "", ""][:3]
    kind, public = _unb64(key)[:1], _unb64(key)[1:]
    if len(public) != KEY_BYTES.get(kind) or sha256(f"{name}\n".encode() + kind + public).hexdigest()[:8] != key_id:
        raise VerificationFailed(f"{vkey[:90]!r} is not the text of an Ed25519 or ML-DSA-44 note key")
    text, _, lines = note.rpartition("\n\n")
    signatures = [_unb64(line[len(name) + 3 :]) for line in lines.split("\n") if line.startswith(f"— {name} ")]
    found = next((each[4:] for each in signatures if each[:4].hex() == key_id), None)
    (origin, size, root), stamp = _head(text), (found or b"")[:8]
    if found is None:
        return False
    try:
        if kind == b"\1":
            Ed25519PublicKey.from_public_bytes(public).verify(found, f"{text}\n".encode())
        elif kind == b"\4":
            timed = f"cosignature/v1\ntime {int.from_bytes(stamp, 'big')}\n{text}\n".encode()
            Ed25519PublicKey.from_public_bytes(public).verify(found[8:], timed)
        elif MLDSA44PublicKey is not None:
            signer, log = (bytes([len(part.encode())]) + part.encode() for part in (name, origin))
            cosigned = b"subtree/v1\n\0" + signer + stamp + log + bytes(8) + size.to_bytes(8, "big") + root
            MLDSA44PublicKey.from_public_bytes(public).verify(found[8:], cosigned)
        else:
            raise VerificationFailed(f"the signature by {name} was NOT checked: this `cryptography` lacks ML-DSA-44")
    except (InvalidSignature, ValueError) as wrong:
        raise VerificationFailed(f"the signature of the checkpoint by {name} is wrong") from wrong
    if kind != b"\1" and name != origin and not any(stamp):
        raise VerificationFailed(f"the cosignature by {name} does not say when it was made")
    return True


def _head(note: str) -> tuple[str, int, bytes]:
    origin, size, root = [*note.split("\n", 3), "", ""][:3]
    if not (size.isascii() and size.isdigit() and len(size) < 20 and size == str(int(size))) or len(_unb64(root)) != 32:
        raise VerificationFailed("the checkpoint does not have an origin, a size and a root")
    return origin, int(size), _unb64(root)


def check_quorum(note: str, policy: str) -> list[str]:
    """The keys of the policy's logs, if enough of its witnesses cosigned the note (C2SP tlog-policy)."""
    met, quorum = {"none": True}, ""
    for words in map(str.split, policy.split("\n")):
        match words:  # what is misspelt defines nothing, so a quorum that needs it is not reached
            case ["witness", name, vkey, *_] if {name, vkey[-40:]}.isdisjoint(met):  # each name and key once
                met[name], met[vkey[-40:]] = signed_by(note, vkey), False
            case ["group", name, many, *members] if name not in met and {*members} <= met.keys() - {"none"}:
                needed = {"all": len(members), "any": 1}.get(many, int(many) if many.isdecimal() else 0)
                met[name] = 0 < needed <= sum(met[member] for member in {*members})
            case ["quorum", name]:
                quorum = name
    if not met.get(quorum):
        raise VerificationFailed(f"too few witnesses signed: the policy's quorum {quorum!r} is not reached")
    return re.findall(r"^[ \t]*log[ \t]+(\S+)", policy, re.MULTILINE)


class Log(NamedTuple):
    """The files of a log's first `size` entries (C2SP tlog-tiles)."""

    folder: str
    size: int

    def check_entries(self, jobs: int) -> list[bytes]:
        """Each entry hashes to its leaf and occurs once, each tile is right. Gives the leaf tiles' roots."""
        roots, seen, buckets = list[bytes](), dict[bytes, int](), [array("q") for _ in range(256)]
        with multiprocessing.get_context("fork").Pool(jobs) if jobs > 1 else contextlib.nullcontext() as pool:
            for some, identities in (pool.imap if pool else map)(self._share, range(0, self.size, SHARE)):
                roots += some
                for identity in identities:
                    buckets[identity & 255].append(identity)
        again = {number for number, bucket in enumerate(buckets) if len(set(bucket)) < len(bucket)}
        for index, body in self.entries() if again else ():  # hashes can be equal where ids are not
            if hash(each := _id_of(body, index)) & 255 in again and seen.setdefault(each, index) != index:
                raise VerificationFailed(f"entry {index} repeats entry {seen[each]}: {each.decode()}", index)
        level, hashes = 1, roots[: self.size // TILE]
        while hashes:  # above the leaves: the roots of the full tiles below
            tiles = [hashes[at : at + TILE] for at in range(0, len(hashes), TILE)]
            for number, tile in enumerate(tiles):
                self._compare(level, number, len(tile), tile, "{1} is wrong from entry {0} on")
            level, hashes = level + 1, [tree_root(tile) for tile in tiles if len(tile) == TILE]
        return roots

    def _share(self, begin: int) -> tuple[list[bytes], array[int]]:
        roots, identities = list[bytes](), array("q")
        for first in range(begin, min(begin + SHARE, self.size), TILE):
            bodies, leaves = self._bundle(first)
            roots.append(tree_root(leaves))
            identities.extend([hash(_id_of(body, index)) for index, body in enumerate(bodies, first)])
        return roots, identities

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Index and exact bytes of every entry."""
        for first in range(0, self.size, TILE):
            yield from enumerate(self._bundle(first)[0], first)

    def _bundle(self, first: int) -> tuple[list[bytes], list[bytes]]:
        """The entries of a bundle, and their leaf hashes, which are those of the leaf tile."""
        width, at, bodies = min(TILE, self.size - first), 0, list[bytes]()
        bundle, held, _ = self._tile("entries", first // TILE, width, first)
        while len(bodies) < width and at + 1 < len(bundle):
            end = at + 2 + (bundle[at] << 8 | bundle[at + 1])
            bodies.append(bundle[at + 2 : end])
            at = end
        leaves = [sha256(b"\0" + body).digest() for body in bodies]
        self._compare(0, first // TILE, width, leaves, "entry {} does not hash to its leaf: it was changed")
        if len(bodies) < width or (at != len(bundle) and held == width):
            index = first + len(bodies) % width
            raise VerificationFailed(f"entry {index} is missing, or bytes follow the last: bundle at {first}", index)
        return bodies, leaves

    def _compare(self, level: int, number: int, width: int, hashes: Sequence[bytes], otherwise: str) -> None:
        span, whole = TILE**level, b"".join(hashes)
        found, held, name = self._tile(str(level), number, width, number * TILE * span)
        if not found.startswith(whole):
            wrong = next(at for at, value in enumerate(hashes) if found[at * 32 : at * 32 + 32] != value)
            index = (number * TILE + wrong) * span
            raise VerificationFailed(otherwise.format(index, name), index)
        if len(found) != held * 32:
            raise VerificationFailed(f"{name} has {len(found)} bytes, not {held * 32}")

    def _tile(self, level: str, number: int, width: int, first: int) -> tuple[bytes, int, str]:
        """A tile's bytes, width and name; a partial one that was already removed is the beginning of the full one."""
        *above, last = f"{number:_}".split("_")
        plain = "/".join([f"tile/{level}", *(f"x{part:0>3}" for part in above), f"{last:0>3}"])
        names = [f"{plain}.p/{width}"] * (width < TILE) + [plain]
        for name in names:
            with contextlib.suppress(VerificationFailed):
                return _read(f"{self.folder}/{name}"), TILE if name == plain else width, name
        raise VerificationFailed(f"{names[0]} is missing; it covers entries from {first} on", first)

    def check_beginning(self, path: Path, keys: Sequence[str], roots: Sequence[bytes]) -> None:
        """The tree of a checkpoint that somebody kept is the beginning of this one."""
        note = _text(path)
        _, old, root = open_checkpoint(note, ([vkey for vkey in keys if signed_by(note, vkey)] or keys)[0])
        rest = self._bundle(old - old % TILE)[1][: old % TILE] if old % TILE and old <= self.size else []
        if old > self.size or tree_root([*roots[: old // TILE], *([tree_root(rest)] if rest else [])]) != root:
            raise VerificationFailed(
                f"the log of {self.size} does not begin with {path}: rewound, changed, or one of two"
            )


def _id_of(body: bytes, index: int) -> bytes:
    """The id of an entry. If no object begins before the first member "id", that is the entry's: nothing is parsed."""
    at = body.find(b'"id":"')
    if at > 0 and body.find(b"{", 1, at) < 0 and body[at + 42 : at + 43] == b'"' and body[:1] + body[-1:] == b"{}":
        return body[at + 6 : at + 42]
    try:
        return str(json.loads(body)["id"]).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        raise VerificationFailed(f"entry {index} cannot be read", index) from None


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash over leaf hashes (RFC 6962 §2.1): pair neighbours, level by level; an odd one moves up."""
    row = [*leaves]
    while len(row) > 1:
        row = [sha256(b"\1" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)] + row[len(row) & ~1 :]
    return row[0] if row else sha256(b"").digest()


def verify_proof(proof: str, body: bytes, key: str, policy: str = "quorum none") -> Report:
    """Check a `.tlog-proof` of one entry's exact bytes (C2SP tlog-proof). Raises `VerificationFailed`."""
    head, _, note = proof.partition("\n\n")
    first, index, *path = [line for line in head.split("\n") if not line.startswith("extra ")] + [""]
    if first != "c2sp.org/tlog-proof@v1" or not (digits := index.removeprefix("index ")[:20]).isdecimal():
        raise VerificationFailed("this is not a tlog-proof, or it does not say which entry it is for")
    logs = check_quorum(note, policy)
    origin, size, root = open_checkpoint(note, key or " ".join(vkey for vkey in logs if signed_by(note, vkey)))
    found, position, last = sha256(b"\0" + body).digest(), int(digits), size - 1
    for other in map(_unb64, path[:-1]):  # RFC 9162 §2.1.3.2
        left = position & 1 or position == last
        found = sha256(b"\1" + (other + found if left else found + other)).digest()
        while left and position and not position & 1:
            position, last = position >> 1, last >> 1
        position, last = position >> 1, last >> 1
    if position or last or found != root:
        raise VerificationFailed(f"the proof does not lead from entry {digits} to the signed root", int(digits))
    return Report(origin, key, size, root, 0, {}, size)


def _read(path: Path | str) -> bytes:
    with contextlib.suppress(OSError):
        return Path(path).read_bytes()
    raise VerificationFailed(f"{path} cannot be read")


def _text(path: Path) -> str:
    return _read(path).decode("utf-8", "replace")


def _unb64(text: str) -> bytes:
    with contextlib.suppress(ValueError):
        return base64.b64decode(text, validate=True)
    return b""


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path())
    for option in ("--key", "--policy", "--older", "--manifest", "--proof", "--entry"):
        parser.add_argument(option, type=str if option == "--key" else Path, action="append", default=[])
    given = parser.parse_args()
    jobs = (os.cpu_count() or 1) if hasattr(os, "fork") else 1
    try:
        key, policy = " ".join(given.key), "\n".join(map(_text, given.policy))
        for proof, entry in zip(given.proof, given.entry, strict=True):
            report = verify_proof(_text(proof), _read(entry), key, policy or "quorum none")
        if not given.proof:
            report = verify(given.folder, key, policy, given.older, given.manifest, jobs)
    except (VerificationFailed, ValueError) as failed:
        raise SystemExit(f"FAILED: {failed}") from None
    root = base64.b64encode(report.root).decode()
    names = [f"the manifest {path} is named by entry {index}" for path, index in report.named.items()]
    names += [f"enough by the policy: the first {report.cosigned} of {report.size} entries"] * bool(policy)
    print(f"holds: {report.origin}", f"tree size {report.size}", f"root {root}", *names, sep="\n")  # noqa: T201


if __name__ == "__main__":
    _main()
