"""Erasure: a request, two approvals, the signed Form RC-108, and only then the destruction of keys.

Connecticut's records are destroyed after receipt of a signed Form RC-108 of the Public Records Administrator (CGS 11-8,
11-8a), so nothing here runs by a timer. STEPS is the table that the commands obey and docs/retention.md shows. Every
step is an entry in its own transaction, and of two persons at once one finds the other was first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from audit import ledger
from audit.actions import Action, Outcome
from audit.codes import Code
from audit.days import legal_day, milliseconds
from audit.entry import Entry
from audit.retention import holds, recorded
from audit.retention.acting import DUTY_WORDS, Acting, Duty, NotNow, NotThis, require
from audit.retention.destruction import destroy
from audit.retention.scope import Scope, Whose, living_keys
from audit.retention.steps import APPROVE, EXECUTE, FORM, OPEN, REFUSE, REQUEST, STATE_WORDS, WITHDRAW, State, Step
from audit.retention.tables import erasures

SHA256 = re.compile(r"[0-9a-f]{64}")
PSEUDONYM = holds.FORMS[holds.Over.SUBJECT][0]
SOONEST_YEAR = 2000


@dataclass(frozen=True)
class Wanted:
    """A request as somebody makes it. `records_ended` says how it is known that the records themselves are gone."""

    scope: Scope
    basis: str
    schedule: str
    records_ended: str


@dataclass(frozen=True)
class SignedForm:
    """The Form RC-108 that came back signed: its number, its day, the SHA-256 of the scanned file."""

    number: str
    day: date | None
    sha256: str


def number_of(id: int) -> str:
    """A request's number."""
    return f"ER-{id:04d}"


def scope_of(row: Row[Any]) -> Scope:
    """What a request is about."""
    return Scope(Whose(row.scope), row.subject, row.first_year, row.last_year)


def request(connection: Connection, acting: Acting, wanted: Wanted, at: datetime) -> int:
    """Ask for an erasure; gives its id. Raises `NotNow`, `NotThis`."""
    require(acting, Duty.REQUEST)
    _complete(wanted)
    scope = wanted.scope
    _not_about(acting, scope.subject)
    _require_permitted(connection, scope, at)
    if scope.kept(legal_day(at)).needs_record and not wanted.records_ended.strip():
        laws = ", ".join(rule.citation for rule in scope.kept(legal_day(at)).needs_record)
        raise NotThis(
            f"Say how you know that the records themselves are disposed of: {laws} ask for it.", "records_ended"
        )
    keys = living_keys(connection, scope)
    if not keys:
        raise NotThis("There is no living key in this scope: nothing is left to erase.", "first_year")
    row = {
        "state": State.REQUESTED, "scope": scope.whose, "subject": scope.subject, "first_year": scope.first_year,
        "last_year": scope.last_year, "basis": wanted.basis, "schedule": wanted.schedule,
        "records_ended": wanted.records_ended or None, "requested_by": acting.pseudonym,
        "requested_at": milliseconds(at),
    }  # fmt: skip
    id: int = connection.execute(insert(erasures).values(**row).returning(erasures.c.id)).scalar_one()
    facts = {"request": number_of(id), **scope.facts(), "schedule": wanted.schedule, "keys": len(keys)}
    _record(connection, REQUEST, acting, facts, f"{wanted.basis}\n{wanted.records_ended}", at)
    return id


def approve(connection: Connection, acting: Acting, id: int, at: datetime) -> State:
    """Approve, as the first or the second; gives where it stands then. Raises `NotNow`."""
    row = _take(connection, acting, id, APPROVE)
    _not_the_requester(acting, row)
    if acting.pseudonym == row.first_by:
        raise NotNow("You approved this already; the second approval is another person's.", Code.ERASURE_DUTY, 403)
    capacity = Duty.APPROVE_IN_LAW if acting.has(Duty.APPROVE_IN_LAW) else Duty.APPROVE
    if row.state == State.HALF and Duty.APPROVE_IN_LAW not in (row.first_as, capacity):
        raise NotNow(
            f"One of the two approvals is {DUTY_WORDS[Duty.APPROVE_IN_LAW]}’s. Ask them.", Code.ERASURE_DUTY, 403
        )
    _require_permitted(connection, scope_of(row), at)
    place, after = ("first", State.HALF) if row.state == State.REQUESTED else ("second", State.APPROVED)
    values = {f"{place}_by": acting.pseudonym, f"{place}_as": str(capacity), f"{place}_at": milliseconds(at)}
    _move(connection, row, after, values)
    _record(connection, APPROVE, acting, {"request": number_of(id), "approval": place, "as": str(capacity)}, "", at)
    return after


