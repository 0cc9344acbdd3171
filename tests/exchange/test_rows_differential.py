"""One corpus, equal rows in equal order on every engine: the serving file, the Parquet itself, PostgreSQL.

Spark is asked a part of it in `test_rows_spark.py`, and all of it by `make differential`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from exchange.rows.engines.duckdb_file import DuckDBEngine
from exchange.rows.functions.dialects import NotThere, translate
from exchange.rows.functions.dialects.polygons import edges
from exchange.rows.source import Source
from tests.makers import soql_corpus as corpus
from tests.makers.engines import Postgres, differences, digits, lines, planned, stored

CORPUS = [*corpus.corpus(), *corpus.LATER]
"""All of it: well over five hundred."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for an open store."""
    return tmp_path_factory.mktemp("open")


@pytest.fixture(scope="module")
def sources(root: Path) -> dict[str, Source]:
    """The table of the corpus, and the one that it joins."""
    return {
        "corp-0001": stored(root, corpus.rows(), corpus.COLUMNS, "corp-0001"),
        corpus.OTHER: stored(root, corpus.other_rows(), corpus.OTHER_COLUMNS, corpus.OTHER),
    }


Ask = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def by_file(root: Path, sources: dict[str, Source]) -> Ask:
    """DuckDB on the serving files."""
    return _asking(DuckDBEngine(root), sources)


@pytest.fixture(scope="module")
def by_parquet(root: Path, sources: dict[str, Source]) -> Ask:
    """DuckDB on the Parquet, as while a serving file is not there."""
    return _asking(DuckDBEngine(root), {key: replace(one, file=None) for key, one in sources.items()})


@pytest.fixture(scope="module")
def by_postgres(sources: dict[str, Source]) -> Iterator[Ask]:
    """PostgreSQL, the tables loaded by COPY."""
    postgres = Postgres()
    for key, source in sources.items():
        assert source.parquet is not None
        postgres.load(key, pq.read_table(source.parquet))

    @functools.cache
    def ask(text: str) -> list[str]:
        plan = planned(text)
        return postgres.lines(plan, "corp-0001", sources["corp-0001"], {key: sources[key] for key in plan.datasets})

    yield ask
    postgres.close()


def _asking(engine: DuckDBEngine, sources: dict[str, Source]) -> Ask:
    @functools.cache
    def ask(text: str) -> list[str]:
        plan = planned(text)
        return lines(engine, plan, sources["corp-0001"], {key: sources[key] for key in plan.datasets})

    return ask


def test_the_corpus_is_large_and_says_something(by_file: Ask) -> None:
    assert len(CORPUS) >= 500 and len(set(CORPUS)) > 500
    empty = [text for text in CORPUS if not by_file(text)]
    assert len(empty) < len(CORPUS) / 10


def test_file_and_parquet_give_equal_bytes(by_file: Ask, by_parquet: Ask) -> None:
    assert [text for text in CORPUS if by_file(text) != by_parquet(text)] == []


def test_postgres_gives_the_same_rows_in_the_same_order(by_file: Ask, by_postgres: Ask) -> None:
    found = {text: differences(by_file(text), by_postgres(text), places=digits(text)) for text in CORPUS}
    assert {text: rows for text, rows in found.items() if rows} == {}


def test_nearly_all_numbers_are_equal_to_the_last_digit(by_file: Ask, by_postgres: Ask) -> None:
    inexact = [text for text in CORPUS if "regr" not in text and by_file(text) != by_postgres(text)]
    assert len(inexact) <= len(CORPUS) / 100


@pytest.mark.parametrize("dialect", ["spark", "postgres"])
def test_what_an_engine_does_not_have_is_refused_and_never_guessed(dialect: str) -> None:
    for text in (
        "SELECT shape_area(t.a) FROM rows AS t",
        "SELECT soundex(t.a) FROM rows AS t",
        "SELECT printf('%d', 1)",
    ):
        with pytest.raises(NotThere, match="leave that out"):
            translate(text, [], dialect)


@pytest.mark.parametrize("dialect", ["spark", "postgres"])
def test_values_never_become_text_of_a_statement(dialect: str) -> None:
    hostile = "'; DROP TABLE rows; -- %s :p1 $1 __p1__"
    statement = translate("SELECT t.a AS c0 FROM rows AS t WHERE t.a = $1 AND t.b LIKE $1", [hostile], dialect)
    assert "DROP" not in statement.sql and statement.values == {"p1": hostile}


def test_sort_keys_say_where_nulls_go_on_every_engine() -> None:
    sql = "SELECT t.a AS c0 FROM rows AS t ORDER BY t.a ASC NULLS LAST, t.b DESC NULLS FIRST, t._row"
    assert translate(sql, [], "spark").sql.endswith(
        "ORDER BY t.a ASC NULLS LAST, t.b DESC NULLS FIRST, t._row NULLS LAST"
    )
    assert translate(sql, [], "postgres").sql.endswith("ORDER BY t.a ASC, t.b DESC, t._row")


def test_a_polygon_goes_as_its_edges_and_nothing_else_does() -> None:
    square = "0103000000010000000400000000000000000000000000000000000000000000000000F03F0000000000000000" \
             "000000000000F03F000000000000F03F00000000000000000000000000000000"  # fmt: skip
    assert edges(bytes.fromhex(square)) == [[0, 0, 1, 0], [1, 0, 1, 1], [1, 1, 0, 0]]
    with pytest.raises(ValueError, match="polygon is wanted"):
        edges(bytes.fromhex("0101000000000000000000F03F000000000000F03F"))
