"""The public pages: front page, catalogue, a dataset open, restricted or cut, the developers' page, the feed."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.catalog.metadata import contact
from exchange.catalog.models import Column, Dataset
from exchange.classification import open_cut
from exchange.classification.withheld import agreed
from exchange.db import db
from exchange.directory.models import RoleKind
from exchange.portal import preview
from exchange.portal.addresses import downloads, examples
from exchange.settings import Settings
from tests.makers.classification import make_agreed, make_dataset, make_restricted, make_version
from tests.makers.directory import make_person, sign_in


def make_open(settings: Settings, title: str = "Directory of schools") -> Dataset:
    session = db.session()
    dataset = make_dataset(session, class_="open", title=title, description="All schools.", category="Education")
    make_version(session, settings, dataset)
    make_agreed(session, settings, dataset, {})
    session.commit()
    return dataset


def make_cut(settings: Settings) -> tuple[Dataset, Dataset]:
    session = db.session()
    dataset = make_restricted(session, settings, title="Pupils by name")
    rule = {"rule": "SDE_LE5", "columns": ["absent"], "hide_with": ["rate"]}
    make_agreed(session, settings, dataset, {"student_name": "FERPA"}, rule)
    session.commit()
    cut = open_cut.cut_of(session, dataset)
    assert cut is not None
    return dataset, cut


def text_of(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.get_data(as_text=True)


def test_the_front_page_says_what_this_is(app: Flask, client: FlaskClient, settings: Settings) -> None:
    assert "Nothing is published yet" in text_of(client, "/")
    dataset = make_open(settings)
    page = text_of(client, "/")
    assert page.count("<h1") == 1
    assert f"/data/{dataset.id}" in page and 'name="q"' in page
    assert "How an agreement becomes rows" in page
    assert "/register" in page and "checkpoint" in page


def test_an_open_dataset_has_everything_a_program_needs(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset = make_open(settings)
    page = text_of(client, f"/data/{dataset.id}")
    assert page.count("<h1") == 1
    for wanted in (
        "Directory of schools", "All schools.", "student_name", f"/resource/{dataset.id}.json", "pandas.read_csv",
        "from sodapy import Socrata", "curl --get", dataset.versions[0].sha256, f"/resource/{dataset.id}.csv",
    ):  # fmt: skip
        assert wanted in page, wanted


def test_the_preview_shows_rows(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset = make_open(settings)
    page = text_of(client, f"/data/{dataset.id}")
    assert "Bo Invented" in page and "Hartford" in page
    assert "The first 5 of 5 rows" in page


@pytest.mark.parametrize(("type_", "most"), [("polygon", 60), ("text", 300)])
def test_long_cells_of_the_preview_are_cut(type_: str, most: int) -> None:
    cell = preview._cell(Column(name="a", type=type_, has_meanings=False), {"a": ["x" * 5000]}, 0, 0)
    assert cell.text == "x" * most + "…"


def test_a_cut_says_what_is_withheld_and_why(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset, cut = make_cut(settings)
    page = text_of(client, f"/data/{cut.id}")
    assert "Pupils by name (open cut)" in page
    for wanted in ("Student name", "FERPA", "20 USC 1232g", "June 15, 2027", "violate a federal or state law"):
        assert wanted in page, wanted
    assert dataset.id not in page, "the public may not know the restricted dataset's address"
    assert "Ada Invented" not in page


def test_suppressed_cells_of_the_preview_carry_a_word(app: Flask, client: FlaskClient, settings: Settings) -> None:
    _, cut = make_cut(settings)
    page = text_of(client, f"/data/{cut.id}")
    assert '<span aria-hidden="true">■</span> suppressed' in page


def test_a_restricted_dataset_says_how_to_get_it(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset, cut = make_cut(settings)
    assert client.get(f"/data/{dataset.id}").status_code == 404
    sign_in(client, make_person(db.session(), roles=[RoleKind.MEMBER]))
    page = text_of(client, f"/data/{dataset.id}")
    assert "Ask for access" in page and f"/requests/new?dataset={dataset.id}" in page
    assert f"/data/{cut.id}" in page and "4 of 5 columns" in page
    assert "FERPA" in page
    assert "Ada Invented" not in page and "read_csv" not in page
    assert f"/data/{dataset.id}" in text_of(client, f"/data/{cut.id}"), "who may know the whole is shown the way"


def test_short_addresses_lead_to_the_page(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset = make_open(settings)
    assert client.get(f"/d/{dataset.id}").headers["Location"].endswith(f"/data/{dataset.id}")
    assert client.get("/data/zzzz-zzzz").status_code == 404


def test_the_catalogue_filters_without_scripts(app: Flask, client: FlaskClient, settings: Settings) -> None:
    make_open(settings)
    make_open(settings, "Mill rates")
    page = text_of(client, "/data?q=directory&category=Education")
    assert "Directory of schools" in page and "Mill rates" not in page
    assert "1 dataset" in page and "<script" not in page
    assert "Nothing matches" in text_of(client, "/data?q=nosuchword")
    assert "Directory of schools" in text_of(client, "/data?page=notanumber")


def test_the_page_for_developers_works_without_any_data(app: Flask, client: FlaskClient, settings: Settings) -> None:
    assert "abcd-1234" in text_of(client, "/developers")
    dataset = make_open(settings)
    assert dataset.id in text_of(client, "/developers")


REQUIRED = {"title", "description", "keyword", "modified", "publisher", "contactPoint", "identifier", "accessLevel"}


def test_the_feed_is_dcat_us_and_public_only(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset, _ = make_cut(settings)
    make_open(settings)
    sign_in(client, make_person(db.session(), roles=[RoleKind.CDO]))
    answer = client.get("/data.json")
    feed = json.loads(answer.data)
    assert feed["conformsTo"] == "https://project-open-data.cio.gov/v1.1/schema"
    assert feed["@type"] == "dcat:Catalog"
    assert len(feed["dataset"]) == 2 and dataset.id not in answer.get_data(as_text=True)
    for record in feed["dataset"]:
        assert set(record) >= REQUIRED
        assert all(record[name] for name in REQUIRED)
        date.fromisoformat(record["modified"])
        assert record["contactPoint"]["hasEmail"].startswith("mailto:open-data@")
        assert "bureauCode" not in record
        assert {part["mediaType"] for part in record["distribution"] if "mediaType" in part} == {
            "text/csv",
            "application/json",
        }
    assert client.get("/data.json").data == answer.data


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        ("https://data.example.gov", "mailto:open-data@data.example.gov"),
        ("http://127.0.0.1:8000", "mailto:open-data@demo.invalid"),
        ("http://localhost:8000", "mailto:open-data@demo.invalid"),
        ("http://[::1]:8000", "mailto:open-data@demo.invalid"),
    ],
)
def test_the_contact_is_never_blank(origin: str, address: str) -> None:
    assert contact(origin) == address


def test_addresses_ask_for_all_rows() -> None:
    assert [one.url for one in downloads("abcd-1234", 12_915)] == [
        "/resource/abcd-1234.csv?%24limit=12915",
        "/resource/abcd-1234.json?%24limit=12915",
        "/api/views/abcd-1234/rows.xlsx?accessType=DOWNLOAD",
    ]
    assert [one.url for one in downloads("abcd-1234", 2_000_000)][:2] == [
        "/api/views/abcd-1234/rows.csv",
        "/api/views/abcd-1234/rows.json",
    ]
    assert "uri_prefix" not in str(examples("https://data.example.gov", "abcd-1234", "town", 5))
    assert "uri_prefix" in str(examples("http://127.0.0.1:8000", "abcd-1234", "town", 5))


def test_public_pages_are_kept_until_the_catalogue_changes(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset = make_open(settings)
    for address in (f"/data/{dataset.id}", "/data?q=schools"):
        first = client.get(address)
        etag = first.headers["ETag"]
        assert client.get(address).data == first.data
        assert client.get(address, headers={"If-None-Match": etag}).status_code == 304
        dataset.title = f"{dataset.title} of schools"
        db.session.commit()
        changed = client.get(address, headers={"If-None-Match": etag})
        assert changed.status_code == 200 and dataset.title in changed.get_data(as_text=True)
    dataset.state = "retired"
    db.session.commit()
    assert client.get(f"/data/{dataset.id}").status_code == 404
    assert dataset.id not in text_of(client, "/data?q=schools")


def test_another_process_sees_the_change_too(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset = make_open(settings)
    assert "Directory of schools" in text_of(client, f"/data/{dataset.id}")
    change = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(\"UPDATE dataset SET title = 'Elsewhere'\"); c.commit()"
    subprocess.run([sys.executable, "-c", change, str(settings.data_dir / "charter-oak.db")], check=True)
    assert "Elsewhere" in text_of(client, f"/data/{dataset.id}") and "Elsewhere" in text_of(client, "/data")
    found = client.get("/api/catalog/v1").get_json()["results"][0]["resource"]["name"]
    assert found == client.get(f"/api/views/{dataset.id}.json").get_json()["name"] == "Elsewhere"


def test_a_kept_page_is_nobodys_own(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset, cut = make_cut(settings)
    public = text_of(client, f"/data/{cut.id}")
    sign_in(client, make_person(db.session(), roles=[RoleKind.MEMBER]))
    mine = client.get(f"/data/{cut.id}")
    assert dataset.id in mine.get_data(as_text=True) and "csrf_token" in mine.get_data(as_text=True)
    assert "ETag" not in mine.headers and mine.headers["Cache-Control"] == "no-store"
    assert app.test_client().get(f"/data/{cut.id}").get_data(as_text=True) == public
    assert "csrf_token" not in public


def test_a_new_classification_changes_the_cuts_page(app: Flask, client: FlaskClient, settings: Settings) -> None:
    dataset, cut = make_cut(settings)
    assert "FERPA" in text_of(client, f"/data/{cut.id}")
    classification = agreed(db.session(), dataset.id)
    assert classification is not None
    classification.state = "replaced"
    db.session.commit()
    assert "has not been classified yet" in text_of(client, f"/data/{cut.id}")
