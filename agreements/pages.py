"""What the agreement pages share: who is asking, which version, the list of choices, and the record of a refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from http import HTTPStatus
from typing import ParamSpec, TypeVar

from flask import flash, redirect, request, url_for
from sqlalchemy import or_, select
from werkzeug.wrappers import Response

from agreements.memoranda import executive_agencies
from agreements.models import Agreement, AgreementVersion, Tier
from agreements.moving import find
from agreements.transitions import BY_COMMAND, Command
from agreements.visibility import no_such_version, require_sight
from audit.actions import Outcome
from audit.entry import Entry
from exchange import clock
from exchange.catalog.models import Dataset, DatasetClass
from exchange.catalog.visibility import visible
from exchange.directory.identity import Identity, current_identity
from exchange.directory.models import Agency, Person, Role, RoleKind, WorkingGroup
from exchange.errors import Conflict, Invalid, NotFound, Refused, Unauthenticated
from exchange.forms import Form
from exchange.web import ledger, session

P = ParamSpec("P")
R = TypeVar("R")
Choices = list[tuple[str, str]]
Page = str | Response | tuple[str, int]
"""What a page function gives: a page, a page with its status, or a redirect."""


def who() -> Identity:
    """The signed-in person; raises `Unauthenticated` otherwise."""
    identity = current_identity()
    if identity is None:
        raise Unauthenticated("Sign in to see agreements on their way. Signed ones are in the public register.")
    return identity


def version_seen(agreement_id: str, number: int) -> AgreementVersion:
    """The version at this address, if the person may see it. Raises `NotFound` in the same words for both reasons."""
    try:
        version = find(session(), agreement_id, number)
    except NotFound:
        raise no_such_version(agreement_id, number) from None
    require_sight(who(), version)
    return version


def recorded(command: Command) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator for a page that presses a command: a refusal is recorded with its reason before it is answered."""

    def around(page: Callable[P, R]) -> Callable[P, R]:
        @wraps(page)
        def pressed(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return page(*args, **kwargs)
            except Refused as refusal:
                record_refusal(command, refusal)
                raise

        return pressed

    return around


def record_refusal(command: Command, refusal: Refused) -> None:
    """Write down who was refused what, and by which reason; a GET is never a press and is not recorded."""
    session().rollback()
    if request.method != "POST":
        return
    view_args = request.view_args or {}
    ledger().record(
        Entry(
            action=BY_COMMAND[command].action,
            outcome=Outcome.REFUSED,
            actor=who().pseudonym,
            agreement=view_args.get("agreement_id"),
            agreement_version=view_args.get("number"),
            reason=refusal.code,
            because=refusal.because,
            at=clock.now(),
        )
    )


def attempt(command: Command, form: Form, press: Callable[[], R]) -> tuple[R | None, int]:
    """What a press gives and 200; or None and the status of its refusal, said on the page: the form is shown again.

    A refusal is recorded. A proof of identity that is too old is raised, since another page asks for it.
    """
    try:
        form.refuse_unknown()
        return press(), HTTPStatus.OK
    except (Invalid, Refused, Conflict) as error:
        if error.code == "step_up_required":
            raise
        session().rollback()
        if isinstance(error, Refused):
            record_refusal(command, error)
        incomplete = error.code == "incomplete"  # the page itself then lists what is missing, with links
        first = error.message.partition("\n")[0].rstrip(":")
        flash(f"{first}. See below what is missing." if incomplete else error.message, "danger")
        return None, error.status


def answered(command: Command, form: Form, press: Callable[[], Response], page: Callable[[], str]) -> Page:
    """The answer of a page with a form: what the press gives, or the page again with what was typed and what is wrong.

    The status is 200 for a page that was opened, 400 for fields that cannot be understood, else that of the refusal.
    """
    if not form.validate_on_submit():
        return page(), HTTPStatus.BAD_REQUEST if form.is_submitted() else HTTPStatus.OK
    answer, status = attempt(command, form, press)
    return (page(), status) if answer is None else answer


def to_page(version: AgreementVersion) -> Response:
    """Back to the page of a version, after a change."""
    return redirect(url_for("agreements.show", agreement_id=version.agreement_id, number=version.number), 303)


def agency_choices() -> Choices:
    """Every agency by legal name; the acronym helps to find it and decides nothing."""
    rows = session().scalars(select(Agency).order_by(Agency.name))
    return [(agency.id, f"{agency.name} ({agency.acronym})") for agency in rows]


def executive_choices() -> Choices:
    """The agencies with which OPM makes a memorandum (CGS 4-67n(a))."""
    return [(agency.id, f"{agency.name} ({agency.acronym})") for agency in executive_agencies(session())]


def working_group_choices() -> Choices:
    """Every working group."""
    return [(group.id, group.name) for group in session().scalars(select(WorkingGroup).order_by(WorkingGroup.name))]


def memorandum_choices() -> Choices:
    """Every memorandum, by number and title."""
    rows = session().scalars(select(Agreement).where(Agreement.tier == Tier.EMOU.value).order_by(Agreement.id))
    return [(agreement.id, f"{agreement.id}: {agreement.title}") for agreement in rows]


def person_choices(version: AgreementVersion, named: Iterable[str]) -> Choices:
    """Who can be named: the members of the working group, those of the receiving agencies, and those named already."""
    recipients = [party.agency_id for party in version.parties if party.capacity == "recipient"]
    members = select(Role.person_id).where(
        Role.kind == RoleKind.MEMBER.value, Role.working_group_id == version.agreement.working_group_id
    )
    wanted = or_(Person.id.in_(members), Person.agency_id.in_(recipients), Person.id.in_(list(named)))
    rows = session().scalars(select(Person).where(wanted, Person.left_at.is_(None)).order_by(Person.name, Person.id))
    return [(p.id, f"{p.name}, {p.title or 'no title'}, {p.agency.name if p.agency else 'no agency'}") for p in rows]


def restricted_datasets(identity: Identity) -> list[Dataset]:
    """The restricted datasets that this person may put into an agreement, by agency and title."""
    rows = session().scalars(
        select(Dataset)
        .join(Agency, Agency.id == Dataset.agency_id)
        .where(Dataset.class_ == DatasetClass.RESTRICTED.value, visible(identity))
        .order_by(Agency.name, Dataset.title)
    )
    return list(rows)
