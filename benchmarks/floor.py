"""Floors: what anybody would write in an afternoon with Flask, over sqlite3, over DuckDB, over finished text.

They look nothing up, check nothing and bind their values; the same web server runs them with as many workers.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import duckdb
from flask import Flask, Response, request, send_file

app = Flask(__name__)
FOLDER = Path(os.environ.get("FLOOR_FOLDER", "/nonexistent"))
BODIES = {path.stem: path.read_bytes() for path in (FOLDER / "bodies").glob("*.json")}
FILES = {"sqlite": FOLDER / "floor.sqlite", "duckdb": FOLDER / "floor.duckdb"}
_mine = threading.local()
_duckdb = threading.Lock()
_shared: list[duckdb.DuckDBPyConnection] = []


@app.get("/same/<name>")
def same(name: str) -> Response:
    """The same bytes that the real server answered, from memory."""
    return Response(BODIES[name], content_type="application/json")


@app.get("/file/<name>")
def file(name: str) -> Response:
    """A stored file as it is."""
    return send_file(FOLDER / "files" / name)


@app.get("/sqlite")
def over_sqlite() -> Response:
    """The statement of the address over sqlite3, rows as dictionaries, `json.dumps`."""
    connection = getattr(_mine, "connection", None)
    if connection is None:
        connection = _mine.connection = sqlite3.connect(FILES["sqlite"])
    return _rows(connection.execute(request.args["sql"], request.args.getlist("v")))


@app.get("/text")
def over_stored_text() -> Response:
    """Rows that lie as finished JSON text in sqlite3, joined in Python."""
    connection = getattr(_mine, "connection", None)
    if connection is None:
        connection = _mine.connection = sqlite3.connect(FILES["sqlite"])
    rows = connection.execute(request.args["sql"], request.args.getlist("v")).fetchall()
    return Response("[" + ",".join(row[0] for row in rows) + "]", content_type="application/json")


@app.get("/duckdb")
def over_duckdb() -> Response:
    """The same over a DuckDB file, one thread a worker, a cursor for each request."""
    with _duckdb:
        if not _shared:
            _shared.append(duckdb.connect(str(FILES["duckdb"]), read_only=True, config={"threads": 1}))
        cursor = _shared[0].cursor()
    try:
        return _rows(cursor.execute(request.args["sql"], request.args.getlist("v")))
    finally:
        cursor.close()


def _rows(cursor: Any) -> Response:
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return Response(json.dumps(rows, default=str), content_type="application/json")
