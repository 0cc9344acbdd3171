"""Every question on PostgreSQL: dates, instants and JSON are compared there by other rules than in SQLite."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from access.evidence.standing import QUESTIONS
from access.models import ApiKey, Client, Token
from agreements.duties import incidents, referrals
from agreements.models import AgreementVersion
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.ledger import append
from exchange import clock
from exchange.db import engine_options, prepare_engine
from exchange.directory.agencies import DEPARTMENTS
from exchange.directory.models import Person, RoleKind
from tests.conftest import create_tables
from tests.makers.access import World, make_grant
from tests.makers.audit import sequence
from tests.makers.directory import make_agency, make_identity, make_person
from tests.makers.evidence import ask, texts
from tests.makers.postgres import fresh_database

DAY = timedelta(days=1)


def unhappy(session: Session, world: World) -> None:
    """Something wrong for each question."""
    now = clock.now()
    leaver = make_person(session, "Lea Ver")
    leaver.left_at = now - 5 * DAY
    session.add(
        ApiKey(id="k", person_id=leaver.id, name="n", secret_hash="s", created_at=now, expires_at=now + 9 * DAY)
    )
    entry = Entry(Action.ACCESS_ROWS_REFUSE, Outcome.REFUSED, actor=leaver.pseudonym, at=now - 4 * DAY)
    append(session.connection(), entry)
    session.add(
        Token(
            hash="t", client_id=session.query(Client).one().id, grant_id=world.grant_id, jkt="j", scope="s", columns=[],
            authorization_details=[], issued_at=now, expires_at=now + DAY,
        )
    )  # fmt: skip
    cdo = make_identity(session, RoleKind.CDO, now=now)
    make_agency(session, "labor").statute = DEPARTMENTS
    incidents.report(
        session, cdo, agency_id="labor", what="x", datasets=[world.dataset_id], identity_numbers=True,
        discovered_at=now - 9 * DAY, now=now,
    )  # fmt: skip
    referrals.receive(
        session, cdo, agency_id="labor", received_on=clock.legal_day(now), file_number="1", about="x", dataset_id=None,
        now=now,
    )  # fmt: skip


def test_every_question_is_answered(tmp_path: Path) -> None:
    url = fresh_database()
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    create_tables(engine)
    with Session(engine) as session:
        world = make_grant(session)
        unhappy(session, world)
        session.commit()
        sequence(engine, tmp_path)
        found = {question.key: texts(ask(session, question, clock.now())) for question in QUESTIONS}
        assert {key for key, rows in found.items() if not rows} == {"ended", "public"}
        assert [row[2] for row in found["leavers"]] == ["API key", "entries in the log"]
        assert [row[0] for row in found["access-now"]] == ["Ada Field"]
        assert len(found["unfounded"]) == 4
        session.get_one(AgreementVersion, world.version_id).terminates_at = clock.now() - DAY
        session.get_one(Person, world.person_id).left_at = clock.now()
        found = {question.key: texts(ask(session, question, clock.now())) for question in QUESTIONS}
        assert found["access-now"] == []
        assert [row[5:7] for row in found["ended"]] == [("1", "1")]
    engine.dispose()
