"""The public page of keys, witnesses and stamps: what it shows, what is an alarm, and the files behind it."""

from __future__ import annotations

import csv
import dataclasses
import io
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from audit.checkpoints import split
from audit.signing import stamps, vouching
from audit.signing.rotation import rotate
from audit.tiles import TileStore
from audit.verification import verify_proof
from audit.witness.board import Board, State
from audit.witness.courier import Courier
from audit.witness.policy import Policy, parse
from exchange.db import db
from exchange.directory.models import RoleKind
from tests.makers.audit import make_intent, make_signer, now, sequence, write
from tests.makers.directory import make_person, sign_in
from tests.makers.witness import Running, near_witness


@pytest.fixture
def data_dir(app: Flask) -> Path:
    """The folder of a log of three entries."""
    folder = Path(app.config["SETTINGS"].data_dir)
    write(db.engine, [make_intent() for _ in range(3)])
    sequence(db.engine, folder)
    return folder


def set_policy(app: Flask, data_dir: Path, one: Running) -> Policy:
    """Name a witness in the operator's settings."""
    keys = [f"log {verifier.vkey()}\n" for verifier in make_signer(data_dir).keys[0].verifiers]
    text = "".join([*keys, f"witness w {one.verifiers[0].vkey()} {one.url}\nquorum w\n"])
    (data_dir / "policy").write_text(text)
    chosen = dataclasses.replace(app.config["SETTINGS"], witness_policy=str(data_dir / "policy"))
    app.config["SETTINGS"] = chosen
    return parse(text.encode())


def test_without_witnesses_it_says_so(client: FlaskClient, data_dir: Path) -> None:
    page = client.get("/audit/keys").text
    assert "Nothing is known to be wrong" in page
    assert "Nobody witnesses this log yet" in page
    assert make_signer(data_dir).verifier.vkey() in page
    policy = parse(client.get("/audit/log/policy").data)
    assert policy.logs == list(make_signer(data_dir).keys[0].verifiers)
    assert policy.met(())
    assert client.get("/audit/log/checkpoint.cosigned").status_code == 404
    assert client.get("/audit/log/keys").json["keys"][0]["ed25519"] == make_signer(data_dir).verifier.vkey()


def test_cosigned_and_stamped(app: Flask, client: FlaskClient, data_dir: Path, tmp_path: Path) -> None:
    entry = make_intent()
    write(db.engine, [entry])
    sequence(db.engine, data_dir)
    store = TileStore(data_dir / "log")
    with near_witness(tmp_path / "w", make_signer(data_dir).keys[0].vkeys()) as one:
        policy = set_policy(app, data_dir, one)
        Courier(policy.witnesses["w"], store, Board(store, policy), now).step()
    page = client.get("/audit/keys").text
    assert "Agrees" in page
    assert "Nothing is known to be wrong" in page
    note = client.get("/audit/log/checkpoint.cosigned").text
    assert policy.met(policy.cosigners(note))
    proof = client.get(f"/audit/proof/{entry.id}.tlog-proof").text
    assert proof.endswith(note), "a proof carries the cosignatures"
    verify_proof(proof, entry.canonical(), make_signer(data_dir).verifier.vkey())
    assert client.get("/audit/log/policy").data == (data_dir / "policy").read_bytes()
    later = make_intent()
    write(db.engine, [later])
    sequence(db.engine, data_dir)
    assert split(client.get(f"/audit/proof/{later.id}.tlog-proof").text)[0].endswith(
        split(client.get("/audit/log/checkpoint").text)[0]
    )


def test_an_alarm_is_red_on_both_pages_and_in_readiness(
    app: Flask, client: FlaskClient, data_dir: Path, tmp_path: Path
) -> None:
    store = TileStore(data_dir / "log")
    with near_witness(tmp_path / "w", make_signer(data_dir).keys[0].vkeys(), "=cmd.example") as one:
        policy = set_policy(app, data_dir, one)
    Board(store, policy).say(policy.witnesses["w"], State.ALARM, "<b>422</b>", now())
    page = client.get("/audit/keys").text
    assert 'role="alert"' in page
    assert "saw another log than this one: &lt;b&gt;422" in page
    assert "Change nothing" in page
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["alarms"]) == (200, {"witness =cmd.example": "<b>422</b>"})
    rows = list(csv.reader(io.StringIO(client.get("/audit/keys/witnesses.csv").text)))
    assert rows[1][1] == "'=cmd.example"


def test_a_checkpoint_that_is_not_the_logs_is_an_alarm(client: FlaskClient, data_dir: Path) -> None:
    path = data_dir / "log" / "checkpoint"
    path.write_text(path.read_text().replace("\n3\n", "\n2\n"))
    page = client.get("/audit/keys")
    assert page.status_code == 200
    assert "not signed by the key that lies beside it" in page.text


def test_the_desk_says_what_is_wrong(app: Flask, client: FlaskClient, data_dir: Path, tmp_path: Path) -> None:
    auditor = make_person(db.session(), roles=(RoleKind.AUDITOR,))
    sign_in(client, auditor)
    assert "saw another log" not in client.get("/audit").text
    with near_witness(tmp_path / "w", []) as one:
        policy = set_policy(app, data_dir, one)
    Board(TileStore(data_dir / "log"), policy).say(policy.witnesses["w"], State.ALARM, "422", now())
    page = client.get("/audit").text
    assert "saw another log" in page
    assert 'href="/audit/keys"' in page


def test_what_is_late_is_said_with_what_to_do(data_dir: Path, tmp_path: Path, app: Flask) -> None:
    store = TileStore(data_dir / "log")
    with near_witness(tmp_path / "w", make_signer(data_dir).keys[0].vkeys()) as one:
        policy = set_policy(app, data_dir, one)
    with pytest.raises(stamps.NotStamped):
        stamps.stamp(store, "http://127.0.0.1:1/", "", now())
    Board(store, policy).say(policy.witnesses["w"], State.AWAY, "refused", now())

    def said(hours: int) -> list[str]:
        found = vouching.vouchers(store, policy, True, now() + timedelta(hours=hours))
        return [trouble.what.split()[1] for trouble in found.troubles]

    assert said(0) == ["newest", "last"]
    assert said(2) == ["witness", "newest", "last"]
    rotate(db.engine, data_dir / "keys" / "log.key", timedelta(days=1), now)
    sequence(db.engine, data_dir)
    assert said(0) == ["newest", "published", "last"]
    states = [row.state for row in vouching.vouchers(store, None, False, now() + timedelta(days=2)).keys]
    assert states == ["signs", "signs", "retired", "retired"]


def test_stamps_are_files_and_nothing_else_is(client: FlaskClient, data_dir: Path) -> None:
    store = TileStore(data_dir / "log")
    store.write({"stamps/3.tsr": b"\x30", "stamps/3.checkpoint": b"note"})
    assert client.get("/audit/log/stamps/3.tsr").data == b"\x30"
    assert client.get("/audit/log/stamps/3.checkpoint").data == b"note"
    for address in ("state.json", "4.tsr", "3.exe", "../key.tsr"):
        assert client.get(f"/audit/log/stamps/{address}").status_code == 404
    assert client.get("/audit/keys").status_code == 200, "a stamp that cannot be read does not break the page"
    assert client.get("/audit/keys/stamps.csv").text.strip() == "size,stamped_at"
