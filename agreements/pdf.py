"""The signed paper of an agreement version: a function of its document and signatures (invariant 9).

The same input gives the same bytes. Cover, numbered clauses, Schedule A, the permissions that the exchange enforces,
the roster, and a block for each party's signature. Every page carries the agreement's number, version and fingerprint.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import letter
from reportlab.lib.units import inch
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)

from agreements import pdf_styles as style
from agreements.clauses.wording import day_in_words
from agreements.document import sha256, terms_of
from agreements.party_words import CAPACITIES, POWER, SignatureFact, method_in_words, standing_in_words
from agreements.terms import Terms
from agreements.terms_in_words import Labels, in_words
from exchange.clock import LEGAL_ZONE

KINDS = {"emou": "Memorandum of agreement", "dsa": "Data sharing agreement", "dul": "Data use licence"}
MARGIN = 1.0 * inch
WIDTH = letter[0] - 2 * MARGIN
HEADING_ROOM = 1.5 * inch
"""What a heading wants below it: itself and some lines of what it heads."""

Document = Mapping[str, Any]
Story = list[Flowable]


def render(document: Document, signatures: Sequence[SignatureFact] = ()) -> bytes:
    """The PDF. The same document and signatures give the same bytes, whenever and wherever it is rendered."""
    _, pages = _build(document, signatures, pages=0)
    content, _ = _build(document, signatures, pages=pages)
    return content


def _build(document: Document, signatures: Sequence[SignatureFact], pages: int) -> tuple[bytes, int]:
    """One run over the pages; "page x of y" needs a first run that counts them."""
    out = io.BytesIO()
    paper = _Paper(out, document, pages)
    paper.build(_story(document, signatures))
    return out.getvalue(), paper.page


class _Paper(BaseDocTemplate):  # type: ignore[misc]
    """Letter pages with running heads, an outline, a title and a language."""

    def __init__(self, out: io.BytesIO, document: Document, pages: int) -> None:
        super().__init__(
            out,
            pagesize=letter,
            leftMargin=MARGIN,
            rightMargin=MARGIN,
            topMargin=MARGIN,
            bottomMargin=MARGIN,
            title=f"{document['agreement']}, version {document['version']}: {style.printable(document['title'])}",
            author="State of Connecticut",
            subject=f"SHA-256 {sha256(document)}",
            creator="Charter Oak",
            lang="en-US",
            displayDocTitle=True,
            invariant=1,
            initialFontName=style.REGULAR,
        )
        self.head = f"{document['agreement']} · version {document['version']}"
        self.fingerprint = f"SHA-256 {sha256(document)}"
        self.pages = pages
        frame = Frame(MARGIN, MARGIN, WIDTH, letter[1] - 2 * MARGIN, 0, 0, 0, 0)
        self.addPageTemplates([PageTemplate("page", [frame], onPage=self._running_heads)])

    def _running_heads(self, canvas: Canvas, _paper: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFillColor(style.QUIET)
        canvas.setFont(style.REGULAR, 7.5)
        top, bottom = letter[1] - 0.6 * inch, 0.6 * inch
        canvas.drawString(MARGIN, top, self.head)
        canvas.drawRightString(MARGIN + WIDTH, bottom, f"Page {canvas.getPageNumber()} of {self.pages}")
        canvas.setFont(style.MONO, 7)
        canvas.drawString(MARGIN, bottom, self.fingerprint)
        canvas.setStrokeColor(style.LINE)
        canvas.line(MARGIN, top - 5, MARGIN + WIDTH, top - 5)
        canvas.restoreState()

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 (reportlab's name)
        """Headings become the outline by which a reader moves about."""
        if isinstance(flowable, Paragraph) and flowable.style.name in style.OUTLINE:
            key = f"h{self.page}-{flowable.getPlainText()}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(flowable.getPlainText(), key, level=style.OUTLINE[flowable.style.name])


def _story(document: Document, signatures: Sequence[SignatureFact]) -> Story:
    parts = (_cover(document), _clauses(document), _schedule(document), _enforced(document), _roster(document))
    return [flowable for part in parts for flowable in part] + _signature_page(document, signatures)


def _text(words: str, kind: str = "body") -> Paragraph:
    """A paragraph of somebody's words: nothing in them is markup."""
    return Paragraph(escape(style.printable(words)), style.STYLES[kind])


