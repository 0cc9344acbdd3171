"""A run never half appears: processes killed at every step and at random, and databases that go away.

The run is driven by a process of its own, which kills itself with SIGKILL where the test says so.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.orm import Session

from audit.ledger import Ledger
from exchange.catalog.models import Column, Dataset, Version
from exchange.errors import CharterError, Invalid, Unavailable
from exchange.hub import runs
from exchange.hub.models import PublishingRun, RunState
from exchange.hub.publishing import advance, publish_file
from exchange.hub.source import SqlGiven
from exchange.hub.sql_source import read_sql
from exchange.rows import store_open, store_restricted
from exchange.settings import Settings
from tests.makers import hub as hub_makers
from tests.makers.catalog import make_dataset
from tests.makers.hub import NOON, publish, write_csv
from tests.makers.postgres import fresh_database

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("extract", "conform", "merge", "validate", "build", "publish")
OLD = [(f"{n:03}", "Avon", str(n)) for n in range(40)]
NEW = [(f"{n:03}", "Bolton", str(n)) for n in range(50)]

DRIVER = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
import access.models, exchange.classification.models, exchange.epoch, exchange.hub.models
from audit.ledger import Ledger
from exchange.db import engine_options, prepare_engine
from exchange.hub import runs
from exchange.hub.models import PublishingRun
from exchange.hub.publishing import advance
from tests.conftest import make_settings

folder, run_id, where = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
settings = make_settings(folder)
engine = create_engine(settings.database_url, **engine_options(settings.database_url))
prepare_engine(engine)

def on_step(step, point):
    print(step, point, flush=True)
    if f"{step} {point}" == where:
        os.kill(os.getpid(), signal.SIGKILL)

with Session(engine) as session:
    ledger = Ledger(engine, settings.data_dir / "audit-append.lock")
    run = advance(session, ledger, settings, run_id, on_step=on_step, now=datetime(2026, 6, 16, tzinfo=UTC))
    if run.state == "waiting":
        runs.confirm(session, settings, None, run)
        run = advance(session, ledger, settings, run_id, on_step=on_step, now=datetime(2026, 6, 16, tzinfo=UTC))
    print(run.state, flush=True)
"""


def drive(session: Session, settings: Settings, run: PublishingRun, where: str) -> subprocess.Popen[str]:
    """A process that goes on with the run; our own transaction ends first, since SQLite has one writer."""
    run_id = run.id
    session.commit()
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", DRIVER, str(settings.data_dir), run_id, where],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def towns(session: Session, settings: Settings, dataset: Dataset) -> list[str]:
    version = session.get_one(Version, dataset.current_version_id)
    table = store_restricted.read_table(
        settings.data_dir / "restricted", version.path, dataset_id=dataset.id, number=version.number,
        sha256=version.sha256, sealed_key=version.sealed_key or {}, key_file=settings.store_key_file,
    )  # fmt: skip
    found: list[str] = table["town"].to_pylist()
    return found


def old_and_new_run(
    session: Session, ledger: Ledger, settings: Settings, folder: Path
) -> tuple[Dataset, PublishingRun]:
    dataset = make_dataset(session, row_id="case")
    publish(session, ledger, settings, dataset, write_csv(folder / "old.csv", OLD))
    run = runs.start_run(
        session, settings, None, dataset, hub_makers.given(write_csv(folder / "new.csv", NEW)), now=NOON
    )
    session.commit()
    return dataset, run


@pytest.mark.parametrize("where", [f"{step} {point}" for step in STEPS for point in ("made", "ends")])
def test_invariant_7_killed_at_each_step_the_old_version_stays_and_the_run_goes_on(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path, where: str
) -> None:
    dataset, run = old_and_new_run(session, ledger, settings, tmp_path)
    process = drive(session, settings, run, where)
    process.communicate(timeout=60)
    assert process.returncode == -9
    session.expire_all()
    appeared = where == "publish ends"
    assert towns(session, settings, dataset) == [row[1] for row in (NEW if appeared else OLD)]
    assert session.scalar(select(func.count()).select_from(Version)) == (2 if appeared else 1)
    session.commit()
    told, _ = drive(session, settings, run, "nowhere").communicate(timeout=60)
    assert told.splitlines()[-1] == "published"
    done = STEPS[: STEPS.index(where.split(maxsplit=1)[0])]
    assert not [line for line in told.splitlines() if line.split(maxsplit=1)[0] in done]
    session.expire_all()
    assert towns(session, settings, dataset) == [row[1] for row in NEW]
    assert session.scalar(select(func.count()).select_from(Version)) == 2
    assert (run.rows_read, run.rows_added, run.rows_changed, run.rows_removed) == (50, 10, 40, 0)


