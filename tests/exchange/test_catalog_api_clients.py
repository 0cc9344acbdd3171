"""The catalogue as old clients read it, unchanged: sodapy, what RSocrata's `ls.socrata` does, data.gov's harvester."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.catalog.attachments import attach
from exchange.db import db
from tests.conftest import NOON
from tests.makers.catalogue import make_listed
from tests.makers.rows import make_open_dataset, make_quakes
from tests.makers.tls import over_tls

sodapy = pytest.importorskip("sodapy")
SCHEMAS = Path(__file__).resolve().parents[2] / "../shared/schemas/dcat-us-1.1"


@pytest.fixture
def domain(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A catalogue of 131 datasets, one of them with a document, behind TLS on loopback."""
    session, data_dir = db.session(), app.config["SETTINGS"].data_dir
    dataset = make_open_dataset(session, data_dir, NOON, table=make_quakes(20))
    attach(session, data_dir / "open", dataset, "manual.pdf", [b"%PDF-1"], NOON)
    for number in range(130):
        make_listed(session, f"{number:04}-list", f"Dataset {number}", tags=("even",) if number % 2 == 0 else ("odd",))
    make_listed(session, "rrrr-0001", "Restricted", class_="restricted")
    session.commit()
    with over_tls(app, tmp_path) as (domain, certificate):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        yield domain


def test_sodapy_lists_describes_and_downloads(domain: str, tmp_path: Path) -> None:
    with sodapy.Socrata(domain, None, timeout=30) as client:
        everything = client.datasets()
        assert len(everything) == len({one["resource"]["id"] for one in everything}) == 131
        assert len(client.datasets(limit=7)) == 7
        assert len(client.datasets(limit=500)) == 131
        assert len(client.datasets(offset=0, tags=["even"], public=True, derived=False)) == 65
        assert [one["resource"]["name"] for one in client.datasets(q="earthquakes", only=["dataset"])] == [
            "Earthquakes"
        ]
        assert client.datasets(ids=["rrrr-0001"]) == client.datasets(public=False) == []
        named = client.datasets(ids=["0007-list", "0003-list"], order="name DESC")
        assert [one["resource"]["name"] for one in named] == ["Dataset 7", "Dataset 3"]
        view = client.get_metadata("abcd-1234")
        assert view["columns"][2]["cachedContents"]["count"] == "20"
        (path,) = client.download_attachments("abcd-1234", download_dir=str(tmp_path / "down"))
        assert Path(path).name == "manual.pdf" and Path(path).read_bytes() == b"%PDF-1"


def test_ls_socrata_finds_what_it_reads(app: Flask, client: FlaskClient) -> None:
    """It turns `issued` and `modified` into times and `theme` into text, and keeps the catalogue's own members."""
    make_listed(db.session(), "aaaa-0001", "One")
    make_listed(db.session(), "aaaa-0002", "Two", tags=("tag",), update_frequency="Annually", licence="CC BY 4.0")
    db.session.commit()
    answer = client.get("/data.json")
    feed = json.loads(answer.data)
    assert set(feed) == {"@context", "@id", "@type", "conformsTo", "describedBy", "dataset"}
    for one in feed["dataset"]:
        assert date.fromisoformat(one["issued"]) and date.fromisoformat(one["modified"]) and one["theme"]
    unchanged = client.get("/data.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert unchanged.status_code == 304


def test_what_the_feed_offers_for_download_is_the_whole_table(app: Flask, client: FlaskClient) -> None:
    make_open_dataset(db.session(), app.config["SETTINGS"].data_dir, NOON)
    db.session.commit()
    (record,) = client.get("/data.json").get_json()["dataset"]
    files = [part["downloadURL"] for part in record["distribution"] if "downloadURL" in part]
    table, _ = (client.get("/" + address.split("/", 3)[3]) for address in files)
    assert [urlsplit(address).path for address in files] == [f"/api/views/abcd-1234/rows.{e}" for e in ("csv", "json")]
    assert len(table.text.splitlines()) == 1 + 2500  # a query without a limit gives 1,000


@pytest.mark.skipif(not SCHEMAS.exists(), reason="the published schemas are not beside the repository")
@pytest.mark.parametrize("schema", ["datagov-harvester/non-federal_dataset.json"])
def test_every_record_is_valid_for_the_harvester(app: Flask, client: FlaskClient, schema: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    make_listed(db.session(), "aaaa-0001", "One")
    make_listed(db.session(), "aaaa-0002", "Two", tags=("tag", "tag"), update_frequency="Daily", description="Text.")
    db.session.commit()
    validator = jsonschema.Draft202012Validator(json.loads((SCHEMAS / schema).read_text()))
    for record in client.get("/data.json").get_json()["dataset"]:
        assert [error.message for error in validator.iter_errors(record)] == []
