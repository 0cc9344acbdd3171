"""Spark, a real one with two workers, over Spark Connect: the corpus, deadlines, cancelling, and the same address.

`SPARK_CORPUS=all` (which `make differential` sets) asks all of the corpus; otherwise a part of it is asked.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from flask import Flask

from exchange import clock
from exchange.db import db
from exchange.errors import Unavailable
from exchange.rows.engine import RequestTimeout, Stopped, TooLarge
from exchange.rows.engines.duckdb_file import DuckDBEngine
from exchange.rows.routing import order_engine
from exchange.rows.source import Source
from exchange.settings import Settings
from tests.conftest import NOON, create_tables
from tests.makers import soql_corpus as corpus
from tests.makers.engines import differences, digits, lines, planned, stored
from tests.makers.rows import make_open_dataset
from tests.makers.spark import executors, spark_remote
from wsgi import create_app

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

WHOLE = [*corpus.corpus(), *corpus.LATER]
ASKED = WHOLE if os.environ.get("SPARK_CORPUS") == "all" else [*WHOLE[:8], *WHOLE[20::19], *corpus.LATER]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for an open store."""
    return tmp_path_factory.mktemp("open")


@pytest.fixture(scope="module")
def sources(root: Path) -> dict[str, Source]:
    """The table of the corpus, and the one that it joins."""
    return {
        "corp-0001": stored(root, corpus.rows(), corpus.COLUMNS, "corp-0001"),
        corpus.OTHER: stored(root, corpus.other_rows(), corpus.OTHER_COLUMNS, corpus.OTHER),
    }


@pytest.fixture(scope="module")
def spark(sources: dict[str, Source]) -> Any:
    """The engine, on this session's Spark."""
    remote = spark_remote()
    return import_module("exchange.rows.engines.spark").SparkEngine(remote, lambda source: str(source.parquet))


def run(engine: Any, text: str, sources: dict[str, Source], **options: Any) -> Any:
    chosen = {"deadline_s": 120.0, "max_rows": None, "cancel": threading.Event(), **options}
    return engine.run(planned(text), sources["corp-0001"], **chosen)


def test_two_workers_answer(spark: Any) -> None:
    spark.check()
    for _ in range(100):
        if len(executors()) == 2:
            return
        time.sleep(0.2)
    pytest.fail(f"executors: {executors()}")


def test_spark_gives_the_same_rows_in_the_same_order(spark: Any, root: Path, sources: dict[str, Source]) -> None:
    duckdb, found, inexact = DuckDBEngine(root), {}, 0
    for text in ASKED:
        plan = planned(text)
        others = {key: sources[key] for key in plan.datasets}
        ours, theirs = (
            lines(duckdb, plan, sources["corp-0001"], others),
            lines(spark, plan, sources["corp-0001"], others),
        )
        inexact += ours != theirs
        if differences(ours, theirs, places=digits(text)):
            found[text] = differences(ours, theirs, places=digits(text))[:2]
    assert found == {} and inexact <= max(5, len(ASKED) / 40)


def test_too_many_rows_are_refused(spark: Any, sources: dict[str, Source]) -> None:
    with pytest.raises(TooLarge):
        run(spark, "select * limit 11", sources, max_rows=10)


def test_a_statement_past_its_deadline_is_interrupted(spark: Any, root: Path, sources: dict[str, Source]) -> None:
    many = pa.concat_tables([corpus.other_rows()] * 20_000)
    endless = {corpus.OTHER: stored(root, many, corpus.OTHER_COLUMNS, "many-0001")}
    plan = planned("select sum(@a.weight * @b.weight) as s join @kind-0001 as @a on true join @kind-0001 as @b on true")
    with pytest.raises(RequestTimeout):
        spark.run(plan, sources["corp-0001"], others=endless, deadline_s=6, max_rows=None, cancel=threading.Event())
    running = [thread for thread in threading.enumerate() if thread.name.startswith("charter-oak-")]
    for thread in running:
        thread.join(60)
    assert not any(thread.is_alive() for thread in running)
    assert list(run(spark, "select count(*) as n", sources))


def test_a_right_that_ends_stops_the_stream(spark: Any, sources: dict[str, Source]) -> None:
    cancel = threading.Event()
    batches = run(spark, "select *", sources, cancel=cancel)
    cancel.set()
    with pytest.raises(Stopped):
        list(batches)
        next(run(spark, "select *", sources, cancel=cancel))


def test_an_empty_answer_ends(spark: Any, sources: dict[str, Source]) -> None:
    assert sum(batch.num_rows for batch in run(spark, "select id limit 0", sources)) == 0


def test_a_spark_that_is_away_is_said_so(spark: Any, sources: dict[str, Source]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"sc://127.0.0.1:{unused.getsockname()[1]}"
        away = type(spark)(address, lambda source: str(source.parquet))
        with pytest.raises((Unavailable, RequestTimeout)):
            run(away, "select *", sources, deadline_s=20)
        with pytest.raises(Unavailable):
            away.check()


@pytest.fixture
def app(settings: Settings, spark: Any) -> Iterator[Flask]:
    """An application whose operator set up Spark, with one open dataset."""
    made = create_app(replace(settings, spark_remote=spark_remote()))
    with made.app_context():
        create_tables(db.engine)
        make_open_dataset(db.session(), settings.data_dir, clock.now())
        db.session.commit()
        yield made


ADDRESSES = (
    "abcd-1234.json?$select=source,count(*) as n,avg(magnitude)&$group=source&$order=n",
    "abcd-1234.csv?$where=within_circle(location,41.5,-72.7,20000)&$order=magnitude desc,earthquake_id&$limit=40",
    "abcd-1234.geojson?$limit=20&$order=:id desc",
    "abcd-1234.json?$query=select region, max(depth) as d group by region |> select max(d) as most",
)


def test_a_dataset_ordered_to_spark_answers_with_equal_bytes_at_the_same_address(app: Flask) -> None:
    client, bodies = app.test_client(), {}
    for engine in ("duckdb", "spark"):
        order_engine(db.session(), "abcd-1234", engine, NOON)
        db.session.commit()
        bodies[engine] = [client.get(f"/resource/{address}") for address in ADDRESSES]
    assert [answer.status_code for answer in bodies["spark"]] == [200] * len(ADDRESSES)
    assert [answer.data for answer in bodies["spark"]] == [answer.data for answer in bodies["duckdb"]]
    assert client.get("/readyz").json["checks"]["spark"] is True


def test_a_worker_that_dies_is_replaced(spark: Any, sources: dict[str, Source]) -> None:
    before = executors()
    os.kill(before[0], signal.SIGKILL)
    assert [batch.to_pylist() for batch in run(spark, "select count(*) as n", sources)] == [[{"n": corpus.ROWS}]]
