"""The whole language through the addresses: joins and sets over open datasets, errors as JSON, both spellings of `$`."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.db import db
from exchange.rows.types import ColumnInfo
from tests.conftest import NOON
from tests.makers.rows import make_open_dataset

NETS = (
    ColumnInfo("code", "Code", "text"),
    ColumnInfo("label", "Label", "text"),
    ColumnInfo("since", "Since", "number"),
)
TABLE = pa.table(
    {"code": ["ak", "pr", "zz"], "label": ["Alaska", "Puerto Rico", "Nowhere"], "since": [1971, 1974, 2001]}
)
ADDRESS = "/resource/abcd-1234.json"


@pytest.fixture
def quakes(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser, the earthquakes and their networks published, and networks that are not."""
    folder = app.config["SETTINGS"].data_dir
    make_open_dataset(db.session(), folder, NOON)
    make_open_dataset(db.session(), folder, NOON, id="nets-0001", table=TABLE, columns=NETS, row_id="code")
    make_open_dataset(db.session(), folder, NOON, id="hide-0001", table=TABLE, columns=NETS, state="draft", row_id=None)
    db.session.commit()
    return client


def rows(client: FlaskClient, query: str) -> Any:
    response = client.get(ADDRESS, query_string={"$query": query})
    assert response.status_code == 200, response.text
    return response.get_json()


def refused(client: FlaskClient, query: str) -> dict[str, Any]:
    response = client.get(ADDRESS, query_string={"$query": query})
    body: dict[str, Any] = response.get_json()
    assert (response.status_code, response.mimetype) == (400, "application/json"), response.text
    return body


def test_open_datasets_are_joined(quakes: FlaskClient) -> None:
    joined = (
        "SELECT @n.label AS label, count(*) AS n JOIN @nets-0001 AS n ON source = @n.code GROUP BY label ORDER BY label"
    )
    found = rows(quakes, joined)
    assert [row["label"] for row in found] == ["Alaska", "Puerto Rico"]
    alone = quakes.get(ADDRESS, query_string={"$select": "count(*)", "$where": "source = 'ak'"}).get_json()
    assert found[0]["n"] == alone[0]["count"]
    everyone = rows(quakes, "SELECT source, @n.since LEFT JOIN @nets-0001 AS n ON source = @n.code LIMIT 1000")
    assert {row.get("since") for row in everyone} == {"1971", "1974", None}


def test_sets_and_chains(quakes: FlaskClient) -> None:
    codes = rows(quakes, "SELECT source UNION SELECT code FROM @nets-0001")
    assert [row["source"] for row in codes] == ["ak", "ci", "nn", "pr", "zz"]
    assert rows(quakes, "SELECT source MINUS SELECT code FROM @nets-0001 |> SELECT count(*)") == [{"count": "2"}]
    first = (
        "SELECT source, row_number() OVER (PARTITION BY source ORDER BY depth DESC) AS r |> SELECT source WHERE r = 1"
    )
    assert sorted(row["source"] for row in rows(quakes, first)) == ["ak", "ci", "nn", "pr"]


@pytest.mark.parametrize("hidden", ["hide-0001", "gone-0001"])
def test_a_dataset_that_is_not_open_and_published_is_not_there(quakes: FlaskClient, hidden: str) -> None:
    said = refused(quakes, f"SELECT source JOIN @{hidden} AS h ON true")
    assert said["code"] == "query.soql.no-such-table" and f"No dataset has the id {hidden};" in said["message"]


def test_refusals_are_json_with_the_place(quakes: FlaskClient) -> None:
    body = refused(quakes, "SELECT source\nWHERE depth is not 5")
    assert body["code"] == "query.soql.bad-parse" and "Expected `NULL', but got `5'" in body["message"]
    assert body["data"]["position"]["row"] == 2 and body["data"]["position"]["column"] == 20
    for query, code in {
        "SELECT @n.nosuch JOIN @nets-0001 AS n ON true": "no-such-column",
        "SELECT source UNION SELECT depth": "type-of-columns-mismatch",
        "SELECT row_number()": "function-requires-window-info",
        "(" * 500 + "SELECT 1": "bad-parse",
    }.items():
        assert refused(quakes, query)["code"] == f"query.soql.{code}"


def test_names_of_parameters_come_in_any_spelling(quakes: FlaskClient) -> None:
    for address in ("$limit=2&$order=:id", "%24limit=2&%24order=%3Aid", "$LIMIT=2&$Order=:id"):
        assert len(quakes.get(f"{ADDRESS}?{address}").get_json()) == 2
    for address in ("$limit=2&$LIMIT=3", "$query=SELECT+1&$limit=2", "$query=SELECT+1&source=ak"):
        assert quakes.get(f"{ADDRESS}?{address}").status_code == 400


def test_answers_of_a_join_change_with_what_is_joined(app: Flask, quakes: FlaskClient) -> None:
    query = {"$query": "SELECT @n.label JOIN @nets-0001 AS n ON source = @n.code LIMIT 1"}
    before = quakes.get(ADDRESS, query_string=query)
    again = quakes.get(ADDRESS, query_string=query, headers={"If-None-Match": before.headers["ETag"]})
    assert again.status_code == 304
    other = quakes.get(ADDRESS, query_string={"$query": query["$query"].replace("nets-0001", "abcd-1234")})
    assert other.status_code == 400 and "label" in other.get_json()["message"]
