"""The shapes in which entries leave for other systems. Only `jsonl` is the exact bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from audit.streams import cef, ocsf
from audit.streams.sequenced import Sequenced


def _exact(entry: Sequenced) -> bytes:
    return entry.body


SHAPES: Mapping[str, Callable[[Sequenced], bytes]] = {"jsonl": _exact, "ocsf": ocsf.line, "cef": cef.line}
"""One line each, without its line end; none can hold a line break inside."""


def lines(entries: Iterable[Sequenced], shape: str) -> Iterator[bytes]:
    """The entries, one a line."""
    for entry in entries:
        yield SHAPES[shape](entry) + b"\n"