def refuse(connection: Connection, acting: Acting, id: int, because: str, at: datetime) -> State:
    """Refuse a request; gives where it stands then. Raises `NotNow`, `NotThis`."""
    row = _take(connection, acting, id, REFUSE)
    _not_the_requester(acting, row)
    return _end(connection, acting, row, REFUSE, because, at)


def withdraw(connection: Connection, acting: Acting, id: int, because: str, at: datetime) -> State:
    """Take a request back; gives where it stands then. Raises `NotNow`, `NotThis`."""
    return _end(connection, acting, _take(connection, acting, id, WITHDRAW), WITHDRAW, because, at)


def record_form(connection: Connection, acting: Acting, id: int, form: SignedForm, at: datetime) -> State:
    """Record the signed Form RC-108; gives where it stands then. Raises `NotNow`, `NotThis`."""
    row = _take(connection, acting, id, FORM)
    _not_about(acting, row.subject)
    if not form.number.strip():
        raise NotThis("Give the number of the signed Form RC-108.", "number")
    if form.day is None or form.day > legal_day(at):
        raise NotThis("Give the day on which the form was signed; it cannot be in the future.", "day")
    if not SHA256.fullmatch(form.sha256):
        raise NotThis(
            "Give the SHA-256 of the scanned form, 64 hexadecimal digits: sha256sum FILE prints it.", "sha256"
        )
    facts = {"number": form.number.strip(), "day": form.day.isoformat(), "sha256": form.sha256}
    values = {f"form_{name}": value for name, value in facts.items()}
    _move(connection, row, State.FORM, {**values, "form_by": acting.pseudonym, "form_at": milliseconds(at)})
    _record(connection, FORM, acting, {"request": number_of(id), **facts}, "", at)
    return State.FORM


def execute(connection: Connection, acting: Acting, id: int, at: datetime) -> int:
    """Destroy the keys in the request's scope; gives how many. Call `destruction.scrub` after the commit.

    Raises `NotNow`.
    """
    row = _take(connection, acting, id, EXECUTE)
    _not_the_requester(acting, row)
    holds.keep_still(connection)
    scope = scope_of(row)
    _require_permitted(connection, scope, at)
    _require_recorded(connection, row)
    keys = living_keys(connection, scope)
    ended = {"ended_by": acting.pseudonym, "ended_at": milliseconds(at), "destroyed": len(keys)}
    _move(connection, row, State.EXECUTED, ended)
    form = {"number": row.form_number, "day": row.form_day, "sha256": row.form_sha256}
    facts = {"request": number_of(id), **scope.facts(), "form": form, "keys": len(keys)}
    destroy(connection, keys, number_of(id), _record(connection, EXECUTE, acting, facts, "", at))
    return len(keys)


def get(connection: Connection, id: int) -> Row[Any]:
    """The request's row. Raises `NotNow` (404) if there is none."""
    row = connection.execute(select(erasures).where(erasures.c.id == id)).first()
    if row is None:
        raise NotNow("There is no such request.", Code.ERASURE_STEP, 404)
    return row


def every(connection: Connection) -> list[Row[Any]]:
    """All requests: the open ones first, newest before older."""
    is_open = erasures.c.state.in_([str(state) for state in OPEN])
    return list(connection.execute(select(erasures).order_by(is_open.desc(), erasures.c.id.desc())))


def _take(connection: Connection, acting: Acting, id: int, step: Step) -> Row[Any]:
    """The request, locked until the commit, if this step can follow and is this person's."""
    get(connection, id)
    require(acting, *step.duties)
    row = connection.execute(select(erasures).where(erasures.c.id == id).with_for_update()).one()
    if row.state not in step.before:
        wanted = " or ".join(STATE_WORDS[state] for state in step.before)
        raise NotNow(
            f"{number_of(id)} {STATE_WORDS[State(row.state)]}; “{step.words}” is possible while it {wanted}. "
            "Open it again and see what is next.",
            Code.ERASURE_STEP,
        )
    return row


