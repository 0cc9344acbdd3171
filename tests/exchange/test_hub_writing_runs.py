"""Writes are runs: one at a time, none lost, whole or not at all whatever kills them; the open cut follows."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.serving import make_server

from exchange.catalog.cuts import cut_id
from exchange.catalog.models import Dataset, Version
from exchange.classification import deciding
from exchange.classification.choices import Choice
from exchange.db import db
from exchange.directory.models import Person, RoleKind
from exchange.hub import drift
from exchange.hub.models import PublishingRun, RunState
from exchange.rows import store_restricted
from exchange.settings import Settings
from tests.conftest import NOON
from tests.makers.access import recorded
from tests.makers.directory import make_identity, sign_in
from tests.makers.writing import COLUMNS, Key, counts, make_writer, make_written, open_all, send

ROOT = Path(__file__).resolve().parents[2]

DRIVER = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session
import access.models, exchange.classification.models, exchange.epoch, exchange.hub.models
from audit.ledger import Ledger
from exchange import clock
from exchange.db import engine_options, prepare_engine
from exchange.directory.identity import identify
from exchange.directory.models import Person
from exchange.hub.merging import Merge
from exchange.hub.writing.body import Body
from exchange.hub.writing.credentials import Writer
from exchange.hub.writing.rows import Write, write_rows
from tests.conftest import make_settings

folder, dataset, person, where = Path(sys.argv[1]), *sys.argv[2:5]
settings = make_settings(folder)
engine = create_engine(settings.database_url, **engine_options(settings.database_url))
prepare_engine(engine)

def on_step(step, point):
    if f"{step} {point}" == where:
        os.kill(os.getpid(), signal.SIGKILL)

with Session(engine) as session:
    ledger, now = Ledger(engine, settings.data_dir / "audit-append.lock"), clock.now()
    writer = Writer(identify(session, session.get_one(Person, person), clock.legal_day(now), now, "api key"), "k")
    body = folder / "body"
    body.write_text('[{"case_id": "001", "town": "Bolton"}, {"case_id": "003"}]')
    write = Write(dataset, Body(body, "json"), Merge.UPSERT, "a test")
    print(dict(write_rows(session, ledger, settings, writer, write, on_step=on_step, now=now)))
"""


@pytest.fixture
def key(app: Flask) -> Key:
    made = make_writer(db.session())
    db.session.commit()
    return made


@pytest.fixture
def dataset(client: FlaskClient, key: Key, settings: Settings) -> str:
    made = make_written(db.session()).id
    db.session.commit()
    assert send(client, key, "POST", f"/resource/{made}", [{"case_id": "001"}, {"case_id": "002"}]).status_code == 200
    open_all(db.session(), settings, db.session.get_one(Dataset, made))
    db.session.commit()
    return made


def towns(client: FlaskClient, dataset: str) -> list[tuple[str, str | None]]:
    rows = client.get(f"/resource/{dataset}.json?$order=case_id").json
    return [(row["case_id"], row.get("town")) for row in rows]


def token_of(client: FlaskClient, run: PublishingRun) -> str:
    """The form's token on the page of a run, which says who wrote it."""
    page = client.get(f"/publish/{run.id}")
    assert page.status_code == 200 and "A program wrote this" in page.text
    return page.text.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


@pytest.mark.parametrize("where", ["extract made", "merge made", "build ends", "publish made", "publish ends"])
def test_invariant_7_a_killed_write_is_whole_or_not_there(
    client: FlaskClient, key: Key, dataset: str, settings: Settings, where: str
) -> None:
    db.session.rollback()
    command = [sys.executable, "-W", "ignore", "-c", DRIVER, str(settings.data_dir), dataset, key.person_id, where]
    assert subprocess.run(command, cwd=ROOT, timeout=60).returncode == -9
    after = [("001", "Bolton"), ("002", None), ("003", None)]
    before = [("001", None), ("002", None)]
    assert towns(client, dataset) == (after if where == "publish ends" else before)
    db.session.rollback()
    left = db.session.scalars(select(PublishingRun).order_by(PublishingRun.started_at.desc())).first()
    assert left is not None
    if where == "merge made":  # a person takes it up again from the hub's page
        sign_in(client, db.session.get_one(Person, key.person_id))
        token = token_of(client, left)
        assert client.post(f"/publish/{left.id}/again", data={"csrf_token": token}).status_code == 302
        assert towns(client, dataset) == after
    again = send(client, key, "POST", f"/resource/{dataset}", [{"case_id": "001", "town": "Canton"}])
    assert again.json == counts(updated=1, by_key=1)
    assert ("001", "Canton") in towns(client, dataset)
    db.session.expire_all()
    assert db.session.get_one(PublishingRun, left.id).state in (RunState.PUBLISHED, RunState.GIVEN_UP)


