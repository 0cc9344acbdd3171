"""Whatever an entry holds comes back byte for byte, and can break neither the page nor the spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lxml import html
from sqlalchemy import select

from audit import tables
from audit.entry import Entry
from audit.export import FORMULA
from audit.plain import visible
from exchange.db import db
from tests.makers.audit import make_refusal, sequence, write

NASTY = st.one_of(
    st.sampled_from(
        [
            "\r\nHTTP/1.1 200 OK",
            "a\u202eb\u2066c\u200f",
            "nul\x00inside",
            '{"outcome":"done","id":"0"}',
            "=cmd|' /C calc'!A0",
            "  \u00a0+1+1",
            '"; DROP TABLE audit_entry; --',
            "</td></tr></table><script>alert(1)</script>",
            "{{ 7*7 }}",
            "\x1b[2J\x9b31m",
            "e\u0301" * 30,
            "\ud800",
            "-",
            "\u2028\u2029\ufeff",
        ]
    ),
    st.text(max_size=40),
)
HIDDEN = set(map(chr, [*range(9), 11, 12, *range(14, 32), *range(127, 160), 0x2028, 0x2029, 0x200F, 0x202E, 0x2066]))


def make(text: str) -> Entry:
    """A refusal that holds the text wherever an entry can hold one."""
    return make_refusal(
        client=text, purpose=text, working_group=text, agency=text, source=text, reason=text, because=(text,),
        columns=(text, "b"), request={"route": text, text: text}, details={text or "k": {"in": [text]}},
        dataset="ffff-2222", at=datetime(2026, 6, 15, tzinfo=UTC),
    )  # fmt: skip


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@example(["x" * 5_000, "\x00" * 600, "=" * 4_000])
@given(st.lists(NASTY, min_size=6, max_size=6))
def test_fuzzed_entries_come_back_and_break_nothing(app: Flask, auditor: FlaskClient, texts: list[str]) -> None:
    entries = [make(text) for text in texts]
    write(db.engine, entries)
    sequence(db.engine, app.config["SETTINGS"].data_dir)
    exact = auditor.get("/audit/entries.jsonl?filter=dataset:ffff-2222").data.split(b"\n")
    assert {entry.canonical() for entry in entries} <= set(exact)
    assert auditor.get(f"/audit/entries/{entries[0].id}.json").data == entries[0].canonical()
    _check_csv(auditor, entries)
    for address in (
        f"/audit/entries?filter=id:{entries[0].id}",
        "/audit/questions/dataset?dataset=ffff-2222&since=",
        f"/audit/entries/{entries[0].id}",
    ):
        _check_page(auditor.get(address).text, entries[0] if entries[0].id in address else None)
    for shape in ("ocsf", "cef"):
        lines = auditor.get(f"/audit/entries.{shape}?filter=dataset:ffff-2222").data.split(b"\n")
        assert len(lines) == len(exact)


def _check_csv(auditor: FlaskClient, entries: list[Entry]) -> None:
    for address in ("entries.csv?filter=dataset:ffff-2222", "questions/dataset.csv?dataset=ffff-2222&since="):
        rows = list(csv.reader(io.StringIO(auditor.get(f"/audit/{address}").data.decode(), newline="")))
        with db.engine.connect() as connection:
            chosen = select(tables.entries.c.idx).where(tables.entries.c.dataset == "ffff-2222")
            refused = chosen.where(tables.entries.c.outcome == "refused")
            assert len(rows) == 1 + len(connection.execute(refused).all()) + _readings(connection, address)
        assert {len(row) for row in rows} == {len(rows[0])}
        assert not [cell for row in rows for cell in row if cell.lstrip().startswith(FORMULA[:4])]


def _readings(connection: object, address: str) -> int:
    """Entries that record a reading of this dataset's entries: they name the dataset, and are entries of it."""
    e = tables.entries.c
    if not address.startswith("entries"):
        return 0
    chosen = select(e.idx).where(e.dataset == "ffff-2222", e.outcome == "done")
    return len(connection.execute(chosen).all())  # type: ignore[attr-defined]


def _check_page(page: str, entry: Entry | None) -> None:
    assert not HIDDEN & set(page)
    tree = html.fromstring(page)
    assert not tree.xpath("//script")
    assert not tree.xpath("//td//table|//td//form|//pre/*|//small/*")
    if entry is not None and entry.reason:
        shown = " ".join(" ".join(tree.xpath("//main//text()")).split())
        assert " ".join(visible(str(entry.members()["reason"])).split()) in shown
