"""Reading the log is itself recorded, before the page leaves: one way for every page and file of the desk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextvars import Context, copy_context
from typing import Any, cast

from flask import current_app, g, stream_with_context

from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.ledger import Ledger

KINDS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}
"""Types of the files that every list of the desk has."""

SHAPES = {"ocsf": "application/x-ndjson; charset=utf-8", "cef": "text/plain; charset=utf-8"}
"""Those of entries in other systems' words."""


def record(action: Action, details: Mapping[str, Any], dataset: str | None = None) -> Entry:
    """Make it durable that the signed-in person did this to the log; raises `LogUnavailable` (503) if it cannot be.

    `details` without a value are left out; they hold no name and nothing that was typed freely.
    """
    facts = {name: value for name, value in details.items() if value not in (None, "", ())}
    entry = Entry(action, Outcome.DONE, actor=g.identity.pseudonym, dataset=dataset, details=facts)
    cast(Ledger, current_app.extensions["ledger"]).record(entry)
    return entry


def streamed(content: Iterable[Any]) -> Iterator[Any]:
    """A file's content, made piece by piece in the request's own context.

    The request is torn down before its first piece is sent. What was said of it by then, that it only reads, must still
    hold, or each short transaction of the stream would take SQLite's write lock.
    """
    stream: Any = stream_with_context(iter(content))
    return _within(copy_context(), stream)


def _within(context: Context, stream: Any) -> Iterator[Any]:
    try:
        while (piece := context.run(next, stream, None)) is not None:
            yield piece
    finally:
        context.run(stream.close)


def attachment(name: str) -> dict[str, str]:
    """Headers of a file of the log: to be saved, and kept by no cache."""
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
