"""The filter language: what can be written, what cannot and what is said then, and that it finds what it says."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from audit import tables
from audit.actions import Action, Outcome
from audit.codes import Code
from audit.columns import row_of
from audit.desk.filter_fields import FIELDS, WORDS
from audit.desk.filtering import Filter, FilterError, Term, parse
from tests.makers.audit import make_intent, make_outcome, make_refusal

PSEUDONYM = "7c1f0a52-5d1e-4f0a-9a53-0f6f0a6f3b11"
JUNE = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)


def test_the_example_of_the_language_is_read() -> None:
    text = (
        "dataset:q5np-7r2k outcome:refused since:2026-01-01 -client:hhs-notebook rows>1000 action:access:rows:* "
        'person:"Hollis Quimby"|' + PSEUDONYM
    )
    read = parse(text)
    assert read.terms[3] == Term("client", ":", ("hhs-notebook",), negated=True)
    assert read.values("person") == ("Hollis Quimby", PSEUDONYM)
    assert read.names() == (("person", "Hollis Quimby"),)
    assert str(read.renamed("person", "Hollis Quimby", [PSEUDONYM])).endswith(f"person:{PSEUDONYM}")
    assert parse("") == parse(" \n") == Filter()


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("outcome:refused datset:abcd-2345", 16, "dataset:q5np-7r2k"),
        ("outcome:refuse", 8, "refused"),
        ("action:access:row:refuse", 7, "access:rows:refuse"),
        ("rows~5", 4, "rows>"),
        ("rows>many", 5, "rows>1000"),
        ("rows>1,2", 8, "rows>1000"),
        ("dataset", 7, "dataset:q5np-7r2k"),
        ("dataset:", 8, "dataset:q5np-7r2k"),
        ('person:"Hollis', 7, "person:"),
        ('person:"Hollis"Quimby', 15, "comma"),
        ("since:yesterday", 6, "2026-06-15"),
        ("until:9999-12-31", 6, "2026-06-15"),
        ("t>=2026-13-01T10:00", 3, "2026-06-15"),
        ("version:99999999999", 8, "version:2"),
        ("hello", 0, "person:"),
        ("id:5", 3, "UUID"),
        ("group:a\x00b", 7, "NUL"),
        ("outcome:done " * 400, 4000, "characters"),
        ("index<5 " * 50, 400, "terms"),
    ],
)
def test_an_error_says_where_it_is_and_what_can_be_written(text: str, at: int, said: str) -> None:
    with pytest.raises(FilterError) as failed:
        parse(text)
    assert failed.value.at == at
    assert said in str(failed.value)


VALUES = {
    "named": st.one_of(st.just(PSEUDONYM), st.just("abcd-2345"), st.text(min_size=1, max_size=30)),
    "key": st.text(st.characters(min_codepoint=33, exclude_categories=("Z", "C")), min_size=1, max_size=30),
    "uuid": st.uuids().map(str),
    "text": st.text(min_size=1, max_size=30),
    "number": st.integers(0, 10**9 - 1).map(str),
    "day": st.dates(datetime(1971, 1, 1).date(), datetime(2999, 12, 31).date()).map(str),  # noqa: DTZ001
    "instant": st.datetimes(datetime(1972, 1, 1), datetime(2999, 1, 1)).map(lambda t: t.isoformat()),  # noqa: DTZ001
}


@st.composite
def filters(draw: st.DrawFn) -> str:
    """A filter's text, of any fields, operators and values, quoted."""
    terms = []
    for field in draw(st.lists(st.sampled_from(list(FIELDS.values())), max_size=5)):
        operator = draw(st.sampled_from(field.operators))
        kinds = st.sampled_from([*WORDS[field.name], "a*", "*"]) if field.kind == "word" else VALUES[field.kind]
        most = 1 if operator in (">", ">=", "<", "<=") else 3
        values = draw(st.lists(kinds, min_size=1, max_size=most))
        quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
        terms.append(draw(st.sampled_from(["", "-"])) + field.name + operator + "|".join(quoted))
    return " ".join(terms)


@settings(max_examples=300, deadline=None)
@given(filters())
def test_a_filter_written_out_is_read_as_the_same_filter(text: str) -> None:
    try:
        read = parse(text)
    except FilterError:
        return
    assert parse(str(read)) == read
    assert str(parse(str(read))) == str(read)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), filters(), filters().map(lambda text: text[1:].replace('"', "'"))))
def test_no_input_fails_or_becomes_sql(text: str) -> None:
    try:
        condition = parse(text).condition()
    except FilterError as error:
        assert 0 <= error.at <= len(text)
        return
    known = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.()=<>!0123456789,:%[]'|/? \n")
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        compiled = condition.compile(dialect=dialect)
        words = str(compiled).replace("'%'", "").replace("'%%'", "").replace("'/'", "")
        assert set(words) <= known
        assert "'" not in words
        for value in compiled.params.values():
            if isinstance(value, str) and len(value) > 6 and not value.startswith("%"):
                assert value not in words


@pytest.fixture
def log(database: Engine) -> Engine:
    """Four entries of June: a read with its end, a refusal with a code, an act without dataset."""
    read = make_intent(actor=PSEUDONYM, at=JUNE, source="dcf")
    ended = make_outcome(read, rows=1234)
    refused = make_refusal(at=JUNE, code=Code.ROSTER, client="night_ly", reason="100% not_on the roster")
    entries = [read, ended, refused]
    with database.begin() as connection:
        for index, entry in enumerate(entries):
            connection.execute(tables.entries.insert(), row_of(index, entry.id, entry.canonical()))
    return database


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [0, 1, 2]),
        (f"person:{PSEUDONYM}", [0, 1]),
        ('person:"Nobody Here"', []),
        (f"-person:{PSEUDONYM}", [2]),
        ("action:access:rows:intent|access:rows:outcome", [0, 1]),
        ("action:access:* -outcome:done", [0, 2]),
        ("rows>=1234", [1]),
        ("rows>1234", []),
        ("-rows>5", [0, 2]),
        ("code:roster", [2]),
        ("reason~NOT_ON", [2]),
        ("reason~not0on", []),
        ('reason~"0%"', [2]),
        ("source:dcf since:2026-06-15 until:2026-06-15", [0]),
        ("t<2026-06-15T12:00:00.001 t>=2026-06-15T12:00", [0, 2]),
        ("t<2026-06-15T16:00:00Z", []),
        ("index:1", [1]),
        ("client:night_ly version:1", []),
    ],
)
def test_a_filter_finds_what_it_says(log: Engine, text: str, found: list[int]) -> None:
    chosen = select(tables.entries.c.idx).where(parse(text).condition()).order_by(tables.entries.c.idx)
    with log.connect() as connection:
        assert list(connection.execute(chosen).scalars()) == found


def test_every_field_has_an_example_that_can_be_written() -> None:
    for field in FIELDS.values():
        assert parse(field.example).terms[0].field == field.name
    assert json.dumps(WORDS["action"]) == json.dumps([str(action) for action in Action])
    assert WORDS["outcome"] == tuple(map(str, Outcome))


def test_words_typed_freely_are_not_recorded() -> None:
    assert str(parse('code:roster reason~"Hollis Quimby"').without_words()) == "code:roster reason~…"
