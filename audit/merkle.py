"""Merkle tree hashing after RFC 6962 §2.1 and RFC 9162 §2.1: pure functions over bytes.

A tree is known here only by `node(height, index)`: the hash of the complete subtree of `2**height` leaves that
begins at leaf `index * 2**height`. Where those hashes come from (memory, tiles) is the caller's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

Node = Callable[[int, int], bytes]
"""`node(height, index)`, 32 bytes."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves (RFC 6962 §2.1)."""


class ProofError(ValueError):
    """A proof does not lead to the root; the message says what was expected."""


def leaf_hash(body: bytes) -> bytes:
    """The hash of a leaf: SHA-256 of 0x00 and the entry's bytes."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass
class CompactRange:
    """The right edge of a growing tree: the roots of its complete subtrees, largest first. O(log n) memory."""

    size: int = 0
    hashes: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash; amortised one node hash per leaf."""
        carry, node = self.size, leaf
        while carry & 1:
            node = node_hash(self.hashes.pop(), node)
            carry >>= 1
        self.hashes.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The tree's root hash."""
        return fold(self.hashes)


def fold(subtrees: Sequence[bytes]) -> bytes:
    """The root over adjacent complete subtrees, largest first; the empty root for none."""
    if not subtrees:
        return EMPTY_ROOT
    root = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        root = node_hash(left, root)
    return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes: neighbours in pairs, row by row; one that is left over moves up."""
    row = list(leaves)
    while len(row) > 1:
        pairs = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = [*pairs, row[-1]] if len(row) % 2 else pairs
    return row[0] if row else EMPTY_ROOT


def range_root(begin: int, end: int, node: Node) -> bytes:
    """MTH(D[begin:end]) for a range that RFC 6962's recursion meets: `begin` is a multiple of every subtree in it."""
    subtrees = []
    while begin < end:
        height = (end - begin).bit_length() - 1
        subtrees.append(node(height, begin >> height))
        begin += 1 << height
    return fold(subtrees)


def _split(size: int) -> int:
    """The largest power of two below `size` (RFC 6962 §2.1's k)."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_path(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree of `size` leaves, leaf's sibling first (RFC 6962 §2.1.1).

    Raises `IndexError` if there is no such leaf.
    """
    if not 0 <= index < size:
        raise IndexError(f"leaf {index} is not in a tree of {size}")
    begin, end, path = 0, size, []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(range_root(middle, end, node))
            end = middle
        else:
            path.append(range_root(begin, middle, node))
            begin = middle
    return tuple(reversed(path))


def consistency_path(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """The proof that the tree of `new` leaves begins with the tree of `old` leaves (RFC 6962 §2.1.2).

    Raises `IndexError` unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise IndexError(f"a tree of {new} cannot begin with a tree of {old}")
    if old in (0, new):
        return ()
    begin, end, whole, path = 0, new, True, []
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(range_root(middle, end, node))
            end = middle
        else:
            path.append(range_root(begin, middle, node))
            begin, whole = middle, False
    if not whole:
        path.append(range_root(begin, end, node))
    return tuple(reversed(path))


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check an audit path (RFC 9162 §2.1.3.2). Raises `ProofError` if it does not lead from the leaf to the root."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} cannot be in a tree of {size}")
    position, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofError(f"the path has {len(path)} hashes, more than a tree of {size} needs")
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError(f"the path has {len(path)} hashes, fewer than a tree of {size} needs")
    if found != root:
        raise ProofError(f"the path leads to the root {found.hex()}, not to {root.hex()}")


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check a consistency proof (RFC 9162 §2.1.4.2). Raises `ProofError` unless the old tree begins the new one."""
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {new} cannot begin with a tree of {old}")
    if old in (0, new):
        _check_trivial(old, new, old_root, new_root, path)
        return
    hashes = list(path) if old & (old - 1) else [old_root, *path]
    if not hashes:
        raise ProofError("the proof is empty")
    before, after = _walk(old - 1, new - 1, hashes)
    if before != old_root:
        raise ProofError(f"the proof leads to the old root {before.hex()}, not to {old_root.hex()}")
    if after != new_root:
        raise ProofError(f"the proof leads to the new root {after.hex()}, not to {new_root.hex()}")


def _check_trivial(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    if path:
        raise ProofError(f"a proof from {old} to {new} must be empty")
    if old == 0 and old_root != EMPTY_ROOT:
        raise ProofError("the root of an empty tree is SHA-256 of nothing")
    if old == new and old_root != new_root:
        raise ProofError(f"two roots for one size {old}: {old_root.hex()} and {new_root.hex()}")


def _walk(position: int, last: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ProofError(f"the proof has {len(hashes)} hashes, more than it needs")
        if position & 1 or position == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError(f"the proof has {len(hashes)} hashes, fewer than it needs")
    return before, after
