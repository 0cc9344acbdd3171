"""The standing questions: those that the log answers alone, and those that were handed in, in order."""

from __future__ import annotations

from flask import current_app

from audit.desk import dataset_read, denials, large_exports, log_stands, outside, person_did, suppression
from audit.desk.question import DeskQuestion

OWN = tuple(
    room.QUESTION for room in (dataset_read, person_did, outside, suppression, denials, log_stands, large_exports)
)


def questions() -> tuple[DeskQuestion, ...]:
    """Every question there is, by its number."""
    handed_in = tuple(current_app.extensions.get("audit_questions", ()))
    return tuple(sorted((*OWN, *handed_in), key=lambda each: each.number))


def find(key: str) -> DeskQuestion | None:
    """The question with this word in its address."""
    return next((each for each in questions() if each.key == key), None)
