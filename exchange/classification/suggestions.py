"""Hints from column names: which exemption a steward may want to think of. A hint decides nothing.

The dictionary is small and known: names that agencies really use. No hint does not mean that a column is harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from exchange.catalog.models import Column


@dataclass(frozen=True)
class Suggestion:
    """A code to think of, and why, in words for the steward."""

    code: str
    why: str


@dataclass(frozen=True)
class _Hint:
    pattern: re.Pattern[str]
    code: str
    why: str


def _hint(pattern: str, code: str, why: str) -> _Hint:
    return _Hint(re.compile(rf"(?:^|_)(?:{pattern})(?:_|$)"), code, why)


HINTS = (
    _hint("ssn|social_security(?:_number|_no)?|soc_sec|itin", "SSN", "looks like a social security or taxpayer number"),
    _hint("fein|ein|tin|taxpayer(?:_id|_number)?|tax_liability|agi|adjusted_gross_income", "STATE-TAX",
          "looks like a field of a tax return"),
    _hint("sasid|student(?:_id|_number|_name)?|pupil(?:_id)?|iep|discipline|suspension", "FERPA",
          "looks like a field of a student's education record"),
    _hint("disability|special_education|idea_category", "IDEA-C", "looks like a special education record"),
    _hint("mrn|medical_record(?:_number)?|patient(?:_id|_name)?|diagnosis|icd(?:9|10)?|claim(?:_id|_number)?|npi",
          "HIPAA", "looks like protected health information"),
    _hint("medicaid(?:_id)?|client(?:_id)?|recipient(?:_id)?|snap|tanf", "MEDICAID",
          "looks like a record of an applicant for or recipient of assistance"),
    _hint("substance|opioid|admission(?:_date)?|treatment(?:_program)?", "PART2", "may be substance use treatment"),
    _hint("hiv|viral_load", "HIV", "looks like HIV-related information"),
    _hint("wage(?:s)?|quarterly_wages|employer(?:_id|_name)?|earnings", "UC-WAGE", "looks like a wage record"),
    _hint("licen[cs]e_(?:no|number)|driver(?:_id)?|vin|plate(?:_number)?", "DMV-PII",
          "looks like a driver or vehicle record"),
    _hint("sid|arrest(?:_id|_date)?|docket(?:_number)?|charge(?:s)?", "CJI", "looks like criminal history"),
    _hint("child(?:_id|_name)?|allegation|placement|perpetrator", "DCF-CONF", "looks like a child protection record"),
    _hint("dob|birth_?date|date_of_birth|birthday", "CONF-ID", "a birth date identifies people when joined"),
    _hint("(?:first|last|middle|full|maiden)_?name|surname|mother_s_maiden_name|employee_(?:id|number)|passport(?:_number)?"
          "|account_(?:no|number)|fingerprint", "CONF-ID", "looks like a confidential personal identifier"),
    _hint("(?:home|street|residence|mailing)_address|phone(?:_number)?|e_?mail(?:_address)?", "CONF-ID",
          "looks like a way to reach a private person"),
    _hint("latitude|longitude|lat|lon|geolocation|coordinates", "SPECIES", "exact places can need to be coarser"),
    _hint("password|secret|ip_address|mac_address", "IT-SEC", "looks like a detail of information technology"),
    _hint("case_(?:id|no|number)|record_number", "MOSAIC", "leads to one person where another file has the number"),
    _hint("race|ethnicity|sex|gender|age|zip(?:_code)?|birth_?(?:year|place)", "MOSAIC",
          "describes people: in record-level data, or beside small counts, the combination can name one"),
)  # fmt: skip


def suggest(name: str) -> Suggestion | None:
    """The first hint whose pattern is a whole word (or words) of an API field name; None where there is none."""
    for hint in HINTS:
        if hint.pattern.search(name.lower()):
            return Suggestion(hint.code, hint.why)
    return None


def suggestions(columns: Iterable[Column]) -> dict[str, Suggestion]:
    """Hints by column name, for the columns that have one."""
    found = {column.name: suggest(column.name) for column in columns}
    return {name: suggestion for name, suggestion in found.items() if suggestion is not None}
