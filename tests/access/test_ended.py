"""A group's member reads on the desk that a grant ended, since when and why; for fourteen days."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from access import desks, grants
from access.ended import ended_grants
from access.grant_words import described, in_force_first
from access.models import Grant
from agreements.models import AgreementVersion
from exchange import clock
from exchange.directory.identity import Identity
from exchange.directory.models import Person, RoleKind
from tests.makers.access import World, make_grant, make_twin
from tests.makers.directory import make_identity


@pytest.fixture
def world(session: Session) -> World:
    return make_grant(session)


@pytest.fixture
def member(session: Session, world: World) -> Identity:
    return make_identity(session, person=session.get_one(Person, world.person_id))


def suspend(session: Session, version_id: int) -> AgreementVersion:
    version = session.get_one(AgreementVersion, version_id)
    version.state, version.state_since = "suspended", clock.now()
    session.flush()
    return version


def test_a_grant_in_force_is_no_news(session: Session, world: World, member: Identity) -> None:
    assert ended_grants(session, member, clock.now()) == []


@pytest.mark.parametrize("which", ["version_id", "emou_version_id"])
def test_a_suspension_stands_on_the_members_desk_for_fourteen_days(
    session: Session, world: World, member: Identity, which: str
) -> None:
    version = suspend(session, getattr(world, which))
    now = clock.now()
    (told,) = ended_grants(session, member, now)
    assert told.since == version.state_since
    assert "was suspended on" in told.title and "Absence by student" in told.title
    assert told.url_values == {"grant_id": world.grant_id}
    assert told in desks.waiting_for(session, member, now)
    assert ended_grants(session, member, now + timedelta(days=15)) == []


def test_a_revoked_grant_says_who_ended_it_and_why(session: Session, world: World, member: Identity) -> None:
    cdo = make_identity(session, RoleKind.CDO)
    grant = grants.revoke(session, cdo, world.grant_id, "The study is over.", clock.now())
    (told,) = ended_grants(session, member, clock.now())
    assert told.since == grant.ended_at
    assert "Ended by the Chief Data Officer: The study is over." in told.title
    words = described(session, grant, clock.now())
    assert words.why_ended.startswith("Revoked on ") and "The study is over." in words.why_ended


def test_others_are_not_told_and_what_was_replaced_is_no_loss(session: Session, world: World, member: Identity) -> None:
    suspend(session, world.version_id)
    assert ended_grants(session, make_identity(session, RoleKind.AUDITOR), clock.now()) == []
    session.get_one(Grant, world.grant_id).state = "superseded"
    session.flush()
    assert ended_grants(session, member, clock.now()) == []


def test_grants_in_force_stand_first(session: Session, world: World) -> None:
    twin = make_twin(session, world.grant_id, ["ssn"])
    twin.state = "revoked"
    held = [described(session, each, clock.now()) for each in (twin, session.get_one(Grant, world.grant_id))]
    assert [each.id for each in in_force_first(held)] == [world.grant_id, twin.id]
