"""Question 1: who read a dataset between two days, under which agreement version and purpose."""

from __future__ import annotations

from dataclasses import replace

from audit.desk.answering import listed, within
from audit.desk.cells import ENTRY_HEADINGS
from audit.desk.filtering import Filter
from audit.desk.question import Answer, Asked, DeskQuestion, Field
from audit.desk.reads import READS, in_short


def _answer(asked: Asked) -> Answer:
    id_ = asked.one("dataset")
    found = within(asked, Filter().where("dataset", id_).where("action", *READS))
    search, answer = listed(asked, found)
    title = asked.titles_of([id_]).get(id_, id_)
    also = (in_short(asked, search, by_dataset=False),) if asked.after is None and answer.rows else ()
    return replace(answer, summary=(("Dataset", title), *answer.summary), also=also)


QUESTION = DeskQuestion(
    number=1,
    key="dataset",
    title="Who read a dataset?",
    asks="Who read this dataset between two days, under which agreement version and for which purpose, "
    "and who was refused.",
    law=("CGS 4-193(c): record of who obtained access", "CGS 2-90: audit of state agencies"),
    fields=(
        Field("dataset", "Dataset", "dataset", "Its id (abcd-1234) or words of its title.", required=True),
        Field("since", "From", "day", "First day, Connecticut time. Empty: from the beginning.", days_back=365),
        Field("until", "Through", "day", "Last day, inclusive. Empty: until now."),
    ),
    headings=ENTRY_HEADINGS,
    answer=_answer,
    empty="Nobody read it, or tried to, in this time. If you expected reads, widen the days.",
)
