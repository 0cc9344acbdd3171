"""Question 7: agreements that ended and left something open."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from access.evidence.endings import QUESTION
from access.models import Grant, Token
from agreements.models import AgreementVersion, State
from exchange import clock
from tests.makers.access import World, make_grant
from tests.makers.agreements import later, make_active_dsa, make_cast, terminated
from tests.makers.evidence import ask, texts


def token(session: Session, world: World) -> Token:
    now = clock.now()
    made = Token(
        hash="t", client_id=world.client_id, grant_id=world.grant_id, jkt="j", scope="data.query", columns=[],
        authorization_details=[], issued_at=now, expires_at=now + timedelta(minutes=10),
    )  # fmt: skip
    session.add(made)
    return made


def test_open_grants_and_live_tokens_of_an_ended_agreement(session: Session) -> None:
    world = make_grant(session)
    made = token(session, world)
    assert ask(session, QUESTION, clock.now()).rows == ()
    session.get_one(AgreementVersion, world.version_id).state = State.TERMINATED.value
    ((agreement, _, state, _, _, grants, tokens, certificate),) = texts(ask(session, QUESTION, clock.now()))
    assert (agreement, state, grants, tokens) == ("DSA-2026-0001, version 1", "terminated", "1", "1")
    assert certificate == "no clause asks for destruction"
    made.revoked_at = clock.now()
    assert texts(ask(session, QUESTION, clock.now()))[0][6] == "0"
    session.get_one(Grant, world.grant_id).not_after = clock.now() - timedelta(seconds=1)
    assert ask(session, QUESTION, clock.now()).rows == (), "past its own window it is closed"
    session.get_one(Grant, world.grant_id).not_after = clock.now() + timedelta(days=1)
    session.get_one(Grant, world.grant_id).state = "revoked"
    assert ask(session, QUESTION, clock.now()).rows == ()


def test_the_end_of_the_memorandum_is_the_end_of_what_stands_under_it(session: Session) -> None:
    world = make_grant(session)
    session.get_one(AgreementVersion, world.emou_version_id).ends_at = clock.now() - timedelta(days=1)
    ((agreement, _, state, _, days, grants, *_),) = texts(ask(session, QUESTION, clock.now()))
    assert (agreement, state, days, grants) == ("EMOU-2026-0001, version 1", "ended by its own terms", "1", "1")


def test_a_certificate_is_due_and_then_overdue(session: Session) -> None:
    cast = make_cast(session)
    terminated(session, cast, make_active_dsa(session, cast))
    (row,) = ask(session, QUESTION, later(1)).rows
    assert row[-1].text == "Department of Children And Families: due 2026-07-15"
    assert row[-1].href.startswith("/duties/certificates/DSA-")
    answer = ask(session, QUESTION, later(31))
    assert "overdue since 2026-07-15" in answer.rows[0][-1].text
    assert dict(answer.summary)["Certificates overdue"] == "1"
