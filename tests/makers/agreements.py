"""Builders for agreements: the persons, a classified dataset, a draft, and a version brought to any state.

    cast = make_cast(session)
    version = make_active_dsa(session, cast)

`cast` holds an identity for each part in the play; the commands are those the pages press.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from agreements import drafting, editing, lifecycle, reviewing, signing
from agreements.editing import Line
from agreements.models import AgreementVersion
from exchange.catalog.models import Column, Dataset, DatasetClass, DatasetState
from exchange.classification.models import Classification, ClassificationState, ColumnDecision
from exchange.directory.identity import Identity
from exchange.directory.models import Person, RoleKind
from tests.conftest import NOON
from tests.makers.directory import make_agency, make_identity, make_person, make_working_group

OPM, SDE, DOL, DCF = "policy-and-management", "education", "labor", "children-and-families"
GROUP = "health-and-human-services"
ATTENDANCE = "sdat-2345"
BEGINS, ENDS = date(2026, 6, 1), date(2027, 6, 30)
COLUMNS = (
    ("district", "District", None),
    ("year", "School year", None),
    ("absence_rate", "Chronic absence rate", None),
    ("student_id", "Student id", "FERPA"),
    ("student_name", "Student name", "FERPA"),
)


@dataclass(frozen=True)
class Cast:
    """Who plays: one identity for each part, authenticated at `NOON` unless said otherwise."""

    drafter: Identity
    cdo: Identity
    opm_counsel: Identity
    sde_officer: Identity
    sde_counsel: Identity
    sde_official: Identity
    dcf_official: Identity
    analyst: Identity
    auditor: Identity
    stranger: Identity

    def at(self, now: datetime) -> Cast:
        """The same persons, all freshly authenticated at `now`."""
        return Cast(**{name: replace(getattr(self, name), authenticated_at=now) for name in self.__dataclass_fields__})


def make_cast(session: Session, now: datetime = NOON) -> Cast:
    """The agencies, the working group and one person for each part."""
    for agency in (OPM, SDE, DOL, DCF):
        make_agency(session, agency)
    make_working_group(session, GROUP)
    parts = {
        "drafter": ("Rosalind Hale", OPM, (RoleKind.DRAFTER, OPM)),
        "cdo": ("Bertram Castellane", OPM, (RoleKind.CDO, OPM)),
        "opm_counsel": ("Ingrid Vantongeren", OPM, (RoleKind.COUNSEL, OPM)),
        "sde_officer": ("Marguerite Adeyemi", SDE, (RoleKind.DATA_OFFICER, SDE)),
        "sde_counsel": ("Philippa Marchetti", SDE, (RoleKind.COUNSEL, SDE)),
        "sde_official": ("Cornelius Abernathy", SDE, (RoleKind.OFFICIAL, SDE)),
        "dcf_official": ("Evangeline Whitlock", DCF, (RoleKind.OFFICIAL, DCF)),
        "analyst": ("Jasper Lindqvist", DCF, (RoleKind.MEMBER, GROUP)),
        "auditor": ("Constance Ferreira", OPM, (RoleKind.AUDITOR, OPM)),
        "stranger": ("Auberon Nakagawa", DOL, (RoleKind.DATA_OFFICER, DOL)),
    }
    made = {}
    for part, (name, agency, role) in parts.items():
        person = make_person(session, name, agency=agency, title=part.replace("_", " "), roles=[role])
        made[part] = make_identity(session, person=person, now=now)
    return Cast(**made)


def make_restricted_dataset(
    session: Session,
    id: str = ATTENDANCE,
    agency: str = SDE,
    *,
    classified: bool = True,
    title: str = "Student attendance",
) -> Dataset:
    """A published restricted dataset with two columns under FERPA, its classification agreed unless told not to."""
    make_agency(session, agency)
    dataset = Dataset(
        id=id,
        agency_id=agency,
        title=title,
        class_=DatasetClass.RESTRICTED.value,
        state=DatasetState.PUBLISHED.value,
        regimes=[],
        tags=[],
        created_at=NOON,
        updated_at=NOON,
        columns=[
            Column(name=name, label=label, type="text", position=position)
            for position, (name, label, _) in enumerate(COLUMNS)
        ],
    )
    session.add(dataset)
    session.flush()
    if classified:
        classify(session, dataset)
    return dataset


def classify(session: Session, dataset: Dataset) -> Classification:
    """An agreed classification: what has a code in `COLUMNS` is restricted by it, the rest is open."""
    classification = Classification(dataset_id=dataset.id, number=1, state=ClassificationState.AGREED.value)
    for position, (name, _, code) in enumerate(COLUMNS):
        classification.columns.append(
            ColumnDecision(
                column=name,
                position=position,
                decision="restricted" if code else "open",
                code=code,
                limb="L1" if code else None,
                citation="20 USC 1232g" if code else "",
            )
        )
    session.add(classification)
    session.flush()
    return classification


def make_memorandum(session: Session, cast: Cast, now: datetime = NOON, *, agency: str = SDE) -> AgreementVersion:
    """A complete draft of the memorandum with the Department of Education, or another agency."""
    version = drafting.start_memorandum(session, cast.drafter, agency_id=agency, now=now)
    return editing.set_term(session, cast.drafter, version, begins=date(2026, 1, 1), ends=date(2030, 12, 31), now=now)


def make_active_memorandum(session: Session, cast: Cast, now: datetime = NOON) -> AgreementVersion:
    """The memorandum in force."""
    return activate(session, cast, make_memorandum(session, cast, now), now)


def make_dsa(
    session: Session,
    cast: Cast,
    now: datetime = NOON,
    *,
    memorandum: AgreementVersion | None = None,
    complete: bool = True,
) -> AgreementVersion:
    """A draft DSA over student attendance for the analyst's group; complete: no blank, no clause missing."""
    memorandum = memorandum or make_active_memorandum(session, cast, now)
    if session.get(Dataset, ATTENDANCE) is None:
        make_restricted_dataset(session)
    by = cast.drafter
    version = drafting.start_dsa(
        session, by, memorandum_id=memorandum.agreement_id, recipient_id=DCF, working_group_id=GROUP,
        title="Chronic absence and child welfare", now=now,
    )  # fmt: skip
    if not complete:
        return version
    rows = {"op": "in", "column": "district", "values": ["Hartford School District"]}
    columns = frozenset({"district", "year", "absence_rate", "student_id"})
    editing.set_schedule(session, by, version, [Line(ATTENDANCE, columns, rows)], now=now)
    editing.set_roster(session, by, version, [cast.analyst.person_id], now=now)
    editing.set_term(session, by, version, begins=BEGINS, ends=ENDS, now=now)
    editing.set_purpose(session, by, version, purposes=["chronic-absence-planning"], words="To plan support.", now=now)
    editing.set_min_cell(session, by, version, min_cell=6, rule="SDE_LE5", now=now)
    basis = {"basis": "34 CFR 99.31(a)(3) for student attendance.", "ferpa_exception": "audit-evaluation"}
    editing.set_clause(session, by, version, "C04", basis, now=now)
    editing.add_missing_clauses(session, by, version, now=now)
    return editing.set_clause(session, by, version, "C11", {"representative": "The working group's analysts"}, now=now)


