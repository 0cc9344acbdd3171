"""What each law wants a person to be told about disclosures: its words, its period, what it leaves out.

Nothing here decides a case; what counsel has not confirmed is marked so.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from audit.days import start_of
from exchange.catalog.subjects import EDUCATION, HEALTH

COUNSEL = "(to be confirmed by counsel)"
REASONED = "What is told is each person, agency or organization that obtained access, and the reason."


class Form(enum.StrEnum):
    """Under which law a person asks."""

    PERSONAL_DATA = "personal-data"
    FERPA = "ferpa"
    HIPAA = "hipaa"


@dataclass(frozen=True)
class Law:
    """One law. `years` is how far back it reaches, None without a bound; `summarised` whether repeats are one line.

    `requests` says whether refused requests are told as well; `notes` are what the letter says below its table.
    """

    title: str
    citation: str
    tells: str
    notes: tuple[str, ...]
    years: int | None = None
    summarised: bool = False
    requests: bool = False

    def since(self, day: date) -> datetime | None:
        """The first instant that an account of this day goes back to; None for the beginning."""
        if self.years is None:
            return None
        year = day.year - self.years
        leap = (day.month, day.day) == (2, 29)
        return start_of(day.replace(year=year, day=28) if leap else day.replace(year=year))


TOTALS = (
    "Totals and averages over groups of at least the smallest number that the agreement permits are not listed: they "
    "are not about any one person. Data that is open to everybody is not listed either."
)
POSSIBLY = (
    "Where it says “derived”, what left was computed from the records of several persons, and the account lists "
    "everybody whose record may have been among them."
)

LAWS: Mapping[Form, Law] = {
    Form.PERSONAL_DATA: Law(
        "Record of access to personal data",
        "Connecticut General Statutes §4-193(c) and (d)",
        "The law asks an agency to keep a record of every individual, agency or organization that obtained access to "
        "personal data about you, and of the reason, for five years or the life of the record, whichever is longer.",
        (TOTALS, POSSIBLY, "Everything that this exchange has recorded is listed; nothing is left out for its age."),
    ),
    Form.FERPA: Law(
        "Record of requests and disclosures of education records",
        "34 CFR 99.32",
        "The law asks for a record of each request for access to, and each disclosure of, personally identifiable "
        "information from a student’s education records: who, and with what legitimate interest. It is kept with the "
        f"education record, as long as that is kept. {COUNSEL}",
        (
            TOTALS,
            POSSIBLY,
            "Requests that were refused are told of by dataset: by them nothing left, about you or about anybody.",
            "Nobody is recorded here to whom a recipient passed the data on; the agreement says whether it may. A "
            f"source that approved it adds the further party and its interest (34 CFR 99.32(b)) {COUNSEL}.",
        ),
        requests=True,
    ),
    Form.HIPAA: Law(
        "Accounting of disclosures of protected health information",
        "45 CFR 164.528",
        "The law gives you an account of disclosures of your health information in the six years before you asked: the "
        "date, who received it and their address if known, what it was, and why. Several disclosures to one recipient "
        "for one purpose may be told as the first, how many, and the last.",
        (
            TOTALS,
            POSSIBLY,
            "The law excepts some disclosures from this account, those of a limited data set (45 CFR 164.514(e)) among "
            f"them. This exchange leaves none out: whatever is listed may include such ones {COUNSEL}.",
            "Addresses of recipients are not kept here; the source agency has them in the agreement’s file.",
        ),
        years=6,
        summarised=True,
    ),
}


def usual(records: Collection[str]) -> Form:
    """The form that fits these kinds of record, to begin with."""
    if EDUCATION in records:
        return Form.FERPA
    return Form.HIPAA if HEALTH in records else Form.PERSONAL_DATA
