"""Server-side sessions."""
from flask import Flask
from flask.testing import FlaskClient
from exchange.db import db
from exchange.directory.models import RoleKind
from tests.makers.directory import make_person, sign_in

def test_boots(app: Flask, client: FlaskClient) -> None:
    person = make_person(db.session(), roles=[RoleKind.CDO])
    sign_in(client, person)
    assert client.get("/directory/").status_code in (200, 404)