def review(session: Session, cast: Cast, version: AgreementVersion, now: datetime = NOON) -> AgreementVersion:
    """Submit it, and have the source agency, its counsel and OPM's counsel approve it."""
    reviewing.submit_for_review(session, cast.drafter, version, now=now)
    reviewing.approve_as_source(session, cast.sde_officer, version, now=now)
    reviewing.approve_as_counsel(session, cast.sde_counsel, version, now=now)
    return reviewing.approve_as_counsel(session, cast.opm_counsel, version, now=now)


def open_for_signature(
    session: Session, cast: Cast, version: AgreementVersion, now: datetime = NOON
) -> AgreementVersion:
    """Review it and freeze it."""
    return signing.open_for_signature(session, cast.drafter, review(session, cast, version, now), now=now)


def sign_all(session: Session, cast: Cast, version: AgreementVersion, now: datetime = NOON) -> AgreementVersion:
    """Every party signs the version's hash."""
    officials = {SDE: cast.sde_official, OPM: cast.cdo, DCF: cast.dcf_official}
    for party in signing.unsigned_parties(version):
        by = replace(officials[party.agency_id], authenticated_at=now)
        signing.sign(session, by, version, sha256=version.sha256 or "", now=now)
    return version


def activate(session: Session, cast: Cast, version: AgreementVersion, now: datetime = NOON) -> AgreementVersion:
    """Review, freeze and sign it; it is active if its term has begun."""
    return sign_all(session, cast, open_for_signature(session, cast, version, now), now)


def make_active_dsa(session: Session, cast: Cast, now: datetime = NOON) -> AgreementVersion:
    """The DSA in force under a memorandum in force."""
    return activate(session, cast, make_dsa(session, cast, now), now)


def person_of(session: Session, identity: Identity) -> Person:
    """The person behind an identity, for signing in to the browser."""
    return session.get_one(Person, identity.person_id)


def later(days: int = 0, **parts: int) -> datetime:
    """An instant after `NOON`."""
    return NOON + timedelta(days=days, **parts)


def terminated(session: Session, cast: Cast, version: AgreementVersion, now: datetime = NOON) -> AgreementVersion:
    """The version ended for cause."""
    return lifecycle.terminate(session, cast.cdo, version, cause=True, reason="The data was misused.", now=now)
