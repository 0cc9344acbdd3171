"""Questions 14, 15 and 17: breaches and their notices, what agencies lack, and referred public-records requests."""

from __future__ import annotations

from datetime import date

from access.evidence import screens
from agreements.duties import filings, incidents, referrals
from agreements.duties.clocks import NOTICES, OVERDUE, Standing
from agreements.duties.filings import AgencyStanding
from agreements.duties.incidents import Account
from agreements.duties.models import RecordsRequest
from audit.desk.question import Answer, Asked, Cell, DeskQuestion, Field
from exchange.clock import legal_day

COUNSEL = "to be confirmed by counsel"


def _breaches(asked: Asked) -> Answer:
    every = [one for one in incidents.accounts(asked.session, asked.now) if _wanted(one, asked.one("state"))]
    every.sort(key=lambda account: account.incident.id)
    shown, more = screens.screen(every, lambda account: account.incident.id, asked)
    overdue = sum(notice.state == OVERDUE for account in every for notice in account.notices)
    return Answer(
        rows=tuple(_breach(account) for account in shown),
        more=more,
        summary=(("Incidents", f"{len(every):,}"), ("Notices overdue", f"{overdue:,}")),
        notes=(
            "Residents and the Attorney General: 60 days after discovery at most (CGS 36a-701b). Where a statute says "
            "“promptly” or “immediately” it names no hours; the marks of 72 and 24 hours are the exchange’s own.",
            "Where social security or taxpayer numbers are concerned, residents are owed 24 months of identity "
            "protection (CGS 36a-701b).",
        ),
    )


def _wanted(account: Account, state: str) -> bool:
    overdue = any(notice.state == OVERDUE for notice in account.notices)
    return {"open": account.open, "overdue": overdue}.get(state, True)


def _breach(account: Account) -> tuple[Cell, ...]:
    incident = account.incident
    persons = screens.count(account.persons) if account.persons is not None else Cell("not known")
    return (
        Cell(incident.id, href=f"/duties/incidents/{incident.id}", note=incident.agency.name),
        screens.instant(incident.discovered_at),
        screens.instant(account.contained, "not yet"),
        *(_notice(notice) for notice in account.notices),
        persons,
        Cell("yes" if incident.identity_numbers else "no"),
        Cell(", ".join(incident.datasets) or "none named"),
    )


def _notice(standing: Standing) -> Cell:
    if standing.given is not None:
        told = screens.instant(standing.given)
        return Cell(told.text, note=standing.state)
    due = screens.instant(standing.due).text
    return Cell(standing.state, note=f"by {due}" if standing.open else "", badge=True)


def _agencies(asked: Asked) -> Answer:
    today = legal_day(asked.now)
    standing = filings.agency_standings(asked.session, today)
    lacking = [one for one in standing if one.lacking(today)]
    every = sorted(standing if asked.one("show") == "all" else lacking, key=_agency_key)
    shown, more = screens.screen(every, _agency_key, asked)
    return Answer(
        rows=tuple(_agency(one, today) for one in shown),
        more=more,
        summary=(
            ("Agencies bound by CGS 4-67p", f"{len(standing):,}"),
            ("Lacking something", f"{len(lacking):,}"),
            ("Without a data officer", f"{sum(not one.officers for one in standing):,}"),
        ),
        notes=(
            "An administrator or the Chief Data Officer gives the role of data officer on the page Directory; filings "
            "are recorded on the page Notices and filings.",
        ),
    )


def _agency_key(one: AgencyStanding) -> str:
    return f"{one.agency.name}/{one.agency.id}"


def _agency(one: AgencyStanding, today: date) -> tuple[Cell, ...]:
    names = "; ".join(name for _, name in one.officers)
    return (
        Cell(one.agency.name, note=one.agency.acronym),
        Cell(names or "none"),
        screens.count(one.datasets),
        screens.day(one.inventory_on, "not recorded"),
        screens.day(one.plan_on, "not recorded"),
        Cell("; ".join(one.lacking(today)) or "nothing", badge=not one.lacking(today)),
    )


