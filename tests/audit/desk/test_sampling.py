"""Samples: drawn again from the exported bytes by other means, and a folder that checks offline."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from audit import verification
from audit.desk import sampling
from exchange.db import db
from tests.makers.audit import make_intent, sequence, write


@pytest.fixture
def log(app: Flask) -> None:
    """Sixty reads of one dataset and twenty of another."""
    write(db.engine, [make_intent(dataset="pppp-2222", columns=(f"c{i}",)) for i in range(60)])
    write(db.engine, [make_intent(dataset="qqqq-3333", columns=(f"c{i}",)) for i in range(20)])
    sequence(db.engine, app.config["SETTINGS"].data_dir)


def digest(seed: str, text: str) -> bytes:
    """As the page states it."""
    return hashlib.sha256(seed.encode() + b"\x00" + text.encode()).digest()


def test_another_program_draws_the_same_by_ids(auditor: FlaskClient, log: None) -> None:
    asked = "filter=dataset:pppp-2222&seed=oak-1&size=7&through=79&method=ids"
    whole = auditor.get("/audit/entries.jsonl?filter=dataset:pppp-2222").data.splitlines()
    ids = sorted((json.loads(line)["id"] for line in whole), key=lambda id_: digest("oak-1", id_))[:7]
    drawn = [json.loads(line)["id"] for line in auditor.get(f"/audit/sample.jsonl?{asked}").data.splitlines()]
    assert drawn == ids
    page = auditor.get(f"/audit/sample?{asked}").text
    assert [each in page for each in ids] == [True] * 7
    assert "60 entries" in page


def test_another_program_draws_the_same_by_draws(auditor: FlaskClient, log: None) -> None:
    whole = [json.loads(line) for line in auditor.get("/audit/entries.jsonl?filter=").data.splitlines()][:80]
    expected: list[str] = []
    k = 0
    while len(expected) < 5:
        entry = whole[int.from_bytes(digest("oak-2", str(k))[:8], "big") % 80]
        if entry["dataset"] == "qqqq-3333" and entry["id"] not in expected:
            expected.append(entry["id"])
        k += 1
    asked = "filter=dataset:qqqq-3333&seed=oak-2&size=5&through=79&method=draws"
    drawn = [json.loads(line)["id"] for line in auditor.get(f"/audit/sample.jsonl?{asked}").data.splitlines()]
    assert drawn == expected


def test_what_the_address_leaves_out_is_chosen_and_said(
    auditor: FlaskClient, log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = auditor.get("/audit/sample?filter=dataset:pppp-2222&size=3")
    assert first.status_code == 303
    assert "through=79" in first.location
    assert first.location.endswith("method=ids")
    monkeypatch.setattr(sampling, "LISTED", 10)
    assert auditor.get("/audit/sample?filter=dataset:pppp-2222&size=3").location.endswith("method=draws")


def test_later_entries_do_not_change_a_sample(app: Flask, auditor: FlaskClient, log: None) -> None:
    for method in sampling.METHODS:
        address = f"/audit/sample.csv?filter=&seed=s&size=9&through=79&method={method}"
        before = auditor.get(address).data
        write(db.engine, [make_intent(dataset="pppp-2222") for _ in range(30)])
        sequence(db.engine, app.config["SETTINGS"].data_dir)
        assert auditor.get(address).data == before


def test_the_folder_checks_offline(
    auditor: FlaskClient, log: None, recorded: Callable[[], list[dict[str, Any]]]
) -> None:
    answer = auditor.get("/audit/sample.zip?filter=dataset:qqqq-3333&seed=oak&size=20&through=79&method=ids")
    key = auditor.get("/audit/log/key").text.strip()
    with zipfile.ZipFile(io.BytesIO(answer.data)) as folder:
        facts = json.loads(folder.read("sample.json"))
        assert len(facts["entries"]) == facts["population"] == 20
        for entry in facts["entries"]:
            body = folder.read(f"entries/{entry['id']}.json")
            proof = folder.read(f"proofs/{entry['id']}.tlog-proof").decode()
            verification.verify_proof(proof, body, key)
        first = facts["entries"][0]["id"]
        proof = folder.read(f"proofs/{first}.tlog-proof").decode()
        body = folder.read(f"entries/{first}.json")
    with pytest.raises(verification.VerificationFailed):
        verification.verify_proof(proof, bytes([body[0] ^ 1]) + body[1:], key)
    asked = recorded()[-1]
    assert asked["action"] == "log:entries:export"
    assert asked["details"]["format"] == "zip"
    assert asked["details"]["seed"] == "oak"


@pytest.mark.parametrize(
    "wrong", ["size=0", "size=9999", "size=x", "seed=a b", "through=99999", "method=luck", "filter=nothing:x"]
)
def test_what_cannot_be_drawn_is_said(auditor: FlaskClient, log: None, wrong: str) -> None:
    assert auditor.get(f"/audit/sample?{wrong}&filter=&seed=s").status_code == 400
    assert auditor.get(f"/audit/sample.csv?{wrong}&through=79").status_code == 400


def test_a_filter_that_lets_next_to_nothing_through_is_given_up(
    auditor: FlaskClient, log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "LOOKED", 200)
    page = auditor.get("/audit/sample?filter=dataset:zzzz-9999&seed=s&size=3&through=79&method=draws").text
    assert "too few of too many" in page