def test_invariant_7_killed_at_random_it_is_whole_or_not_there(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    dataset, run = old_and_new_run(session, ledger, settings, tmp_path)
    chance, kills = random.Random(7), 0
    for _ in range(6):
        process = drive(session, settings, run, "nowhere")
        assert process.stdout is not None
        for _ in range(chance.randint(1, 3)):
            process.stdout.readline()
        time.sleep(chance.random() / 50)
        process.kill()
        process.communicate(timeout=60)
        kills += process.returncode == -9
        session.expire_all()
        current = session.get_one(Version, dataset.current_version_id).number
        assert towns(session, settings, dataset) == [row[1] for row in (OLD if current == 1 else NEW)]
        session.commit()
    assert kills
    told, _ = drive(session, settings, run, "nowhere").communicate(timeout=60)
    assert told.splitlines()[-1] == "published"
    assert session.scalar(select(func.count()).select_from(Version)) == 2


cells = st.tuples(
    st.sampled_from(["001", "002", "003"]), st.text('ab,"\n', max_size=4), st.sampled_from(["1", "x", "*", "-9999"])
)


@examples(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(cells, max_size=5), st.sampled_from([None, "case"]), st.booleans())
def test_invariant_7_whatever_comes_a_run_never_half_appears(
    session: Session, ledger: Ledger, settings: Settings, tmp_path: Path,
    rows: list[tuple[str, str, str]], row_id: str | None, accept: bool,
) -> None:  # fmt: skip
    dataset = make_dataset(session)
    publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv", OLD), row_id=row_id)
    before = dataset.current_version_id
    try:
        run = publish(
            session,
            ledger,
            settings,
            dataset,
            write_csv(tmp_path / "b.csv", rows),
            row_id=row_id,
            accept_findings=accept,
        )
    except CharterError:
        assert dataset.current_version_id == before
        assert towns(session, settings, dataset) == [row[1] for row in OLD]
        return
    version = session.get_one(Version, run.version_id)
    assert dataset.current_version_id == version.id
    assert towns(session, settings, dataset) == [row[1] or None for row in rows]
    names = session.scalars(select(Column.name).where(Column.dataset_id == dataset.id).order_by(Column.position))
    assert list(names) == [column["name"] for column in version.schema]


@pytest.fixture
def source_database(tmp_path: Path) -> Iterator[str]:
    """A SQLite database with a table of 12,000 rows."""
    url = f"sqlite:///{tmp_path / 'source.db'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE school (code TEXT, name TEXT, pupils INTEGER, rate NUMERIC)"))
        rows = [{"code": f"{n:05}", "name": f"School {n}", "pupils": n, "rate": n / 8} for n in range(12_000)]
        connection.execute(text("INSERT INTO school VALUES (:code, :name, :pupils, :rate)"), rows)
    yield url
    engine.dispose()


def test_a_table_of_any_database_is_published(
    session: Session, ledger: Ledger, settings: Settings, source_database: str
) -> None:
    dataset = make_dataset(session, row_id="code")
    given = SqlGiven(source_database, table="school")
    run = runs.start_run(session, settings, None, dataset, given, now=NOON)
    advance(session, ledger, settings, run.id, given=given, now=NOON)
    assert [(c["name"], c["type"]) for c in run.proposal] == [
        ("code", "text"), ("name", "text"), ("pupils", "number"), ("rate", "number"),
    ]  # fmt: skip
    runs.confirm(session, settings, None, run)
    assert advance(session, ledger, settings, run.id, now=NOON).state == RunState.PUBLISHED
    assert run.rows_read == 12_000


def test_a_query_that_fails_in_mid_read_fails_the_run_and_keeps_the_old_version(
    session: Session, ledger: Ledger, settings: Settings, source_database: str, tmp_path: Path
) -> None:
    dataset = make_dataset(session)
    first = publish(session, ledger, settings, dataset, write_csv(tmp_path / "a.csv"))
    breaks = "SELECT code, CASE WHEN pupils = 11000 THEN abs(-9223372036854775807 - 1) ELSE pupils END AS n FROM school"
    given = SqlGiven(source_database, query=breaks)
    run = runs.start_run(session, settings, None, dataset, given, now=NOON)
    advance(session, ledger, settings, run.id, given=given, now=NOON)
    assert run.state == RunState.FAILED
    assert "stopped answering after 10,000 rows" in run.message
    assert dataset.current_version_id == first.version_id
    assert not list((settings.data_dir / "runs" / run.id).glob("raw.parquet"))


