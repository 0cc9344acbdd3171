"""The auditors' questions that live state answers, for `wsgi` to hand to the audit desk."""

from __future__ import annotations

from access.evidence import clauses, endings, leavers, openness, registers, unfounded, users
from audit.desk.question import DeskQuestion

QUESTIONS: tuple[DeskQuestion, ...] = (
    users.QUESTION,
    leavers.QUESTION,
    endings.QUESTION,
    clauses.QUESTION,
    openness.QUESTION,
    unfounded.QUESTION,
    *registers.QUESTIONS,
)
