"""Full-text search: stems, numbers, groups; the index finds the rows that reading everything finds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.db import db
from exchange.rows import search_index, store_open
from exchange.rows.plan import resolve
from exchange.rows.plan.searching import MAX_TERMS, SearchIndex
from exchange.rows.plan.word_forms import forms, stem
from exchange.rows.search_index import FROM_ROWS, build_search_index, find_index
from exchange.rows.soql import parse_parameters
from exchange.rows.types import ColumnInfo
from tests.conftest import NOON
from tests.makers.rows import make_open_dataset

COLUMNS = (
    ColumnInfo("name", "Name", "text"),
    ColumnInfo("about", "About", "text"),
    ColumnInfo("site", "Site", "url"),
    ColumnInfo("year", "Year", "number"),
    ColumnInfo("born", "Born", "calendar_date"),
)
ROWS = (
    ("Hartford Public Library", "A library of the city, with 12 reading rooms", "https://example.org/libraries", 1774),
    ("Running Club", "They ran; she runs in Hartford's parks.\nMet in 1999", None, 2014),
    ("State Organization for Towns", "organizing meetings in SCHOOLS", "https://towns.example.org", 12.5),
    (None, "Québec and Straße; number 4.2, id A-17", None, None),
    ("School of Dying Arts", "", None, -5),
)
WORDS = ("school", "schools", "schooling", "run", "running", "ran", "organize", "organization", "organ", "die", "dying",
         "libraries", "library", "Québec", "straße", "STRASSE", "12", "4", "4.2", "-5", "1999", "naïve", "x_y", "A-17",
         "general", "generation", "the", "of", "hop", "hopping", "hope", "ski", "skies", "İstanbul")  # fmt: skip

FREQUENT = ("connect", "connected", "connection", "connecting")


def make_table(rows: list[tuple[Any, ...]] | tuple[tuple[Any, ...], ...]) -> pa.Table:
    names, abouts, sites, years = zip(*rows, strict=True)
    return pa.table({
        "name": pa.array(names, pa.string()), "about": pa.array(abouts, pa.string()), "site": pa.array(sites, pa.string()),
        "year": pa.array([None if y is None else float(y) for y in years], pa.float64()),
        "born": pa.array([None] * len(rows), pa.timestamp("ms")),
    })  # fmt: skip


@pytest.fixture
def places(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser, and five rows of text published."""
    make_open_dataset(
        db.session(), app.config["SETTINGS"].data_dir, NOON, table=make_table(ROWS), columns=COLUMNS, row_id=None
    )
    db.session.commit()
    return client


def over_http(client: FlaskClient, words: str, **more: str) -> list[str | None]:
    query = {"$q": words, **{f"${name}": text for name, text in more.items()}}
    answer = client.get("/resource/abcd-1234.json", query_string=query)
    assert answer.status_code == 200, answer.text
    return [row.get("name") for row in answer.get_json()]


