"""Who may take receipts home, by browser and by program; every fetching is recorded before it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from audit.actions import Action
from exchange.db import db
from exchange.directory.models import Person, RoleKind
from tests.makers.audit import make_intent, make_outcome, write
from tests.makers.directory import make_person, sign_in
from tests.makers.log import entries
from tests.makers.writing import Key, make_writer, make_written


@pytest.fixture
def steward(app: Flask) -> Key:
    """A steward of Education, whose dataset was read twice, once by an entry that does not name the agency."""
    key = make_writer(db.session())
    dataset = make_written(db.session())
    make_person(db.session(), "Lee Officer", agency="labor", roles=[(RoleKind.DATA_OFFICER, "labor")])
    named, older = make_intent(dataset="zzzz-9999", source="education"), make_intent(dataset=dataset.id)
    db.session.commit()
    other = make_intent(dataset="yyyy-8888", source="labor")
    write(db.engine, [named, make_outcome(named), older, other])
    assert app.test_cli_runner().invoke(args=["audit", "verify"]).exit_code == 0
    return key


def person(name: str) -> Person:
    return db.session.query(Person).filter(Person.name == name).one()


def indexes(text: str) -> list[str]:
    return [json.loads(json.loads(line)["entry"])["action"] for line in text.splitlines()[1:-1]]


@pytest.mark.usefixtures("steward")
def test_a_data_officer_finds_the_own_agency_only(client: FlaskClient) -> None:
    sign_in(client, person("Lee Officer"))
    page = client.get("/audit/receipts")
    assert page.status_code == 200
    assert "/audit/receipts/labor.jsonl" in page.text
    assert "/audit/receipts/education.jsonl" not in page.text
    assert client.get("/audit/receipts/education.jsonl").status_code == 404
    assert client.get("/audit/receipts/nowhere.jsonl").status_code == 404
    own = client.get("/audit/receipts/labor.jsonl")
    assert indexes(own.text) == ["access:rows:intent"]
    assert entries(db.session(), Action.LOG_ENTRIES_EXPORT)[-1]["source"] == "labor"


def test_a_program_fetches_with_a_key_and_the_installation_compares(
    app: Flask, client: FlaskClient, steward: Key, tmp_path: Path
) -> None:
    assert client.get("/audit/receipts/education.jsonl").status_code in (302, 303, 401)
    assert client.get("/audit/receipts/education.jsonl", headers={"Authorization": "Basic eDp5"}).status_code == 401
    answer = client.get("/audit/receipts/education.jsonl?from=0", headers=steward.basic)
    assert answer.status_code == 200
    assert indexes(answer.text).count("access:rows:intent") == 2
    assert client.get("/audit/receipts/labor.jsonl", headers=steward.basic).status_code == 404
    assert client.get("/audit/receipts/education.jsonl?from=99999", headers=steward.basic).status_code == 400
    kept = tmp_path / "receipts.jsonl"
    kept.write_bytes(answer.data)
    result = app.test_cli_runner().invoke(args=["audit", "compare", str(kept)])
    assert result.exit_code == 0, result.output
    assert "the log agrees with the receipts" in result.output
    kept.write_bytes(answer.data.replace(b"zzzz-9999", b"zzzz-9998"))
    result = app.test_cli_runner().invoke(args=["audit", "compare", str(kept)])
    assert result.exit_code == 1
    assert "the file of receipts does not hold by itself" in result.output
    assert "is not in the signed tree" in result.output


@pytest.mark.usefixtures("steward")
def test_an_analyst_is_told_whom_to_ask(client: FlaskClient) -> None:
    make_person(db.session(), "Ana List", agency="education", roles=[(RoleKind.MEMBER, "health-and-human-services")])
    db.session.commit()
    sign_in(client, person("Ana List"))
    assert "Ask your agency’s data officer" in client.get("/audit/receipts").text
    assert client.get("/audit/receipts/education.jsonl").status_code == 404
