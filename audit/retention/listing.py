"""The retention desk's tables as files: headings and rows, formula-safe."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection

from audit.days import legal_day
from audit.export import safe
from audit.retention import erasure, holds, rules, scope, steps

Table = list[Sequence[Any]]


def requests(connection: Connection, _today: date) -> Table:
    """Every request to erase."""
    heads = ("request", "state", "scope", "subject", "first_year", "last_year", "schedule", "requested", "form", "keys")
    return [heads, *map(_request, erasure.every(connection))]


def legal_holds(connection: Connection, _today: date) -> Table:
    """Every hold."""
    heads = ("hold", "over", "value", "first_day", "last_day", "matter", "placed", "lifted")
    return [heads, *map(_hold, holds.every(connection))]


def kept(connection: Connection, today: date) -> Table:
    """What is kept of each year, and from when disposal may be proposed."""
    heads = ("year", "whose", "living_keys", "from", "rule", "also_until_record_ends")
    return [heads, *map(_due, scope.everything_kept(connection, today))]


def retention_rules(_connection: Connection, _today: date) -> Table:
    """The rules."""
    heads = ("rule", "citation", "about", "classes", "years", "as_long_as_the_record", "to_be_confirmed", "from", "to")
    return [heads, *map(_rule, rules.RULES)]


FILES: dict[str, Callable[[Connection, date], Table]] = {
    "requests": requests,
    "holds": legal_holds,
    "kept": kept,
    "rules": retention_rules,
}
"""The files by the name in their address."""


def as_csv(rows: Table) -> str:
    """RFC 4180; no cell is one that a spreadsheet would run."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerows([["" if cell is None else safe(str(cell)) for cell in row] for row in rows])
    return buffer.getvalue()


def _request(row: Any) -> Sequence[Any]:
    requested = legal_day(steps.requested_at(row))
    return (
        erasure.number_of(row.id), row.state, row.scope, row.subject, row.first_year, row.last_year, row.schedule,
        requested, row.form_number, row.destroyed,
    )  # fmt: skip


def _hold(hold: holds.Hold) -> Sequence[Any]:
    lifted = legal_day(hold.lifted_at) if hold.lifted_at else None
    return (
        hold.number, hold.over, hold.value, hold.first_day, hold.last_day, hold.matter, legal_day(hold.placed_at),
        lifted,
    )  # fmt: skip


def _due(due: scope.Due) -> Sequence[Any]:
    rule = due.kept.because.citation if due.kept.because else ""
    records = "; ".join(rule.citation for rule in due.kept.needs_record)
    return due.scope.last_year, due.scope.whose, due.keys, due.kept.from_day, rule, records


def _rule(rule: rules.Rule) -> Sequence[Any]:
    classes = " ".join(sorted(rule.kinds))
    return (
        rule.key, rule.citation, rule.words, classes, rule.years, rule.record, rule.confirm, rule.begins, rule.ends,
    )  # fmt: skip
