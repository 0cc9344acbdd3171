"""Why a column may be withheld: the closed vocabulary of exemption bases, as dated data.

A restricted column names one EO 39 limb (kept in CGS 4-67o as "protected data") and one code of this list. The
wording is ours; the law is cited. What no stored source confirms stands in `unconfirmed` and is always shown as "to be
confirmed by counsel". A law that changes gets a new row with a later `since`; rows are never edited away, since old
decisions name them.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from exchange.errors import Invalid

EDITION = date(2014, 2, 20)
"""EO 39 was signed on this day; its limbs, and the codes under them, can be used from here on."""

TO_BE_CONFIRMED = "to be confirmed by counsel"

LIMBS = {
    "L1": "disclosure would violate a federal or state law or regulation",
    "L2": "disclosure would endanger public health, safety or welfare",
    "L3": "disclosure would hinder the operation of government, including investigations (to be confirmed by counsel)",
    "L4": "opening it would put an undue financial, operational or administrative burden on the agency",
}
"""The four limbs of "protected data" in our words (EO 39 of 2014; CGS 4-67o). Investigations in L3: unconfirmed."""

YEARLY = 12
HALF_YEARLY = 6
"""Months until review: limbs L3 and L4 fade, so what rests on them is looked at twice a year."""

NOT_DATA = ""
"""The limb of something that is not "data" at all yet: a draft (CGS 4-67o, "final version")."""


@dataclass(frozen=True)
class Exemption:
    """One basis. `limbs` are those it may rest on, the usual one first; none means that it is not "data".

    `review_months` None means that it never lifts. `regimes` are the bodies of law whose clauses an agreement over such
    a column must carry. `instead` says in words what can be public.
    """

    code: str
    limbs: tuple[str, ...]
    label: str
    citation: str
    unconfirmed: str
    triggers: str
    review_months: int | None
    instead: str
    regimes: frozenset[str]
    since: date = EDITION
    until: date | None = None

    @property
    def limb(self) -> str:
        """The usual limb, `NOT_DATA` for a draft."""
        return self.limbs[0] if self.limbs else NOT_DATA

    @property
    def cited(self) -> str:
        """The citation as it may be shown: what is not confirmed says so."""
        parts = [self.citation] if self.citation else []
        if self.unconfirmed:
            parts.append(f"{self.unconfirmed} ({TO_BE_CONFIRMED})")
        return "; ".join(parts)

    def in_force(self, day: date) -> bool:
        """Whether a decision taken on this legal day may use it."""
        return self.since <= day and (self.until is None or day <= self.until)

    def review_on(self, day: date) -> date | None:
        """When a decision of this day has to be looked at again; None for never."""
        return None if self.review_months is None else add_months(day, self.review_months)


def add_months(day: date, months: int) -> date:
    """The same day of the month, `months` later; the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _row(
    code: str, limbs: str, label: str, citation: str, unconfirmed: str, triggers: str,
    review_months: int | None, instead: str, regimes: str,
) -> Exemption:  # fmt: skip
    return Exemption(
        code=code, limbs=tuple(limbs.split()), label=label, citation=citation, unconfirmed=unconfirmed,
        triggers=triggers, review_months=review_months, instead=instead, regimes=frozenset(regimes.split()),
    )  # fmt: skip


