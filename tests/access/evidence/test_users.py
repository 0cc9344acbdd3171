"""Question 5: who has access now."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from access.evidence.users import QUESTION
from access.models import Client, Grant
from agreements.models import AgreementVersion, State
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.ledger import append
from exchange import clock
from exchange.directory.models import Person
from tests.makers.access import World, make_grant, make_member
from tests.makers.audit import sequence
from tests.makers.evidence import ask, every_row, texts


@pytest.fixture
def world(session: Session) -> World:
    return make_grant(session)


def test_a_person_with_a_grant_is_listed_with_what_is_known(session: Session, world: World) -> None:
    answer = ask(session, QUESTION, clock.now())
    ((name, dataset, agreement, use, _, _, clients, group, nda, training, recertified),) = texts(answer)
    assert (name, clients, dataset) == ("Ada Field", "absence-study", "Absence by student")
    assert agreement == "DSA-2026-0001, version 1"
    assert (nda, training, use) == ("not recorded", "not recorded", "never")
    assert recertified == clock.legal_day(clock.now()).isoformat()
    assert len(answer.rows[0]) == len(QUESTION.headings)
    assert group and answer.rows[0][0].note


@pytest.mark.parametrize(
    "end",
    [
        lambda s, w, now: setattr(s.get_one(Person, w.person_id), "left_at", now),
        lambda s, w, now: setattr(s.get_one(Person, w.person_id).roles[0], "ends", clock.legal_day(now) - timedelta(2)),
        lambda s, w, now: setattr(s.get_one(Grant, w.grant_id), "state", "revoked"),
        lambda s, w, now: setattr(s.get_one(Grant, w.grant_id), "not_after", now - timedelta(seconds=1)),
        lambda s, w, now: setattr(s.get_one(Grant, w.grant_id), "persons", []),
        lambda s, w, now: setattr(s.get_one(AgreementVersion, w.version_id), "state", State.SUSPENDED.value),
        lambda s, w, now: setattr(s.get_one(AgreementVersion, w.emou_version_id), "state", State.TERMINATED.value),
    ],
)
def test_whatever_ends_access_takes_the_line_away(session: Session, world: World, end) -> None:  # type: ignore[no-untyped-def]
    now = clock.now()
    assert len(ask(session, QUESTION, now).rows) == 1
    end(session, world, now)
    assert ask(session, QUESTION, now).rows == ()


def test_one_whose_client_is_disabled_is_listed_as_unable_to_read(session: Session, world: World) -> None:
    session.get_one(Client, world.client_id).disabled_at = clock.now()
    ((_, _, _, _, _, _, clients, *_),) = texts(ask(session, QUESTION, clock.now()))
    assert clients == "none registered"


def test_last_use_comes_from_the_log(session: Session, world: World, engine: Engine, tmp_path: Path) -> None:
    pseudonym = session.get_one(Person, world.person_id).pseudonym
    now = clock.now()
    for action, dataset, hours in (
        (Action.ACCESS_ROWS_INTENT, world.dataset_id, 5),
        (Action.ACCESS_ROWS_INTENT, world.dataset_id, 3),
        (Action.ACCESS_ROWS_REFUSE, world.dataset_id, 2),
        (Action.ACCESS_ROWS_INTENT, "zzzz-2222", 1),
    ):
        at = now - timedelta(hours=hours)
        append(session.connection(), Entry(action, Outcome.INTENDED, actor=pseudonym, dataset=dataset, at=at))
    session.commit()
    sequence(engine, tmp_path)
    ((_, _, _, use, *_),) = texts(ask(session, QUESTION, now))
    assert use == f"{clock.legal_time(now - timedelta(hours=3)):%Y-%m-%d %H:%M}"


def test_screens_follow_each_other_without_gap_or_double(session: Session, world: World) -> None:
    grant = session.get_one(Grant, world.grant_id)
    people = [make_member(session, f"Member {number:02}") for number in range(7)]
    grant.persons = [world.person_id, *(person.id for person in people)]
    rows = every_row(session, QUESTION, clock.now(), limit=3)
    assert [row[0] for row in rows] == ["Ada Field", *(f"Member {number:02}" for number in range(7))]


def test_a_group_narrows(session: Session, world: World) -> None:
    assert len(ask(session, QUESTION, clock.now(), group="HUMAN").rows) == 1
    assert ask(session, QUESTION, clock.now(), group="economic").rows == ()
