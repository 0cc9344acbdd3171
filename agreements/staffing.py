"""Whether the directory has the persons that an agreement will wait on: to review it, and to sign it.

Asked before a draft is submitted, so that it does not come to rest on a desk at which nobody sits.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from agreements.models import AgreementVersion, Capacity
from agreements.transitions import OPM, parties_as
from exchange.directory.models import Agency, Person, Role, RoleKind

Seat = tuple[RoleKind, str]
"""A role and the agency for which it is held."""

NEEDED = {
    RoleKind.DATA_OFFICER: ("data officer", "review it"),
    RoleKind.COUNSEL: ("counsel", "review it"),
    RoleKind.OFFICIAL: ("official", "sign it"),
}
MENDED_BY = "An administrator gives the role on the page Directory; the operator can with `flask access add-person`."


def lacking(session: Session, version: AgreementVersion, today: date) -> list[str]:
    """A sentence for each role that this version will wait on and that nobody holds today, and who can mend it."""
    held = _held(session, today)
    names = {row.id: row.name for row in session.execute(select(Agency.id, Agency.name))}
    sentences = []
    for kind, agency in _seats(version):
        if (kind, agency) not in held:
            part, act = NEEDED[kind]
            who = f"{names.get(agency, agency)} has no {part} in the directory today, so nobody there could {act}."
            sentences.append(f"{who} {MENDED_BY}")
    return sentences


def _seats(version: AgreementVersion) -> Iterator[Seat]:
    """Whom the version will wait on, in the order in which it waits (see `agreements.transitions`)."""
    sources = sorted(parties_as(version, Capacity.SOURCE))
    yield from ((RoleKind.DATA_OFFICER, agency) for agency in sources)
    yield from ((RoleKind.COUNSEL, agency) for agency in sorted({*sources, OPM}))
    yield from ((RoleKind.OFFICIAL, agency) for agency in sorted(parties_as(version)))


def _held(session: Session, today: date) -> set[Seat]:
    """The seats that somebody holds today; the Chief Data Officer signs for OPM."""
    rows = session.execute(
        select(Role.kind, Role.agency_id)
        .join(Person)
        .where(Person.left_at.is_(None), Role.kind.in_([*(kind.value for kind in NEEDED), RoleKind.CDO.value]))
        .where(Role.begins <= today, or_(Role.ends.is_(None), Role.ends >= today))
    )
    held = {(RoleKind(row.kind), str(row.agency_id)) for row in rows}
    if any(kind is RoleKind.CDO for kind, _ in held):
        held.add((RoleKind.OFFICIAL, OPM))
    return held
