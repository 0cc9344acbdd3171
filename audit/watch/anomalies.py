"""Everything that stands out in a span of days, under rules that are shown with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from audit.watch.finding import Finding, Rules
from audit.watch.first_time import first_time
from audit.watch.leaving import after_leaving
from audit.watch.out_of_hours import out_of_hours
from audit.watch.refusals import refusals
from audit.watch.volume import volume

Ended = Mapping[str, datetime]
"""Pseudonyms of persons who have left, or hold no role any more, with the last instant at which they could act."""

_LOOKING: dict[str, Callable[[Connection, Rules, Ended], Iterator[Finding]]] = {
    "after-leaving": after_leaving,
    "refusals": lambda connection, rules, _ended: refusals(connection, rules),
    "volume": lambda connection, rules, _ended: volume(connection, rules),
    "out-of-hours": lambda connection, rules, _ended: out_of_hours(connection, rules),
    "first-time": lambda connection, rules, _ended: first_time(connection, rules),
}


def findings(connection: Connection, rules: Rules, ended: Ended, kinds: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What stands out, newest first; of these kinds, or of all."""
    wanted = kinds or tuple(_LOOKING)
    found = [each for kind in wanted for each in _LOOKING[kind](connection, rules, ended)]
    return tuple(sorted(found, key=lambda finding: finding.order))
