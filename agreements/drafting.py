"""Starting an agreement from a template, amending one, and seeing a draft as it would be signed.

A number is given when a draft is started, in the same transaction, so that numbers have neither gaps nor doubles:
MOA-2026-0001 for the statutory memorandum with OPM (CGS 4-67n), DSA-2026-0001 for an agreement under one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from agreements import memoranda
from agreements.clauses.demands import Bar
from agreements.clauses.library import latest
from agreements.document import Document, DraftClause, build, draft_clauses
from agreements.facts import facts_of
from agreements.models import (
    Agreement,
    AgreementClause,
    AgreementNumber,
    AgreementVersion,
    Capacity,
    Party,
    State,
    Tier,
)
from agreements.moving import Turn, begin, record, version_under_way
from agreements.open_points import problems_of
from agreements.regimes import Missing
from agreements.signing import bars, missing_clauses
from agreements.starting_texts import DATA_SHARING_AGREEMENT, OPM_MEMORANDUM, StartingText
from agreements.transitions import BY_COMMAND, OPM, Command, parties_as, who_in_words
from exchange.clock import legal_day
from exchange.directory.identity import Identity
from exchange.directory.models import Agency, WorkingGroup
from exchange.errors import Conflict, Invalid, Refused

SERIES = {Tier.EMOU: "MOA", Tier.DSA: "DSA", Tier.DUL: "DUL"}
MAX_TITLE = 300


@dataclass(frozen=True)
class Preview:
    """A draft as it would be signed. `document` (text and terms) is None while `problems` keeps it from being written.

    `clauses` are the text so far; `problems` sentences about blanks and contradictions; `gaps` the clauses that a law
    demands and that are missing; `bars` the data that cannot be shared at all.
    """

    document: Document | None
    clauses: Sequence[DraftClause]
    gaps: Sequence[Missing]
    bars: Sequence[Bar]
    problems: Sequence[str]


def start_memorandum(
    session: Session, by: Identity, *, agency_id: str, now: datetime, title: str = ""
) -> AgreementVersion:
    """Draft the statutory memorandum between OPM and one executive agency (tier `emou`, CGS 4-67n(a)).

    Raises `Invalid` for another kind of agency, and `Conflict` while the agency's memorandum stands.
    """
    agency = _agency(session, agency_id)
    memoranda.require_executive(agency)
    _require_drafter(by)
    memoranda.require_no_other(session, {agency.id}, now)
    title = title or OPM_MEMORANDUM.title.format(source=agency.name)
    agreement = _new_agreement(session, by, Tier.EMOU, title, now)
    parties = [Party(agency_id=agency.id, capacity=Capacity.SOURCE.value), _opm(session)]
    return _first_version(session, by, agreement, parties, OPM_MEMORANDUM, now)


def start_dsa(
    session: Session,
    by: Identity,
    *,
    memorandum_id: str,
    recipient_id: str,
    working_group_id: str,
    title: str,
    now: datetime,
) -> AgreementVersion:
    """Draft a data sharing agreement under a memorandum: the memorandum's agency gives, `recipient_id` gets.

    Further sources join with their datasets (`editing.set_schedule`).
    """
    memorandum = session.get(Agreement, memorandum_id)
    if memorandum is None or memorandum.tier != Tier.EMOU.value:
        raise Invalid(f"“{memorandum_id}” is not a memorandum; choose the one under which this agreement stands.")
    if session.get(WorkingGroup, working_group_id) is None:
        raise Invalid(f"There is no working group “{working_group_id}”; choose one from the list.")
    agreement = _new_agreement(session, by, Tier.DSA, title, now)
    agreement.parent_id, agreement.working_group_id = memorandum.id, working_group_id
    sources = [p.agency_id for p in memorandum.versions[-1].parties if p.capacity == Capacity.SOURCE.value]
    parties = [Party(agency_id=source, capacity=Capacity.SOURCE.value) for source in sources]
    parties += [Party(agency_id=_agency(session, recipient_id).id, capacity=Capacity.RECIPIENT.value), _opm(session)]
    return _first_version(session, by, agreement, parties, DATA_SHARING_AGREEMENT, now)


def amend(session: Session, by: Identity, version: AgreementVersion, *, now: datetime) -> AgreementVersion:
    """Draft the next version with the text of this one. The old one stays in force until all have signed it."""
    turn = begin(session, by, version, Command.AMEND, now)
    old, agreement = turn.version, turn.version.agreement
    other = version_under_way(agreement)
    if other is not None:
        raise Conflict(
            f"Version {other.number} is under way already; finish it or withdraw it before you draft another."
        )
    if agreement.tier == Tier.EMOU.value:
        sources = parties_as(old, Capacity.SOURCE)
        memoranda.require_no_other(session, sources, now, besides=agreement.id)
    new = AgreementVersion(
        number=max(v.number for v in agreement.versions) + 1,
        state=State.DRAFT.value,
        state_since=now,
        begins=old.begins,
        ends=old.ends,
        begins_at=old.begins_at,
        ends_at=old.ends_at,
        parties=[Party(agency_id=p.agency_id, capacity=p.capacity) for p in old.parties],
        clauses=[
            AgreementClause(code=c.code, clause_version=c.clause_version, parameters=dict(c.parameters))
            for c in old.clauses
        ],
    )
    agreement.versions.append(new)
    record(session, Turn(new, by, Command.AMEND, now), "", agency=OPM, details={"amends": old.number})
    return new


def preview(session: Session, version: AgreementVersion, now: datetime) -> Preview:
    """What this draft says and permits, what it lacks, and which law says so. Nothing is written."""
    facts = facts_of(session, version)
    problems = problems_of(session, version, now)
    return Preview(
        document=None if problems else build(facts),
        clauses=draft_clauses(facts),
        gaps=missing_clauses(session, version),
        bars=bars(session, version),
        problems=problems,
    )


def next_number(session: Session, tier: Tier, now: datetime) -> str:
    """The next agreement number of its series and legal year, such as DSA-2026-0001; gap-free: it rolls back too."""
    return next_in_series(session, f"{SERIES[tier]}-{legal_day(now).year}")


def next_in_series(session: Session, series: str) -> str:
    """The next number of a series such as DSA-2026 (at most 12 letters): DSA-2026-0001; gap-free: it rolls back too."""
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    first = dialect.insert(AgreementNumber).values(series=series, last=1)
    counted = first.on_conflict_do_update(index_elements=["series"], set_={"last": AgreementNumber.last + 1}).returning(
        AgreementNumber.last
    )
    return f"{series}-{session.execute(counted).scalar_one():04d}"


def _new_agreement(session: Session, by: Identity, tier: Tier, title: str, now: datetime) -> Agreement:
    _require_drafter(by)
    title = " ".join(title.split())
    if not title or len(title) > MAX_TITLE:
        raise Invalid(f"The title is missing or longer than {MAX_TITLE} characters; say in a few words what is agreed.")
    agreement = Agreement(
        id=next_number(session, tier, now), tier=tier.value, title=title, created_at=now, created_by_id=by.person_id
    )
    session.add(agreement)
    return agreement


def _require_drafter(by: Identity) -> None:
    row = BY_COMMAND[Command.START]
    if not by.holds(*(who.kind for who in row.who)):
        raise Refused(f"“{row.words}” is for {who_in_words(State.DRAFT, Command.START)}; you hold no such role.")


def _first_version(
    session: Session, by: Identity, agreement: Agreement, parties: list[Party], template: StartingText, now: datetime
) -> AgreementVersion:
    version = AgreementVersion(
        number=1,
        state=State.DRAFT.value,
        state_since=now,
        parties=_once(parties),
        clauses=[
            AgreementClause(code=code, clause_version=latest(code).version, parameters=dict(parameters))
            for code, parameters in template.clauses_for().items()
        ],
    )
    agreement.versions.append(version)
    record(session, Turn(version, by, Command.START, now), "", agency=OPM, details={"tier": agreement.tier})
    return version


def _once(parties: list[Party]) -> list[Party]:
    return list({(party.agency_id, party.capacity): party for party in parties}.values())


def _opm(session: Session) -> Party:
    return Party(agency_id=_agency(session, OPM).id, capacity=Capacity.OPM.value)


def _agency(session: Session, agency_id: str) -> Agency:
    agency = session.get(Agency, agency_id)
    if agency is None:
        raise Invalid(f"There is no agency “{agency_id}” in the directory; choose one from the list.")
    return agency
