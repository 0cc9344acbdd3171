"""The proof that an entry is in the log: its place, the hashes from its leaf to the root, and the signed head."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from audit import merkle
from audit.published import Head, head, head_cosigned
from audit.tiles import TileStore


@dataclass(frozen=True)
class Proof:
    """An inclusion proof (RFC 6962 §2.1.1) under a signed head; `hashes` from the leaf's sibling up."""

    index: int
    leaf: bytes
    hashes: tuple[bytes, ...]
    head: Head

    @property
    def text(self) -> str:
        """The proof as a C2SP tlog-proof."""
        lines = [
            "c2sp.org/tlog-proof@v1",
            f"index {self.index}",
            *(base64.b64encode(each).decode() for each in self.hashes),
        ]
        return "\n".join(lines) + "\n\n" + self.head.note


def signed_head(files: TileStore, index: int) -> Head | None:
    """The head to prove this entry under: the cosigned one if it holds the entry; None while neither does."""
    for signed in (head_cosigned(files), head(files)):  # the witnesses are a moment behind
        if signed is not None and index < signed.checkpoint.size:
            return signed
    return None


def prove(files: TileStore, signed: Head, index: int, body: bytes) -> Proof:
    """The proof of an entry under a head that holds it, checked before it is given away."""
    size, leaf = signed.checkpoint.size, merkle.leaf_hash(body)
    hashes = merkle.inclusion_path(index, size, files.node(size))
    merkle.check_inclusion(leaf, index, size, hashes, signed.checkpoint.root)
    return Proof(index, leaf, hashes, signed)
