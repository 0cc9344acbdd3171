"""The demo's agreements: drafted, reviewed and signed by its cast through the same commands as the pages use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from agreements import drafting, editing, reviewing, signing
from agreements.editing import Line
from agreements.models import Agreement, AgreementVersion
from demo.cast import DCF, DOL, HHS_GROUP, OPM, SDE
from demo.people import acting, stable_id
from exchange.clock import legal_day

OFFICERS = {SDE: "sde_officer", DOL: "dol_officer"}
COUNSEL = {SDE: "sde_counsel", DOL: "dol_counsel", OPM: "opm_counsel"}
OFFICIALS = {SDE: "sde_official", DOL: "dol_official", DCF: "dcf_official", OPM: "cdo"}
NAMED = ("analyst", "second_analyst")
MIN_CELL = 6


@dataclass(frozen=True)
class Purpose:
    """A purpose: its code, and its words."""

    code: str
    words: str


ABSENCE = Purpose(
    "chronic-absence-planning",
    "To plan supports for students who miss ten percent of school days or more, and to measure whether State-funded "
    "programs reach them.",
)
TRANSITION = Purpose(
    "grade-nine-transition", "To measure whether students who change districts before grade nine are absent more often."
)
REEMPLOYMENT = Purpose(
    "reemployment-outcomes",
    "To measure whether job placement programs lead to lasting work for the families they serve.",
)


def memorandum(session: Session, agency: str, now: datetime) -> AgreementVersion:
    """The OPM memorandum with one agency, signed and in force (CGS 4-67n)."""
    drafter = acting(session, "drafter", now)
    version = drafting.start_memorandum(session, drafter, agency_id=agency, now=now)
    clauses: dict[str, dict[str, object]] = {
        "C03": {
            "purposes": "any",
            "purpose": "To answer queries that measure outcomes of State-funded programs, or that help to "
            "develop policies for the best use of State resources.",
        },
        "C04": {
            "basis": "CGS 4-67n (to be confirmed by counsel); each agreement under this memorandum cites its own "
            "authority.",
            "ferpa_exception": "per-agreement",
            "prohibited": ["STATE-TAX", "FTI"],
        },
        "C06": {"schedule": "any"},
        "C07": {"granularity": "record"},
        "C08": {"persons": "any"},
        "C17": {"onward": "with-approval"},
        "C18": {"min_cell": MIN_CELL, "rule": "none"},
    }
    _fill(session, version, clauses, now)
    _set_term(session, version, now)
    carry_through(session, version, now)
    return version


@dataclass(frozen=True)
class Sharing:
    """What a data sharing agreement of the demo shares."""

    title: str
    agency: str
    purpose: Purpose
    lines: Sequence[Line]
    basis: str
    ferpa: str = "none"
    more: Mapping[str, dict[str, object]] = field(default_factory=dict)


def draft_dsa(session: Session, sharing: Sharing, now: datetime) -> AgreementVersion:
    """A data sharing agreement under the agency's memorandum, complete but for its review."""
    drafter = acting(session, "drafter", now)
    version = drafting.start_dsa(
        session,
        drafter,
        memorandum_id=memorandum_of(session, sharing.agency),
        recipient_id=DCF,
        working_group_id=HHS_GROUP,
        title=sharing.title,
        now=now,
    )
    editing.set_schedule(session, drafter, version, sharing.lines, now=now)
    editing.set_roster(session, drafter, version, [stable_id("person", key) for key in NAMED], now=now)
    clauses: dict[str, dict[str, object]] = {
        "C03": {"purposes": [sharing.purpose.code], "purpose": sharing.purpose.words},
        "C04": {"basis": sharing.basis, "ferpa_exception": sharing.ferpa},
        "C07": {"granularity": "record"},
        "C17": {"onward": "no"},
        "C18": {"min_cell": MIN_CELL, "rule": "SDE_LE5" if sharing.agency == SDE else "none"},
    }
    _fill(session, version, clauses | dict(sharing.more), now)
    _set_term(session, version, now)
    return version


def carry_through(
    session: Session, version: AgreementVersion, now: datetime, *, unsigned: frozenset[str] = frozenset()
) -> None:
    """Review by each source agency and counsel, then signature by all parties but the `unsigned` ones."""
    reviewing.submit_for_review(session, acting(session, "drafter", now), version, now=now)
    for agency in sorted(reviewing.waiting_on_sources(version)):
        reviewing.approve_as_source(session, acting(session, OFFICERS[agency], now), version, now=now)
    for agency in sorted(reviewing.waiting_on_counsel(version)):
        reviewing.approve_as_counsel(session, acting(session, COUNSEL[agency], now), version, now=now)
    signing.open_for_signature(session, acting(session, "drafter", now), version, now=now)
    for agency in sorted({party.agency_id for party in signing.unsigned_parties(version)} - unsigned):
        official = acting(session, OFFICIALS[agency], now)
        signing.sign(session, official, version, sha256=str(version.sha256), now=now, agency=agency)


def memorandum_of(session: Session, agency: str) -> str:
    """The number of the memorandum whose source party is this agency."""
    for agreement in session.scalars(select(Agreement).where(Agreement.tier == "emou").order_by(Agreement.id)):
        if agency in {party.agency_id for party in agreement.versions[-1].parties}:
            return agreement.id
    raise LookupError(f"the demo has no memorandum with {agency}")


def term(now: datetime) -> tuple[date, date]:
    """From the first day of this legal year through the last day of the next."""
    year = legal_day(now).year
    return date(year, 1, 1), date(year + 1, 12, 31)


def _set_term(session: Session, version: AgreementVersion, now: datetime) -> None:
    begins, ends = term(now)
    editing.set_term(session, acting(session, "drafter", now), version, begins=begins, ends=ends, now=now)


def _fill(session: Session, version: AgreementVersion, clauses: dict[str, dict[str, object]], now: datetime) -> None:
    drafter = acting(session, "drafter", now)
    for code, parameters in clauses.items():
        editing.set_clause(session, drafter, version, code, parameters, now=now)
