"""gzip around a stream, for readers who asked for it; holds one window, whatever the length."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

LEVEL = 1
"""Fast: a table's texts repeat so much that the higher levels gain little."""

_GZIP_WINDOW = 31


def packer() -> Any:
    """A packer to gzip (RFC 1952), without a time or a name, so that equal bytes stay equal."""
    return zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP_WINDOW)


def packed(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes as gzip."""
    packing = packer()
    for part in parts:
        made = packing.compress(part)
        if made:
            yield made
    yield packing.flush()
