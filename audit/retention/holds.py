"""Legal holds: what must not be erased while a matter is open, whatever retention has run out.

Somebody places a hold, somebody else lifts it. The matter and the reason may name persons, so they stay in this table;
the entry holds a digest of them.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, insert, or_, select, text, update

from audit import ledger, tables
from audit.actions import Action, Outcome
from audit.codes import Code
from audit.days import instant_of, milliseconds
from audit.entry import Entry
from audit.retention import recorded
from audit.retention.acting import Acting, Duty, NotNow, NotThis, require
from audit.retention.scope import Scope, Whose
from audit.retention.tables import holds, subject_keys


class Over(enum.StrEnum):
    """What a hold is over."""

    SUBJECT = "subject"
    DATASET = "dataset"
    AGREEMENT = "agreement"
    AGENCY = "agency"
    PERIOD = "period"
    ALL = "all"


OVER_WORDS = {
    Over.SUBJECT: "A person",
    Over.DATASET: "A dataset",
    Over.AGREEMENT: "An agreement",
    Over.AGENCY: "An agency",
    Over.PERIOD: "A period",
    Over.ALL: "Everything",
}

FORMS = {
    Over.SUBJECT: (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "the person's pseudonym in the log"),
    Over.DATASET: (re.compile(r"[a-z0-9]{4}-[a-z0-9]{4}"), "the dataset's id, like abcd-1234"),
    Over.AGREEMENT: (re.compile(r"\S{1,20}"), "the agreement's number, like DSA-2026-01"),
    Over.AGENCY: (re.compile(r"[a-z0-9-]{1,80}"), "the agency's key, like labor"),
}
"""How the value of each is written, and that in words."""


@dataclass(frozen=True)
class NewHold:
    """A hold as somebody asks for it; `value` names what it is over, the days only a period's."""

    over: Over
    value: str
    first_day: date | None
    last_day: date | None
    matter: str
    reason: str


@dataclass(frozen=True)
class Hold:
    """A hold that was placed; living until `lifted_at`."""

    id: int
    over: Over
    value: str | None
    first_day: date | None
    last_day: date | None
    matter: str
    reason: str
    placed_by: str
    placed_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None
    lifted_because: str | None

    @property
    def number(self) -> str:
        """How pages and entries name it."""
        return number_of(self.id)

    @property
    def words(self) -> str:
        """What it is over."""
        if self.over is Over.PERIOD:
            return f"The days {self.first_day} through {self.last_day}"
        return OVER_WORDS[self.over] + (f": {self.value}" if self.value else "")


def number_of(id: int) -> str:
    """A hold's number."""
    return f"LH-{id:04d}"


def place(connection: Connection, acting: Acting, new: NewHold, at: datetime) -> int:
    """Place a hold; from the commit on nothing that it covers can be erased. Raises `NotNow`, `NotThis`."""
    require(acting, Duty.HOLD)
    _complete(new)
    days = {"first_day": _text(new.first_day), "last_day": _text(new.last_day)} if new.over is Over.PERIOD else {}
    row = {"scope": str(new.over), "value": new.value or None, "matter": new.matter, "reason": new.reason, **days}
    made = connection.execute(
        insert(holds).values(**row, placed_by=acting.pseudonym, placed_at=milliseconds(at)).returning(holds.c.id)
    )
    id: int = made.scalar_one()
    facts = {"hold": number_of(id), "over": str(new.over), "value": new.value or None, **days}
    _record(connection, Action.LOG_HOLD_PLACE, acting, facts, f"{new.matter}\n{new.reason}", at)
    return id


def lift(connection: Connection, acting: Acting, id: int, because: str, at: datetime) -> str:
    """Lift a hold that somebody else placed; gives its number. Raises `NotNow`, `NotThis`."""
    require(acting, Duty.HOLD)
    if not because.strip():
        raise NotThis("Say why the hold is lifted: what ended the matter, and when.", "because")
    hold = get(connection, id)
    if hold.over is Over.SUBJECT and hold.value == acting.pseudonym:
        raise NotNow(f"{hold.number} is about you, so somebody else has to lift it.", Code.ERASURE_DUTY, 403)
    if hold.placed_by == acting.pseudonym:
        raise NotNow(
            f"You placed {hold.number}, so somebody else has to lift it. Ask another auditor or counsel.",
            Code.ERASURE_DUTY,
            403,
        )
    values = {"lifted_by": acting.pseudonym, "lifted_at": milliseconds(at), "lifted_because": because.strip()}
    living = (holds.c.id == id) & holds.c.lifted_at.is_(None)
    if connection.execute(update(holds).where(living).values(**values)).rowcount != 1:
        raise NotNow(f"{hold.number} was lifted already; nothing is left to do.", Code.ERASURE_STEP)
    _record(connection, Action.LOG_HOLD_LIFT, acting, {"hold": hold.number}, because.strip(), at)
    return hold.number


def get(connection: Connection, id: int) -> Hold:
    """The hold of this number. Raises `NotNow` (404) if there is none."""
    row = connection.execute(select(holds).where(holds.c.id == id)).first()
    if row is None:
        raise NotNow("There is no such hold.", Code.ERASURE_STEP, 404)
    return _hold(row)


def every(connection: Connection) -> list[Hold]:
    """All holds, the living ones first, newest before older."""
    return [
        _hold(row)
        for row in connection.execute(select(holds).order_by(holds.c.lifted_at.is_not(None), holds.c.id.desc()))
    ]


