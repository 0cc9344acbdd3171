"""One memorandum for each executive agency: refused at the start, at signature and at coming into force."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

from agreements import drafting, editing, lifecycle, memoranda, signing
from agreements.models import Agreement, AgreementVersion, Capacity, State
from exchange.db import engine_options, prepare_engine
from exchange.errors import Conflict, Invalid, Refused
from tests.conftest import NOON, create_tables, make_settings
from tests.makers import agreements as make
from tests.makers.directory import make_agency
from tests.makers.postgres import fresh_database

Stage = Callable[[Session, make.Cast], AgreementVersion]

STAGES: dict[str, tuple[Stage, str]] = {
    "being drafted": (make.make_memorandum, "withdraw it first"),
    "open for signature": (
        lambda session, cast: make.open_for_signature(session, cast, make.make_memorandum(session, cast)),
        "withdraw it first",
    ),
    "active": (make.make_active_memorandum, "Draft an amendment"),
    "suspended": (
        lambda session, cast: lifecycle.suspend(
            session, cast.cdo, make.make_active_memorandum(session, cast), reason="A breach.", now=NOON
        ),
        "Draft an amendment",
    ),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_second_memorandum_is_refused_while_one_stands(session: Session, stage: str) -> None:
    cast = make.make_cast(session)
    bring, advice = STAGES[stage]
    bring(session, cast)
    with pytest.raises(Conflict) as refused:
        make.make_memorandum(session, cast)
    for words in ("MOA-2026-0001", stage, advice, "to be confirmed by counsel"):
        assert words in refused.value.message
    assert make.make_memorandum(session, cast, agency=make.DOL).agreement_id == "MOA-2026-0002"


def test_another_may_follow_one_that_has_ended(session: Session) -> None:
    cast = make.make_cast(session)
    lifecycle.withdraw(session, cast.drafter, make.make_memorandum(session, cast), reason="Not now.", now=NOON)
    make.terminated(session, cast, make.make_active_memorandum(session, cast))
    assert make.make_memorandum(session, cast).agreement_id == "MOA-2026-0003"


def test_a_term_that_ran_out_does_not_stand_in_the_way_though_nobody_wrote_it_down(session: Session) -> None:
    cast = make.make_cast(session)
    old = make.make_active_memorandum(session, cast)
    assert old.ends_at is not None
    drafting.start_memorandum(session, cast.drafter, agency_id=make.SDE, now=old.ends_at + timedelta(seconds=1))


def test_an_ended_memorandum_is_not_amended_back_beside_its_successor(session: Session) -> None:
    cast = make.make_cast(session)
    old = make.terminated(session, cast, make.make_active_memorandum(session, cast))
    make.make_memorandum(session, cast)
    with pytest.raises(Conflict, match="MOA-2026-0002"):
        drafting.amend(session, cast.drafter, old, now=NOON)


def test_opening_for_signature_is_refused_beside_another(session: Session) -> None:
    cast = make.make_cast(session)
    second = make.review(session, cast, make.make_memorandum(session, cast))
    second.state = State.WITHDRAWN.value
    make.make_active_memorandum(session, cast)
    second.state = State.LEGAL_REVIEW.value
    session.flush()
    with pytest.raises(Refused, match="MOA-2026-0002") as refused:
        signing.open_for_signature(session, cast.drafter, second, now=NOON)
    assert memoranda.LAW in refused.value.because


def test_neither_the_last_signature_nor_the_calendar_activates_a_second(session: Session) -> None:
    cast = make.make_cast(session)
    first = make.open_for_signature(session, cast, make.make_memorandum(session, cast))
    first.state = State.WITHDRAWN.value
    second = make.make_memorandum(session, cast)
    later = NOON + timedelta(days=2)
    editing.set_term(session, cast.drafter, second, begins=later.date(), ends=make.ENDS, now=NOON)
    make.open_for_signature(session, cast, second)
    signing.sign(session, cast.sde_official, second, sha256=second.sha256 or "", now=NOON)
    first.state = State.ACTIVE.value
    with pytest.raises(Conflict, match="MOA-2026-0001"):
        signing.sign(session, cast.cdo, second, sha256=second.sha256 or "", now=NOON)
    first.state = State.WITHDRAWN.value
    signing.sign(session, cast.cdo, second, sha256=second.sha256 or "", now=NOON)
    first.state = State.ACTIVE.value
    session.flush()
    assert signing.activate_due(session, later) == [] and second.state == State.SIGNATURE
    first.state = State.WITHDRAWN.value
    session.flush()
    assert signing.activate_due(session, later) == [second]


def test_only_executive_agencies_are_offered_and_accepted(session: Session) -> None:
    cast = make.make_cast(session)
    make_agency(session, "auditors-of-public-accounts", name="Auditors of Public Accounts").branch = "legislative"
    offered = {agency.id for agency in memoranda.executive_agencies(session)}
    assert offered == {make.SDE, make.DOL, make.DCF}
    with pytest.raises(Invalid, match="executive branch"):
        make.make_memorandum(session, cast, agency="auditors-of-public-accounts")
    with pytest.raises(Invalid, match="another agency"):
        make.make_memorandum(session, cast, agency=make.OPM)
    draft = make.make_memorandum(session, cast)
    parties = [("auditors-of-public-accounts", Capacity.SOURCE), (make.OPM, Capacity.OPM)]
    with pytest.raises(Invalid, match="executive branch"):
        editing.set_parties(session, cast.drafter, draft, parties, now=NOON)


def test_a_draft_is_not_turned_into_a_second_by_its_parties(session: Session) -> None:
    cast = make.make_cast(session)
    make.make_memorandum(session, cast)
    other = make.make_memorandum(session, cast, agency=make.DOL)
    with pytest.raises(Conflict, match="MOA-2026-0001"):
        parties = [(make.SDE, Capacity.SOURCE), (make.OPM, Capacity.OPM)]
        editing.set_parties(session, cast.drafter, other, parties, now=NOON)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_of_two_who_start_at_once_one_has_the_memorandum(kind: str, tmp_path: Path) -> None:
    url = fresh_database() if kind == "postgresql" else make_settings(tmp_path).database_url
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    create_tables(engine)
    with Session(engine) as session:
        cast = make.make_cast(session)
        session.commit()
    gate, results = threading.Barrier(2), []

    def start() -> None:
        with Session(engine) as session:
            gate.wait(10)
            try:
                drafting.start_memorandum(session, cast.drafter, agency_id=make.SDE, now=NOON)
                session.commit()
                results.append("won")
            except Conflict as lost:
                results.append(lost.message)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Agreement)) == 1, results
    engine.dispose()
    assert results.count("won") == 1
