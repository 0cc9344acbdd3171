"""The signed paper: complete, readable, and the same bytes every time."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from agreements.document import Document, build, sha256
from agreements.party_words import SignatureFact
from agreements.pdf import render
from tests.makers.agreement_text import ATTENDANCE, make_agreement, make_columns, make_dataset, make_memorandum

SIGNED_AT = datetime(2026, 6, 1, 15, 3, 9, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


def signature(document: Document, agency: str = "education", name: str = "Amara Whitfield") -> SignatureFact:
    return SignatureFact(
        agency, name, "Commissioner", SIGNED_AT, "password and one-time code", sha256(document), "0190-ab"
    )


def pages(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


@pytest.fixture(scope="module")
def document() -> Document:
    return build(make_agreement())


@pytest.fixture(scope="module")
def paper(document: Document) -> bytes:
    return render(document, [signature(document)])


def test_invariant_9_same_input_gives_the_same_bytes(document: Document, paper: bytes) -> None:
    assert render(document, [signature(document)]) == paper
    assert render(document, [signature(document, name="Another Person")]) != paper


def test_invariant_9_another_process_gives_the_same_bytes(document: Document) -> None:
    program = (
        "import hashlib; from agreements.document import build; from agreements.pdf import render;"
        "from tests.makers.agreement_text import make_agreement;"
        "print(hashlib.sha256(render(build(make_agreement()))).hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert run.stdout.strip() == hashlib.sha256(render(document)).hexdigest()


def test_every_word_that_is_signed_is_on_paper(document: Document, paper: bytes) -> None:
    printed = "".join("\n".join(pages(paper)).split())
    for clause in document["clauses"]:
        for paragraph in clause["paragraphs"]:
            for word in paragraph.split():
                assert word in printed, (clause["code"], word)


def test_letters_beyond_ascii_are_printed(paper: bytes) -> None:
    printed = " ".join("\n".join(pages(paper)).split())
    assert "chronic absence — planning" in printed
    assert "Days absent “unexcused” — école" in printed
    assert "René Castellano" in printed


def test_letter_without_a_glyph_is_shown_as_its_code() -> None:
    facts = make_agreement()
    persons = (replace(facts.persons[0], name="Lena 漢 Okafor"), facts.persons[1])
    assert "Lena [U+6F22] Okafor" in "\n".join(pages(render(build(replace(facts, persons=persons)))))


def test_markup_in_what_was_typed_is_only_text() -> None:
    typed = "<b>bold</b> & <font size=90>huge</font> <img src='x'/> &amp;"
    printed = " ".join("\n".join(pages(render(build(make_agreement({"C03": {"purpose": typed}}))))).split())
    assert typed in printed


def test_each_page_carries_number_version_fingerprint_and_count(document: Document, paper: bytes) -> None:
    printed = pages(paper)
    assert len(printed) > 5
    for number, text in enumerate(printed, start=1):
        assert "DSA-2026-0001 · version 1" in text
        assert f"SHA-256 {sha256(document)}" in text
        assert f"Page {number} of {len(printed)}" in text


def test_signature_page_has_a_block_for_each_party(document: Document, paper: bytes) -> None:
    last = pages(paper)[-1]
    assert "Department of Education, source" in last and "Office of Policy and Management, recipient" in last
    assert "Amara Whitfield" in last and "June 1, 2026, 11:03:09 Connecticut time" in last
    assert last.count("Not signed yet") == 1
    both = [signature(document), signature(document, "policy-and-management", "Noor Bartlett")]
    assert "Not signed yet" not in pages(render(document, both))[-1]


def test_paper_says_what_is_enforced_and_which_clause_says_so(paper: bytes) -> None:
    printed = "\n".join(pages(paper))
    assert "No count of persons below 6 is shown." in printed and "C18@1" in printed
    assert "From June 1, 2026 through May 31, 2027, Connecticut time." in printed


def test_long_schedule_breaks_over_pages_with_its_head_repeated() -> None:
    columns = make_columns(400)
    schedule = [{"dataset": ATTENDANCE, "columns": [column.name for column in columns]}]
    facts = make_agreement({"C06": {"schedule": schedule}}, datasets=(make_dataset(columns=columns),))
    with_rows = [text for text in pages(render(build(facts))) if "of the survey" in text]
    assert len(with_rows) > 10
    assert all("Data element" in text and "Classification" in text for text in with_rows)
    assert f"{len(columns)}" in with_rows[-1] and "measure_399" in with_rows[-1]


def test_one_very_long_value_does_not_stop_the_paper() -> None:
    facts = make_agreement({"C03": {"purpose": "word " * 1500}})
    longest = (replace(make_columns()[0], label="L" * 900), *make_columns()[1:])
    assert len(pages(render(build(replace(facts, datasets=(make_dataset(columns=longest),)))))) > 6


def test_title_language_and_outline_are_set(document: Document, paper: bytes) -> None:
    reader = PdfReader(io.BytesIO(paper))
    assert reader.metadata is not None and reader.metadata.title is not None
    assert reader.metadata.title.startswith("DSA-2026-0001, version 1: Data sharing agreement")
    assert reader.metadata.subject == f"SHA-256 {sha256(document)}"
    assert reader.trailer["/Root"]["/Lang"] == "en-US"  # type: ignore[index]
    assert reader.trailer["/Root"]["/ViewerPreferences"]["/DisplayDocTitle"]  # type: ignore[index]
    assert "Signatures" in [entry.title for entry in reader.outline if not isinstance(entry, list)]


def test_every_font_is_embedded(paper: bytes) -> None:
    fonts = {
        str(font.get_object()["/BaseFont"]): font.get_object()["/FontDescriptor"].get_object()
        for page in PdfReader(io.BytesIO(paper)).pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
    }
    assert fonts and all("/FontFile2" in descriptor for descriptor in fonts.values())


def test_memorandum_prints_without_schedule_and_roster() -> None:
    printed = "\n".join(pages(render(build(make_memorandum()))))
    assert "listed in Schedule A of each data sharing agreement" in printed
    assert "every dataset of the source agencies" in printed


def test_the_references_of_the_limits_are_found_in_the_headings(document: Document, paper: bytes) -> None:
    groups = [group for group in PdfReader(io.BytesIO(paper)).outline if isinstance(group, list)]
    outline = [entry.title for group in groups for entry in group if not isinstance(entry, list)]
    for number, clause in enumerate(document["clauses"], start=1):
        assert f"{number}. {clause['title']} ({clause['code']})" in outline


def test_a_department_is_listed_by_4_38c_and_shares_by_another_law() -> None:
    parties = [
        replace(party, statute="CGS 4-38c") if party.agency == "education" else party
        for party in make_memorandum().parties
    ]
    made = build(make_memorandum(parties=tuple(parties)))
    printed = " ".join("\n".join(pages(render(made, [replace(signature(made), method="password+totp")]))).split())
    assert "Department of Education (an executive department, CGS 4-38c)" in printed
    assert "Legal power CGS 4-67n (to be confirmed by counsel)" in printed
    assert "acting under" not in printed and "operator of the exchange" not in printed
    assert "(source; an executive department, CGS 4-38c)" in printed
    assert "password and one-time code" in printed and "password+totp" not in printed


@pytest.mark.parametrize("count", range(4, 44, 8))
def test_no_heading_is_left_alone_at_a_pages_foot(count: int) -> None:
    made = build(make_agreement({"C03": {"purpose": "A long purpose. " * count * 4}}))
    headings = {f"{n}. {clause['title']} ({clause['code']})" for n, clause in enumerate(made["clauses"], start=1)}
    headings |= {
        "Clauses",
        "What the exchange enforces",
        "Schedule A: data elements",
        *(d["title"] for d in made["schedule"]),
    }
    for page in pages(render(made)):
        lines = [line.strip() for line in page.splitlines() if line.strip()]
        body = [line for line in lines if not line.startswith(("Page ", "SHA-256", made["agreement"]))]
        assert body[-1] not in headings, body[-3:]