def covering(connection: Connection, scope: Scope) -> list[Hold]:
    """The living holds that touch anything in a scope: one is enough to stop an erasure."""
    living = [_hold(row) for row in connection.execute(select(holds).where(holds.c.lifted_at.is_(None)))]
    return [hold for hold in living if _covers(connection, hold, scope)]


def differing(connection: Connection) -> list[str]:
    """The numbers of holds whose row is not what the log says was placed and lifted; changed rows free nothing."""
    placed = recorded.details(connection, Action.LOG_HOLD_PLACE, "hold")
    lifted = recorded.details(connection, Action.LOG_HOLD_LIFT, "hold")
    rows = {hold.number: hold for hold in every(connection)}
    return [
        number
        for number in sorted(rows.keys() | placed.keys())
        if number not in rows
        or not any(_was_placed(rows[number], entry) for entry in placed.get(number, ()))
        or (rows[number].lifted_at is not None) != (number in lifted)
    ]


def _was_placed(hold: Hold, entry: Mapping[str, Any]) -> bool:
    """Whether this entry says that this hold, as its row has it, was placed."""
    said, days = entry["details"], (_text(hold.first_day), _text(hold.last_day))
    words = hashlib.sha256(f"{entry['salt']}{hold.matter}\n{hold.reason}".encode()).hexdigest()
    row = (hold.placed_by, str(hold.over), hold.value, *days, words)
    return row == (entry.get("actor"), *map(said.get, ("over", "value", "first_day", "last_day", "words_commit")))


def require_none(connection: Connection, scope: Scope) -> None:
    """Raise `NotNow` if a hold covers the scope, or if the holds are not those that the log says were placed."""
    changed = differing(connection)
    if changed:
        raise NotNow(
            f"The register of legal holds is not what the log says: {', '.join(changed)}. Nothing can be erased until "
            "the auditors have looked at it. Tell them, and the operator.",
            Code.ERASURE_HELD,
        )
    found = covering(connection, scope)
    if found:
        names = ", ".join(hold.number for hold in found)
        raise NotNow(
            f"A legal hold covers this: {names}. Nothing of it can be erased until somebody other than the one who "
            "placed the hold lifts it.",
            Code.ERASURE_HELD,
        )


def keep_still(connection: Connection) -> None:
    """Let no hold be placed between the look at holds and the commit, and wait for one that is being placed.

    SQLite has one writer anyhow.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {holds.name} IN SHARE ROW EXCLUSIVE MODE"))


def _covers(connection: Connection, hold: Hold, scope: Scope) -> bool:
    first, last = scope.days
    if hold.over is Over.ALL:
        return True
    if hold.over is Over.PERIOD:
        return (hold.first_day or first) <= last and first <= (hold.last_day or last)
    if hold.over is Over.SUBJECT and scope.whose is not Whose.PERSONS:
        return hold.value == scope.subject
    if hold.over is Over.SUBJECT:
        of_subject = and_(scope.of_keys(), subject_keys.c.subject == hold.value)
        return bool(connection.execute(select(exists().where(of_subject))).scalar_one())
    return bool(connection.execute(select(exists().where(scope.of_entries(), _entries_of(hold)))).scalar_one())


def _entries_of(hold: Hold) -> ColumnElement[bool]:
    column = tables.entries.c
    if hold.over is Over.DATASET:
        return column.dataset == hold.value
    if hold.over is Over.AGREEMENT:
        return column.agreement == hold.value
    return or_(column.source == hold.value, column.agency == hold.value)


def _complete(new: NewHold) -> None:
    """Raise `NotThis` for what is missing."""
    form, words = FORMS.get(new.over, (None, ""))
    if form is not None and not form.fullmatch(new.value):
        raise NotThis(f"Name what the hold is over: {words}.", "value")
    if form is None and new.value:
        raise NotThis(f"“{OVER_WORDS[new.over]}” takes no name; leave that field empty.", "value")
    if new.over is Over.PERIOD and (new.first_day is None or new.last_day is None or new.last_day < new.first_day):
        raise NotThis("A period needs its first and its last day, in this order.", "last_day")
    for name, given in (("matter", new.matter), ("reason", new.reason)):
        if not given.strip():
            raise NotThis("Say in which matter, and why: both are needed to judge when the hold can end.", name)


def _record(
    connection: Connection, action: Action, acting: Acting, facts: dict[str, Any], words: str, at: datetime
) -> None:
    entry = Entry(action, Outcome.DONE, actor=acting.pseudonym, at=at)
    ledger.append(connection, with_words(entry, facts, words))


def with_words(entry: Entry, facts: dict[str, Any], words: str) -> Entry:
    """The entry with its facts, and a digest of words that may name persons: `SHA-256(salt ‖ words)`."""
    digest = hashlib.sha256(f"{entry.salt}{words}".encode()).hexdigest()
    told = {name: fact for name, fact in facts.items() if fact is not None}
    return Entry(**{**vars(entry), "details": {**told, "words_commit": digest}})


def _hold(row: Row[Any]) -> Hold:
    return Hold(
        row.id, Over(row.scope), row.value, _day(row.first_day), _day(row.last_day), row.matter, row.reason,
        row.placed_by, instant_of(row.placed_at), row.lifted_by,
        instant_of(row.lifted_at) if row.lifted_at is not None else None, row.lifted_because,
    )  # fmt: skip


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
