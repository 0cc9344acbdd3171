"""Agreements that ended: who owes a certificate of destruction, and the record that it came."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from agreements import editing
from agreements.duties import destruction
from agreements.duties.models import DestructionCertificate
from agreements.models import AgreementVersion, State, Tier
from audit.actions import Action
from exchange import clock
from exchange.clock import end_of_day
from exchange.directory.identity import Identity
from exchange.errors import Conflict, Invalid, Refused
from tests.makers.access import make_version, recorded
from tests.makers.agreements import (
    DCF,
    ENDS,
    Cast,
    activate,
    later,
    make_active_dsa,
    make_cast,
    make_dsa,
    terminated,
)  # fmt: skip

SHA = "ab" * 32


def certify(session: Session, by: Identity, version: AgreementVersion, **given: object) -> DestructionCertificate:
    values: dict[str, object] = {
        "agency_id": DCF, "certified_by": "Information security office", "method": "Cryptographic erasure",
        "destroyed_on": date(2026, 6, 16), "received_on": date(2026, 6, 17), "sha256": SHA, "now": later(3),
    }  # fmt: skip
    return destruction.certify(session, by, version, **values | given)  # type: ignore[arg-type]


@pytest.fixture
def cast(session: Session) -> Cast:
    return make_cast(session)


def test_an_agreement_in_force_owes_nothing(session: Session, cast: Cast) -> None:
    version = make_active_dsa(session, cast)
    assert destruction.ended(session, later(1)) == []
    with pytest.raises(Conflict, match="has not ended"):
        certify(session, cast.cdo, version)


def test_a_terminated_one_owes_a_certificate_until_it_is_recorded(session: Session, cast: Cast) -> None:
    version = terminated(session, cast, make_active_dsa(session, cast))
    (ended,) = destruction.ended(session, later(1))
    assert (ended.agreement_id, ended.state) == (version.agreement_id, State.TERMINATED.value)
    assert [(owed.agency_id, owed.due_on) for owed in ended.outstanding] == [(DCF, date(2026, 7, 15))]
    certify(session, cast.sde_officer, version)
    (ended,) = destruction.ended(session, later(5))
    assert ended.outstanding == ()
    assert ended.owed[0].received_on == date(2026, 6, 17)


def test_one_whose_term_ran_out_counts_before_anybody_expires_it(session: Session, cast: Cast) -> None:
    make_active_dsa(session, cast)
    after = end_of_day(ENDS) + timedelta(seconds=1)
    assert destruction.ended(session, end_of_day(ENDS)) == []
    (ended,) = destruction.ended(session, after)
    assert ended.state == State.ACTIVE.value
    assert ended.outstanding


def test_without_the_clause_nothing_is_owed(session: Session) -> None:
    make_version(session, "DSA-2026-0009", Tier.DSA, state=State.TERMINATED)
    (ended,) = destruction.ended(session, clock.now())
    assert ended.owed == ()


def test_a_draft_owes_nothing(session: Session, cast: Cast) -> None:
    version = make_dsa(session, cast)
    assert all(ended.version_id != version.id for ended in destruction.ended(session, later(5000)))


def test_an_agreement_that_goes_on_in_a_newer_version_has_not_ended(session: Session) -> None:
    old = make_version(session, "DSA-2026-0009", Tier.DSA, state=State.EXPIRED)
    assert len(destruction.ended(session, clock.now())) == 1
    newer = AgreementVersion(agreement_id=old.agreement_id, number=2, state=State.ACTIVE.value, state_since=clock.now())
    newer.begins_at, newer.ends_at = old.begins_at, old.ends_at
    session.add(newer)
    session.flush()
    assert destruction.ended(session, clock.now()) == []
    newer.state = State.TERMINATED.value
    session.flush()
    assert [ended.number for ended in destruction.ended(session, clock.now())] == [2]


def test_the_days_are_those_of_the_clause(session: Session, cast: Cast) -> None:
    version = make_dsa(session, cast)
    editing.set_clause(session, cast.drafter, version, "C31", {"days": 5}, now=later(0))
    terminated(session, cast, activate(session, cast, version))
    (ended,) = destruction.ended(session, later(1))
    assert ended.owed[0].due_on == date(2026, 6, 20)


def test_a_suspended_one_has_not_ended(session: Session, cast: Cast) -> None:
    make_active_dsa(session, cast).state = State.SUSPENDED.value
    session.flush()
    assert destruction.ended(session, later(1)) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"agency_id": "education"}, "recipient"),
        ({"destroyed_on": date(2026, 6, 19)}, "destroyed first"),
        ({"received_on": date(2026, 6, 30)}, "destroyed first"),
        ({"sha256": ""}, "fingerprint"),
        ({"method": " "}, "method"),
    ],
)
def test_half_a_certificate_is_refused(session: Session, cast: Cast, wrong: dict[str, object], words: str) -> None:
    version = terminated(session, cast, make_active_dsa(session, cast))
    with pytest.raises(Invalid, match=words):
        certify(session, cast.cdo, version, **wrong)


def test_it_is_recorded_once_by_opm_or_the_source_and_logged(session: Session, cast: Cast) -> None:
    version = terminated(session, cast, make_active_dsa(session, cast))
    for stranger in (cast.analyst, cast.dcf_official, cast.auditor):
        with pytest.raises(Refused):
            certify(session, stranger, version)
    certify(session, cast.drafter, version)
    with pytest.raises(Conflict):
        certify(session, cast.cdo, version)
    (entry,) = recorded(session, Action.AGREEMENT_DESTRUCTION_CERTIFY)
    assert (entry["agreement"], entry["agency"]) == (version.agreement_id, DCF)
    assert entry["details"]["certificate_sha256"] == SHA