# fmt: off
VOCABULARY: tuple[Exemption, ...] = (
    _row("FERPA", "L1", "Student education record", "20 USC 1232g; 34 CFR 99",
         "CGS 10-10a, 10-234aa ff., 1-210(b)(11), (17)",
         "student number, name, birth date, attendance, discipline, education plan",
         YEARLY, "counts by school or district, 5 and fewer suppressed; directory information", "FERPA"),
    _row("IDEA-C", "L1", "Special education or early intervention record", "34 CFR 300.614", "",
         "disability, services", YEARLY, "counts, 5 and fewer suppressed", "FERPA"),
    _row("HIPAA", "L1", "Protected health information", "45 CFR 160, 164", "",
         "record number, diagnosis, claim, the 18 identifiers", YEARLY,
         "de-identified data (45 CFR 164.514), or counts with 1 to 10 suppressed", "HIPAA"),
    _row("MEDICAID", "L1", "Applicant for or recipient of assistance", "CGS 17b-90; 42 CFR 431.300 ff.", "",
         "client number, benefits", YEARLY, "counts by town, 1 to 10 suppressed", "MEDICAID"),
    _row("PART2", "L1", "Substance use disorder treatment", "42 USC 290dd-2; 42 CFR 2", "",
         "admission, program, drug", YEARLY,
         "counts by town, 1 to 10 suppressed, never program and town together", "PART2"),
    _row("MH-PRIV", "L1", "Mental health communication", "CGS 52-146d to 52-146j", "",
         "patient number, diagnosis, notes", YEARLY, "counts for the State or a region", "MH-PRIV"),
    _row("DCF-CONF", "L1", "Child protection record", "CGS 17a-28, 17a-101k", "",
         "child number, allegation, placement", YEARLY,
         "counts by town or region, 10 and fewer suppressed", "DCF-CONF"),
    _row("DPH-SURV", "L1", "Public health study or surveillance", "", "CGS 19a-25",
         "case report, laboratory result", YEARLY,
         "counts, 1 to 5 suppressed where fewer than 100,000 people live", "DPH-SURV"),
    _row("HIV", "L1", "HIV-related information", "", "CGS 19a-583", "status, test", YEARLY,
         "counts of 11 and more by county or for the State", "HIV"),
    _row("VITAL", "L1", "Birth or adoption record", "", "CGS 7-51a, 45a-743 ff.", "name at birth, parents", YEARLY,
         "tables of the registration report", "VITAL"),
    _row("STATE-TAX", "L1", "State tax return information", "CGS 12-15 (outside \"data\" of CGS 4-67n)", "",
         "taxpayer number, income, liability", YEARLY, "totals by town or industry, 10 and more returns", "STATE-TAX"),
    _row("FTI", "L1", "Federal tax information", "IRC 6103; IRS Publication 1075", "", "fields that came from the IRS",
         YEARLY, "counts of 10 and more", "FTI"),
    _row("UC-WAGE", "L1", "Unemployment or wage record", "CGS 31-254; 20 CFR 603", "",
         "social security number with employer and wage; who the employer is", YEARLY,
         "cells of 3 and more employers, none with 80 percent or more", "UC-WAGE"),
    _row("DMV-PII", "L1", "Personal information of a driver or vehicle owner", "18 USC 2721", "CGS 14-10",
         "licence number, photograph, address", YEARLY, "counts by town or vehicle class", "DPPA"),
    _row("CJI", "L1 L3", "Criminal history or erased record", "CGS 54-142r; CJIS Security Policy", "CGS 54-142a ff.",
         "state identification number, arrest, erased case", YEARLY, "counts of uniform crime reporting", "CJIS"),
    _row("JUV", "L1", "Juvenile matter", "", "CGS 46b-124", "case, name", YEARLY, "counts of 11 and more", "JUV"),
    _row("INVEST", "L3", "Open investigation", "", "CGS 1-210(b)(3)", "informant, technique", HALF_YEARLY,
         "the record after the case is closed", ""),
    _row("SSN", "L1", "Social security or taxpayer number", "CGS 36a-701b, 4e-70", "42 USC 405(c)(2)(C)(viii)",
         "social security number, taxpayer number", None, "nothing: the field is dropped", "CONF-ID"),
    _row("CONF-ID", "L1", "Confidential personal identifier", "CGS 4e-70(a)(4)", "",
         "name, birth date, mother's maiden name, licence, employee, passport or insurance number, account, biometrics",
         YEARLY, "the field dropped, or made coarser", "CONF-ID"),
    _row("ACP", "L1 L2", "Address Confidentiality Program", "CGS 54-240 ff.", "CGS 1-210(b)(21)", "home address",
         YEARLY, "data without these persons", ""),
    _row("TRADE", "L1", "Trade secret, or commercial information given in confidence", "", "CGS 1-210(b)(5)",
         "prices, formulas", YEARLY, "totals of an industry", ""),
    _row("PERSONNEL", "L1", "Personnel or medical file", "CGS 1-210(b)(2)", "", "evaluation, leave, medical", YEARLY,
         "name, title and pay, which are public", ""),
    _row("PRIVILEGE", "L1", "Attorney and client, claims, bargaining", "", "CGS 1-210(b)(4), (9), (10)", "",
         HALF_YEARLY, "nothing until the matter is closed", ""),
    _row("DRAFT", "", "Preliminary draft: not yet \"data\"", "CGS 4-67o (\"final version\"); CGS 1-210(b)(1)", "",
         "status is draft", HALF_YEARLY, "the final version", ""),
    _row("SECURITY", "L2", "Safety of a facility or of infrastructure", "", "CGS 1-210(b)(18), (19)",
         "plans, vulnerabilities", YEARLY, "coarse geography", ""),
    _row("IT-SEC", "L2 L3", "Security of information technology", "", "CGS 1-210(b)(20)", "configuration, credentials",
         YEARLY, "nothing", ""),
    _row("SPECIES", "L2", "Sensitive place: species or archaeology", "", "CGS 26-312, 10-387", "coordinates",
         YEARLY, "town or grid square", ""),
    _row("OPS", "L3", "Would hinder operations", "EO 39; CGS 4-67o", "", "inspection schedule, audit targets",
         HALF_YEARLY, "the data after the fact", ""),
    _row("CONTRACT", "L1 L3", "Limit of a licence or contract", "the contract cited in the note", "", "a vendor's data",
         YEARLY, "metadata only", ""),
    _row("BURDEN", "L4", "Undue burden", "EO 39; CGS 4-67o", "", "cost of extraction; a written estimate is required",
         HALF_YEARLY, "metadata and the planned date", ""),
    _row("MOSAIC", "L1 L2", "Re-identification by combination", "State open data handbook, on risks", "",
         "ZIP code with birth date and sex, and the like", YEARLY, "groups of 6 or 11 and more", ""),
)
# fmt: on

NOTE_REQUIRED = frozenset({"BURDEN", "CONTRACT"})
"""Codes that mean nothing without a note: the written estimate, the contract that is cited."""

_BY_CODE = {exemption.code: exemption for exemption in VOCABULARY}

REGIMES = frozenset().union(*(exemption.regimes for exemption in VOCABULARY))
"""Every body of law that binds data by some code."""


def exemption(code: str) -> Exemption:
    """The basis with this code. Raises `Invalid` for one that the vocabulary does not have."""
    if code not in _BY_CODE:
        raise Invalid(f"There is no exemption code {code!r}. Choose one of {', '.join(_BY_CODE)}.", code="exemption")
    return _BY_CODE[code]


def is_code(code: str) -> bool:
    """Whether the vocabulary has this code."""
    return code in _BY_CODE


def limb_in_words(limb: str) -> str:
    """What a limb says; for a draft, that it is not "data" yet."""
    return LIMBS.get(limb, "it is not yet data within the meaning of CGS 4-67o")


def regimes_of(codes: Iterable[str]) -> frozenset[str]:
    """The bodies of law that these codes bring into force; an agreement over such columns must answer each.

    Raises `Invalid` for an unknown code: nothing is ever ignored.
    """
    return frozenset().union(*(exemption(code).regimes for code in codes))
