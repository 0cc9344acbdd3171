"""What was withdrawn from an open cut leaves this machine, its copies and the object store, now or when it is there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from flask import Flask
from moto.server import ThreadedMotoServer
from sqlalchemy.orm import Session

from exchange.catalog.models import Dataset, Version
from exchange.classification import deciding, open_cut
from exchange.db import db
from exchange.errors import Unavailable
from exchange.rows import upkeep, withdrawn
from exchange.rows.object_store import FETCHED, ObjectStore
from exchange.settings import Settings
from tests.conftest import NOON, create_tables
from tests.makers.classification import make_agreed, make_cdo, make_restricted, make_steward
from wsgi import create_app

NOBODY = "http://127.0.0.1:9"
"""The discard port (RFC 863), at which nothing listens."""


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server with a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", aws_access_key_id="test", aws_secret_access_key="test",
        region_name="us-east-1",
    ).create_bucket(Bucket="versions")  # fmt: skip
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["file", "s3"])
def app(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """An application with an object store of each kind, empty for this test."""
    url = f"file://{tmp_path / 'store'}"
    if request.param == "s3":
        url = f"s3://versions/{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}"
        for name, value in {
            "ENDPOINT": request.getfixturevalue("s3"), "ALLOW_HTTP": "true", "ACCESS_KEY_ID": "test",
            "SECRET_ACCESS_KEY": "test", "REGION": "us-east-1",
        }.items():  # fmt: skip
            monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(upkeep, "step_back", lambda: None)
    app = create_app(replace(settings, object_store=url))
    with app.app_context():
        create_tables(db.engine)
        yield app
        app.extensions["ledger"].close()
        db.session.remove()
        db.engine.dispose()


def cut_with_a_withdrawn_version(session: Session, settings: Settings) -> tuple[Dataset, Version, Version]:
    """A restricted dataset whose cut lost a column; the cut's first version, and its second."""
    dataset = make_restricted(session, settings)
    make_agreed(session, settings, dataset, {"student_name": "FERPA"})
    old = current(session, dataset)
    session.commit()
    work = deciding.start(session, make_steward(session), dataset, NOON + timedelta(days=1))
    steward = make_steward(session)
    deciding.decide(session, steward, work, [deciding.Choice("rate", "restricted", "HIPAA")], NOON + timedelta(days=1))
    deciding.propose(session, steward, work, NOON + timedelta(days=1))
    chief = make_cdo(session, "Cleo Chief")
    deciding.agree(session, chief, work, NOON + timedelta(days=1), settings=settings)
    session.commit()
    return dataset, old, current(session, dataset)


def current(session: Session, dataset: Dataset) -> Version:
    cut = open_cut.cut_of(session, dataset)
    assert cut is not None
    return session.get_one(Version, cut.current_version_id)


def is_stored(settings: Settings, version: Version, folder: Path) -> bool:
    """Whether the object store has the version's rows."""
    with (folder / "fetched").open("wb") as out:
        try:
            return ObjectStore(settings.object_store).fetch(version.sha256, out) > 0
        except Unavailable:
            return False


def copies_of(settings: Settings, version: Version) -> list[Path]:
    """Copies on this machine as another one has them, and what was made of them."""
    folder = settings.data_dir / "open" / FETCHED
    folder.mkdir(parents=True, exist_ok=True)
    made = [folder / f"{version.sha256}{ending}" for ending in (".parquet", ".duckdb", ".pages")]
    for path in made:
        path.touch()
    return made


def test_a_withdrawn_version_goes_from_everywhere_and_the_current_one_stays(app: Flask, tmp_path: Path) -> None:
    settings, session = app.config["SETTINGS"], db.session()
    dataset, old, new = cut_with_a_withdrawn_version(session, settings)
    gone, kept = copies_of(settings, old), copies_of(settings, new)
    assert is_stored(settings, old, tmp_path)
    assert open_cut.forget_withdrawn(session, settings, dataset)
    assert (is_stored(settings, old, tmp_path), is_stored(settings, new, tmp_path)) == (False, True)
    assert [path.exists() for path in (*gone, *kept)] == [False] * 3 + [True] * 3
    root = settings.data_dir / "open"
    assert [(root / version.path).exists() for version in (old, new)] == [False, True]
    assert open_cut.forget_withdrawn(session, settings, dataset) == []
    manifest = ObjectStore(settings.object_store).manifest(old.dataset_id, old.number)
    assert manifest is not None and manifest["sha256"] == old.sha256, "what was public and when can still be said"


def test_another_machine_finds_by_itself_what_was_withdrawn(app: Flask, tmp_path: Path) -> None:
    settings, session = app.config["SETTINGS"], db.session()
    _, old, new = cut_with_a_withdrawn_version(session, settings)
    gone, kept = copies_of(settings, old), copies_of(settings, new)
    runner = app.test_cli_runner()
    assert "files of withdrawn versions were removed" in runner.invoke(args=["rows", "build"]).output
    assert not is_stored(settings, old, tmp_path) and is_stored(settings, new, tmp_path)
    assert [path.exists() for path in (*gone, *kept)] == [False] * 3 + [True] * 3
    assert "withdrawn" not in runner.invoke(args=["rows", "build"]).output
    assert withdrawn.every_withdrawn(session), "they stay listed"


def test_bytes_that_are_public_again_stay(app: Flask, tmp_path: Path) -> None:
    settings, session = app.config["SETTINGS"], db.session()
    dataset, old, new = cut_with_a_withdrawn_version(session, settings)
    new.sha256 = old.sha256
    session.commit()
    copies = copies_of(settings, old)
    assert open_cut.forget_withdrawn(session, settings, dataset)
    assert is_stored(settings, old, tmp_path) and all(path.exists() for path in copies)


@pytest.mark.parametrize("app", ["s3"], indirect=True)
def test_a_store_that_is_away_is_asked_again(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, session = app.config["SETTINGS"], db.session()
    dataset, old, _ = cut_with_a_withdrawn_version(session, settings)
    there = os.environ["AWS_ENDPOINT"]
    monkeypatch.setenv("AWS_ENDPOINT", NOBODY)
    assert open_cut.forget_withdrawn(session, settings, dataset), "what is here goes all the same"
    monkeypatch.setenv("AWS_ENDPOINT", there)
    assert is_stored(settings, old, tmp_path)
    assert app.test_cli_runner().invoke(args=["rows", "build"]).exit_code == 0
    assert not is_stored(settings, old, tmp_path)
