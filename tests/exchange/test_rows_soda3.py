"""SODA 3: questions in a body or in the address, pages, exports, and who may ask."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from exchange.db import db
from tests.conftest import NOON
from tests.makers.catalogue import make_listed
from tests.makers.rows import make_open_dataset, make_quakes

ADDRESS = "/api/v3/views/abcd-1234"
LOGIN = {"Authorization": "OAuth anything"}


@pytest.fixture
def quakes(app: Flask) -> None:
    """The earthquakes, 1,200 of them."""
    make_open_dataset(db.session(), app.config["SETTINGS"].data_dir, NOON, table=make_quakes(1200))
    make_listed(db.session(), "rrrr-0001", "Restricted", class_="restricted", agency="public-health")
    db.session.commit()


def post(client: FlaskClient, path: str = "/query.json", /, **body: Any) -> TestResponse:
    return client.post(f"{ADDRESS}{path}", json=body, headers=LOGIN)


def rows(answer: TestResponse) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: list[dict[str, Any]] = json.loads(answer.data)
    return found


def test_a_statement_is_answered_like_its_query_parameter(quakes: None, client: FlaskClient) -> None:
    statement = "SELECT source, count(*) AS n WHERE magnitude > 2 GROUP BY source ORDER BY n DESC LIMIT 3"
    answer = post(client, query=statement, includeSystem=False)
    assert rows(answer) == client.get("/resource/abcd-1234.json", query_string={"$query": statement}).get_json()
    assert answer.headers["X-SODA2-Fields"] == '["source", "n"]'
    by_get = client.get(f"{ADDRESS}/query.json", query_string={"query": statement}, headers=LOGIN)
    assert by_get.data == answer.data


def test_pages_are_whole_and_do_not_overlap(quakes: None, client: FlaskClient) -> None:
    def page(number: int, statement: str = "SELECT earthquake_id") -> list[str]:
        answer = post(client, query=statement, page={"pageNumber": number, "pageSize": 500}, orderingSpecifier="total")
        return [row["earthquake_id"] for row in rows(answer)]

    pages = [page(number) for number in (1, 2, 3, 4)]
    assert [len(found) for found in pages] == [500, 500, 200, 0]
    assert [one for found in pages for one in found] == [f"q{number:07}" for number in range(1200)]
    assert [len(page(number, "SELECT earthquake_id LIMIT 700 OFFSET 10")) for number in (1, 2, 3)] == [500, 200, 0]
    both = "SELECT earthquake_id WHERE felt UNION SELECT earthquake_id WHERE not felt"
    assert len({one for number in (1, 2, 3) for one in page(number, both)}) == 1200
    chain = "SELECT earthquake_id, depth |> SELECT earthquake_id ORDER BY depth DESC"
    assert len({one for number in (1, 2, 3) for one in page(number, chain)}) == 1200
    by_get = client.get(f"{ADDRESS}/query.json?query=SELECT+earthquake_id&pageNumber=3&pageSize=500", headers=LOGIN)
    assert [row["earthquake_id"] for row in rows(by_get)] == pages[2]


def test_without_a_page_a_thousand_and_system_fields(quakes: None, client: FlaskClient) -> None:
    found = rows(post(client))
    assert len(found) == 1000 and {":id", ":version", ":created_at", ":updated_at"} <= set(found[0])
    assert ":id" not in rows(post(client, includeSystem=False, query="SELECT * LIMIT 1"))[0]
    assert set(rows(post(client, query="SELECT source LIMIT 1"))[0]) == {"source"}


def test_an_export_is_whole(quakes: None, client: FlaskClient) -> None:
    answer = post(client, "/export.csv", serializationOptions={"separator": "\t", "bom": True})
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="abcd-1234.csv"'
    table = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter="\t"))
    assert len(table) == 1201 and table[0][:2] == ["source", "earthquake_id"]
    few = client.get(f"{ADDRESS}/export.csv?query=SELECT+source+LIMIT+2&app_token=", headers=LOGIN)
    assert len(few.data.splitlines()) == 3
    assert post(client, "/export.csv", page={"pageNumber": 1}).status_code == 400


def test_places_and_parameters(quakes: None, client: FlaskClient) -> None:
    answer = post(client, "/query.geojson", query="SELECT location, source LIMIT 2")
    assert answer.content_type.startswith("application/vnd.geo+json")
    assert len(json.loads(answer.data)["features"]) == 2
    found = rows(
        post(client, query='SELECT source WHERE source = param(@abcd-1234, "s") LIMIT 5', parameters={"s": "pr"})
    )
    assert {row["source"] for row in found} == {"pr"}


MISTAKES: tuple[dict[str, Any], ...] = (
    {"query": 5}, {"query": "SELECT nosuch"}, {"page": {"pageNumber": 0}}, {"page": {"pageSize": "x"}}, {"page": 3},
    {"timeout": -1}, {"includeSystem": "yes"}, {"orderingSpecifier": "sideways"}, {"parameters": [1]},
    {"serializationOptions": {"separator": "ab"}},
)  # fmt: skip


def test_mistakes_are_said(quakes: None, client: FlaskClient) -> None:
    for body in MISTAKES:
        answer = post(client, **body)
        assert answer.status_code == 400 and answer.get_json()["error"] is True, body
    broken = client.post(f"{ADDRESS}/query.json", data=b"{", headers=LOGIN)
    assert broken.status_code == 400 and broken.get_json()["code"] == "req.body.malformed-json"
    assert client.get(f"{ADDRESS}/query.json?pageSize=x", headers=LOGIN).status_code == 400
    assert client.get(f"{ADDRESS}/query.pdf", headers=LOGIN).status_code == 406
    assert post(client, "/delete").status_code == 404


def test_a_page_of_another_site_may_ask_whether_it_may_ask(quakes: None, client: FlaskClient) -> None:
    for address in (f"{ADDRESS}/query.json", "/api/catalog/v1", "/api/views/abcd-1234.json"):
        answer = client.options(address, headers={"Origin": "https://elsewhere.example"})
        assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "X-App-Token" in answer.headers["Access-Control-Allow-Headers"]


def test_somebody_has_to_ask(quakes: None, client: FlaskClient) -> None:
    for id_ in ("abcd-1234", "rrrr-0001", "zzzz-0001"):
        answer = client.get(f"/api/v3/views/{id_}/query.json")
        assert answer.status_code == 403 and answer.get_json()["code"] == "permission_denied"
    assert client.get(f"{ADDRESS}/query.json", headers={"X-App-Token": "nobody's"}).status_code == 403
    assert client.get(f"{ADDRESS}/query.json?app_token=").status_code == 403


def test_the_restricted_goes_by_its_own_door(quakes: None, client: FlaskClient) -> None:
    token = {"Authorization": "DPoP nosuch"}
    hidden, unknown = (
        client.get(f"/api/v3/views/{id_}/query.json", headers=token) for id_ in ("rrrr-0001", "zzzz-0001")
    )
    resource = client.get("/resource/rrrr-0001.json", headers=token)
    assert hidden.status_code == resource.status_code and hidden.get_json()["code"] == resource.get_json()["code"]
    assert unknown.status_code == client.get("/resource/zzzz-0001.json", headers=token).status_code


def test_a_posted_question_takes_no_write_lock(quakes: None, client: FlaskClient) -> None:
    with db.engine.connect() as other:
        other.exec_driver_sql("ROLLBACK")
        other.exec_driver_sql("BEGIN IMMEDIATE")
        assert len(rows(post(client, query="SELECT source LIMIT 1"))) == 1
        other.exec_driver_sql("ROLLBACK")
