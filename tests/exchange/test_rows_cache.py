"""What workers remember of open rows: true at the next request of every worker, bounded, and never a restricted row."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text

from exchange.catalog.models import Dataset, Version
from exchange.db import db
from exchange.kept_bytes import KeptBytes
from exchange.rows import store_open
from exchange.rows.doors import open_door, ready_answers
from exchange.rows.ready import Ready
from tests.conftest import NOON, make_settings
from tests.makers.rows import QUAKES, make_open_dataset, make_quakes
from wsgi import create_app

PAGE = "/resource/abcd-1234.json?$limit=5"


@pytest.fixture
def quakes(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser, and the earthquakes published."""
    make_open_dataset(db.session(), app.config["SETTINGS"].data_dir, NOON, table=make_quakes(300))
    db.session.commit()
    return client


def publish_again(app: Flask, rows: int, now: datetime) -> None:
    """A second version with so many rows."""
    stored = store_open.write_version(
        app.config["SETTINGS"].data_dir / "open",
        "abcd-1234",
        2,
        make_quakes(rows, seed=8),
        QUAKES,
        row_id="earthquake_id",
    )
    session = db.session()
    version = Version(
        dataset_id="abcd-1234", number=2, class_="open", path=stored.path, sha256=stored.sha256, rows=rows,
        bytes=stored.bytes, schema=[column.to_json() for column in QUAKES], published_at=now,
    )  # fmt: skip
    session.add(version)
    session.flush()
    session.get_one(Dataset, "abcd-1234").current_version_id = version.id
    session.commit()


def test_a_known_page_asks_the_database_nothing(app: Flask, quakes: FlaskClient) -> None:
    first = quakes.get(PAGE)
    db.session.remove()
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    again = quakes.get(PAGE)
    assert (again.data, again.headers["ETag"]) == (first.data, first.headers["ETag"])
    assert [statement for statement in statements if "dataset" in statement] == []
    with app.app_context():
        assert ready_answers().kept.hits == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE dataset SET state = 'retired'",
        "UPDATE dataset SET class = 'restricted'",
        "UPDATE dataset SET current_version_id = NULL",
        "UPDATE dataset_version SET class = 'restricted'",
    ],
)
def test_what_is_withdrawn_is_gone_at_the_next_request_of_every_worker(
    app: Flask, quakes: FlaskClient, change: str
) -> None:
    other = create_app(make_settings(app.config["SETTINGS"].data_dir))
    readers = [quakes, other.test_client()]
    etags = set()
    for reader in readers:
        for _ in range(3):
            answer = reader.get(PAGE)
            assert answer.status_code == 200
            etags.add(answer.headers["ETag"])
    assert len(etags) == 1
    db.session.execute(text(change))
    db.session.commit()
    for reader in readers:
        assert reader.get(PAGE).status_code == 404
        assert reader.get(PAGE, headers={"If-None-Match": etags.copy().pop()}).status_code == 404
        assert reader.head(PAGE).status_code == 404
    other.extensions["ledger"].close()


def test_a_new_version_is_there_at_once_for_every_worker(app: Flask, quakes: FlaskClient) -> None:
    other = create_app(make_settings(app.config["SETTINGS"].data_dir))
    readers = [quakes, other.test_client()]
    count = "/resource/abcd-1234.json?$select=count(*)"
    before = [reader.get(PAGE) for reader in readers]
    assert [reader.get(count).get_json() for reader in readers] == [[{"count": "300"}]] * 2
    publish_again(app, 40, NOON)
    for reader, old in zip(readers, before, strict=True):
        assert reader.get(count).get_json() == [{"count": "40"}]
        new = reader.get(PAGE, headers={"If-None-Match": old.headers["ETag"]})
        assert new.status_code == 200
        assert new.data != old.data
    other.extensions["ledger"].close()


