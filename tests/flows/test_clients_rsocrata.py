"""RSocrata: R itself where it and the package are installed, and everywhere its requests, replayed as it sends them.

The requests are those of RSocrata's `read.socrata` and `ls.socrata` (soda.md §12): the first page with the server's own
limit and `$order=:id` unencoded, then pages of 50,000 from where it stands, until one has no row.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from exchange.db import db
from tests.conftest import NOON
from tests.makers.rows import make_open_dataset, make_quakes

SCRIPT = Path(__file__).resolve().parents[1] / "clients" / "rsocrata.R"
TABLE = make_quakes().to_pylist()
ACCEPT = "application/json, text/xml, application/xml, */*"
"""What httr says it takes, when nothing else was said."""


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The application on loopback, with the table of earthquakes."""
    make_open_dataset(db.session(), app.config["SETTINGS"].data_dir, NOON)
    db.session.commit()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def page(url: str) -> tuple[list[dict[str, str]], Any]:
    """One page of CSV as RSocrata reads it, and the headers."""
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": ACCEPT})) as answer:
        assert answer.status == 200 and answer.headers["Content-Type"].split(";")[0] == "text/csv"
        return list(csv.DictReader(answer.read().decode().splitlines())), answer.headers


def test_the_pages_that_rsocrata_asks_for_hold_every_row_once(address: str) -> None:
    url = f"{address}/resource/abcd-1234.csv?$order=:id"
    rows, headers = page(url)
    types = dict(zip(json.loads(headers["X-SODA2-Fields"]), json.loads(headers["X-SODA2-Types"]), strict=True))
    assert types["datetime"] == "floating_timestamp" and list(types) == list(rows[0])
    assert len(rows) == 1000
    while True:
        more, _ = page(f"{url}&$limit=50000&$offset={len(rows)}")
        if not more:
            break
        rows += more
    assert [row["earthquake_id"] for row in rows] == [row["earthquake_id"] for row in TABLE]
    assert [datetime.fromisoformat(row["datetime"]) for row in rows] == [row["datetime"] for row in TABLE]


def test_a_count_is_asked_for_again_and_then_empty(address: str) -> None:
    url = f"{address}/resource/abcd-1234.csv?%24select=count%28%2A%29"
    assert page(url)[0] == [{"count": "2500"}]
    assert page(f"{url}&$limit=50000&$offset=1")[0] == []


def test_r_reads_pages_converts_lists_and_shows_errors(address: str) -> None:
    found = _r(address)
    assert (found["rows"], found["first"], found["last"]) == (2500, "q0000000", "q0002499")
    assert found["time"] == "POSIXct" and found["when"] == TABLE[1]["datetime"].strftime("%Y-%m-%d %H:%M")
    assert found["number"] == "numeric" and found["limited"] == 7 and found["page"] == 2500
    assert found["json"] == sum(1 for row in TABLE if (row["magnitude"] or 0) > 3.0)
    assert found["count"] == "2500"
    assert found["listed"].endswith("/data/abcd-1234")
    assert "400" in found["wrong"]


def _r(address: str) -> dict[str, Any]:
    """What the script in R says. Skips where R or the package is not installed: Debian has R and not RSocrata."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("R is not installed (Debian: r-base-core)")
    there = subprocess.run([rscript, "-e", "library(RSocrata)"], capture_output=True, text=True, timeout=60)
    if there.returncode != 0:
        pytest.skip("R is here and its package RSocrata is not; its requests are replayed in the tests above")
    done = subprocess.run([rscript, str(SCRIPT), address, "abcd-1234"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]  # it logs errors before
