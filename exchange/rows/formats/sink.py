"""Where writers of whole files write, so that what they wrote can leave at once."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


class Sink:
    """A file that only grows; `taken` gives what was written since it was last called, and forgets it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0
        self.closed = False

    @property
    def file(self) -> Any:
        """The same for Arrow's writers."""
        return pa.PythonFile(self, mode="w")

    def write(self, part: Any) -> int:
        """Keep these bytes until they are taken."""
        self._parts.append(bytes(part))
        self._length += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        """How much was written from the start."""
        return self._length

    def taken(self) -> bytes:
        """What was written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """What is still there can be taken."""
        self.closed = True

    def writable(self) -> bool:
        """Yes."""
        return True

    def readable(self) -> bool:
        """No."""
        return False

    def seekable(self) -> bool:
        """No: what was taken has left."""
        return False
