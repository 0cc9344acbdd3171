"""The account as CSV: one line a disclosure, oldest first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from access.accounting.records import Account, Disclosure
from audit.export import safe

COLUMNS = (
    "entry", "time", "recipient", "program", "answerable", "agency", "dataset", "title", "record", "kind", "columns",
    "rows_in_all", "ended", "agreement", "agreement_version", "purpose", "purpose_in_words", "legal_basis",
    "ferpa_exception", "onward", "clauses", "evidence",
)  # fmt: skip


def as_csv(account: Account) -> Iterator[str]:
    """RFC 4180 with a header; no cell that a spreadsheet would run."""
    yield _row(COLUMNS)
    yield from (_row(_cells(each)) for each in account.disclosures)


def _cells(each: Disclosure) -> Sequence[Any]:
    to, said = each.recipient, each.authority
    return (
        each.intent, each.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), to.group, to.program, to.person,
        to.agency, each.dataset, each.title, each.record, str(each.kind), " ".join(each.columns), each.rows,
        each.ending, each.agreement, each.agreement_version, each.purpose, said.question, said.basis, said.exception,
        said.onward, " ".join(each.clauses), each.evidence,
    )  # fmt: skip


def _row(cells: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(["" if cell is None else safe(cell) for cell in cells])
    return buffer.getvalue()
