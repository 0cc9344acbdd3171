"""The bytes of an answer as they leave, and what became of them.

A stream that fails or is cut ends in an exception, so that the transfer breaks and no client takes half for whole. What
became of it is told once to `answer.finish`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pyarrow as pa

from exchange.errors import CharterError, Refused, Unauthenticated
from exchange.rows.door import Answer, Field
from exchange.rows.engine import Stopped

LEFT = "the reader closed the connection"
_CUTS = (Refused, Stopped, Unauthenticated)

Encode = Callable[[tuple[Field, ...], Iterator[pa.RecordBatch]], Iterator[bytes]]
"""Fields and batches to the bytes of one format; reads a batch only when its bytes are wanted."""


class Body(Iterator[bytes]):
    """The bytes of an answer. `close()` may come at any time, also before the first byte; the end is told once."""

    def __init__(self, answer: Answer, encode: Encode) -> None:
        self._answer = answer
        self._rows = self._given = self._sent = 0
        self._told = False
        self._first = b""
        self._parts = encode(answer.fields, self._counted())

    def _counted(self) -> Iterator[pa.RecordBatch]:
        for batch in self._answer.batches:
            self._rows += batch.num_rows
            yield batch

    @property
    def rows(self) -> int:
        """Rows read so far."""
        return self._rows

    def begin(self) -> None:
        """Make the first part now: what fails before the first byte can still be answered as an error."""
        with suppress(StopIteration):
            self._first = self._made()

    def __next__(self) -> bytes:
        part, self._first = self._first or self._made(), b""
        self._sent += len(part)
        self._given = self._rows
        return part

    def _made(self) -> bytes:
        try:
            return next(self._parts)
        except StopIteration:
            self._finish("done", None)
            raise
        except Exception as problem:
            reason = problem.message if isinstance(problem, CharterError) else type(problem).__name__
            self._finish("cut" if isinstance(problem, _CUTS) else "failed", reason)
            raise

    def close(self) -> None:
        """The server is done with the body, whether or not it was read to its end."""
        self._finish("cut", LEFT)

    def refuse(self, reason: str) -> None:
        """Nothing of it can be sent."""
        self._finish("failed", reason)

    def finish_unread(self) -> None:
        """The headers alone were wanted."""
        self._finish("done", None)

    def _finish(self, outcome: str, reason: str | None) -> None:
        if self._told:
            return
        self._told = True
        try:
            close = getattr(self._answer.batches, "close", None)
            if close is not None:
                close()
        finally:
            self._answer.finish(self._given, self._sent, outcome, reason)

    def __del__(self) -> None:
        self.close()