def test_the_answer_from_memory_is_the_answer(quakes: FlaskClient) -> None:
    for path in (PAGE, "/resource/abcd-1234.csv?$limit=5", "/resource/abcd-1234.json?$group=source&$order=source"):
        first, second = quakes.get(path), quakes.get(path)
        assert first.data == second.data
        differ = {name for name, value in first.headers if second.headers.get(name) != value}
        assert differ <= {"X-Socrata-RequestId", "RateLimit"}
        assert second.headers["X-SODA2-Fields"]
        assert int(second.headers["Content-Length"]) == len(second.data)
        head = quakes.head(path)
        assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", first.headers["ETag"])
        held = quakes.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (held.status_code, held.data) == (304, b"")


def test_pages_and_columns_give_the_same_answer_through_http(app: Flask, quakes: FlaskClient) -> None:
    paths = [PAGE, "/resource/abcd-1234.json?source=pr&$order=datetime%20DESC", "/resource/abcd-1234.json?$offset=400"]
    with_pages = [quakes.get(path).data for path in paths]
    for pages in (app.config["SETTINGS"].data_dir / "open").glob("*/*.pages"):
        pages.unlink()
    without = create_app(make_settings(app.config["SETTINGS"].data_dir))
    assert [without.test_client().get(path).data for path in paths] == with_pages
    without.extensions["ledger"].close()


def test_one_row_from_the_pages_is_the_one_from_the_columns(app: Flask, quakes: FlaskClient) -> None:
    key = quakes.get(PAGE).get_json()[3]["earthquake_id"]
    address = f"/resource/abcd-1234/{key}.json"
    from_pages = quakes.get(address)
    assert quakes.get(address, headers={"If-None-Match": from_pages.headers["ETag"]}).status_code == 304
    assert (quakes.head(address).status_code, quakes.head(address).data) == (200, b"")
    with app.app_context():
        assert ready_answers()._pages._known, "the pages were read"
    for file in (app.config["SETTINGS"].data_dir / "open").rglob("*.pages"):
        file.unlink()
    app.extensions["ready_answers"] = Ready(app.extensions["open_door"])
    from_columns = quakes.get(address)
    assert from_columns.data == from_pages.data and from_columns.headers["ETag"] == from_pages.headers["ETag"]
    own = ("X-Socrata-RequestId", "RateLimit")
    first, second = (sorted((n, v) for n, v in one.headers if n not in own) for one in (from_pages, from_columns))
    assert first == second
    assert quakes.get("/resource/abcd-1234/nobody-has-this.json").status_code == 404


def test_what_changes_by_itself_is_not_kept(quakes: FlaskClient) -> None:
    path = "/resource/abcd-1234.json?$select=get_utc_date()%20as%20now&$limit=1"
    first, second = quakes.get(path), quakes.get(path)
    assert first.status_code == 200, first.text
    assert first.headers["ETag"] != second.headers["ETag"]
    assert quakes.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_equal_queries_have_one_etag_and_other_queries_another(quakes: FlaskClient) -> None:
    def etag(query: str) -> str:
        return str(quakes.get(f"/resource/abcd-1234.json?{query}").headers["ETag"])

    assert etag("$where=depth%3E5&$limit=5") == etag("$limit=5&$where=%20depth%20%3E%205")
    assert len({etag(query) for query in ("$limit=5", "$limit=6", "$offset=1", "source=pr", "$select=source")}) == 5


def test_kept_answers_stay_within_their_bytes(app: Flask, quakes: FlaskClient) -> None:
    small = Ready(open_door(), KeptBytes(200_000))
    app.extensions["ready_answers"] = small
    for offset in range(100):
        assert quakes.get(f"/resource/abcd-1234.json?$limit=20&$offset={offset}").status_code == 200
    assert 0 < len(small.kept) < 100
    assert small.kept.bytes <= 200_000


def test_versions_live_beside_each_other(app: Flask, quakes: FlaskClient) -> None:
    """A reader in the middle of an old version is not disturbed by a new one: files are never written again."""
    folder: Path = app.config["SETTINGS"].data_dir / "open" / "abcd-1234"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}
    publish_again(app, 40, NOON)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(folder.glob("*.pages"))) == 2
