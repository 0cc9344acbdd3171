"""The table of entrances is whole: nothing answers that is not in it."""

from __future__ import annotations

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient

from tests.conftest import make_settings
from wsgi import ENTRANCES, create_app

UNGUARDED = {"static", "bootstrap.static"}


def test_every_route_belongs_to_a_blueprint_in_the_table(app: Flask) -> None:
    named = {entrance.blueprint.split(":")[1] for entrance in ENTRANCES}
    strays = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in UNGUARDED and rule.endpoint.split(".")[0] not in named
    ]
    assert strays == []


def test_a_blueprint_outside_the_table_answers_nobody(tmp_path) -> None:  # type: ignore[no-untyped-def]
    app = create_app(make_settings(tmp_path))
    stray = Blueprint("stray", __name__)
    stray.add_url_rule("/stray", view_func=lambda: "inside")
    app.register_blueprint(stray)
    answer = app.test_client().get("/stray")
    assert answer.status_code == 403
    assert b"inside" not in answer.data


@pytest.mark.parametrize(
    "prefix",
    ["/desk", "/requests/", "/grants/", "/clients/", "/agreements/", "/publish/", "/directory/", "/classification/"],
)
def test_the_public_is_sent_to_the_sign_in_page(client: FlaskClient, prefix: str) -> None:
    answer = client.get(prefix)
    assert answer.status_code in (302, 303, 308)
    if answer.status_code == 308:
        answer = client.get(answer.location)
    assert "/sign-in" in answer.location


def test_get_changes_nothing_and_every_other_method_is_protected(app: Flask) -> None:
    """ASVS V3.5: unsafe methods need a token; only the OAuth endpoints, which take no cookies, are exempt."""
    exempt = {blueprint.name for blueprint in app.extensions["csrf"]._exempt_blueprints}
    assert exempt <= {"downloads", "oauth", "writing", "describing", "rows", "soda3"}
