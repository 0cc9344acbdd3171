"""The account as a letter to the person. The same input gives the same bytes; name and address are kept nowhere."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import letter
from reportlab.lib.units import inch
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph, Spacer, Table

from access.accounting.laws import LAWS, Form, Law
from access.accounting.records import Account, Disclosure
from access.accounting.words import asked_for, got_what, received, said_why, when
from agreements import pdf_styles as style
from exchange.clock import legal_day

MARGIN = 1.0 * inch
WIDTH = letter[0] - 2 * MARGIN
NAMED = 20
"""Entries that the letter names."""


@dataclass(frozen=True)
class Letter:
    """A letter of one day, by one agency, to a person: `to` are the lines of name and address as they were typed."""

    to: tuple[str, ...]
    agency: str
    signer: str
    day: date
    form: Form
    account: Account

    @property
    def disclosures(self) -> tuple[Disclosure, ...]:
        """Those that the law's period covers."""
        since = LAWS[self.form].since(self.day)
        every = (each for each in self.account.disclosures if legal_day(each.at) <= self.day)
        return tuple(each for each in every if since is None or each.at >= since)


def render(written: Letter) -> bytes:
    """The PDF."""
    _, pages = _build(written, 0)
    content, _ = _build(written, pages)
    return content


def _build(written: Letter, pages: int) -> tuple[bytes, int]:
    out = io.BytesIO()
    paper = _Paper(out, written, pages)
    paper.build(list(_story(written)))
    return out.getvalue(), paper.page


class _Paper(BaseDocTemplate):  # type: ignore[misc]
    """Letter pages with page numbers, a title and a language."""

    def __init__(self, out: io.BytesIO, written: Letter, pages: int) -> None:
        super().__init__(
            out, pagesize=letter, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
            title=LAWS[written.form].title, author=style.printable(written.agency), creator="Charter Oak",
            lang="en-US", displayDocTitle=True, invariant=1, initialFontName=style.REGULAR,
        )  # fmt: skip
        self.pages = pages
        frame = Frame(MARGIN, MARGIN, WIDTH, letter[1] - 2 * MARGIN, 0, 0, 0, 0)
        self.addPageTemplates([PageTemplate("page", [frame], onPage=self._foot)])

    def _foot(self, canvas: Canvas, _paper: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFillColor(style.QUIET)
        canvas.setFont(style.REGULAR, 7.5)
        canvas.drawRightString(MARGIN + WIDTH, 0.6 * inch, f"Page {canvas.getPageNumber()} of {self.pages}")
        canvas.restoreState()


def _story(written: Letter) -> Iterator[Flowable]:
    law, told = LAWS[written.form], written.disclosures
    yield _text("State of Connecticut", "over")
    yield _text(written.agency, "h1")
    yield _text(when(written.day))
    yield Spacer(1, 14)
    yield from (_text(line) for line in written.to)
    yield Spacer(1, 14)
    yield _text(law.title, "title")
    yield _text(law.citation, "subtitle")
    yield _text(law.tells)
    yield _text(_in_a_sentence(written, law, told))
    yield from _tables(written, law, told)
    yield Spacer(1, 8)
    yield from (_text(note) for note in law.notes)
    yield _text(_evidence(told))
    yield Spacer(1, 20)
    yield _text(written.signer)
    yield _text(written.agency)


_TIMES = {0: "not once", 1: "once", 2: "twice"}


def _in_a_sentence(written: Letter, law: Law, told: Sequence[Disclosure]) -> str:
    datasets = "; ".join(f"“{title}” ({id_})" for id_, title in written.account.titles.items())
    times = _TIMES.get(len(told), f"{len(told):,} times")
    period = f" in the {law.years} years before this letter" if law.years else ""
    return f"Records about you were disclosed {times}{period}. We looked in: {datasets or 'no dataset'}."


def _tables(written: Letter, law: Law, told: Sequence[Disclosure]) -> Iterator[Flowable]:
    if told and law.summarised:
        shorts = Account(
            written.account.namespace, written.account.titles, frozenset(), tuple(told), (), written.account.groups
        ).summaries
        rows = [
            (f"First {when(s.first)}\n{s.number:,} in all\nLast {when(s.last)}", s.latest, s.columns) for s in shorts
        ]
        yield _told(rows)
    elif told:
        yield _told([(when(each.at), each, each.columns) for each in told])
    if law.requests and written.account.refused:
        yield _text("Requests that were refused", "h2")
        yield _grid(
            ("When", "Who asked", "For", "How often"),
            [asked_for(each, written.account) for each in written.account.refused],
            (1.3, 2.0, 2.2, 1.0),
        )


def _told(rows: Sequence[tuple[str, Disclosure, tuple[str, ...]]]) -> Table:
    cells = [(moment, received(each), got_what(each, columns), said_why(each)) for moment, each, columns in rows]
    return _grid(("When", "Who received it", "What", "Why, and by what authority"), cells, (0.95, 1.55, 1.65, 2.35))


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> Table:
    head = [_text(words, "head") for words in heads]
    body = [[_text(words, "cell") for words in row] for row in rows]
    return Table(
        [head, *body], colWidths=[width * inch for width in widths], repeatRows=1, splitInRow=1, style=style.GRID
    )


def _evidence(told: Sequence[Disclosure]) -> str:
    entries = ", ".join(each.intent for each in told[-NAMED:])
    more = f" The last {20} are named." if len(told) > NAMED else ""
    return "Each disclosure is an entry of a log that nobody can change unseen. To have one checked, name its entry" + (
        f": {entries}.{more}" if entries else "."
    )


def _text(words: str, kind: str = "body") -> Paragraph:
    """A paragraph of somebody's words: nothing in them is markup; a line break stays one."""
    lines = escape(style.printable(words)).replace("\n", "<br/>")
    return Paragraph(lines, style.STYLES[kind])
