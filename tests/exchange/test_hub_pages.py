"""The pages of publishing, in a browser without scripts."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from exchange.catalog.models import Dataset, Version
from exchange.db import db
from exchange.directory.models import RoleKind
from exchange.hub.models import PublishingRun, RunState
from tests.makers.directory import make_person, sign_in
from tests.makers.hub import write_csv


def enter(client: FlaskClient, kind: RoleKind = RoleKind.STEWARD, agency: str = "education") -> None:
    person = make_person(db.session(), agency=agency, roles=[(kind, agency)])
    db.session.commit()
    sign_in(client, person)


def token(client: FlaskClient, address: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(address).text)
    assert found
    return found[1]


def send(client: FlaskClient, path: Path | None, **fields: str) -> tuple[int, str]:
    data: dict[str, object] = {
        "csrf_token": token(client, "/publish/new"), "dataset": "", "agency": "education", "title": "Attendance",
        "category": "Education", "class_": "restricted", "recipe": "", "merge": "replace", **fields,
    }  # fmt: skip
    if path is not None:
        data["file"] = (io.BytesIO(path.read_bytes()), path.name)
    answer = client.post("/publish/new", data=data, content_type="multipart/form-data", follow_redirects=True)
    return answer.status_code, answer.text


def the_run() -> PublishingRun:
    run = db.session.scalars(select(PublishingRun).order_by(PublishingRun.started_at.desc())).first()
    assert run is not None
    db.session.refresh(run)
    return run


def test_a_steward_sends_a_file_confirms_and_it_is_there(client: FlaskClient, tmp_path: Path) -> None:
    enter(client)
    status, page = send(client, write_csv(tmp_path / "a.csv"))
    assert status == 200
    assert "1 cell holds" in page
    run = the_run()
    assert run.state == RunState.WAITING
    assert db.session.scalar(select(func.count()).select_from(Version)) == 0
    answers = {
        "csrf_token": token(client, f"/publish/{run.id}"), "type-case": "text", "type-town": "text",
        "type-count": "number", "meaning-count-0": "missing", "row_id": "case",
    }  # fmt: skip
    page = client.post(f"/publish/{run.id}/confirm", data=answers, follow_redirects=True).text
    assert "The version is current" in page
    run = the_run()
    assert (run.state, run.row_id, run.rows_added) == (RunState.PUBLISHED, "case", 3)
    assert run.proposal[2]["sentinels"] == {"-9999": "missing"}
    assert "Attendance" in client.get("/publish/").text


def test_a_loss_is_asked_about_and_accepted(client: FlaskClient, tmp_path: Path) -> None:
    enter(client)
    many = [(f"{n:03}", "Avon", str(n)) for n in range(10)]
    for rows in (many, many[:3]):
        send(client, write_csv(tmp_path / "a.csv", rows))
        run = the_run().id
        client.post(f"/publish/{run}/confirm", data={"csrf_token": token(client, f"/publish/{run}")})
    page = client.get(f"/publish/{run}").text
    assert "70 % fewer" in page
    assert "Go on all the same" in page
    client.post(f"/publish/{run}/accept", data={"csrf_token": token(client, f"/publish/{run}")})
    assert the_run().state == RunState.PUBLISHED
    assert db.session.scalar(select(func.count()).select_from(Dataset)) == 1


def registered() -> int:
    return db.session.scalar(select(func.count()).select_from(Dataset)) or 0


def test_a_broken_file_is_explained_and_registers_nothing(client: FlaskClient, tmp_path: Path) -> None:
    enter(client)
    path = tmp_path / "a.csv"
    path.write_text("A,B\n1,2\n3\n", encoding="utf-8")
    status, page = send(client, path)
    assert status == 200
    assert "line 3 has 1 cell." in page
    assert registered() == 0


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mysql://u@127.0.0.1:9/d", "No driver for mysql is installed here"),
        ("postgresql://u@127.0.0.1:9/d", "cannot be read"),
    ],
)
def test_a_database_that_cannot_be_reached_registers_nothing(client: FlaskClient, address: str, words: str) -> None:
    enter(client, RoleKind.DATA_OFFICER)
    status, page = send(client, None, database=address, password="s3cret-word", table="people")
    assert status == 200
    assert words in page
    assert "s3cret-word" not in page
    assert registered() == 0


def test_the_page_names_only_databases_with_a_driver(client: FlaskClient) -> None:
    enter(client, RoleKind.DATA_OFFICER)
    page = client.get("/publish/new").text
    assert "Installed here: postgresql." in page
    assert "mysql" not in page


def test_a_run_can_be_given_up(client: FlaskClient, tmp_path: Path) -> None:
    enter(client)
    send(client, write_csv(tmp_path / "a.csv"))
    run = the_run().id
    client.post(f"/publish/{run}/give-up", data={"csrf_token": token(client, f"/publish/{run}")})
    assert the_run().state == RunState.GIVEN_UP


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Choose a file, or give the address"),
        ({"database": "sqlite:////etc/passwd", "table": "x"}, "only database servers"),
        ({"database": "postgresql:///postgres", "table": "x"}, "with a host"),
        ({"database": "postgresql://u@h/d?sslkey=/etc/x", "table": "x"}, "without options"),
        ({"database": "postgresql://u@h/d"}, "Name a table, or give a SELECT"),
        ({"database": "postgresql://u@h/d", "query": "DROP TABLE x"}, "Only one SELECT"),
        ({"database": "postgresql://u@h/d", "query": "SELECT 1; DROP TABLE x"}, "Only one SELECT"),
        ({"database": "not an address", "table": "x"}, "Give the database as"),
    ],
)
def test_what_a_data_officer_may_not_give_is_refused(client: FlaskClient, fields: dict[str, str], words: str) -> None:
    enter(client, RoleKind.DATA_OFFICER)
    _, page = send(client, None, **fields)
    assert words in page
    assert db.session.scalar(select(func.count()).select_from(Dataset)) == 0


def test_a_steward_may_not_have_the_server_connect_to_a_database(client: FlaskClient) -> None:
    enter(client)
    status, page = send(client, None, database="postgresql://u@h/d", table="x")
    assert status == 403
    assert "data officer" in page


def test_another_agency_neither_sees_nor_touches(client: FlaskClient, tmp_path: Path) -> None:
    enter(client)
    send(client, write_csv(tmp_path / "a.csv"))
    run, dataset = the_run().id, the_run().dataset_id
    enter(client, agency="labor")
    assert client.get(f"/publish/{run}").status_code == 404
    assert "Attendance" not in client.get("/publish/").text
    for act in ("confirm", "accept", "again", "give-up"):
        data = {"csrf_token": token(client, "/publish/new")}
        assert client.post(f"/publish/{run}/{act}", data=data).status_code == 404
    _, page = send(client, write_csv(tmp_path / "a.csv"), dataset=dataset, agency="labor")
    assert "Not a valid choice" in page


def test_a_field_that_the_page_did_not_have_is_refused(client: FlaskClient, tmp_path: Path) -> None:
    enter(client)
    send(client, write_csv(tmp_path / "a.csv"))
    run = the_run().id
    data = {"csrf_token": token(client, f"/publish/{run}"), "state": "published"}
    assert client.post(f"/publish/{run}/confirm", data=data).status_code == 400


def test_nobody_else_enters(client: FlaskClient) -> None:
    assert client.get("/publish/").status_code == 303
    enter(client, RoleKind.AUDITOR)
    assert client.get("/publish/").status_code == 403
