"""What is in force: as a question, as SQL on both databases, and against a termination at the same moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, literal, select
from sqlalchemy.orm import Session

from agreements import drafting, in_force, lifecycle
from agreements.models import AgreementVersion, State
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.ledger import Recorded, append
from exchange.db import engine_options, prepare_engine
from tests.conftest import NOON, create_tables, make_settings
from tests.makers import agreements as make
from tests.makers.postgres import fresh_database


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind."""
    url = fresh_database() if request.param == "postgresql" else make_settings(tmp_path).database_url
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    create_tables(engine)
    yield engine
    engine.dispose()


def holds(session: Session, version: AgreementVersion, now: datetime) -> bool:
    """Whether the condition itself holds, asked as the log's insert asks it."""
    return session.scalar(select(literal(1)).where(in_force.in_force_condition(version.id, now))) == 1


def test_condition_question_and_chain_agree_at_every_edge(either: Engine) -> None:
    with Session(either) as session:
        cast = make.make_cast(session)
        dsa = make.make_active_dsa(session, cast)
        assert dsa.begins_at is not None and dsa.ends_at is not None
        second = timedelta(seconds=1)
        for now, expected in (
            (dsa.begins_at - second, False),
            (dsa.begins_at, True),
            (NOON, True),
            (dsa.ends_at, True),
            (dsa.ends_at + second, False),
        ):
            assert holds(session, dsa, now) is expected, now
            assert (in_force.version_in_force(session, dsa.agreement_id, now) is dsa) is expected
            chain = [v.agreement_id for v in in_force.chain_in_force(session, dsa.agreement_id, now)]
            assert chain == ([dsa.agreement_id, dsa.agreement.parent_id] if expected else [])
            found = in_force.agreements_for(session, make.ATTENDANCE, make.GROUP, now)
            assert found == ([dsa] if expected else [])


def test_nothing_is_found_for_another_group_or_dataset(session: Session) -> None:
    cast = make.make_cast(session)
    make.make_active_dsa(session, cast)
    assert in_force.agreements_for(session, make.ATTENDANCE, "economic-development", NOON) == []
    assert in_force.agreements_for(session, "aaaa-bbbb", make.GROUP, NOON) == []


@pytest.mark.parametrize("command", ["suspend", "terminate"])
@pytest.mark.parametrize("level", ["dsa", "memorandum"])
def test_invariant_3_ending_any_link_ends_what_stands_under_it(either: Engine, level: str, command: str) -> None:
    with Session(either) as session:
        cast = make.make_cast(session)
        dsa = make.make_active_dsa(session, cast)
        assert dsa.agreement.parent is not None
        hit = dsa if level == "dsa" else dsa.agreement.parent.versions[-1]
        assert holds(session, dsa, NOON)
        if command == "suspend":
            lifecycle.suspend(session, cast.cdo, hit, reason="Suspected misuse.", now=NOON)
        else:
            make.terminated(session, cast, hit)
        assert not holds(session, dsa, NOON)
        assert in_force.chain_in_force(session, dsa.agreement_id, NOON) == []
        if command == "suspend":
            lifecycle.resume(session, cast.cdo, hit, reason="It was a mistake.", now=NOON)
            assert holds(session, dsa, NOON)


def test_the_condition_takes_a_column_of_an_enclosing_table(either: Engine) -> None:
    with Session(either) as session:
        cast = make.make_cast(session)
        dsa = make.make_active_dsa(session, cast)
        draft = make.make_memorandum(session, cast, agency=make.DOL)
        rows = select(AgreementVersion.id).where(in_force.in_force_condition(AgreementVersion.id, NOON))
        found = set(session.scalars(rows))
        assert dsa.id in found and draft.id not in found


def test_an_amendment_takes_over_without_a_gap(session: Session) -> None:
    cast = make.make_cast(session)
    dsa = make.make_active_dsa(session, cast)
    new = drafting.amend(session, cast.drafter, dsa, now=NOON)
    assert in_force.version_in_force(session, dsa.agreement_id, NOON) is dsa
    make.activate(session, cast, new)
    assert (dsa.state, new.state) == (State.SUPERSEDED, State.ACTIVE)
    assert in_force.version_in_force(session, dsa.agreement_id, NOON) is new
    assert not holds(session, dsa, NOON), "a grant of the old version is not in force"


@pytest.mark.parametrize("level", ["dsa", "memorandum"])
def test_invariant_3_on_postgresql_a_permit_waits_for_a_termination_and_sees_it(level: str) -> None:
    engine = create_engine(fresh_database())
    create_tables(engine)
    with Session(engine, expire_on_commit=False) as session:
        cast = make.make_cast(session)
        dsa = make.make_active_dsa(session, cast)
        assert dsa.agreement.parent is not None
        hit = dsa if level == "dsa" else dsa.agreement.parent.versions[-1]
        session.commit()
    answers: list[Recorded] = []

    def permit() -> None:
        entry = Entry(Action.ACCESS_ROWS_INTENT, Outcome.INTENDED, agreement=dsa.agreement_id)
        with engine.begin() as connection:
            answers.append(append(connection, entry, only_if=in_force.in_force_condition(dsa.id, NOON)))

    with Session(engine) as terminating:
        make.terminated(terminating, cast, terminating.get_one(AgreementVersion, hit.id))
        reader = threading.Thread(target=permit)
        reader.start()
        time.sleep(0.4)
        assert answers == [], "the permit waits for the row that the termination holds"
        terminating.commit()
    reader.join(10)
    assert answers == [Recorded.NOT_PERMITTED]
    engine.dispose()


def test_invariant_3_on_postgresql_a_termination_waits_for_a_permit_being_written() -> None:
    engine = create_engine(fresh_database())
    create_tables(engine)
    with Session(engine, expire_on_commit=False) as session:
        cast = make.make_cast(session)
        dsa = make.make_active_dsa(session, cast)
        session.commit()
    done: list[str] = []

    def terminate() -> None:
        with Session(engine) as session:
            make.terminated(session, cast, session.get_one(AgreementVersion, dsa.id))
            session.commit()
            done.append("terminated")

    entry = Entry(Action.ACCESS_ROWS_INTENT, Outcome.INTENDED, agreement=dsa.agreement_id)
    with engine.begin() as connection:
        assert append(connection, entry, only_if=in_force.in_force_condition(dsa.id, NOON)) is Recorded.WRITTEN
        thread = threading.Thread(target=terminate)
        thread.start()
        time.sleep(0.4)
        assert done == [], "the termination waits until the permit's entry is committed"
    thread.join(10)
    assert done == ["terminated"]
    engine.dispose()
