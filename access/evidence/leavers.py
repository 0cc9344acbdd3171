"""Question 6: persons who left, and what of theirs outlived the day: tokens, sessions, keys, and anything they did.

A token, session or key of somebody who has left is refused at once, whatever its own end; one that lives on in the
registers all the same is what an audit of separations looks for, so it is shown until it is ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import extract, func, or_, select
from sqlalchemy.orm import Session

from access.evidence import screens
from access.models import ApiKey, Client, SignInSession, Token
from access.sessions import ABSOLUTE, IDLE
from audit.desk.question import Answer, Asked, Cell, DeskQuestion, Field
from audit.tables import entries
from audit.tally.keeping import last_use
from exchange.clock import milliseconds
from exchange.directory.models import Person

GRACE = timedelta(hours=24)
"""How long after a departure access may outlive it: the State's sharing program gives 24 hours to remove accounts."""

ENTRIES = "entries in the log"

e = entries.c


@dataclass(frozen=True)
class Outlived:
    """One thing that outlived its person's departure. `ends` is its end, or its last use where it is entries."""

    person: Person
    left_at: datetime
    what: str
    began: datetime | None
    ends: datetime
    state: str
    note: str = ""

    @property
    def key(self) -> str:
        """Where it stands in the list."""
        return "/".join((self.person.name, self.person.id, self.what, self.ends.isoformat()))


def outlived(session: Session, leavers: Sequence[Person], now: datetime) -> list[Outlived]:
    """Everything of these persons that lived more than 24 hours longer than their role here, by name."""
    by_id = {person.id: person for person in leavers}
    found = [*_tokens(session, now), *_sessions(session, now), *_keys(session, now)]
    late = [one for one in found if one.person.id in by_id and one.ends > one.left_at + GRACE]
    return sorted([*late, *_entries(session, by_id)], key=lambda one: one.key)


def leavers_since(session: Session, since: datetime | None) -> list[Person]:
    """Everybody whose departure is recorded, at or after an instant where one is given."""
    chosen = select(Person).where(Person.left_at.is_not(None)).order_by(Person.name, Person.id)
    return list(session.scalars(chosen.where(Person.left_at >= since) if since is not None else chosen))


def ends_of(session: Session, pseudonyms: Sequence[str]) -> dict[str, datetime]:
    """When each of these persons left, for the desk's question about one person; who has not left is left out."""
    chosen = select(Person.pseudonym, Person.left_at).where(
        Person.pseudonym.in_(list(pseudonyms)), Person.left_at.is_not(None)
    )
    return {row.pseudonym: row.left_at for row in session.execute(chosen)}


def _tokens(session: Session, now: datetime) -> Iterator[Outlived]:
    chosen = (
        select(Person, Token.client_id, Token.issued_at, Token.expires_at, Token.revoked_at)
        .join(Client, Client.person_id == Person.id)
        .join(Token, Token.client_id == Client.id)
        .where(Person.left_at.is_not(None), Token.expires_at > Person.left_at)
    )
    for person, client, issued, expires, revoked in session.execute(chosen):
        ends = _first(expires, revoked)
        yield _outlived(person, "token", issued, ends, now, f"client {client}")


def _sessions(session: Session, now: datetime) -> Iterator[Outlived]:
    kept = SignInSession
    chosen = (
        select(Person, kept.created_at, kept.seen_at, kept.ended_at)
        .join(kept, kept.person_id == Person.id)
        .where(Person.left_at.is_not(None), or_(kept.seen_at > Person.left_at, kept.created_at > Person.left_at))
    )
    for person, created, seen, ended in session.execute(chosen):
        ends = _first(min(seen + IDLE, created + ABSOLUTE), ended)
        yield _outlived(person, "session", created, ends, now)


def _keys(session: Session, now: datetime) -> Iterator[Outlived]:
    chosen = (
        select(Person, ApiKey.id, ApiKey.created_at, ApiKey.expires_at, ApiKey.ended_at, ApiKey.last_used_at)
        .join(ApiKey, ApiKey.person_id == Person.id)
        .where(Person.left_at.is_not(None), ApiKey.expires_at > Person.left_at)
    )
    for person, key, created, expires, ended, used in session.execute(chosen):
        note = f"key {key}; last used {used.isoformat(timespec='minutes')}" if used else f"key {key}; never used"
        yield _outlived(person, "API key", created, _first(expires, ended), now, note)


