"""When a person last read a dataset, from the log: bounded look-ups by index, never a walk through the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from audit.actions import Action
from audit.tables import entries

NEWEST = 400
"""How many of the newest entries of a person, and of a dataset, are looked at."""

e = entries.c
Pair = tuple[str, str]


@dataclass(frozen=True)
class LastUse:
    """The last read; or, where the newest entries hold none, an instant after which there was none; or neither."""

    at: datetime | None
    not_since: datetime | None = None


@dataclass(frozen=True)
class _Newest:
    """The newest entries of one person or dataset: the permitted reads by (pseudonym, dataset id), in milliseconds."""

    reads: Mapping[Pair, int]
    whole: bool
    oldest: int


def last_uses(session: Session, pairs: Iterable[Pair]) -> Mapping[Pair, LastUse]:
    """The last permitted read by each (pseudonym, dataset id)."""
    wanted = set(pairs)
    by_person = {pseudonym: _newest(session, e.actor == pseudonym) for pseudonym, _ in wanted}
    return {pair: _last_use(session, pair, by_person[pair[0]]) for pair in wanted}


def _last_use(session: Session, pair: Pair, by_person: _Newest) -> LastUse:
    if pair in by_person.reads or by_person.whole:
        return LastUse(_instant(by_person.reads.get(pair)))
    by_dataset = _newest(session, e.dataset == pair[1])
    if pair in by_dataset.reads or by_dataset.whole:
        return LastUse(_instant(by_dataset.reads.get(pair)))
    return LastUse(None, _instant(min(by_person.oldest, by_dataset.oldest)))


def _newest(session: Session, whose: ColumnElement[bool]) -> _Newest:
    chosen = select(e.actor, e.dataset, e.action, e.t.label("ms")).where(whose).order_by(e.t.desc()).limit(NEWEST)
    rows = session.execute(chosen).all()
    reads: dict[Pair, int] = {}
    for row in rows:
        if row.action == Action.ACCESS_ROWS_INTENT:
            reads.setdefault((row.actor, row.dataset), row.ms)
    return _Newest(reads, len(rows) < NEWEST, rows[-1].ms if rows else 0)


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