def _facts(rows: Sequence[tuple[str, str]]) -> Table:
    """A small table of names and values."""
    return Table(
        [[_text(name, "label"), _text(value, "cell")] for name, value in rows],
        colWidths=[1.35 * inch, WIDTH - 1.35 * inch],
        style=style.FACTS,
        splitInRow=1,
    )


def _cover(document: Document) -> Story:
    parent = document["parent"]
    rows = [("Number", f"{document['agreement']}, version {document['version']}")]
    rows += [(_label(CAPACITIES[p["capacity"]]), _party(p)) for p in document["parties"]]
    rows.append(("Legal power", POWER))
    rows += [
        ("Begins", day_in_words(document["begins"])),
        ("Ends", f"{day_in_words(document['ends'])}, Connecticut time"),
    ]
    if document["purpose"]:
        rows.append(("Purpose", document["purpose"]["text"]))
    if parent:
        rows.append(("Stands under", f"{parent['id']}, version {parent['version']} (SHA-256 {parent['sha256']})"))
    rows.append(("Fingerprint", f"SHA-256 {sha256(document)} over this text and the permissions compiled from it"))
    return [
        _text("State of Connecticut", "over"),
        _text(document["title"], "title"),
        _text(KINDS[document["tier"]], "subtitle"),
        _facts(rows),
        Spacer(1, 18),
    ]


def _party(party: Mapping[str, str]) -> str:
    standing = standing_in_words(party["statute"])
    return f"{party['name']} ({standing})" if standing else party["name"]


def _label(words: str) -> str:
    return words[:1].upper() + words[1:]


def _heading(words: str, kind: str) -> Story:
    """A heading that is not left alone at the foot of a page, whatever follows it, also a table that is split."""
    return [CondPageBreak(HEADING_ROOM), _text(words, kind)]


def _clauses(document: Document) -> Story:
    story: Story = _heading("Clauses", "h1")
    for number, clause in enumerate(document["clauses"], start=1):
        heading = _heading(f"{number}. {clause['title']} ({clause['code']})", "h2")
        *others, last = [_text(words) for words in clause["paragraphs"]]
        reference = _text(f"Library clause {clause['code']}, version {clause['version']}", "note")
        story += [*heading, *others, KeepTogether([last, reference])]
    return story


def _schedule(document: Document) -> Story:
    story: Story = [PageBreak(), _text("Schedule A: data elements", "h1")]
    if not document["schedule"]:
        return [
            *story,
            _text("The data elements are listed in Schedule A of each data sharing agreement under this one."),
        ]
    names = {party["agency"]: party["name"] for party in document["parties"]}
    for line in document["schedule"]:
        regimes = ", ".join(line["regimes"]) or "none"
        story += [
            *_heading(f"{line['title']} ({line['dataset']})", "h2"),
            _facts(
                [
                    ("Source", names.get(line["agency"], line["agency"])),
                    ("Rows", line["rows_in_words"]),
                    ("Regimes", regimes),
                ]
            ),
            Spacer(1, 6),
            _elements(line["columns"]),
        ]
    return story


def _elements(columns: Sequence[Mapping[str, Any]]) -> Table:
    """The data elements of one dataset; over many pages the head of the table is repeated on each."""
    head = [_text(words, "head") for words in ("No.", "Data element", "Field name", "Type", "Classification")]
    rows = [
        [
            _text(str(number), "cell"),
            _text(column["label"], "cell"),
            _text(column["name"], "mono"),
            _text(column["type"].replace("_", " "), "cell"),
            _text(_classification(column), "cell"),
        ]
        for number, column in enumerate(columns, start=1)
    ]
    widths = [0.4 * inch, 1.7 * inch, 1.4 * inch, 0.8 * inch]
    return Table([head, *rows], colWidths=[*widths, WIDTH - sum(widths)], repeatRows=1, splitInRow=1, style=style.GRID)