def test_the_password_is_kept_nowhere(session: Session, settings: Settings, ledger: Ledger) -> None:
    dataset = make_dataset(session)
    given = SqlGiven("postgresql+psycopg://reader:s3cret-word@127.0.0.1:9/data?options=x", table="t")
    run = runs.start_run(session, settings, None, dataset, given, now=NOON)
    advance(session, ledger, settings, run.id, given=given, now=NOON)
    assert run.state == RunState.FAILED
    assert run.source["name"] == "postgresql://reader@127.0.0.1:9/data"
    session.commit()
    database = Path(settings.database_url.removeprefix("sqlite:///"))
    for path in (database, database.with_name(database.name + "-wal"), *settings.data_dir.rglob("*.json")):
        assert b"s3cret-word" not in path.read_bytes()
    advance(session, ledger, settings, run.id, now=NOON)
    assert "password is not kept" in run.message


def test_the_database_cannot_be_changed_by_reading_it(source_database: str) -> None:
    given = SqlGiven(source_database, query="WITH x AS (SELECT 1 AS a) SELECT a FROM x")
    assert list(read_sql(given).rows) == [["1"]]
    with pytest.raises(Unavailable):
        read_sql(SqlGiven(source_database, query="WITH x AS (SELECT 1) DELETE FROM school"))
    assert len(list(read_sql(SqlGiven(source_database, table="school")).rows)) == 12_000


def test_a_server_that_goes_away_in_mid_read_is_said_plainly(
    session: Session, ledger: Ledger, settings: Settings
) -> None:
    url = fresh_database()
    dies = "CASE WHEN i = 12000 THEN pg_terminate_backend(pg_backend_pid()) END"
    given = SqlGiven(url, query=f"SELECT i, {dies} AS gone FROM generate_series(1, 20000) AS i")
    dataset = make_dataset(session)
    run = runs.start_run(session, settings, None, dataset, given, now=NOON)
    advance(session, ledger, settings, run.id, given=given, now=NOON)
    assert run.state == RunState.FAILED
    assert "stopped answering after 10,000 rows" in run.message
    assert dataset.current_version_id is None
    healthy = SqlGiven(url, query="SELECT i, 'x' AS word FROM generate_series(1, 20000) AS i")
    advance(session, ledger, settings, run.id, given=healthy, now=NOON)
    assert (run.state, run.rows_read) == (RunState.WAITING, 20_000)


def test_a_postgresql_table_with_its_types_is_read_as_it_reads() -> None:
    url = fresh_database()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA s"))
        connection.execute(text("CREATE TABLE s.t (n numeric(6,2), d date, b boolean, w timestamp, z text, f float8)"))
        connection.execute(
            text("INSERT INTO s.t VALUES (12.50, '2026-01-31', true, '2026-01-31 08:05', '06001', 1e-7)")
        )
    engine.dispose()
    rows = read_sql(SqlGiven(url, table="s.t"))
    assert rows.labels == ("n", "d", "b", "w", "z", "f")
    assert list(rows.rows) == [["12.50", "2026-01-31", "true", "2026-01-31T08:05:00", "06001", "0.0000001"]]
    with pytest.raises(Invalid, match="no table 'nothing'"):
        read_sql(SqlGiven(url, table="nothing"))
    assert rows.declared["n"].startswith("numeric")
    assert not any(declared.isdigit() for declared in rows.declared.values())


def test_a_postgresql_instant_is_published_as_one(session: Session, ledger: Ledger, settings: Settings) -> None:
    url = fresh_database()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE seen (n int, at timestamptz)"))
        connection.execute(text("INSERT INTO seen VALUES (1, '2026-01-31 08:05:00.25-05'), (2, NULL)"))
    engine.dispose()
    dataset, given = make_dataset(session, class_="open"), SqlGiven(url, table="seen")
    for _ in range(2):
        run = publish_file(session, ledger, settings, None, source=given, dataset=dataset, now=NOON)
    assert [(c["name"], c["type"]) for c in run.proposal] == [("n", "number"), ("at", "fixed_timestamp")]
    assert "The database declares timestamptz" in run.proposal[1]["evidence"][-1]
    assert "with the same rows as the version before" in run.message
    version = session.get_one(Version, run.version_id)
    rows = store_open.read_table(settings.data_dir / "open", version.path).to_pylist()
    assert [row["at"] for row in rows] == [datetime(2026, 1, 31, 13, 5, 0, 250_000, tzinfo=UTC), None]
