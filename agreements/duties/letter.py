"""The letter that tells a requester where their request was referred (CGS 4-67dd): a function of its facts.

The same facts give the same bytes. It holds no requester's name: the agency addresses the envelope from its own file.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import letter
from reportlab.lib.units import inch
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from agreements import pdf_styles as style
from agreements.clauses.wording import day_in_words

MARGIN = 1.1 * inch


@dataclass(frozen=True)
class LetterFacts:
    """What the letter says. `agency` sends it; `originating` is the agency to which the request was referred."""

    number: str
    file_number: str
    received_on: date
    agency: str
    originating: str
    address: str
    telephone: str
    referred_on: date
    about: str


def render(facts: LetterFacts) -> bytes:
    """The PDF."""
    out = io.BytesIO()
    paper = SimpleDocTemplate(
        out,
        pagesize=letter,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=f"Referral of your request for public records, {facts.number}",
        author=facts.agency,
        lang="en-US",
        invariant=1,
    )
    paper.build(_story(facts))
    return out.getvalue()


def _story(facts: LetterFacts) -> list[Flowable]:
    where = [
        ("Originating agency", facts.originating),
        ("Address", facts.address),
        ("Telephone", facts.telephone),
        ("Date of referral", day_in_words(facts.referred_on.isoformat())),
    ]
    rows = [[_text(term, "label"), _text(value, "body")] for term, value in where]
    return [
        _text(facts.agency, "title"),
        _text(f"{facts.number} · our file {facts.file_number}", "over"),
        _text(day_in_words(facts.referred_on.isoformat()), "body"),
        Spacer(1, 14),
        _text("To the person who made this request:", "body"),
        _text(
            f"On {day_in_words(facts.received_on.isoformat())} we received your request for public records. "
            f"You asked for: {facts.about}",
            "body",
        ),
        _text(
            "This data came to us from another State agency, under an agreement to share it. The law asks that such a "
            "request go to the agency from which the data came (CGS 4-67dd). We have therefore referred your request, "
            "and you need not send it again. That agency will answer you:",
            "body",
        ),
        Table(rows, colWidths=[1.7 * inch, None], style=style.FACTS),
        Spacer(1, 10),
        _text("This referral neither widens nor narrows what the law opens to the public.", "body"),
        Spacer(1, 18),
        _text(f"{facts.agency}", "body"),
    ]


def _text(words: str, kind: str) -> Paragraph:
    lines = escape(style.printable(words)).replace("\r", "").replace("\n", "<br/>")
    return Paragraph(lines, style.STYLES[kind])
