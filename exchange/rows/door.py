"""The two doors have one shape. `wsgi.py` hands the restricted one to the rows API; nothing here imports upward.

An `Ask` is a request for rows, already parsed. An `Answer` is a stream of Arrow batches with what the reader needs to
know about it. The dataset's class chooses the door, never the presence of a token.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from exchange.rows.connection import BreakOff, nothing_to_break
from exchange.rows.soql import Query


@dataclass(frozen=True)
class Field:
    """One output column: its name as the reader will see it, and its SODA type."""

    name: str
    type: str


@dataclass(frozen=True)
class Credentials:
    """The proofs that came with a request, unchecked. `url` is scheme, host and path as the client addressed it."""

    authorization: str | None
    proofs: tuple[str, ...]
    method: str
    url: str


@dataclass(frozen=True)
class Ask:
    """Rows of one dataset, by one query. `break_off` resets the connection when the right ends before the rows do.

    `cancel` is set when nobody waits for the rows any more.
    """

    dataset_id: str
    query: Query
    query_text: str
    format: str
    credentials: Credentials
    break_off: BreakOff = nothing_to_break
    cancel: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)


Finish = Callable[[int, int, str, str | None], None]
"""Called once when the stream ended: rows sent, bytes sent, outcome ("done", "cut", "failed"), reason."""


def _nothing(rows: int, sent: int, outcome: str, reason: str | None) -> None:
    """The open door records nothing when a stream ends."""


@dataclass(frozen=True)
class Answer:
    """The rows. `etag` None means that nobody may store the answer (restricted rows)."""

    fields: tuple[Field, ...]
    batches: Iterator[pa.RecordBatch]
    version: int
    last_modified: datetime
    etag: str | None
    headers: Mapping[str, str] = field(default_factory=dict)
    finish: Finish = _nothing


class Door(Protocol):
    """What both doors do."""

    def open(self, ask: Ask) -> Answer:
        """Answer, or raise `Unauthenticated`, `Refused`, `NotFound`, `Invalid`, `TooMany` or `Unavailable`.

        Whatever has to be recorded before the first byte is durable when this returns.
        """
        ...
