"""Serving files that nobody made are built once, by one process, and used at once; those of old versions are removed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from exchange.catalog.models import Dataset, Version
from exchange.db import db
from exchange.rows import search_index, store_open, store_pages, upkeep
from exchange.rows.engines.duckdb_file import DuckDBEngine
from exchange.rows.plan import resolve
from exchange.rows.soql import parse_parameters
from exchange.rows.source import Source
from tests.conftest import NOON, create_tables, make_settings
from tests.makers.rows import QUAKES, make_open_dataset, make_quakes
from wsgi import create_app

DERIVED = ("duckdb", "pages", "manifest.json", "soda.csv", "soda.csv.gz", "soda.json", "download.csv")


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """Two datasets whose rows alone are there, as after a restore of the Parquet files."""
    monkeypatch.setattr(search_index, "FROM_ROWS", 1)
    app = create_app(make_settings(tmp_path))
    app.testing = True
    with app.app_context():
        create_tables(db.engine)
        root = app.config["SETTINGS"].data_dir
        make_open_dataset(db.session(), root, NOON, table=make_quakes(300))
        make_open_dataset(db.session(), root, NOON - timedelta(1), id="efgh-5678", table=make_quakes(200))
        db.session.commit()
        for file in (root / "open").glob("*/*"):
            if file.suffix != ".parquet":
                file.unlink()
        yield app.test_client()
        app.extensions["ledger"].close()
        db.session.remove()
        db.engine.dispose()


def root_of(browser: FlaskClient) -> Path:
    root: Path = browser.application.config["SETTINGS"].data_dir / "open"
    return root


def names(root: Path, dataset_id: str = "abcd-1234") -> set[str]:
    return {file.name.partition(".")[2] for file in (root / dataset_id).iterdir()}


def test_what_is_missing_is_built_the_oldest_first_and_once(browser: FlaskClient) -> None:
    said: list[str] = []
    root = root_of(browser)
    assert upkeep.build_missing(db.session(), root, said=said.append) == 2
    assert said == [f"{id} version 1: serving file, pages, downloads" for id in ("efgh-5678", "abcd-1234")]
    assert names(root) >= set(DERIVED)
    assert upkeep.build_missing(db.session(), root) == 0
    next((root / "abcd-1234").glob("*.soda.json.gz")).unlink()
    assert upkeep.build_missing(db.session(), root, said=said.append) == 1
    assert said[-1] == "abcd-1234 version 1: downloads"


def test_a_worker_uses_what_appears_and_answers_alike(browser: FlaskClient) -> None:
    addresses = ("?$limit=9999", "?felt=true&$limit=5", "?$q=Québec&$limit=7")
    before = [browser.get(f"/resource/abcd-1234.json{address}") for address in addresses]
    assert upkeep.build_missing(db.session(), root_of(browser)) == 2
    after = [browser.get(f"/resource/abcd-1234.json{address}") for address in addresses]
    assert [answer.data for answer in before] == [answer.data for answer in after]
    assert "Repr-Digest" not in before[0].headers
    assert "Repr-Digest" in after[0].headers


def test_an_open_serving_file_that_is_replaced_is_opened_anew(tmp_path: Path) -> None:
    stored = store_open.write_version(tmp_path, "abcd-1234", 1, make_quakes(50), QUAKES)
    parquet = tmp_path / stored.path
    serving = parquet.with_suffix(".duckdb")
    source = Source("one", NOON, 50, file=serving, parquet=parquet)
    engine, plan = DuckDBEngine(tmp_path), resolve(parse_parameters({"$select": "count(*)"}), QUAKES)

    def rows() -> int:
        running = engine.run(plan, source, deadline_s=10, max_rows=None, cancel=threading.Event())
        return sum(int(batch.column(0)[0].as_py()) for batch in running)

    assert rows() == 50
    fewer = store_open.write_version(tmp_path, "abcd-1234", 2, make_quakes(20), QUAKES)
    (tmp_path / fewer.path).with_suffix(".duckdb").replace(serving)
    assert (rows(), rows()) == (20, 20)


def test_only_one_process_builds(browser: FlaskClient) -> None:
    runner = browser.application.test_cli_runner()
    with upkeep.alone(root_of(browser)) as first, upkeep.alone(root_of(browser)) as second:
        assert (first, second) == (True, False)
        assert "Another process" in runner.invoke(args=["rows", "build"]).output
    assert not names(root_of(browser)) & set(DERIVED)


def test_the_command_builds(browser: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "step_back", lambda: None)
    runner = browser.application.test_cli_runner()
    assert "abcd-1234 version 1: serving file, pages, downloads" in runner.invoke(args=["rows", "build"]).output
    assert runner.invoke(args=["rows", "build"]).output == ""


def test_pages_that_cannot_be_made_are_not_tried_again(browser: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_pages, "MOST_BUILD_S", -1.0)
    assert upkeep.build_missing(db.session(), root_of(browser)) == 2
    assert upkeep.build_missing(db.session(), root_of(browser)) == 0
    assert "pages" not in names(root_of(browser))


def test_a_broken_version_does_not_hold_up_the_others(browser: FlaskClient) -> None:
    next((root_of(browser) / "efgh-5678").glob("*.parquet")).write_bytes(b"not rows")
    assert upkeep.build_missing(db.session(), root_of(browser)) == 1
    assert "pages" in names(root_of(browser))


def superseded(session: Session, root: Path, now: datetime) -> None:
    stored = store_open.write_version(root, "abcd-1234", 2, make_quakes(10), QUAKES)
    version = Version(
        dataset_id="abcd-1234", number=2, class_="open", path=stored.path, sha256=stored.sha256, rows=stored.rows,
        bytes=stored.bytes, schema=[c.to_json() for c in QUAKES], published_at=now,
    )  # fmt: skip
    session.add(version)
    session.flush()
    session.get_one(Dataset, "abcd-1234").current_version_id = version.id
    session.commit()


def test_files_of_superseded_versions_go_after_their_grace_and_rows_stay(browser: FlaskClient) -> None:
    root, session = root_of(browser), db.session()
    upkeep.build_missing(session, root)
    superseded(session, root, NOON)
    before = {file.name for file in (root / "abcd-1234").iterdir()}
    assert upkeep.remove_superseded(session, root, NOON + upkeep.GRACE) == 0
    unfinished = root / "abcd-1234" / ".1-x.pages.77.ab"
    unfinished.touch()
    os.utime(unfinished, (0, 0))
    assert upkeep.remove_superseded(session, root, NOON + upkeep.GRACE * 2) > len(DERIVED)
    left = {file.name for file in (root / "abcd-1234").iterdir()}
    assert left == {name for name in before if name.startswith("2-") or name.endswith(".parquet")}
    assert names(root, "efgh-5678") >= set(DERIVED)
    assert len(browser.get("/resource/abcd-1234.json").get_json()) == 10
