"""The counter of the catalogue: it moves with every change, by whatever way, and memory follows it at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from exchange.catalog.models import Column, Dataset
from exchange.catalog.state import Remembered, StateReader, catalogue_state
from exchange.db import begin_reading_only, engine_options, prepare_engine
from exchange.directory.models import Agency
from tests.conftest import NOON, create_tables
from tests.makers.postgres import fresh_database


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of each kind with one draft dataset."""
    url = f"sqlite:///{tmp_path / 'm.db'}" if request.param == "sqlite" else fresh_database()
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    create_tables(engine)
    with Session(engine) as session:
        session.add(Agency(id="public-health", name="Department of Public Health", acronym="DPH"))
        session.add(_dataset("abcd-1234", NOON))
        session.commit()
    yield engine
    begin_reading_only(False)
    engine.dispose()


@pytest.fixture
def reader(engine: Engine) -> Iterator[StateReader]:
    """A reader of that database's counter."""
    reader = StateReader(engine)
    yield reader
    reader.close()


def _dataset(id: str, now: datetime) -> Dataset:
    return Dataset(
        id=id, agency_id="public-health", title="Quakes", class_="open", created_at=now, updated_at=now, tags=[],
        regimes=[],
    )  # fmt: skip


def _title(session: Session) -> str:
    return session.execute(text("SELECT title FROM dataset")).scalar_one()


def test_every_way_of_changing_the_catalogue_moves_it_and_nothing_else_does(
    engine: Engine, reader: StateReader
) -> None:
    seen = [reader.current()]

    def moved() -> bool:
        seen.append(reader.current())
        return seen[-1] is not None and seen[-2] is not None and seen[-1] > seen[-2]

    with Session(engine) as session:
        session.get_one(Dataset, "abcd-1234").title = "Earthquakes"
        session.flush()
        assert not moved(), "an uncommitted change is nobody's business"
        session.commit()
        assert moved()
        session.add(Column(dataset_id="abcd-1234", name="a", label="A", type="text", position=1))
        session.commit()
        assert moved()
        session.execute(text("UPDATE dataset SET state = 'retired'"))
        session.commit()
        assert moved()
        session.execute(text("DELETE FROM dataset_column"))
        session.commit()
        assert moved()
        session.get_one(Dataset, "abcd-1234").title = "Never"
        session.flush()
        session.rollback()
        session.execute(text("INSERT INTO working_group (id, name, purpose) VALUES ('g', 'Group', '')"))
        session.commit()
        assert not moved()


def test_a_change_by_another_thread_is_seen_by_every_thread_at_its_next_look(
    engine: Engine, reader: StateReader
) -> None:
    ready, changed = threading.Barrier(4, timeout=20), threading.Barrier(4, timeout=20)
    seen: list[tuple[int | None, int | None]] = []

    def look() -> None:
        before = reader.current()
        ready.wait()
        changed.wait()
        seen.append((before, reader.current()))
        reader.close()

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    ready.wait()
    with engine.begin() as connection:
        connection.execute(text("UPDATE dataset SET title = 'Other'"))
    changed.wait()
    for thread in threads:
        thread.join()
    assert len(seen) == 3
    assert all(before is not None and after is not None and after > before for before, after in seen)


def test_remembered_values_go_with_the_change(engine: Engine, reader: StateReader) -> None:
    titles = Remembered[str](reader, most=10)
    looked = []

    def find(session: Session) -> str:
        looked.append(1)
        return _title(session)

    begin_reading_only(True)
    for _ in range(3):
        with Session(engine) as session:
            assert titles.get("abcd-1234", lambda: session, find) == "Quakes"
    assert len(looked) == 1
    begin_reading_only(False)
    with engine.begin() as connection:
        connection.execute(text("UPDATE dataset SET title = 'Other'"))
    begin_reading_only(True)
    with Session(engine) as session:
        assert titles.get("abcd-1234", lambda: session, find) == "Other"
    assert len(looked) == 2


def test_what_an_old_or_an_unfinished_transaction_sees_is_not_remembered(engine: Engine, reader: StateReader) -> None:
    titles = Remembered[str](reader, most=10)
    with Session(engine) as writer:
        writer.execute(text("UPDATE dataset SET title = 'Unfinished'"))
        assert titles.get("a", lambda: writer, _title) == "Unfinished"
        assert len(titles) == 0
        writer.rollback()
    begin_reading_only(True)
    with Session(engine) as old:
        assert _title(old) == "Quakes"
        begin_reading_only(False)
        with engine.begin() as connection:
            connection.execute(text("UPDATE dataset SET title = 'New'"))
        begin_reading_only(True)
        found = titles.get("a", lambda: old, _title)
        assert len(titles) == (0 if found == "Quakes" else 1)
    with Session(engine) as session:
        assert titles.get("a", lambda: session, _title) == "New"


def test_it_is_bounded(engine: Engine, reader: StateReader) -> None:
    titles = Remembered[str](reader, most=3)
    begin_reading_only(True)
    with Session(engine) as session:
        for number in range(10):
            titles.get(number, lambda: session, _title)
    assert len(titles) == 3


def test_without_its_triggers_nothing_is_remembered(engine: Engine, reader: StateReader) -> None:
    with engine.begin() as connection:
        for table, way in (("dataset", "update"),):
            on = "" if engine.dialect.name == "sqlite" else f" ON {table}"
            name = f"catalogue_moves_{table}" + (f"_{way}" if engine.dialect.name == "sqlite" else "")
            connection.execute(text(f"DROP TRIGGER {name}{on}"))
    assert reader.current() is None
    with Session(engine) as session:
        assert catalogue_state(session) is not None


def test_a_database_in_memory_is_never_remembered() -> None:
    engine = create_engine("sqlite://")
    assert StateReader(engine).current() is None
    engine.dispose()
