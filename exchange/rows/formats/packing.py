"""gzip around a stream, for readers who asked for it; holds one window, whatever the length."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

LEVEL = 1
"""Fast: a table's texts repeat so much that the higher levels gain little."""

_GZIP_WINDOW = 31


def packed(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes as gzip (RFC 1952), without a time or a name, so that equal bytes stay equal."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    for part in parts:
        made = packer.compress(part)
        if made:
            yield made
    yield packer.flush()