@contextmanager
def serving(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def exchanged(port: int, request: bytes) -> tuple[int, Any]:
    """One request as raw bytes, and its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def from_rsocrata(key: Key, path: str, verb: str, body: bytes) -> bytes:
    """What httr sends for `write.socrata(df, url, "UPSERT" or "REPLACE", email, password, app_token)` (soda.md §12)."""
    basic = b64encode(f"{key.id}:{key.secret}".encode()).decode()
    return (
        f"{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {basic}\r\n"
        "User-Agent: libcurl/7.88.1 r-curl/5.2.0 httr/1.4.7\r\nAccept-Encoding: deflate, gzip\r\n"
        "Accept: application/json, text/xml, application/xml, */*\r\nX-App-Token: ew2rEMuESuzWPqMkyPfOSGJgE\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + body


def test_rsocrata_writes_byte_for_byte(app: Flask, client: FlaskClient, key: Key, dataset: str) -> None:
    path = f"/resource/{dataset}.json"
    db.session.rollback()
    with serving(app) as port:
        body = b'[{"case_id":"001","count":1e+05},{"case_id":"009","count":-12.5,"ok":true}]'
        assert exchanged(port, from_rsocrata(key, path, "POST", body)) == (200, counts(created=1, updated=1, by_key=1))
        assert [row.get("count") for row in client.get(path).json] == ["100000", None, "-12.5"]
        assert exchanged(port, from_rsocrata(key, path, "PUT", b'[{"case_id":"1"}]')) == (200, counts(created=1))
        status, said = exchanged(port, from_rsocrata(key, path, "POST", b'[{"case_id":"1","count":"NA"}]'))
        assert (status, said["code"]) == (400, "soda.column.maltyped")
    assert client.get(path).json == [{"case_id": "1"}]


def test_writes_at_once_wait_their_turn_and_none_is_lost(
    app: Flask, client: FlaskClient, key: Key, dataset: str
) -> None:
    db.session.rollback()
    answers: list[tuple[int, Any]] = []

    def write(port: int, number: int) -> None:
        rows = [{"case_id": f"t{number}"}, {"case_id": "001", "count": number}]
        answers.append(exchanged(port, from_rsocrata(key, f"/resource/{dataset}", "POST", json.dumps(rows).encode())))

    with serving(app) as port:
        threads = [threading.Thread(target=write, args=(port, number)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [(200, counts(created=1, updated=1, by_key=1))] * 8
    assert {case for case, _ in towns(client, dataset)} == {"001", "002", *(f"t{number}" for number in range(8))}
    assert [version.number for version in db.session.scalars(select(Version).order_by(Version.number))] == [
        *range(1, 10)
    ]


def test_a_large_loss_by_an_upsert_asks_and_a_replacement_says_it_on_record(
    client: FlaskClient, key: Key, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "NAMED_ROWS", 0)
    answer = send(client, key, "POST", f"/resource/{dataset}", [{"case_id": "001", ":deleted": True}])
    assert (answer.status_code, answer.json["code"]) == (409, "write.needs-acceptance")
    run = db.session.get_one(PublishingRun, answer.json["data"]["run"])
    assert run.state == RunState.STOPPED and f"/publish/{run.id}" in answer.json["message"]
    assert len(towns(client, dataset)) == 2
    sign_in(client, db.session.get_one(Person, key.person_id))
    token = token_of(client, run)
    client.post(f"/publish/{run.id}/accept", data={"csrf_token": token})
    assert towns(client, dataset) == [("002", None)]
    assert send(client, key, "DELETE", f"/resource/{dataset}").json == counts(deleted=1)
    assert towns(client, dataset) == []
    last = recorded(db.session(), "dataset:version:publish")[-1]
    assert last["details"]["accepted"] == ["drop"] and last["details"]["request"].startswith("DELETE rows of")
    assert len(db.session.scalars(select(Version)).all()) == 3


def test_a_restricted_dataset_is_sealed_and_its_open_cut_follows(
    client: FlaskClient, key: Key, settings: Settings
) -> None:
    made = make_written(db.session(), COLUMNS[:3], class_="restricted").id
    db.session.commit()
    rows = [{"case_id": "001", "town": "Avon", "count": 1}, {"case_id": "002", "town": "Bolton", "count": 2}]
    assert send(client, key, "POST", f"/resource/{made}", rows).json == counts(created=2)
    steward, chief = (
        make_identity(db.session(), (RoleKind.STEWARD, "education")),
        make_identity(db.session(), RoleKind.CDO),
    )
    work = deciding.start(db.session(), steward, db.session.get_one(Dataset, made), NOON)
    secret = Choice("case_id", "restricted", code="FERPA")
    deciding.decide(db.session(), steward, work, [secret, Choice("town", "open"), Choice("count", "open")], NOON)
    deciding.propose(db.session(), steward, work, NOON)
    deciding.agree(db.session(), chief, work, NOON, settings=settings)
    db.session.commit()
    cut = cut_id(made)
    assert (
        send(client, key, "POST", f"/resource/{made}", [{"case_id": "002", "town": "Canton"}]).json["Rows Updated"] == 1
    )
    assert client.get(f"/resource/{cut}.json").json == [
        {"town": "Avon", "count": "1"},
        {"town": "Canton", "count": "2"},
    ]
    assert client.get(f"/resource/{made}.json").status_code == 404
    refused = send(client, key, "POST", f"/resource/{cut}", rows)
    assert refused.status_code == 409 and made in refused.json["message"]
    stored = db.session.scalars(select(Version).where(Version.dataset_id == made)).all()
    assert all(version.path.endswith(store_restricted.SUFFIX) for version in stored)
    public = send(client, key, "PUT", f"/api/views/{made}.json?method=setPermission&value=public.read")
    assert public.status_code == 403 and "open cut" in public.json["message"]
    assert not list((settings.data_dir / "runs").glob("*/raw.parquet"))