def _move(connection: Connection, row: Row[Any], after: State, values: dict[str, Any]) -> None:
    same = (erasures.c.id == row.id) & (erasures.c.state == row.state)
    if connection.execute(update(erasures).where(same).values(state=str(after), **values)).rowcount != 1:
        raise NotNow("Somebody else was first. Open the request again and see what is next.", Code.ERASURE_STEP)


def _end(connection: Connection, acting: Acting, row: Row[Any], step: Step, because: str, at: datetime) -> State:
    if not because.strip():
        raise NotThis("Give a reason, so that the next person knows what to do.", "because")
    ended = {"ended_by": acting.pseudonym, "ended_at": milliseconds(at), "ended_because": because.strip()}
    _move(connection, row, step.after[0], ended)
    _record(connection, step, acting, {"request": number_of(row.id)}, because.strip(), at)
    return step.after[0]


def _not_about(acting: Acting, subject: str | None) -> None:
    if acting.pseudonym == subject:
        raise NotNow("This is about you; every step of it is for others.", Code.ERASURE_DUTY, 403)


def _not_the_requester(acting: Acting, row: Row[Any]) -> None:
    _not_about(acting, row.subject)
    if acting.pseudonym == row.requested_by:
        raise NotNow("You requested this; approving, refusing and executing are for others.", Code.ERASURE_DUTY, 403)


def _require_permitted(connection: Connection, scope: Scope, at: datetime) -> None:
    """Retention has run out, and no hold covers it."""
    kept = scope.kept(legal_day(at))
    if not kept.is_due(legal_day(at)):
        until = f"until {kept.from_day} ({kept.because.citation})" if kept.from_day and kept.because else "for ever"
        raise NotNow(
            f"Personal fields of {scope.last_year} are kept {until}; they cannot be erased before.", Code.ERASURE_KEPT
        )
    holds.require_none(connection, scope)


def _require_recorded(connection: Connection, row: Row[Any]) -> None:
    """The log says that this was requested, approved by two persons and permitted by the form, as the row says."""
    number = number_of(row.id)
    asked, approved, form = (
        recorded.details(connection, action, "request").get(number, [])
        for action in (Action.LOG_ERASURE_REQUEST, Action.LOG_ERASURE_APPROVE, Action.LOG_ERASURE_FORM)
    )
    words = {"scope": str(row.scope), "subject": row.subject, "years": [row.first_year, row.last_year]}
    says_scope = [_said(entry, *words) for entry in asked] == [(row.requested_by, *words.values())]
    approvers = sorted(_said(entry, "as") for entry in approved)
    says_two = approvers == sorted([(row.first_by, row.first_as), (row.second_by, row.second_as)])
    signed = (row.form_by, row.form_number, row.form_day, row.form_sha256)
    if not (says_scope and says_two and [_said(entry, "number", "day", "sha256") for entry in form] == [signed]):
        raise NotNow(
            f"{number} is not what the log says was requested, approved and signed. Nothing is destroyed. Tell the "
            "auditors, and the operator.",
            Code.ERASURE_STEP,
        )


def _said(entry: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    return (entry.get("actor"), *map(entry["details"].get, names))


def _complete(wanted: Wanted) -> None:
    scope = wanted.scope
    if scope.whose is Whose.PERSON and not PSEUDONYM.fullmatch(scope.subject or ""):
        raise NotThis("Name the person by the pseudonym that the log shows.", "subject")
    if scope.whose is not Whose.PERSON and scope.subject:
        raise NotThis("Leave the pseudonym empty, or choose “One person”.", "subject")
    if not SOONEST_YEAR <= scope.first_year <= scope.last_year:
        raise NotThis("The first year is not after the last, and neither is before this program's time.", "last_year")
    if not wanted.basis.strip():
        raise NotThis("Say on which law or order the erasure rests.", "basis")
    if not wanted.schedule.strip():
        raise NotThis("Give the number of the retention schedule and its item.", "schedule")


def _record(
    connection: Connection, step: Step, acting: Acting, facts: dict[str, Any], words: str, at: datetime
) -> Entry:
    entry = Entry(step.action, Outcome.DONE, actor=acting.pseudonym, at=at)
    full = holds.with_words(entry, facts, words) if words else Entry(**{**vars(entry), "details": facts})
    ledger.append(connection, full)
    return full