def _outlived(person: Person, what: str, began: datetime, ends: datetime, now: datetime, note: str = "") -> Outlived:
    left_at = person.left_at or now
    state = "still not ended; it is refused since the departure" if ends > now else "ended late"
    return Outlived(person, left_at, what, began, ends, state, note)


def _first(end: datetime, earlier: datetime | None) -> datetime:
    return end if earlier is None else min(end, earlier)


def _entries(session: Session, leavers: Mapping[str, Person]) -> Iterator[Outlived]:
    """Entries of the log that name a person as the one who acted, after that person had left."""
    theirs = (e.actor == Person.pseudonym, e.t > extract("epoch", Person.left_at) * 1000)
    first, last = (select(end(e.t)).where(*theirs).correlate(Person).scalar_subquery() for end in (func.min, func.max))
    chosen = select(Person.id, first.label("first"), last.label("last")).where(Person.left_at.is_not(None))
    for row in session.execute(chosen):
        person = leavers.get(row.id)
        left_at = person.left_at if person is not None else None
        # The database counts whole seconds, so the last entry is compared once more.
        if person is not None and left_at is not None and (row.last or 0) > milliseconds(left_at):
            yield Outlived(person, left_at, ENTRIES, max(_instant(row.first), left_at), _instant(row.last), "")


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _answer(asked: Asked) -> Answer:
    leavers = leavers_since(asked.session, asked.start("since"))
    every = outlived(asked.session, leavers, asked.now)
    shown, more = screens.screen(every, lambda one: one.key, asked)
    read = _last_reads(asked.session, shown)
    return Answer(
        rows=tuple(_row(one, read) for one in shown),
        more=more,
        summary=(("Departures looked at", f"{len(leavers):,}"), ("Things that outlived one", f"{len(every):,}")),
        notes=(
            "From the moment of a departure every token, session and key of that person is refused. What is listed as "
            "not ended should be ended in its register as well: the person’s clients and keys show where.",
        ),
    )


def _last_reads(session: Session, shown: Sequence[Outlived]) -> Mapping[str, int]:
    """When those who acted after leaving last read any data, in milliseconds, by pseudonym."""
    found: dict[str, int] = {}
    acted = {one.person.pseudonym for one in shown if one.what == ENTRIES}
    for (pseudonym, _), last in last_use(session.connection(), acted).items():
        found[pseudonym] = max(last, found.get(pseudonym, 0))
    return found


def _acted(one: Outlived, read: Mapping[str, int]) -> Outlived:
    """The same with what was done: whether data was read after leaving, or only asked for."""
    last = read.get(one.person.pseudonym, 0)
    if last > milliseconds(one.left_at):
        note = f"last read of data {screens.instant(_instant(last)).text}"
        return replace(one, note=note, state="data was read after leaving")
    return replace(one, note="no data was read", state="tried after leaving")


def _row(one: Outlived, read: Mapping[str, int]) -> tuple[Cell, ...]:
    one = _acted(one, read) if one.what == ENTRIES else one
    hours = (one.ends - one.left_at).total_seconds() / 3600
    return (
        screens.person(one.person.pseudonym, one.person.name),
        screens.instant(one.left_at),
        Cell(one.what, note=one.note),
        screens.instant(one.began),
        screens.instant(one.ends),
        Cell(f"{hours:,.1f}", value=f"{hours:.1f}"),
        Cell(one.state, badge=True),
    )


QUESTION = DeskQuestion(
    number=6,
    key="leavers",
    title="Leavers whose access lived on",
    asks="Whose tokens, sessions or keys lived more than 24 hours after the person left, and who acted after it?",
    law=("CGS 4-67aa(2)", "CGS 2-90"),
    fields=(Field("since", "Left on or after", "day", hint="Empty: every departure."),),
    headings=("Person", "Left", "What lived on", "Began", "Ends or ended", ("Hours after leaving", "num"), "State"),
    answer=_answer,
    empty="Nothing of anybody who left lived longer than 24 hours, and nobody acted after leaving.",
)
