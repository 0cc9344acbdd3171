"""The requests of soda.md §13 through HTTP, on a table of 2,500 earthquakes."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.db import db
from tests.conftest import NOON
from tests.makers.rows import make_open_dataset


@pytest.fixture
def quakes(app: Flask, client: FlaskClient) -> FlaskClient:
    make_open_dataset(db.session(), app.config["SETTINGS"].data_dir, NOON)
    db.session.commit()
    return client


def get(client: FlaskClient, **parameters: str) -> list[dict[str, object]]:
    response = client.get("/resource/abcd-1234.json", query_string=parameters)
    assert response.status_code == 200, response.text
    return response.get_json()


def test_first_page_is_a_thousand_rows(quakes: FlaskClient) -> None:
    response = quakes.get("/resource/abcd-1234")
    print(response.headers, response.text[:300])
    rows = response.get_json()
    assert len(rows) == 1000
