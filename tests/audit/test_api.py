"""The public side of the log: checkpoint, tiles, key, proofs that check offline."""

from __future__ import annotations

import base64
import hashlib
import html
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from audit import tables, verification
from audit.entry import new_id
from exchange.db import db
from tests.makers.audit import make_intent, sequence, write

COUNT = 300


@pytest.fixture
def data_dir(app: Flask) -> Path:
    """The data folder of an application whose log has 300 entries."""
    folder: Path = app.config["SETTINGS"].data_dir
    write(db.engine, [make_intent(columns=(f"c{i}",)) for i in range(COUNT)])
    sequence(db.engine, folder)
    return folder


def entry(index: int) -> tuple[str, bytes]:
    """Id and bytes of an entry."""
    chosen = select(tables.entries.c.id, tables.entries.c.body).where(tables.entries.c.idx == index)
    with db.engine.connect() as connection:
        row = connection.execute(chosen).one()
    return row.id, bytes(row.body)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 299])
def test_a_proof_checks_offline(client: FlaskClient, data_dir: Path, index: int) -> None:
    entry_id, body = entry(index)
    key = client.get("/audit/log/key").text.strip()
    text = client.get(f"/audit/proof/{entry_id}.tlog-proof").text
    assert verification.verify_proof(text, body, key).size == COUNT
    with pytest.raises(verification.VerificationFailed):
        verification.verify_proof(text, body[:-2] + b" }", key)
    answer = client.get(f"/audit/proof/{entry_id}").json
    assert answer is not None
    assert (answer["index"], answer["size"]) == (index, COUNT)
    assert [base64.b64decode(value) for value in answer["hashes"]]


def test_an_entry_that_waits_is_answered_202(client: FlaskClient, data_dir: Path) -> None:
    waiting = make_intent()
    write(db.engine, [waiting])
    for address in (f"/audit/proof/{waiting.id}", f"/audit/proof/{waiting.id}.tlog-proof"):
        answer = client.get(address)
        assert answer.status_code == 202
        assert answer.headers["Retry-After"] == "1"


def test_unknown_entries_are_404(client: FlaskClient, data_dir: Path) -> None:
    assert client.get(f"/audit/proof/{new_id()}").status_code == 404
    assert client.get("/audit/proof/not-an-id").status_code == 404


def test_checkpoint_and_tiles_are_the_files(client: FlaskClient, data_dir: Path) -> None:
    note = client.get("/audit/log/checkpoint")
    assert note.content_type == "text/plain; charset=utf-8"
    assert note.data == (data_dir / "log" / "checkpoint").read_bytes()
    for address in ("0/000", "0/001.p/44", "1/000.p/1"):
        tile = client.get(f"/audit/log/tile/{address}")
        assert tile.data == (data_dir / "log" / "tile" / address).read_bytes()
        assert "immutable" in tile.headers["Cache-Control"]


@pytest.mark.parametrize(
    "address",
    ["0/1", "0/0000", "0/x000/000", "0/000.p/0", "0/000.p/256", "0/000.p/044", "0/../../checkpoint", "64/000",
                "0/000.p/", "0/٠٠٠", "0/002"],
)  # fmt: skip
def test_only_one_spelling_of_a_tile_exists(client: FlaskClient, data_dir: Path, address: str) -> None:
    assert client.get(f"/audit/log/tile/{address}").status_code == 404


def test_the_verifier_is_handed_out(client: FlaskClient, data_dir: Path) -> None:
    program, checksum = client.get("/audit/log/verification.py"), client.get("/audit/log/verification.py.sha256").text
    assert program.data == Path(str(verification.__file__)).read_bytes()
    digest = hashlib.sha256(program.data)
    assert checksum == f"{digest.hexdigest()}  verification.py\n"
    assert program.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    page = client.get("/audit/verifier").text
    assert digest.hexdigest() in page
    assert client.get("/audit/log/key").text.strip() in html.unescape(page)


def test_entry_bundles_are_not_public(client: FlaskClient, data_dir: Path) -> None:
    assert client.get("/audit/log/tile/entries/000").status_code in (302, 303, 401, 403)


def test_before_the_first_checkpoint_there_is_none(app: Flask, client: FlaskClient) -> None:
    assert client.get("/audit/log/checkpoint").status_code == 404
    assert client.get("/audit/log/key").status_code == 404