def _classification(column: Mapping[str, Any]) -> str:
    if not column["code"]:
        return "Open"
    return ", ".join(part for part in (column["code"], column["limb"], column["citation"]) if part)


def _enforced(document: Document) -> Story:
    """What signers sign beside the words: the permissions as compiled, each with the clauses that set it."""
    story: Story = [
        *_heading("What the exchange enforces", "h1"),
        _text(
            "These permissions are compiled from the clauses above and are signed with them under the same fingerprint."
        ),
    ]
    labels = _labels(document)
    for dataset, terms in terms_of(document).items():
        story += [
            *(_heading(labels.datasets[dataset], "h2") if dataset in labels.datasets else []),
            _limits(terms, dataset, labels),
        ]
    return story


def _labels(document: Document) -> Labels:
    return Labels(
        persons={person["id"]: person["name"] for person in document["persons"]},
        agencies={party["agency"]: party["name"] for party in document["parties"]},
        datasets={line["dataset"]: line["title"] for line in document["schedule"]},
    )


def _limits(terms: Terms, dataset: str, labels: Labels) -> Table:
    """The limits of one dataset. Its columns are in Schedule A, so they are counted here and not repeated."""
    rows = [[_text("Limit", "head"), _text("Set by", "head")]]
    for sentence in in_words(terms, labels):
        scheduled = sentence.field == "columns" and dataset in labels.datasets
        words = "Columns: those that Schedule A lists for this dataset." if scheduled else sentence.text
        rows.append([_text(words, "cell"), _text(", ".join(sentence.because) or "—", "cell")])
    return Table(rows, colWidths=[WIDTH - 1.3 * inch, 1.3 * inch], repeatRows=1, splitInRow=1, style=style.GRID)


def _roster(document: Document) -> Story:
    story: Story = [PageBreak(), _text("Exhibit B: authorized users", "h1")]
    if not document["persons"]:
        return [*story, _text("The individuals are named in Exhibit B of each data sharing agreement under this one.")]
    names = {party["agency"]: party["name"] for party in document["parties"]}
    rows = [[_text(words, "head") for words in ("No.", "Name", "Title", "Agency")]]
    for number, person in enumerate(document["persons"], start=1):
        agency = names.get(person["agency"], person["agency"])
        rows.append([_text(words, "cell") for words in (str(number), person["name"], person["title"], agency)])
    widths = [0.4 * inch, 2.0 * inch, 1.8 * inch]
    return [*story, Table(rows, colWidths=[*widths, WIDTH - sum(widths)], repeatRows=1, splitInRow=1, style=style.GRID)]


def _signature_page(document: Document, signatures: Sequence[SignatureFact]) -> Story:
    by_agency = {signature.agency: signature for signature in signatures}
    blocks = [KeepTogether(_block(party, by_agency.get(party["agency"]))) for party in document["parties"]]
    return [
        PageBreak(),
        _text("Signatures", "h1"),
        _text(f"All parties sign one fingerprint: SHA-256 {sha256(document)}."),
        *blocks,
    ]


def _block(party: Mapping[str, str], signature: SignatureFact | None) -> Story:
    heading = _text(f"{party['name']}, {CAPACITIES[party['capacity']]}", "h3")
    if signature is None:
        rows = [("Name", ""), ("Title", ""), ("Date", ""), ("Method", "Not signed yet"), ("Fingerprint", "")]
        return [heading, _facts(rows)]
    local = signature.signed_at.astimezone(LEGAL_ZONE)
    rows = [
        ("Name", signature.name),
        ("Title", signature.title),
        ("Date", f"{day_in_words(local.date().isoformat())}, {local:%H:%M:%S} Connecticut time"),
        ("Method", method_in_words(signature.method)),
        ("Fingerprint", f"SHA-256 {signature.sha256}"),
    ]
    return [heading, _facts([*rows, ("Log entry", signature.entry_id)] if signature.entry_id else rows)]
