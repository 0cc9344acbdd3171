"""Question 6: what outlived a departure."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from access.evidence import leavers
from access.evidence.leavers import QUESTION
from access.models import ApiKey, SignInSession, Token
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.ledger import append
from exchange import clock
from exchange.directory.models import Person
from tests.makers.access import make_grant
from tests.makers.audit import sequence
from tests.makers.directory import make_person
from tests.makers.evidence import ask, texts

DAY = timedelta(days=1)


def leaver(session: Session, left_at: datetime) -> Person:
    person = make_person(session, "Lea Ver")
    person.left_at = left_at
    session.flush()
    return person


def key(person: Person, expires: datetime, ended: datetime | None = None, id: str = "k1") -> ApiKey:
    return ApiKey(
        id=id, person_id=person.id, name="n", secret_hash=id, created_at=expires - 90 * DAY, expires_at=expires,
        ended_at=ended,
    )  # fmt: skip


def test_a_key_that_nobody_ended_is_listed_and_one_that_was_is_not(session: Session) -> None:
    now = clock.now()
    person = leaver(session, now - 10 * DAY)
    session.add(key(person, now + 30 * DAY))
    session.add(key(person, now + 30 * DAY, now - 9 * DAY - timedelta(seconds=1), "k2"))
    session.add(key(person, now - 9 * DAY, None, "k3"))
    ((name, _, what, *_, hours, state),) = texts(ask(session, QUESTION, now))
    assert (name, what, hours) == ("Lea Ver", "API key", "960.0")
    assert "not ended" in state


def test_24_hours_are_the_bound(session: Session) -> None:
    now = clock.now()
    person = leaver(session, now - 10 * DAY)
    session.add(key(person, now, now - 9 * DAY, "on"))
    session.add(key(person, now, now - 9 * DAY + timedelta(seconds=1), "over"))
    assert [cell.note for _, _, cell, *_ in ask(session, QUESTION, now).rows] == ["key over; never used"]


def test_tokens_and_sessions_that_lived_on(session: Session) -> None:
    now = clock.now()
    world = make_grant(session)
    person = session.get_one(Person, world.person_id)
    person.left_at = now - 5 * DAY
    for name, expires, revoked in (("a", now - DAY, None), ("b", now - DAY, now - 5 * DAY), ("c", now - 4 * DAY, None)):
        session.add(
            Token(
                hash=name, client_id=world.client_id, grant_id=world.grant_id, jkt="j", scope="data.query", columns=[],
                authorization_details=[], issued_at=now - 6 * DAY, expires_at=expires, revoked_at=revoked,
            )
        )  # fmt: skip
    for name, created, ended in (
        ("d", now - 3 * DAY, None),
        ("e", now - 6 * DAY, None),
        ("f", now - 3 * DAY, now - 5 * DAY),
    ):
        session.add(
            SignInSession(
                id_hash=name, person_id=person.id, method="m", created_at=created, seen_at=created,
                authenticated_at=created, ended_at=ended,
            )
        )  # fmt: skip
    assert [row[2] for row in texts(ask(session, QUESTION, now))] == ["session", "token"]


def test_what_was_done_after_leaving_is_listed(session: Session, engine: Engine, tmp_path: Path) -> None:
    now = clock.now()
    person, other = leaver(session, now - 2 * DAY), make_person(session, "Sta Yer")
    for who, hours, action in (
        (person, 60, Action.ACCESS_ROWS_INTENT),
        (person, 40, Action.ACCESS_ROWS_REFUSE),
        (other, 40, Action.ACCESS_ROWS_INTENT),
    ):
        at = now - timedelta(hours=hours)
        append(session.connection(), Entry(action, Outcome.DONE, actor=who.pseudonym, dataset="aaaa-2222", at=at))
    session.commit()
    sequence(engine, tmp_path)
    ((_, _, what, *_, state),) = ask(session, QUESTION, now).rows
    assert (what.text, what.note, state.text) == ("entries in the log", "no data was read", "tried after leaving")
    append(
        session.connection(),
        Entry(Action.ACCESS_ROWS_INTENT, Outcome.INTENDED, actor=person.pseudonym, dataset="aaaa-2222", at=now),
    )
    session.commit()
    sequence(engine, tmp_path)
    assert texts(ask(session, QUESTION, now))[0][-1] == "data was read after leaving"


def test_who_left_with_nothing_open_is_not_listed_but_counted(session: Session) -> None:
    leaver(session, clock.now() - DAY)
    answer = ask(session, QUESTION, clock.now())
    assert answer.rows == ()
    assert dict(answer.summary)["Departures looked at"] == "1"


def test_days_of_departure_are_handed_to_the_desk(session: Session) -> None:
    person, other = leaver(session, clock.now() - DAY), make_person(session, "Sta Yer")
    assert leavers.ends_of(session, [person.pseudonym, other.pseudonym]) == {person.pseudonym: person.left_at}


def test_what_was_done_before_leaving_is_no_finding(session: Session, engine: Engine, tmp_path: Path) -> None:
    left_at = (clock.now() - 2 * DAY).replace(microsecond=900_000)
    person = leaver(session, left_at)

    def act(action: Action, at: datetime) -> None:
        append(
            session.connection(), Entry(action, Outcome.INTENDED, actor=person.pseudonym, dataset="aaaa-2222", at=at)
        )
        session.commit()
        sequence(engine, tmp_path)

    act(Action.ACCESS_ROWS_INTENT, left_at - timedelta(milliseconds=500))
    assert ask(session, QUESTION, clock.now()).rows == ()
    act(Action.ACCESS_ROWS_REFUSE, left_at + timedelta(hours=1))
    ((_, _, what, *_, state),) = ask(session, QUESTION, clock.now()).rows
    assert (what.note, state.text) == ("no data was read", "tried after leaving")
