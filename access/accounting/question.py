"""The auditors' question 3: which records about a resident went to whom, and why."""

from __future__ import annotations

from sqlalchemy.orm import Session

from access.accounting import asking, words
from access.accounting.records import Account, Disclosure, account
from audit.desk.question import Answer, AskAgain, Asked, Cell, DeskQuestion, Field
from exchange.errors import Invalid, NotFound
from exchange.web import settings

HINT = (
    "The kind of key, a colon, and the key as it stands in the data, such as student-id:10423. It is in no address and "
    "no entry: both get a keyed hash."
)


def _seal(session: Session, typed: str) -> str:
    """The kind of key and the hashes; the kind may be left out while there is only one."""
    kinds = asking.namespaces(session, None)
    namespace, colon, key = typed.partition(":")
    if not colon and len(kinds) == 1:
        (namespace,), key = kinds, typed
    if namespace.strip() not in kinds:
        known = ", ".join(kinds) or "none yet"
        raise AskAgain(f"Write the kind of key, a colon and the key. Kinds of key: {known}.", "resident")
    try:
        person = asking.person_of(settings(), namespace.strip(), key)
    except Invalid as empty:
        raise AskAgain(empty.message, "resident") from empty
    return f"{person.namespace}:{person.token}"


def _answer(asked: Asked) -> Answer:
    namespace, _, token = asked.one("resident").partition(":")
    try:
        person = asking.person_in(namespace, token)
    except NotFound as wrong:
        raise AskAgain(wrong.message, "resident") from wrong
    told = account(asked.session, asking.store_of(settings()), namespace, person.subjects, None)
    newest = [each for each in reversed(told.disclosures) if not asked.after or each.intent < asked.after]
    shown = newest[: asked.limit]
    more = shown[-1].intent if len(newest) > asked.limit else None
    return Answer(tuple(_row(each) for each in shown), more, _summary(told), _NOTES)


_NOTES = (
    "What left as totals over at least the smallest cell is about nobody and not listed; open rows are not either.",
    "The account for the person, with each law's form and the letter: /audit/disclosures, with the same key.",
)


def _summary(told: Account) -> tuple[tuple[str, str], ...]:
    titles = "; ".join(told.titles.values())
    return (("Datasets looked in", titles or "none"), ("Disclosures", f"{len(told.disclosures):,}"))


def _row(each: Disclosure) -> tuple[Cell, ...]:
    agreement = f"/register/{each.agreement}" if each.agreement else ""
    return (
        Cell(words.when(each.at), href=f"/audit/entries/{each.intent}", value=each.at.isoformat()),
        Cell(each.recipient.group, note=each.recipient.person),
        Cell(each.title, href=f"/audit/questions/dataset?dataset={each.dataset}", note=", ".join(each.columns)),
        Cell(each.purpose, note=each.authority.question),
        Cell(words.under(each), href=agreement, note=", ".join(each.clauses)),
        Cell(each.authority.basis, note=each.authority.exception),
        Cell(each.ending, note=f"{each.kind}; {each.evidence}"),
    )


QUESTION = DeskQuestion(
    3,
    "resident",
    "Which records about a resident went to whom, and why?",
    "Every reading that listed the person, with recipient, purpose, agreement version and legal authority.",
    ("CGS §4-193(c) and (d)", "34 CFR 99.32", "45 CFR 164.528"),
    (Field("resident", "Resident’s key", "secret", hint=HINT, required=True, seal=_seal),),
    ("When", "Recipient", "Dataset", "Why", "Agreement version", "Legal authority", "How it ended"),
    _answer,
    empty="No record about this person was disclosed, or the key is written otherwise in the data. Compare it first.",
)
QUESTIONS: tuple[DeskQuestion, ...] = (QUESTION,)
