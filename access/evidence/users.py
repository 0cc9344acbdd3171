"""Question 5: who has access now, under which agreement, and when they last used it.

The persons on the roster of a grant in force who are members today. The exchange keeps no record of confidentiality
agreements and training; the page says so instead of guessing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload, load_only

from access.decision import ANYBODY
from access.evidence import screens
from access.models import Client, Grant
from access.permit import group_standing
from agreements.models import AgreementClause, AgreementVersion
from audit.desk.question import Answer, Asked, Cell, DeskQuestion, Field
from audit.tally.keeping import last_use
from exchange.catalog.models import Dataset
from exchange.clock import legal_day
from exchange.directory.models import Person, Role, RoleKind

NDA, TRAINING = "C09", "C10"
HEADINGS = (
    "Person", "Dataset", "Agreement", "Last use", "Since", "Until", "Client", "Working group",
    "Confidentiality agreement", "Training", "Last recertified",
)  # fmt: skip


@dataclass(frozen=True)
class Access:
    """One person's access to one dataset by one grant. `clients` are their programs; without one nothing is read."""

    grant: Grant
    person: Person
    clients: tuple[str, ...]

    @property
    def key(self) -> str:
        """Where it stands in the list: by group, person, dataset."""
        return "/".join((self.grant.working_group_id, self.person.name, self.person.id, self.grant.id))


def accesses(session: Session, now: datetime) -> list[Access]:
    """Everybody who may read something now, by working group and person."""
    members, clients = _members(session, now), _clients(session)
    grants = session.scalars(select(Grant).where(group_standing(now)).options(*_GRANT)).all()
    found = [
        Access(grant, person, clients.get((person.id, grant.working_group_id), ()))
        for grant in grants
        for person in _named(grant, members.get(grant.working_group_id, {}))
    ]
    return sorted(found, key=lambda access: access.key)


def _named(grant: Grant, members: Mapping[str, Person]) -> Iterable[Person]:
    """The members whom the grant names, or all of them."""
    named = set(grant.persons)
    return members.values() if ANYBODY in named else [members[id_] for id_ in named & members.keys()]


_GRANT = (
    joinedload(Grant.agreement_version).load_only(AgreementVersion.agreement_id, AgreementVersion.number),
    joinedload(Grant.dataset).load_only(Dataset.title),
    joinedload(Grant.working_group),
)


def _members(session: Session, now: datetime) -> Mapping[str, dict[str, Person]]:
    """Today's members of each working group, by their ids."""
    today = legal_day(now)
    chosen = (
        select(Role.working_group_id, Person)
        .join(Person, Person.id == Role.person_id)
        .where(Role.kind == RoleKind.MEMBER.value, Person.left_at.is_(None), Role.begins <= today)
        .where(or_(Role.ends.is_(None), Role.ends >= today))
        .options(load_only(Person.name, Person.pseudonym), joinedload(Person.agency))
        .distinct()
    )
    found: dict[str, dict[str, Person]] = {}
    for group, person in session.execute(chosen):
        found.setdefault(str(group), {})[person.id] = person
    return found


def _clients(session: Session) -> Mapping[tuple[str, str], tuple[str, ...]]:
    chosen = select(Client.person_id, Client.working_group_id, Client.id).where(Client.disabled_at.is_(None))
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in session.execute(chosen.order_by(Client.id)):
        key = (row.person_id, row.working_group_id)
        found[key] = (*found.get(key, ()), row.id)
    return found


def _asked_for(session: Session, versions: Iterable[int]) -> frozenset[tuple[int, str]]:
    """Which versions ask for a confidentiality agreement (C09) and for training (C10)."""
    clause = AgreementClause
    chosen = select(clause.version_id, clause.code).where(
        clause.version_id.in_(set(versions)), clause.code.in_((NDA, TRAINING))
    )
    return frozenset((row.version_id, row.code) for row in session.execute(chosen))


def _answer(asked: Asked) -> Answer:
    group = asked.one("group").casefold()
    every = [a for a in accesses(asked.session, asked.now) if group in a.grant.working_group.name.casefold()]
    shown, more = screens.screen(every, lambda access: access.key, asked)
    uses = last_use(asked.session.connection(), {access.person.pseudonym for access in shown})
    clauses = _asked_for(asked.session, (access.grant.agreement_version_id for access in shown))
    people = len({access.person.id for access in every})
    return Answer(
        rows=tuple(_row(access, uses, clauses) for access in shown),
        more=more,
        summary=(("Persons with access now", f"{people:,}"), ("Lines", f"{len(every):,}")),
        notes=(
            "The exchange does not record confidentiality agreements and training yet: ask the agency for its papers.",
            "No review of access is recorded after the grant, so the day of the grant stands as the last one.",
        ),
    )


def _row(access: Access, uses: Mapping[tuple[str, str], int], clauses: frozenset[tuple[int, str]]) -> tuple[Cell, ...]:
    grant, who, version = access.grant, access.person, access.grant.agreement_version
    return (
        replace(screens.person(who.pseudonym, who.name), note=who.agency.name if who.agency else ""),
        screens.dataset(grant.dataset_id, grant.dataset.title),
        screens.agreement(version.agreement_id, version.number),
        _last_use(uses.get((who.pseudonym, grant.dataset_id))),
        screens.instant(grant.not_before),
        screens.instant(grant.not_after),
        Cell(", ".join(access.clients) or "none registered", note="" if access.clients else "nothing can be read yet"),
        Cell(grant.working_group.name),
        _not_recorded(NDA in {code for id_, code in clauses if id_ == version.id}, NDA),
        _not_recorded(TRAINING in {code for id_, code in clauses if id_ == version.id}, TRAINING),
        Cell(legal_day(grant.created_at).isoformat(), note="day of the grant"),
    )


def _not_recorded(demanded: bool, code: str) -> Cell:
    return Cell("not recorded", note=f"clause {code} asks for it" if demanded else "")


def _last_use(milliseconds: int | None) -> Cell:
    return screens.instant(datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None, "never")


QUESTION = DeskQuestion(
    number=5,
    key="access-now",
    title="Users with access now",
    asks="Who may read restricted data now, under which agreement, since when, and when did they last use it?",
    law=("CGS 4-67aa(2)", "CGS 4-193"),
    fields=(Field("group", "Working group", "text", hint="Part of its name. Empty: all."),),
    headings=HEADINGS,
    answer=_answer,
    empty="Nobody has access to restricted data now.",
)
