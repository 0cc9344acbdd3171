"""The pages of classification, by HTTP: from undecided to agreed, and everything in between refused with a reason."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.catalog.models import Dataset
from exchange.classification import deciding, open_cut
from exchange.db import db
from exchange.directory.models import Person, RoleKind
from exchange.rows.types import ColumnInfo
from exchange.settings import Settings
from tests.makers.classification import COLUMNS, make_dataset, make_restricted
from tests.makers.directory import make_person, sign_in


@pytest.fixture
def people(app: Flask) -> dict[str, Person]:
    """A steward of the agency, the CDO, a member."""
    app.config["WTF_CSRF_ENABLED"] = False
    session = db.session()
    made = {
        "steward": make_person(session, "Stella Sample", agency="education", roles=[RoleKind.STEWARD]),
        "cdo": make_person(session, "Carla Chief", roles=[RoleKind.CDO]),
        "member": make_person(session, "Mara Member", agency="labor", roles=[RoleKind.MEMBER]),
    }
    session.commit()
    return made


def form_of(decisions: dict[str, str | None]) -> dict[str, str]:
    """The per-column form as a browser sends it; a value is "open", a code, or None for not decided."""
    fields: dict[str, str] = {}
    for i, (name, decision) in enumerate(decisions.items()):
        fields[f"columns-{i}-column"] = name
        fields |= {f"columns-{i}-{part}": "" for part in ("code", "citation", "note", "limb", "review_on")}
        if decision is not None:
            fields[f"columns-{i}-decision"] = "open" if decision == "open" else "restricted"
        if decision not in (None, "open"):
            fields[f"columns-{i}-code"] = str(decision)
    return fields


def test_the_whole_way_by_pages(app: Flask, client: FlaskClient, settings: Settings, people: dict[str, Person]) -> None:
    dataset = make_restricted(db.session(), settings, title="Pupils")
    at = f"/classification/{dataset.id}"
    sign_in(client, people["steward"])
    assert "Pupils" in client.get("/classification/").get_data(as_text=True)
    assert client.post(f"{at}/start").status_code == 303
    page = client.get(at).get_data(as_text=True)
    assert "think of <strong>FERPA</strong>" in page
    decisions: dict[str, str | None] = {column.name: "open" for column in COLUMNS} | {
        "student_name": "FERPA",
        "rate": None,
    }
    assert client.post(f"{at}/decisions", data=form_of(decisions)).status_code == 303
    refused = client.post(f"{at}/propose")
    assert refused.status_code == 409
    assert "Still to decide: rate" in refused.get_data(as_text=True)
    assert client.post(f"{at}/decisions", data=form_of(decisions | {"rate": "open"})).status_code == 303
    rule = {"rule": "SDE_LE5", "columns": "absent", "hide_with": "rate", "groups": "district"}
    assert client.post(f"{at}/suppression", data=rule).status_code == 303
    assert client.post(f"{at}/propose").status_code == 303
    assert client.post(f"{at}/agree").status_code == 403

    sign_in(client, people["cdo"])
    assert "waits for your answer" in client.get("/classification/").get_data(as_text=True)
    answer = client.get(at).get_data(as_text=True)
    assert "Stella Sample" in answer and "20 USC 1232g" in answer and "Return to the agency" in answer
    assert client.post(f"{at}/return", data={"note": ""}).status_code == 400
    assert client.post(f"{at}/agree").status_code == 303
    cut = db.session.get_one(Dataset, open_cut.cut_id(dataset.id))
    assert cut.title == "Pupils (open cut)"
    assert "agreed by Carla Chief" in client.get(at).get_data(as_text=True)


def test_a_bad_choice_keeps_what_was_typed(
    app: Flask, client: FlaskClient, settings: Settings, people: dict[str, Person]
) -> None:
    dataset = make_dataset(db.session())
    sign_in(client, people["steward"])
    client.post(f"/classification/{dataset.id}/start")
    fields = form_of({column.name: "open" for column in COLUMNS}) | {
        "columns-2-decision": "restricted", "columns-2-code": "BURDEN", "columns-0-note": "my own words",
    }  # fmt: skip
    answer = client.post(f"/classification/{dataset.id}/decisions", data=fields)
    assert answer.status_code == 400
    page = answer.get_data(as_text=True)
    assert "Nothing was saved" in page and "written estimate" in page and "my own words" in page
    work = deciding.under_work(db.session(), dataset.id)
    assert work is not None and len(deciding.missing(work)) == len(COLUMNS)


def test_unknown_fields_and_unknown_datasets(
    app: Flask, client: FlaskClient, settings: Settings, people: dict[str, Person]
) -> None:
    dataset = make_dataset(db.session())
    sign_in(client, people["steward"])
    client.post(f"/classification/{dataset.id}/start")
    fields = form_of({"district": "open"}) | {"decided_by": "somebody else"}
    assert client.post(f"/classification/{dataset.id}/decisions", data=fields).status_code == 400
    assert client.get("/classification/zzzz-zzzz").status_code == 404
    sign_in(client, people["member"])
    assert client.get(f"/classification/{dataset.id}").status_code == 404
    assert client.post(f"/classification/{dataset.id}/start").status_code == 404


def test_a_member_reads_what_is_in_force_and_nothing_under_work(
    app: Flask, client: FlaskClient, settings: Settings, people: dict[str, Person]
) -> None:
    dataset = make_dataset(db.session(), state="published")
    sign_in(client, people["steward"])
    client.post(f"/classification/{dataset.id}/start")
    client.post(f"/classification/{dataset.id}/decisions", data=form_of({"student_name": "FERPA"}))
    sign_in(client, people["member"])
    page = client.get(f"/classification/{dataset.id}")
    assert page.status_code == 200
    assert "FERPA" not in page.get_data(as_text=True)
    assert client.post(f"/classification/{dataset.id}/decisions", data=form_of({"year": "open"})).status_code == 403


def test_many_columns_come_in_pages_and_one_page_saves_its_own(
    app: Flask, client: FlaskClient, settings: Settings, people: dict[str, Person]
) -> None:
    many = tuple(ColumnInfo(f"field_{i:03d}", f"Field {i}", "text") for i in range(130))
    dataset = make_dataset(db.session(), columns=many)
    sign_in(client, people["steward"])
    client.post(f"/classification/{dataset.id}/start")
    page = client.get(f"/classification/{dataset.id}?page=6").get_data(as_text=True)
    shown = re.findall(r'id="column-(field_\d+)"', page)
    assert shown == [f"field_{i:03d}" for i in range(125, 130)]
    answer = client.post(f"/classification/{dataset.id}/decisions?page=6", data=form_of(dict.fromkeys(shown, "open")))
    assert answer.headers["Location"].endswith("page=6")
    second = form_of(dict.fromkeys((f"field_{i:03d}" for i in range(25, 50)), None)) | {
        "columns-3-decision": "restricted"
    }
    filled = second | {"columns-3-code": "SSN", "rest_open": "y"}
    assert client.post(f"/classification/{dataset.id}/decisions?page=2", data=filled).status_code == 303
    work = deciding.under_work(db.session(), dataset.id)
    assert work is not None and len(deciding.missing(work)) == 100
    assert [one.column for one in work.columns if one.code == "SSN"] == ["field_028"]


def test_the_vocabulary_is_a_page(app: Flask, client: FlaskClient, people: dict[str, Person]) -> None:
    sign_in(client, people["member"])
    page = client.get("/classification/codes").get_data(as_text=True)
    assert 'id="FERPA"' in page and "to be confirmed by counsel" in page


def test_the_public_is_sent_to_sign_in(app: Flask, client: FlaskClient) -> None:
    assert client.get("/classification/").status_code in (302, 303, 401)
