"""From the parameters of an address to a `Query` (reference: soda.md §3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exchange.rows.soql.tree import Query


def parse_parameters(parameters: Mapping[str, str | Sequence[str]]) -> Query:
    """The query that these parameters ask. Values may be one text or several. Raises `SoqlError`, `ParameterError`."""
    raise NotImplementedError


def parse_statement(text: str) -> Query:
    """One whole SoQL statement, as in `$query`. Raises `SoqlError`."""
    raise NotImplementedError
