"""Rows as the reader asked for them: SODA JSON and CSV, streamed (reference: soda.md §6)."""

from __future__ import annotations

from collections.abc import Iterator

from exchange.rows.door import Answer


def json_stream(answer: Answer) -> Iterator[bytes]:
    """The answer as SODA JSON."""
    raise NotImplementedError


def csv_stream(answer: Answer) -> Iterator[bytes]:
    """The answer as SODA CSV."""
    raise NotImplementedError
