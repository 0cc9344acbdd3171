"""soda-js 0.2.3 as npm has it, unchanged: it writes with a steward's key and reads what it wrote."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from exchange.catalog.models import Dataset
from exchange.db import db
from exchange.settings import Settings
from tests.makers.tls import over_tls
from tests.makers.writing import counts, make_writer, make_written, open_all

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "clients" / "soda-js"
COLUMNS = (("case_id", "text"), ("town", "text"), ("count", "number"))
ROWS = [{"case_id": f"{n:03}", "town": ("Avon", "Bolton")[n % 2], "count": n} for n in range(6)]


@pytest.fixture(scope="session")
def installed() -> Path:
    """The folder in which npm installed exactly what the lock file names."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed; soda-js runs on them")
    lock = (HERE / "package-lock.json").read_bytes()
    folder = ROOT / "build" / "soda-js" / hashlib.sha256(lock).hexdigest()[:12]
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        options = ("--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
        done = subprocess.run([npm, "ci", *options], cwd=folder, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            pytest.skip(f"npm could not install soda-js: {done.stderr.strip()[-200:]}")
        (folder / "done").touch()
    shutil.copy(HERE / "check.js", folder)
    return folder


@pytest.fixture
def steps(app: Flask, installed: Path, tmp_path: Path, settings: Settings) -> Iterator[Any]:
    """Runs operations of soda-js one after the other; gives their answers. Between them a test may use the database."""
    key = make_writer(db.session())
    dataset = make_written(db.session(), COLUMNS).id
    db.session.commit()
    with over_tls(app, tmp_path) as (domain, certificate):

        def run(*wanted: list[Any]) -> list[Any]:
            command = ["node", "check.js", domain, key.id, key.secret, dataset, json.dumps(wanted)]
            done = subprocess.run(
                command, cwd=installed, env={"NODE_EXTRA_CA_CERTS": str(certificate), "PATH": "/usr/bin:/bin:" + str(Path(shutil.which("node") or "").parent)},
                capture_output=True, text=True, timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            return [json.loads(line) for line in done.stdout.splitlines()]

        yield run, dataset


def test_soda_js_writes_and_reads(steps: Any, settings: Settings) -> None:
    run, dataset = steps
    assert run(
        ["add", ROWS],
        ["upsert", {"case_id": "001", "town": "Canton"}],
        ["upsert", [{"case_id": "006", "count": "60"}, {"case_id": "002", ":deleted": True}]],
        ["delete", "003"],
        ["update", "004", {"town": "Derby"}],
        ["replace", "005", {"town": "Essex"}],
    ) == [
        {"success": counts(created=6)},
        {"success": counts(updated=1, by_key=1)},
        {"success": counts(created=1, deleted=1, by_key=1)},
        {"success": [{"typ": "delete", "id": "003"}]},
        {"success": [{"typ": "update", "id": "004"}]},
        {"success": [{"typ": "update", "id": "005"}]},
    ]
    open_all(db.session(), settings, db.session.get_one(Dataset, dataset))
    db.session.commit()
    rows, some, sums, found, none = run(
        [],
        [["select", "case_id", "count"], ["where", "count > 0"], ["order", "count desc"], ["limit", 2], ["offset", 1]],
        [["select", "town", "count(*) as n"], ["where", "town is not null"], ["group", "town"],
         ["having", "n >= 1"], ["order", "town"], ["limit", 2]],
        [["q", "derby"]],
        [["where", {"town": "Nowhere"}]],
    )  # fmt: skip
    assert rows["success"] == [
        {"case_id": "000", "town": "Avon", "count": "0"}, {"case_id": "001", "town": "Canton", "count": "1"},
        {"case_id": "004", "town": "Derby", "count": "4"}, {"case_id": "005", "town": "Essex"},
        {"case_id": "006", "count": "60"},
    ]  # fmt: skip
    assert some["success"] == [{"case_id": "004", "count": "4"}, {"case_id": "001", "count": "1"}]
    assert sums["success"] == [{"town": "Avon", "n": "1"}, {"town": "Canton", "n": "1"}]
    assert [row["case_id"] for row in found["success"]] == ["004"]
    assert none["success"] == []
    wrong, emptied, left = run(["upsert", [{"case_id": "1", "count": "many"}]], ["truncate"], [])
    assert wrong["error"]["code"] == "soda.column.maltyped"
    assert emptied["success"] == counts(deleted=5)
    assert left["success"] == []
