"""A finding: something that stands out, with its reason in a sentence and the numbers behind it; and what to look for.

A finding accuses nobody. It is computed from the log each time, so the same log and the same rules give the same list.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date

from audit.days import instant_of
from audit.desk.filtering import Filter

KINDS = {
    "out-of-hours": "Out of hours",
    "volume": "More than usual",
    "after-leaving": "After leaving",
    "first-time": "First time",
    "refusals": "Refused again and again, then let in",
}


@dataclass(frozen=True)
class Rules:
    """What counts as standing out, between two legal days (both included).

    `opens` and `closes` bound a working day, in full hours. A day's rows stand out above median + `times` × spread of
    the days within `history` days before, if at least `least_days` of them had reads and the day at least `least_rows`
    rows. `refusals` refusals within `minutes`, and then success within as many minutes, stand out.
    """

    first: date
    last: date
    opens: int = 7
    closes: int = 19
    times: int = 6
    history: int = 90
    least_days: int = 10
    least_rows: int = 1000
    refusals: int = 5
    minutes: int = 15


@dataclass(frozen=True)
class Finding:
    """What stands out: `at` in milliseconds, `about` what tells it from every other of its kind.

    `says` is the sentence; {person}, {client}, {dataset} and {group} in it stand for their names. The entries behind it
    are that of `index`, or else those of this person and client from `span[0]` through `span[1]` (milliseconds) with
    this `action`.
    """

    kind: str
    about: tuple[str, ...]
    at: int
    says: str
    numbers: tuple[tuple[str, int | str], ...]
    actor: str = ""
    client: str = ""
    group: str = ""
    dataset: str = ""
    span: tuple[int, int] = (0, 0)
    action: str = ""
    index: int | None = None
    key: str = field(init=False, default="")

    def __post_init__(self) -> None:
        text = "\n".join((self.kind, *self.about))
        object.__setattr__(self, "key", hashlib.sha256(text.encode()).hexdigest())

    @property
    def order(self) -> tuple[int, str, str]:
        """Newest first; the same instant by kind and key."""
        return (-self.at, self.kind, self.key)

    @property
    def entries(self) -> Filter:
        """What finds the entries behind it."""
        if self.index is not None:
            return Filter().where("index", str(self.index))
        begin, end = (instant_of(milliseconds).isoformat() for milliseconds in self.span)
        found = Filter()
        for name, value in (("person", self.actor), ("client", self.client), ("action", self.action)):
            found = found.where(name, value) if value else found
        return found.where("t", begin, operator=">=").where("t", end, operator="<=")


def who(actor: str, client: str) -> str:
    """The subject of a sentence."""
    if actor and client:
        return "{person}, through {client},"
    return "{person}" if actor else "Somebody through {client}"
