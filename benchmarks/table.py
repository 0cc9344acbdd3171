"""The benchmark's table: rows of 11 columns as an agency's would be, made from their number alone."""

from __future__ import annotations

from pathlib import Path

import duckdb

from demo.facts import TOWNS

CATEGORIES = ("Education", "Health", "Labor", "Housing", "Safety", "Transport", "Taxes", "Parks")


def write_csv(path: Path, rows: int) -> Path:
    """Write `rows` rows as CSV; the row identifier is `id`."""
    with duckdb.connect() as connection:
        define(connection)
        connection.execute(f"COPY ({rows_sql(rows)}) TO '{path}' (HEADER, DELIMITER ',')")
    return path


def define(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a connection what `rows_sql` uses."""
    connection.execute("CREATE OR REPLACE TEMP MACRO chance(i, salt, n) AS (hash(i * 31 + salt) % n)::BIGINT")
    connection.execute("SET VARIABLE towns = $1", [[town.name for town in TOWNS]])
    connection.execute("SET VARIABLE categories = $1", [list(CATEGORIES)])


def rows_sql(rows: int) -> str:
    """The rows as a statement."""
    return ROWS.format(rows=rows)


ROWS = """
SELECT printf('R%09d', i) AS id,
       (10000000 + chance(i, 1, 89999999))::VARCHAR AS case_number,
       (DATE '2015-01-01' + chance(i, 2, 2000)::INTEGER)::VARCHAR AS opened,
       getvariable('towns')[1 + chance(i, 3, 169)] AS town,
       getvariable('categories')[1 + chance(i, 4, 8)] AS category,
       round(chance(i, 5, 500000) / 100.0, 2) AS amount,
       chance(i, 6, 200) AS count,
       chance(i, 7, 2) = 1 AS flag,
       round(40.98 + chance(i, 8, 1070000) / 1000000.0, 6) AS latitude,
       round(-73.73 + chance(i, 9, 1940000) / 1000000.0, 6) AS longitude,
       'Case of the year, entry ' || (i % 997) || ', as received' AS note
FROM range({rows}) AS numbers(i)
ORDER BY i
"""