@pytest.fixture(scope="module")
def table() -> Iterator[duckdb.DuckDBPyConnection]:
    """The five rows in an engine of the test's own."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("given", make_table(ROWS).append_column("_row", pa.array(range(len(ROWS)), pa.int64())))
        connection.execute("CREATE TABLE rows AS SELECT * FROM given")
        yield connection


def found(table: duckdb.DuckDBPyConnection, words: str) -> list[str | None]:
    plan = resolve(parse_parameters({"$q": [words], "$select": ["name"]}), COLUMNS)
    sql, values = plan.sql("rows", NOON)
    return [name for (name,) in table.sql(sql, params=values).fetchall()]


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ("library", (0,)),
        ("LIBRARIES", (0,)),
        ("schools", (2, 4)),
        ("run", (1,)),
        ("hartford running", (1,)),
        ("hartford", (0, 1)),
        ("organisation", ()),
        ("organize", (2,)),
        ("1774", (0,)),
        ("12", (0,)),
        ("12.5", (2,)),
        ("-5", (4,)),
        ("4.2", (3,)),
        ("17", (3,)),
        ("québec", (3,)),
        ("the library of the city", (0,)),
        ("of", (0, 4)),
        ("art", (4,)),
        ("lib", ()),
        ("example.org towns", (2,)),
        ("", (0, 1, 2, 3, 4)),
        ("%", (0, 1, 2, 3, 4)),
    ],
)
def test_what_a_search_finds(table: duckdb.DuckDBPyConnection, words: str, rows: tuple[int, ...]) -> None:
    assert found(table, words) == [ROWS[row][0] for row in rows]


def test_search_over_http_beside_other_clauses_and_in_groups(places: FlaskClient) -> None:
    assert over_http(places, "school", where="year < 0") == ["School of Dying Arts"]
    assert over_http(places, "hartford", where="year > 2000") == ["Running Club"]
    grouped = {"select": "name, count(*)", "group": "name"}
    assert over_http(places, "library", **grouped) == ["Hartford Public Library"]
    assert over_http(places, "parks", **grouped) == ["Running Club"]  # rows are searched before they are grouped
    words = " ".join(f"w{number}" for number in range(MAX_TERMS + 1))
    answer = places.get("/resource/abcd-1234.json", query_string={"$q": words})
    assert answer.status_code == 400 and "at most 16" in answer.get_json()["message"]


def test_equal_words_count_once(table: duckdb.DuckDBPyConnection) -> None:
    assert found(table, "school " * 100) == ["State Organization for Towns", "School of Dying Arts"]


@pytest.mark.parametrize("word", ["library", "school", "general", "run", "die", "happy", "organize", "hope", "sky"])
def test_forms_are_the_words_of_one_stem(word: str) -> None:
    assert {stem(form) for form in forms(word)} <= {stem(word)}
    assert word in forms(word)


def test_forms_of_everyday_words() -> None:
    assert {"library", "libraries"} <= forms("library")
    assert {"run", "runs", "running"} <= forms("running")
    assert {"connect", "connected", "connection", "connections", "connecting", "connective"} <= forms("connects")
    assert {"die", "dies", "died", "dying"} <= forms("die")
    assert forms("2014") == {"2014"} and forms("Ab") == {"ab"} and forms("Québec") == {"québec"}


class Indexed:
    """One table, once with an index and once read whole. Most rows have a form of one word, many have several."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        words = [*WORDS, *FREQUENT * 12]

        def text() -> str | None:
            return chance.choice((None, "", " ".join(chance.choices(words, k=chance.randint(1, 6)))))

        rows = [(text(), text(), text(), chance.choice((None, 12, 4.2, -5, 1999))) for _ in range(300)]
        self.connection = duckdb.connect(config={"threads": 1})
        table = make_table(rows).append_column("_row", pa.array(range(300), pa.int64()))
        self.connection.register("given", table)
        self.connection.execute("CREATE TABLE rows AS SELECT * FROM given")
        assert build_search_index(self.connection, COLUMNS, 300, from_rows=1)
        self.index = find_index(self.connection, "memory")

    def rows(self, index: SearchIndex | None, **parameters: str) -> list[Any]:
        plan = resolve(parse_parameters({f"${name}": [text] for name, text in parameters.items()}), COLUMNS)
        sql, values = plan.sql("rows", NOON, search_index=index)
        assert ("search_words" in sql) is (index is not None and bool(parameters["q"]))
        return list(self.connection.sql(sql, params=values).fetchall())


@pytest.fixture(scope="module")
def indexed() -> Iterator[Indexed]:
    """A table of 300 rows with its index."""
    indexed = Indexed(7)
    assert indexed.index is not None
    yield indexed
    indexed.connection.close()


