"""Entries in other systems' shapes: whatever was recorded is one line, and the exact bytes are in it."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.plain import visible
from audit.streams import cef, ocsf
from audit.streams.sequenced import Sequenced
from audit.streams.shapes import SHAPES, lines
from audit.streams.syslog import framed, message
from tests.makers.audit import make_intent, make_outcome, make_refusal

NASTY = ["a\r\nCEF:0|x|y|z|1|n|9|act=b", "\u202egnp.exe\u202c", "\x00", '{"action":"x"}', "=cmd|' /C calc'!A0", "\\=|\\n",
         "\u2028", "\ud83d\ude00", "é" * 30_000]  # fmt: skip

REQUIRED = {"activity_id", "category_uid", "class_uid", "type_uid", "time", "severity_id", "metadata"}
OF_CLASS = {
    ocsf.API: {"actor", "api", "src_endpoint"},
    ocsf.DATASTORE: {"actor", "src_endpoint", "table"},
    ocsf.AUTHENTICATION: {"user", "service"},
}


def sequenced(entry: Entry, index: int = 7) -> Sequenced:
    return Sequenced(index, entry.canonical())


def cef_fields(line: str) -> dict[str, str]:
    """The extension of a CEF line, read as the format says."""
    text = re.split(r"(?<!\\)\|", line, maxsplit=7)[7]
    found = re.findall(r"(\w+)=((?:\\.|[^\\=])*?)(?= \w+=|$)", text)
    plain = {"\\n": "\n", "\\r": "\r"}
    return {key: re.sub(r"\\.", lambda m: plain.get(m[0], m[0][1]), value) for key, value in found}


@pytest.mark.parametrize("action", list(Action))
def test_every_act_is_an_event_with_what_its_class_requires(action: Action) -> None:
    found = ocsf.event(sequenced(Entry(action, Outcome.DONE, actor="p-1", dataset="abcd-2345")))
    assert REQUIRED | OF_CLASS[found["class_uid"]] <= found.keys()
    assert found["type_uid"] == found["class_uid"] * 100 + found["activity_id"]
    assert found["class_uid"] // 1000 == found["category_uid"]
    assert found["metadata"]["event_code"] == action


def test_an_event_says_how_it_ended_and_belongs_to_its_intent() -> None:
    intent = make_intent()
    refused, outcome = ocsf.event(sequenced(make_refusal())), ocsf.event(sequenced(make_outcome(intent)))
    assert (refused["status_id"], refused["severity_id"], refused["status_detail"]) == (
        2, 2, "The agreement was suspended.",
    )  # fmt: skip
    assert (outcome["status_id"], outcome["metadata"]["correlation_uid"]) == (1, intent.id)
    assert (outcome["activity_id"], outcome["table"]["uid"], outcome["unmapped"]["rows"]) == (4, "abcd-2345", 10)


@pytest.mark.parametrize("text", NASTY)
def test_nothing_recorded_breaks_a_line(text: str) -> None:
    entry = sequenced(Entry(Action.ACCESS_ROWS_REFUSE, Outcome.REFUSED, reason=text, client=text[:50], purpose=text))
    event = ocsf.line(entry)
    assert json.loads(event)["raw_data"].encode() == entry.body
    assert event.isascii() and b"\n" not in event
    plain = cef.line(entry).decode()
    assert not [c for c in plain if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
    assert len(re.split(r"(?<!\\)\|", plain, maxsplit=7)) == 8
    assert cef_fields(plain)["act"] == "access:rows:refuse"


@given(st.text(max_size=200), st.integers(-(2**53) + 1, 2**53 - 1))
def test_a_value_comes_back_from_cef(text: str, rows: int) -> None:
    fields = cef_fields(cef.line(sequenced(make_refusal(reason=f"x{text}x", rows=rows))).decode())
    assert fields["reason"].replace("\r", "").replace("\n", "") == visible(
        f"x{text}x".replace("\r", "").replace("\n", "")
    )
    assert fields["cnt"] == str(rows)


@pytest.mark.parametrize(
    "body", [b"not JSON", b"[1]", b'"text"', b'{"t":"soon","action":["a"],"rows":true}', b"[" * 60_000]
)
def test_what_was_tampered_with_is_still_one_line(body: bytes) -> None:
    entry = Sequenced(0, body)
    assert json.loads(ocsf.line(entry))["raw_data"].encode() == body
    assert cef.line(entry).startswith(b"CEF:0|")
    assert message(entry, b"x", "log.example").startswith(b"<109>1 1970-01-01T00:00:00.000Z log.example charter-oak - ")


def test_exact_bytes_are_exact() -> None:
    entries: list[Any] = [sequenced(make_intent()), sequenced(make_refusal())]
    assert b"".join(lines(entries, "jsonl")) == b"".join(entry.body + b"\n" for entry in entries)
    assert set(SHAPES) == {"jsonl", "ocsf", "cef"}


def test_a_message_has_its_length_before_it() -> None:
    refused = message(sequenced(make_refusal(), 2**31 - 1), b"two\nlines", "log.example:443")
    assert refused.startswith(b"<108>1 ")
    assert refused.endswith(b' access:rows:refuse [meta sequenceId="1"] two\nlines')
    assert framed(refused) == b"%d " % len(refused) + refused
