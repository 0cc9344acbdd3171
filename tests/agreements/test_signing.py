"""Freezing, signing, coming into force, and what is frozen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from agreements import document, editing, reviewing, signing
from agreements.frozen import Frozen
from agreements.models import AgreementVersion, Capacity, Party, Signature, State
from exchange.db import engine_options, prepare_engine
from exchange.directory.identity import RoleHeld
from exchange.directory.models import RoleKind
from exchange.errors import Conflict, Refused
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


def test_the_last_signature_brings_it_into_force(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.open_for_signature(session, cast, make.make_memorandum(session, cast))
    signing.sign(session, cast.sde_official, version, sha256=version.sha256 or "", now=NOON)
    assert version.state == State.SIGNATURE
    signature = signing.sign(session, cast.cdo, version, sha256=version.sha256 or "", now=NOON)
    assert version.state == State.ACTIVE
    assert (signature.sha256, signature.method) == (version.sha256, "password+totp")
    assert version.sha256 == document.sha256(version.document or {})


def test_before_its_first_day_it_waits_and_then_begins(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_memorandum(session, cast)
    editing.set_term(session, cast.drafter, version, begins=date(2026, 7, 1), ends=date(2027, 6, 30), now=NOON)
    make.activate(session, cast, version)
    assert version.state == State.SIGNATURE
    assert version.begins_at is not None
    assert signing.activate_due(session, version.begins_at - timedelta(seconds=1)) == []
    assert signing.activate_due(session, version.begins_at) == [version]
    assert version.state == State.ACTIVE


def test_a_signature_needs_a_fresh_proof_the_same_text_and_an_official(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.open_for_signature(session, cast, make.make_memorandum(session, cast))
    sha = version.sha256 or ""
    stale = replace(cast.sde_official, authenticated_at=NOON - timedelta(minutes=5, seconds=1))
    with pytest.raises(Refused) as refused:
        signing.sign(session, stale, version, sha256=sha, now=NOON)
    assert refused.value.code == "step_up_required"
    with pytest.raises(Conflict, match="The text changed"):
        signing.sign(session, cast.sde_official, version, sha256="0" * 64, now=NOON)
    for nobody in (cast.drafter, cast.sde_officer, cast.sde_counsel, cast.auditor, cast.dcf_official):
        with pytest.raises(Refused, match="for a party's official"):
            signing.sign(session, nobody, version, sha256=sha, now=NOON)
    assert version.signatures == []


def test_one_person_never_binds_two_parties(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.open_for_signature(session, cast, make.make_memorandum(session, cast))
    both = replace(cast.cdo, roles=cast.cdo.roles | {RoleHeld(RoleKind.OFFICIAL, make.SDE, None)})
    signing.sign(session, both, version, sha256=version.sha256 or "", agency=make.SDE, now=NOON)
    with pytest.raises(Refused, match="never bound by one hand"):
        signing.sign(session, both, version, sha256=version.sha256 or "", agency=make.OPM, now=NOON)


def test_a_missing_clause_blocks_signature_and_names_the_law(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_dsa(session, cast)
    editing.remove_clause(session, cast.drafter, version, "C11", now=NOON)
    make.review(session, cast, version)
    with pytest.raises(Refused) as refused:
        signing.open_for_signature(session, cast.drafter, version, now=NOON)
    assert "Clause C11 (Authorized representative) is missing" in refused.value.message
    assert "34 CFR 99.35" in refused.value.message
    assert refused.value.because == ("C11",)
    assert version.sha256 is None


def test_an_unclassified_column_a_parent_not_in_force_and_a_longer_term_block_signature(session: Session) -> None:
    cast = make.make_cast(session)
    memorandum = make.make_memorandum(session, cast)
    make.make_restricted_dataset(session, classified=False)
    version = make.make_dsa(session, cast, memorandum=memorandum)
    make.review(session, cast, version)
    said = [words for words, _ in signing.obstacles_to_signature(session, version, NOON)]
    assert f"{make.ATTENDANCE}.student_id is not classified, so nobody knows which law covers it." in said
    assert any("is not in force" in words for words in said)


def test_a_term_longer_than_the_memorandums_blocks_signature(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_dsa(session, cast)
    editing.set_term(session, cast.drafter, version, begins=date(2026, 6, 1), ends=date(2031, 1, 1), now=NOON)
    make.review(session, cast, version)
    with pytest.raises(Refused, match="ends on 2030-12-31"):
        signing.open_for_signature(session, cast.drafter, version, now=NOON)


def test_counsel_who_has_not_answered_blocks_signature(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_memorandum(session, cast)
    reviewing.submit_for_review(session, cast.drafter, version, now=NOON)
    reviewing.approve_as_source(session, cast.sde_officer, version, now=NOON)
    with pytest.raises(Refused, match="Counsel of Department of Education has not approved it"):
        signing.open_for_signature(session, cast.drafter, version, now=NOON)


def test_invariant_5_a_frozen_version_is_not_edited_by_any_page_command(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.open_for_signature(session, cast, make.make_dsa(session, cast))
    with pytest.raises(Conflict):
        editing.set_term(session, cast.drafter, version, begins=date(2026, 6, 1), ends=date(2026, 7, 1), now=NOON)
    with pytest.raises(Conflict):
        editing.remove_clause(session, cast.drafter, version, "C16", now=NOON)


def test_invariant_5_the_session_refuses_every_change_of_what_is_frozen(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_active_dsa(session, cast)
    session.commit()

    def attempts() -> Iterator[str]:
        for name, value in (
            ("document", {}),
            ("terms", {}),
            ("sha256", "0" * 64),
            ("ends", date(2040, 1, 1)),
            ("frozen_at", None),
        ):
            setattr(version, name, value)
            yield name
        version.parties[0].capacity = Capacity.RECIPIENT.value
        yield "a party's capacity"
        version.parties.append(Party(agency_id=make.DOL, capacity=Capacity.RECIPIENT.value))
        yield "another party"
        session.add(Party(version_id=version.id, agency_id=make.DOL, capacity=Capacity.RECIPIENT.value))
        yield "another party by its number"
        version.clauses[0].parameters = {"purposes": "any"}
        yield "a clause"
        session.delete(version.clauses[0])
        yield "a clause gone"
        version.signatures[0].sha256 = "0" * 64
        yield "a signature"
        session.delete(version.signatures[0])
        yield "a signature gone"
        version.reviews[0].answer = "refuse"
        yield "a review"
        version.events[0].note = "It was otherwise."
        yield "an event"
        session.delete(version)
        yield "the version gone"

    for what in attempts():
        with pytest.raises(Frozen):
            session.flush()
            pytest.fail(f"{what} was accepted")
        session.rollback()
    version.reason = "What explains the state may be said."
    session.flush()


def test_invariant_5_the_database_refuses_what_goes_around_the_session(either: Engine) -> None:
    with Session(either) as session:
        cast = make.make_cast(session)
        make.make_active_dsa(session, cast)
        session.commit()
    for statement in (
        "UPDATE agreement_version SET sha256 = 'x'",
        "UPDATE agreement_version SET document = '{}'",
        "UPDATE agreement_version SET terms = NULL",
        "UPDATE agreement_version SET frozen_at = NULL",
        "UPDATE agreement_version SET ends = '2040-01-01'",
        "DELETE FROM agreement_version",
        "UPDATE signature SET name = 'Somebody Else'",
        "DELETE FROM signature",
        "UPDATE review SET answer = 'refuse'",
        "DELETE FROM review",
        "UPDATE agreement_event SET note = ''",
        "DELETE FROM agreement_event",
        "UPDATE party SET capacity = 'opm'",
        "DELETE FROM party",
        "INSERT INTO party (version_id, agency_id, capacity) VALUES (1, 'labor', 'recipient')",
        "UPDATE agreement_clause SET code = 'C99'",
        "DELETE FROM agreement_clause",
    ):
        with pytest.raises(DBAPIError, match="is frozen"), either.begin() as connection:
            connection.execute(text(statement))
    with either.begin() as connection:
        connection.execute(text("UPDATE agreement_version SET state = 'suspended', reason = 'Seen to.'"))


def test_a_draft_is_edited_freely(either: Engine) -> None:
    with Session(either) as session:
        cast = make.make_cast(session)
        version = make.make_memorandum(session, cast)
        session.commit()
        wanted = [(make.SDE, Capacity.SOURCE), (make.DCF, Capacity.RECIPIENT), (make.OPM, Capacity.OPM)]
        editing.set_parties(session, cast.drafter, version, wanted, now=NOON)
        editing.remove_clause(session, cast.drafter, version, "C27", now=NOON)
        session.commit()
        assert session.get_one(AgreementVersion, version.id).state == State.DRAFT
        assert session.query(Signature).count() == 0