@given(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=3), sign=st.sampled_from((" ", "-", "_", ".", ", ")))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_index_finds_what_reading_everything_finds(indexed: Indexed, words: list[str], sign: str) -> None:
    q = sign.join(words)
    assert indexed.rows(indexed.index, q=q, limit="5000") == indexed.rows(None, q=q, limit="5000")


@given(
    word=st.sampled_from((*FREQUENT, "Connections", "school", "hope", "zebra")),
    limit=st.integers(0, 320), offset=st.integers(0, 320), order=st.sampled_from(({}, {"order": ":id"})),
)  # fmt: skip
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_row_of_a_page_is_missing_where_only_the_first_are_looked_up(
    indexed: Indexed, word: str, limit: int, offset: int, order: dict[str, str]
) -> None:
    page = {"q": word, "select": ":id, name", "limit": str(limit), "offset": str(offset), **order}
    assert "SELECT DISTINCT _row" in statement(indexed.index, page)[0]
    assert indexed.rows(indexed.index, **page) == indexed.rows(None, **page)


def statement(index: SearchIndex | None, query: dict[str, str]) -> tuple[str, list[Any]]:
    plan = resolve(parse_parameters({f"${name}": [text] for name, text in query.items()}), COLUMNS)
    return plan.sql("rows", NOON, search_index=index)


@pytest.mark.parametrize(
    "query",
    [
        {"order": "name"}, {"order": ":id desc"}, {"where": "year = 12"}, {"select": "distinct name"},
        {"select": "count(*)"}, {"select": "name, row_number() over (order by name)"},
        {"select": "name, count(*)", "group": "name"}, {"query": "select name search 'connect' |> select name limit 3"},
        {"offset": "2000000"}, {"q": "connect school"}, {"q": "12"},
    ],
)  # fmt: skip
def test_every_row_is_looked_up_where_not_only_the_first_can_show(indexed: Indexed, query: dict[str, str]) -> None:
    query = query if "query" in query else {"q": "connect", **query}
    sql, values = statement(indexed.index, query)
    assert "search_words" in sql and "SELECT DISTINCT _row" not in sql
    whole, its_values = statement(None, query)
    answer = indexed.connection.sql(sql, params=values).fetchall()
    assert answer == indexed.connection.sql(whole, params=its_values).fetchall()


def test_the_index_works_below_filters_windows_of_rows_and_groups(indexed: Indexed) -> None:
    for more in (
        {"where": "year = 12", "order": "name DESC", "limit": "7", "offset": "2"},
        {"select": "distinct year"},
        {"select": "year, name", "where": "name is not null or year in (4.2, 12)"},
        {"select": "year, count(*)", "group": "year"},
    ):
        expected = indexed.rows(None, q="school", **more)
        assert indexed.rows(indexed.index, q="school", **more) == expected


def test_an_index_over_other_columns_is_not_used(indexed: Indexed) -> None:
    plan = resolve(parse_parameters({"$q": ["school"]}), COLUMNS[:2])
    sql, _ = plan.sql("rows", NOON, search_index=indexed.index)
    assert "search_words" not in sql


def test_few_rows_and_tables_without_text_have_no_index() -> None:
    with duckdb.connect() as connection:
        assert not build_search_index(connection, COLUMNS, FROM_ROWS - 1)
        assert not build_search_index(connection, COLUMNS[3:], FROM_ROWS)
        assert find_index(connection, "memory") is None


def test_a_large_version_is_published_with_its_index_and_searched_by_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(search_index, "FROM_ROWS", 5)
    stored = store_open.write_version(tmp_path, "abcd-1234", 1, make_table(ROWS), COLUMNS)
    with duckdb.connect(str((tmp_path / stored.path).with_suffix(".duckdb")), read_only=True) as connection:
        index = find_index(connection, connection.sql("SELECT current_database()").fetchall()[0][0])
        assert index is not None and index.columns == {"name", "about", "site"}
        assert connection.sql("SELECT count(*) FROM search_words WHERE word = 'hartford'").fetchall() == [(2,)]
