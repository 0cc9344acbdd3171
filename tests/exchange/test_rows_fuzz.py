"""Whatever is asked: rows, or an error that is the reader's. `make fuzz` asks 20,000 times."""

from __future__ import annotations

import collections
import os
import sys
import threading
from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from exchange.errors import CharterError, Invalid
from exchange.rows.engine import RequestTimeout
from exchange.rows.engines.duckdb_file import DuckDBEngine
from exchange.rows.plan import resolve
from exchange.rows.soql import parse_statement
from exchange.rows.source import Source
from tests.conftest import NOON
from tests.makers import soql_corpus
from tests.makers.soql_grammar import MAIN, statements

CASES = int(os.environ.get("FUZZ", "250"))
TABLES = {MAIN: soql_corpus.COLUMNS, soql_corpus.OTHER: soql_corpus.OTHER_COLUMNS}
MOST_ROWS = 300_000


def source_of(key: str, table: pa.Table) -> Source:
    numbered = table.append_column("_row", pa.array(range(table.num_rows), pa.int64()))
    return Source(key=key, published_at=NOON, rows=table.num_rows, load=lambda: numbered)


class Asked:
    """An engine as the server has it, with two tables, and what became of each statement."""

    def __init__(self) -> None:
        self.engine = DuckDBEngine(None, memory="512MB")
        self.main = source_of("main", soql_corpus.rows())
        self.others = {soql_corpus.OTHER: source_of("other", soql_corpus.other_rows()), MAIN: self.main}
        self.outcomes: collections.Counter[str] = collections.Counter()

    def ask(self, statement: str) -> None:
        """Run it to its end. Raises only what is our fault."""
        try:
            plan = resolve(parse_statement(statement), soql_corpus.COLUMNS, tables=TABLES.__getitem__, name=MAIN)
            others = {name: self.others[name] for name in plan.datasets}
            batches = self.engine.run(
                plan, self.main, others=others, deadline_s=10, max_rows=None, cancel=threading.Event()
            )
            for batch in batches:
                assert batch.num_columns == len(plan.fields) and batch.num_rows <= MOST_ROWS
        except (Invalid, RequestTimeout) as refused:
            assert refused.status in (400, 408) and refused.message
            self.outcomes[refused.code] += 1
        except CharterError as ours:
            raise AssertionError(f"{type(ours).__name__}: {ours.message}\n{statement}") from ours
        else:
            self.outcomes["rows"] += 1


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """The engine, and at the end the count of what came back."""
    asked = Asked()
    yield asked
    sys.stdout.write(f"\n{dict(asked.outcomes.most_common())}\n")
    assert asked.outcomes["rows"] * 5 > asked.outcomes.total(), "too few statements ran to prove anything"


@given(statement=statements())
@settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
def test_every_statement_gets_rows_or_an_error_of_its_own(asked: Asked, statement: str) -> None:
    asked.ask(statement)