def _requests(asked: Asked) -> Answer:
    today = legal_day(asked.now)
    found = sorted(referrals.requests(asked.session), key=lambda request: request.id)
    every = [one for one in found if _is(one, asked.one("state"), today)]
    shown, more = screens.screen(every, lambda request: request.id, asked)
    waiting = sum(one.referral is None for one in every)
    overdue = sum(referrals.is_overdue(one, today) for one in every)
    return Answer(
        rows=tuple(_request(one, today) for one in shown),
        more=more,
        summary=(("Requests", f"{len(every):,}"), ("Not yet referred", f"{waiting:,}"), ("Late", f"{overdue:,}")),
        notes=(
            f"CGS 4-67dd asks for a prompt referral and names no days; what is not referred after "
            f"{referrals.BUSINESS_DAYS} business days is called late here ({COUNSEL}).",
            "The requester’s name is not kept here: the agency that was asked has it under its file number.",
        ),
    )


def _is(request: RecordsRequest, state: str, today: date) -> bool:
    return {"waiting": request.referral is None, "late": referrals.is_overdue(request, today)}.get(state, True)


def _request(one: RecordsRequest, today: date) -> tuple[Cell, ...]:
    referral, late = one.referral, referrals.is_overdue(one, today)
    state = ("referred late" if late else "referred") if referral else ("overdue" if late else "to be referred")
    return (
        Cell(one.id, href=f"/duties/requests/{one.id}"),
        screens.day(one.received_on),
        Cell(one.agency.name, note=f"file {one.file_number}"),
        Cell(referral.agency.name if referral else ""),
        screens.day(referral.referred_on if referral else None, f"due {referrals.due_on(one.received_on)}"),
        Cell(state, badge=True),
        Cell("Letter", href=f"/duties/requests/{one.id}.pdf", note=referral.letter_sha256)
        if referral
        else Cell("none yet"),
    )


BREACHES = DeskQuestion(
    number=14,
    key="breaches",
    title="Breaches and their notices",
    asks="What was breached, when was it contained, and who was told when, against the clocks of the law?",
    law=("CGS 36a-701b", "CGS 4-33a", "CGS 4-67aa(6)"),
    fields=(
        Field(
            "state",
            "Show",
            "choice",
            choices=(
                ("", "All incidents"),
                ("open", "Those with something to do"),
                ("overdue", "Those with a notice overdue"),
            ),
        ),
    ),
    headings=(
        "Incident",
        "Discovered",
        "Contained",
        *(notice.to for notice in NOTICES),
        ("Persons affected", "num"),
        "Identity numbers",
        "Datasets",
    ),
    answer=_breaches,
    empty="No such incident is recorded.",
)
AGENCIES = DeskQuestion(
    number=15,
    key="agencies",
    title="Agencies without data officer, inventory or plan",
    asks="Which agencies have no data officer today, no inventory, or no open data access plan on file?",
    law=("CGS 4-67p", "EO 39 of 2014"),
    fields=(Field("show", "Show", "choice", choices=(("", "Agencies that lack something"), ("all", "All agencies"))),),
    headings=(
        "Agency",
        "Data officer today",
        ("Datasets registered", "num"),
        "Inventory filed",
        "Plan filed",
        "Lacks",
    ),
    answer=_agencies,
    empty="Every agency has a data officer, an inventory and a plan.",
)
REQUESTS = DeskQuestion(
    number=17,
    key="foi",
    title="Public-records requests referred",
    asks="Which requests for another agency’s data were received, when were they referred, and with which letter?",
    law=("CGS 4-67dd",),
    fields=(
        Field(
            "state",
            "Show",
            "choice",
            choices=(("", "All requests"), ("waiting", "Not yet referred"), ("late", "Late")),
        ),
    ),
    headings=("Request", "Received", "Asked agency", "Referred to", "Referred", "State", "Letter"),
    answer=_requests,
    empty="No such request is recorded.",
)
QUESTIONS = (BREACHES, AGENCIES, REQUESTS)
