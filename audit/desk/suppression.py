"""Question 11: overrides of suppression. There is no such act; what can lower a floor is listed instead."""

from __future__ import annotations

from dataclasses import replace

from audit.actions import Action
from audit.desk.answering import listed, within
from audit.desk.cells import ENTRY_HEADINGS
from audit.desk.filtering import Filter
from audit.desk.question import Answer, Asked, DeskQuestion, Field

CAN_LOWER = (
    Action.CLASSIFICATION_COLUMNS_AGREE,
    Action.CUT_VERSION_BUILD,
    Action.AGREEMENT_VERSION_ACTIVATE,
)
"""A floor is a clause of an agreement or a rule of a classification: it changes only when one of these takes effect."""


def _answer(asked: Asked) -> Answer:
    found = Filter().where("action", *CAN_LOWER).where("dataset", *asked.all("dataset"))
    _, answer = listed(asked, within(asked, found))
    notes = (
        "Nobody can override suppression here: the door and the open cut have no switch for it, and a query cannot ask "
        "for less. The smallest count that may be shown is fixed by the agreement’s clauses and the classification.",
        "Listed are the acts by which such a floor can have changed: a classification agreed, an open cut built from "
        "it, a version of an agreement in force. Open the agreement or dataset to compare it with the one before.",
        *answer.notes,
    )
    return replace(answer, summary=(("Overrides", "none; there is no way to override"), *answer.summary), notes=notes)


QUESTION = DeskQuestion(
    number=11,
    key="suppression",
    title="Was suppression overridden?",
    asks="Whether anybody let small counts through that should have been suppressed, and which acts can have "
    "lowered a floor.",
    law=("34 CFR 99.31(b): de-identified records", "CGS 10-10a: student data (floors to be confirmed by counsel)"),
    fields=(
        Field("dataset", "Dataset", "dataset", "Its id or title. Empty: all."),
        Field("since", "From", "day", "First day, Connecticut time. Empty: from the beginning.", days_back=365),
        Field("until", "Through", "day", "Last day, inclusive. Empty: until now."),
    ),
    headings=ENTRY_HEADINGS,
    answer=_answer,
    empty="No floor can have changed in this time: no classification was agreed, no cut built, no agreement began.",
)
