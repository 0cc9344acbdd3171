"""A query, resolved against the columns that the reader may see, as engine SQL with bound values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exchange.rows.predicate import Predicate
from exchange.rows.soql import Query
from exchange.rows.types import ColumnInfo


@dataclass(frozen=True)
class Plan:
    """`columns_used`: every dataset column named anywhere. `functions`: every function named. `grouped`: whether rows
    were aggregated, so that no single record leaves."""

    fields: tuple[object, ...]
    columns_used: frozenset[str]
    functions: frozenset[str]
    grouped: bool

    def sql(self, source_name: str) -> tuple[str, dict[str, object]]:
        """DuckDB SQL over a relation of that name, and its bound parameters."""
        raise NotImplementedError


def resolve(
    query: Query, columns: Sequence[ColumnInfo], *, row_filter: Predicate | None = None, min_cell: int = 0
) -> Plan:
    """Check and type the query. A column that is not in `columns` does not exist. Raises `SoqlError`."""
    raise NotImplementedError
