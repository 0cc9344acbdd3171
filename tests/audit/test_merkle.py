"""Merkle hashing against RFC 6962's own figures, an independent implementation, and properties."""

from __future__ import annotations

import hashlib

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import merkle
from audit.verification import tree_root

VECTORS = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    bytes(range(0x50, 0x58)),
    bytes(range(0x60, 0x70)),
]
"""The leaves of the Certificate Transparency reference tests for RFC 6962."""

ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Their roots for the first 1 to 8 leaves."""

sizes = st.integers(min_value=1, max_value=600)


def leaves_of(count: int) -> list[bytes]:
    """Leaf hashes of a tree whose entries are their own numbers."""
    return [merkle.leaf_hash(str(i).encode()) for i in range(count)]


ALL = leaves_of(700)


def node(height: int, index: int) -> bytes:
    """The tree over `ALL`."""
    return merkle.root_of(ALL[index << height : (index + 1) << height])


def test_empty_root() -> None:
    assert merkle.root_of([]) == hashlib.sha256(b"").digest()


@pytest.mark.parametrize("count", range(1, 9))
def test_roots_of_rfc_6962(count: int) -> None:
    leaves = [merkle.leaf_hash(body) for body in VECTORS[:count]]
    assert merkle.root_of(leaves).hex() == ROOTS[count - 1]
    assert tree_root(leaves).hex() == ROOTS[count - 1]


def test_audit_path_of_rfc_6962() -> None:
    leaves = [merkle.leaf_hash(body) for body in VECTORS]
    path = merkle.inclusion_path(5, 8, lambda h, i: merkle.root_of(leaves[i << h : (i + 1) << h]))
    assert [value.hex() for value in path] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 255, 256, 257, 600])
def test_an_independent_implementation_agrees(count: int) -> None:
    oracle = pymerkle.InmemoryTree(algorithm="sha256")
    for i in range(count):
        oracle.append_entry(str(i).encode())
    assert merkle.root_of(ALL[:count]) == oracle.get_root()


@given(sizes)
def test_two_ways_to_a_root_agree(size: int) -> None:
    assert merkle.root_of(ALL[:size]) == tree_root(ALL[:size]) == merkle.range_root(0, size, node)


@given(sizes, st.data())
@settings(deadline=None)
def test_every_inclusion_proof_checks_and_no_other_leaf_passes(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1))
    root = merkle.root_of(ALL[:size])
    path = merkle.inclusion_path(index, size, node)
    merkle.check_inclusion(ALL[index], index, size, path, root)
    if other != index:
        with pytest.raises(merkle.ProofError):
            merkle.check_inclusion(ALL[other], index, size, path, root)
        with pytest.raises(merkle.ProofError):
            merkle.check_inclusion(ALL[index], other, size, path, root)


@given(sizes, st.data())
@settings(deadline=None)
def test_a_changed_inclusion_proof_fails(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    root = merkle.root_of(ALL[:size])
    path = list(merkle.inclusion_path(index, size, node))
    change = data.draw(st.sampled_from(["add", "drop", "flip"]))
    if change == "add":
        path.append(ALL[0])
    elif path:
        at = data.draw(st.integers(0, len(path) - 1))
        path[at : at + 1] = [] if change == "drop" else [bytes([path[at][0] ^ 1]) + path[at][1:]]
    else:
        root = ALL[-1]
    with pytest.raises(merkle.ProofError):
        merkle.check_inclusion(ALL[index], index, size, path, root)


@given(sizes, sizes)
@settings(deadline=None)
def test_every_consistency_proof_checks_and_a_rewritten_past_fails(one: int, two: int) -> None:
    old, new = min(one, two), max(one, two)
    path = merkle.consistency_path(old, new, node)
    old_root, new_root = merkle.root_of(ALL[:old]), merkle.root_of(ALL[:new])
    merkle.check_consistency(old, new, old_root, new_root, path)
    rewritten = merkle.root_of([ALL[-1], *ALL[1:old]])
    for wrong in ((rewritten, new_root), (old_root, rewritten if old < new else ALL[-1])):
        with pytest.raises(merkle.ProofError):
            merkle.check_consistency(old, new, *wrong, path)
    with pytest.raises(merkle.ProofError):
        merkle.check_consistency(old, new, old_root, new_root, [*path, ALL[0]])


def test_what_cannot_be_is_refused() -> None:
    for index, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(IndexError):
            merkle.inclusion_path(index, size, node)
        with pytest.raises(merkle.ProofError):
            merkle.check_inclusion(ALL[0], index, size, [], ALL[0])
    with pytest.raises(IndexError):
        merkle.consistency_path(4, 3, node)
    with pytest.raises(merkle.ProofError):
        merkle.check_consistency(4, 3, ALL[0], ALL[0], [])
    with pytest.raises(merkle.ProofError):
        merkle.check_consistency(3, 5, ALL[0], ALL[0], [])
    merkle.check_consistency(0, 5, merkle.EMPTY_ROOT, ALL[0], [])
