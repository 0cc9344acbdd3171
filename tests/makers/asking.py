"""Rows of a statement, from a real engine over a real store: what most tests of the language need."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pyarrow as pa

from exchange.rows import store_open
from exchange.rows.engines.duckdb_file import DuckDBEngine
from exchange.rows.plan import Plan, resolve
from exchange.rows.soql import parse_statement
from exchange.rows.types import ColumnInfo
from tests.conftest import NOON


class Asked:
    """A table in an open store, and an engine over it."""

    def __init__(self, root: Path, table: pa.Table, columns: tuple[ColumnInfo, ...]) -> None:
        written = store_open.write_version(root, "abcd-1234", 1, table, columns)
        self.columns = columns
        self._engine = DuckDBEngine(root)
        self._source = store_open.open_version(
            root, written.path, dataset_id="abcd-1234", number=1, rows=written.rows, published_at=NOON
        )

    def batches(self, statement: str) -> list[pa.RecordBatch]:
        """The answer as it leaves the engine."""
        return self.run(resolve(parse_statement(statement), self.columns))

    def run(self, plan: Plan) -> list[pa.RecordBatch]:
        """The same of a plan."""
        return list(self._engine.run(plan, self._source, deadline_s=20.0, max_rows=None, cancel=threading.Event()))

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """The answer as Python values."""
        return [row for batch in self.batches(statement) for row in batch.to_pylist()]

    def value(self, expression: str) -> Any:
        """One expression, of the first row."""
        return self.rows(f"SELECT {expression} AS answer LIMIT 1")[0]["answer"]
