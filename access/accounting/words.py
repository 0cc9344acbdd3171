"""A disclosure in a resident's words: who, what, why. The page, the CSV and the letter say the same."""

from __future__ import annotations

from datetime import date, datetime

from access.accounting.recorded import Refused
from access.accounting.records import Account, Disclosure
from audit.codes import CODE_WORDS, Code
from audit.disclosures.manifest import Kind
from exchange.clock import legal_day


def when(moment: date | datetime) -> str:
    """ "June 15, 2026": a day, or the legal day of an instant."""
    day = legal_day(moment) if isinstance(moment, datetime) else moment
    return f"{day:%B} {day.day}, {day.year}"


def received(each: Disclosure) -> str:
    """The recipient, a line each: group, the person who answers for its program, their agency."""
    by = f"through {each.recipient.program}" if each.recipient.program else ""
    answers = f"answerable: {each.recipient.person}" if each.recipient.person else ""
    return "\n".join(line for line in (each.recipient.group, by, answers, each.recipient.agency) if line)


def got_what(each: Disclosure, columns: tuple[str, ...]) -> str:
    """What left: the dataset and its columns."""
    derived = "\nderived" if each.kind == Kind.DERIVED else ""
    how = "" if each.ended == "done" else f"\n{each.ending}"
    return f"{each.title}\n{', '.join(columns)}{derived}{how}"


def under(each: Disclosure) -> str:
    """The agreement and its version."""
    version = f", version {each.agreement_version}" if each.agreement_version else ""
    return f"{each.agreement}{version}" if each.agreement else ""


def said_why(each: Disclosure) -> str:
    """The purpose, then the authority, the agreement, and whether it may be passed on."""
    said = each.authority
    onward = f"The recipient {said.onward}." if said.onward else ""
    exception = f"Education records: {said.exception}." if said.exception else ""
    under_what = f"Under {under(each)}." if each.agreement else ""
    question = f"{each.purpose}: {said.question}" if said.question else each.purpose
    return "\n".join(line for line in (question, said.basis, exception, under_what, onward) if line)


def asked_for(each: Refused, account: Account) -> tuple[str, str, str, str]:
    """A refused request as a row: when, who, for what and why not, how often."""
    times = when(each.last) if each.number == 1 else f"{when(each.first)} to {when(each.last)}"
    who = account.groups.get(each.working_group or "", each.working_group or "not known")
    reason = CODE_WORDS[Code(each.code)] if each.code in set(Code) else each.code or ""
    what = "\n".join(line for line in (account.titles.get(each.dataset, each.dataset), reason) if line)
    return times, f"{who}\nthrough {each.client}" if each.client else who, what, f"{each.number:,}"
