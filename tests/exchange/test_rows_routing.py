"""Which engine answers: by size, by order of the operator; and where the rows are fetched from."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from exchange import clock
from exchange.catalog.models import Dataset
from exchange.db import db
from exchange.errors import Invalid, NotFound, Unavailable
from exchange.rows.object_store import FETCHED, share
from exchange.rows.routing import Router, order_engine, where_spark_looks
from exchange.rows.source import Source, StoredVersion
from exchange.rows.whereabouts import Whereabouts
from exchange.settings import Settings, SettingsError, from_environment
from tests.conftest import NOON, create_tables
from tests.makers.access import recorded
from tests.makers.engines import planned
from tests.makers.rows import make_open_dataset
from wsgi import create_app


class Named:
    """An engine that says which one it is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *_given: Any, **_options: Any) -> Any:
        """The name in place of batches."""
        return self.name


def source(rows: int, engine: str | None = None) -> Source:
    return Source("a", NOON, rows, engine=engine)


def answered_by(router: Router, one: Source, **others: Source) -> Any:
    plan = planned("select count(*)")
    return router.run(plan, one, others=others, deadline_s=1, max_rows=None, cancel=threading.Event())


@pytest.mark.parametrize(
    ("rows", "ordered", "engine"),
    [
        (999, None, "duckdb"), (1000, None, "spark"), (1000, "duckdb", "duckdb"), (3, "spark", "spark"),
        (100_000_000, None, "spark"),
    ],
)  # fmt: skip
def test_the_size_decides_unless_the_operator_did(rows: int, ordered: str | None, engine: str) -> None:
    router = Router(Named("duckdb"), Named("spark"), Whereabouts(spark_from=1000))
    assert answered_by(router, source(rows, ordered)) == engine


def test_a_join_goes_where_the_largest_of_its_datasets_goes() -> None:
    router = Router(Named("duckdb"), Named("spark"), Whereabouts(spark_from=1000))
    assert answered_by(router, source(5), other=source(5000)) == "spark"


def test_without_spark_all_stays_here_and_an_order_for_it_is_said() -> None:
    router = Router(Named("duckdb"), None, Whereabouts())
    assert answered_by(router, source(100_000_000)) == "duckdb"
    with pytest.raises(Unavailable, match="no Spark is set up"):
        answered_by(router, source(5, "spark"))


def test_spark_finds_versions_by_path_or_in_the_object_store_by_content(settings: Settings) -> None:
    one = replace(source(5), path="abcd-1234/1-x.parquet", content="f" * 64)
    mounted = replace(settings, spark_remote="sc://spark:15002", spark_rows="/mnt/rows")
    assert where_spark_looks(mounted)(one) == "/mnt/rows/abcd-1234/1-x.parquet"
    shared = replace(
        settings, spark_remote="sc://spark:15002", object_store="s3://versions/ct", spark_rows="s3a://versions/ct"
    )
    assert where_spark_looks(shared)(one) == f"s3a://versions/ct/rows/{'f' * 64}.parquet"


def test_settings_are_read_and_checked(tmp_path: Path) -> None:
    given = {"EXCHANGE_DEMO": "1", "EXCHANGE_DATA_DIR": str(tmp_path), "EXCHANGE_SPARK_REMOTE": "sc://spark:15002",
             "EXCHANGE_SPARK_FROM": "7", "EXCHANGE_OBJECT_STORE": "s3://versions/ct/"}  # fmt: skip
    chosen = from_environment(given)
    assert (chosen.spark_from, chosen.object_store, chosen.object_cache_gb) == (7, "s3://versions/ct", 50)
    for name, wrong in (
        ("EXCHANGE_SPARK_REMOTE", "spark://x"),
        ("EXCHANGE_OBJECT_STORE", "ftp://x"),
        ("EXCHANGE_SPARK_FROM", "0"),
    ):
        with pytest.raises(SettingsError, match=name):
            from_environment({**given, name: wrong})


def test_spark_without_its_client_is_refused_at_the_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("exchange.rows.routing.import_module", missing)
    with pytest.raises(SettingsError, match=r"pip install .* requirements-spark\.txt"):
        create_app(replace(settings, spark_remote="sc://127.0.0.1:1"))


@pytest.fixture
def shared(settings: Settings, tmp_path: Path) -> Iterator[Flask]:
    """An application with an object store and one dataset in it."""
    app = create_app(replace(settings, object_store=f"file://{tmp_path / 'store'}"))
    with app.app_context():
        create_tables(db.engine)
        make_open_dataset(db.session(), settings.data_dir, clock.now())
        db.session.commit()
        yield app
        db.session.remove()
        db.engine.dispose()


def test_an_order_is_kept_by_a_command(shared: Flask) -> None:
    runner = shared.test_cli_runner()
    assert "is answered by spark" in runner.invoke(args=["rows", "engine", "abcd-1234", "spark"]).output
    assert db.session().get(Dataset, "abcd-1234", populate_existing=True).engine == "spark"  # type: ignore[union-attr]
    assert shared.test_client().get("/resource/abcd-1234.csv?$select=count(*)").status_code == 503
    assert runner.invoke(args=["rows", "engine", "abcd-1234", "auto"]).exit_code == 0
    assert shared.test_client().get("/resource/abcd-1234.csv?$select=count(*)").status_code == 200
    assert runner.invoke(args=["rows", "engine", "abcd-1234", "auto"]).exit_code == 0  # changes nothing
    assert runner.invoke(args=["rows", "engine", "zzzz-9999", "spark"]).exit_code == 1
    entries = recorded(db.session(), "dataset:engine:order")
    assert [entry["details"]["engine"] for entry in entries] == ["spark", "auto"]
    assert {(entry["dataset"], entry["outcome"], "actor" in entry) for entry in entries} == {
        ("abcd-1234", "done", False)
    }
    with pytest.raises(Invalid):
        order_engine(db.session(), "abcd-1234", "oracle", NOON)
    with pytest.raises(NotFound):
        order_engine(db.session(), "zzzz-9999", "spark", NOON)


def test_a_machine_without_the_rows_fetches_them_once(shared: Flask, settings: Settings) -> None:
    version = db.session().get(Dataset, "abcd-1234").versions[0]  # type: ignore[union-attr]
    stored = StoredVersion(version.path, version.sha256, version.bytes, version.rows)
    share(shared.config["SETTINGS"].object_store, "abcd-1234", 1, stored, settings.data_dir / "open", NOON)
    address = "/resource/abcd-1234.csv?$select=source,count(*)&$group=source"
    before = shared.test_client().get(address).data
    for file in (settings.data_dir / "open" / version.path).parent.iterdir():
        file.unlink()
    fresh = create_app(shared.config["SETTINGS"])
    answer = fresh.test_client().get(address)
    assert answer.status_code == 200 and answer.data == before
    fetched = [path.name for path in (settings.data_dir / "open" / FETCHED).glob("*.parquet")]
    assert fetched == [f"{version.sha256}.parquet"]
