"""Before anybody can sign in, the operator enrols a person who then can."""

from __future__ import annotations

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from access.enrolling import enrol
from exchange import clock
from exchange.directory.agencies import load_agencies
from exchange.directory.models import RoleKind
from exchange.errors import Invalid
from exchange.web import session

PASSWORD = "a sentence that nobody else has"


def _enrol(agency: str, password: str = PASSWORD) -> str:
    load_agencies(session())
    enrolled = enrol(
        session(), name="Ada Pell", email="ada@agency.example", agency=agency, title="Administrator",
        role=RoleKind.ADMINISTRATOR, group=None, password=password, now=clock.now(),
    )  # fmt: skip
    session().commit()
    return enrolled.totp_secret


def test_an_enrolled_person_signs_in(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    code = pyotp.TOTP(_enrol("policy-and-management")).now()
    answer = client.post("/sign-in", data={"email": "ada@agency.example", "password": PASSWORD, "code": code})
    assert answer.status_code == 303


def test_a_shared_acronym_asks_for_the_key(app: Flask) -> None:
    with pytest.raises(Invalid, match="several agencies"):
        _enrol("DSS")


def test_a_short_password_is_refused_and_nothing_is_kept(app: Flask) -> None:
    with pytest.raises(Invalid, match="15 characters"):
        _enrol("policy-and-management", "short")


def test_the_command_line_does_the_same(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    assert "agencies" in run(args=["access", "set-up"]).output
    added = run(args=["access", "add-person", "Ada Pell", "ada@agency.example", "--agency", "OPM", "--role", "administrator",
                      "--password", PASSWORD])  # fmt: skip
    assert added.exit_code == 0, added.output
    assert "otpauth://totp/" in added.output
