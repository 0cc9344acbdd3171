"""A bounded cache of bytes for the threads of one worker. What is kept under a key must be true for ever.

So a key names its content: a version's hash, the query and the format, never "the newest". Whether the reader may have
it is decided before anybody asks here, in every request; restricted rows are never put in.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

OVERHEAD = 400
"""Bytes that an entry is counted for beside its value: key, dictionary and object headers."""

LARGEST_SHARE = 16
"""No single value takes more than this part of the whole, so that one large answer does not push out all others."""


class KeptBytes:
    """Least recently used goes first. Safe for many threads; values are handed out as they were put in."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self.hits = 0
        self._values: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def largest(self) -> int:
        """The largest value that is kept, bytes."""
        return self.limit_bytes // LARGEST_SHARE

    def get(self, key: Hashable) -> bytes | None:
        """The value put in under this key; None if there is none (any more)."""
        with self._lock:
            value = self._values.get(key)
            if value is None:
                return None
            self._values.move_to_end(key)
            self.hits += 1
            return value

    def put(self, key: Hashable, value: bytes) -> None:
        """Keep the value, if it is not too large; others make room for it."""
        if len(value) > self.largest:
            return
        with self._lock:
            held = self._values.pop(key, None)
            if held is not None:
                self.bytes -= len(held) + OVERHEAD
            self._values[key] = value
            self.bytes += len(value) + OVERHEAD
            while self.bytes > self.limit_bytes:
                _, oldest = self._values.popitem(last=False)
                self.bytes -= len(oldest) + OVERHEAD

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self.bytes = 0

    def __contains__(self, key: Hashable) -> bool:
        """Whether something is kept under this key; asking does not keep it longer."""
        return key in self._values

    def __len__(self) -> int:
        """How many values are kept."""
        return len(self._values)
