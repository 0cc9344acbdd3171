"""JSON and CSV cell by cell, broken transfers, and that the end of a stream is told exactly once."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.errors import Refused
from exchange.rows.answering import respond
from exchange.rows.door import Answer, Field
from exchange.rows.engine import Stopped
from exchange.rows.formats import FORMATS, PLAIN, Body
from tests.conftest import NOON

Told = list[tuple[int, int, str, str | None]]


def answer(fields: dict[str, tuple[str, pa.Array]], told: Told | None = None, ends: Exception | None = None) -> Answer:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_arrays([array for _, array in fields.values()], names=list(fields))
        if ends is not None:
            raise ends

    def finish(rows: int, sent: int, outcome: str, reason: str | None) -> None:
        if told is not None:
            told.append((rows, sent, outcome, reason))

    described = tuple(Field(name, type_) for name, (type_, _) in fields.items())
    return Answer(described, batches(), 1, NOON, None, finish=finish)


def json_stream(answer: Answer) -> Body:
    return Body(answer, lambda fields, batches: FORMATS["json"].write(fields, batches, PLAIN))


def csv_stream(answer: Answer) -> Body:
    return Body(answer, lambda fields, batches: FORMATS["csv"].write(fields, batches, PLAIN))


def as_json(type_: str, values: list[Any], arrow: pa.DataType) -> list[Any]:
    body = b"".join(json_stream(answer({"x": (type_, pa.array(values, arrow))})))
    return [row.get("x") for row in json.loads(body)]


def test_numbers_are_plain_digits_as_strings() -> None:
    values = [1.0, 4.2, -0.5, 123456789012.5, 1e20, 1.5e-7, 1e15, None, float("nan"), float("inf"), -0.0]
    assert as_json("number", values, pa.float64()) == [
        "1", "4.2", "-0.5", "123456789012.5", "100000000000000000000", "0.00000015", "1000000000000000",
        None, None, None, "0",
    ]  # fmt: skip
    assert as_json("number", [2**53 + 1, None], pa.int64()) == ["9007199254740993", None]
    assert as_json("double", [1.5, 2.0], pa.float64()) == [1.5, 2]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=20))
def test_every_number_reads_back_the_same(values: list[float | None]) -> None:
    found = as_json("number", values, pa.float64())
    assert [None if text is None else float(text) for text in found] == values
    assert all(text is None or "e" not in text for text in found)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.none(), TEXT), min_size=1, max_size=20))
def test_every_text_reads_back_the_same(values: list[str | None]) -> None:
    assert as_json("text", values, pa.string()) == values
    assert as_json("url", values, pa.string()) == [None if value is None else {"url": value} for value in values]
    body = b"".join(csv_stream(answer({"x": ("text", pa.array(values, pa.string()))}))).decode()
    rows = list(csv.reader(io.StringIO(body, newline=""), strict=True))
    assert [row[0] if row else "" for row in rows[1:]] == [value or "" for value in values]


MIXED = {
    "no\"te": ("text", pa.string(), TEXT),
    "amount": ("number", pa.float64(), st.sampled_from([1.5, 2.0, float("nan"), 1e10])),
    "ratio": ("double", pa.float64(), st.sampled_from([0.5, -3.0])),
    "count": ("number", pa.int64(), st.integers(-5, 5)),
    "flag": ("boolean", pa.bool_(), st.booleans()),
    "word": ("text", pa.string(), st.sampled_from(["", "a,b", 'say "so"', "back\\slash", "\x01\x02\n", "{,"])),
}  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_objects_of_columns_with_and_without_nulls_are_what_json_says(data: st.DataObject) -> None:
    names = data.draw(st.permutations(list(MIXED)).map(lambda all_: all_[: data.draw(st.integers(1, len(all_)))]))
    rows = data.draw(st.integers(1, 4))
    columns = {
        name: data.draw(st.lists(st.one_of(*[st.none()] * data.draw(st.integers(0, 1)), MIXED[name][2]), min_size=rows, max_size=rows))
        for name in names
    }  # fmt: skip
    arrays = {name: (MIXED[name][0], pa.array(values, MIXED[name][1])) for name, values in columns.items()}
    text = b"".join(json_stream(answer(arrays)))
    shown = [{name: _shown(name, columns[name][row]) for name in names} for row in range(rows)]
    objects = [{name: cell for name, cell in row.items() if cell is not None} for row in shown]
    assert json.loads(text) == objects
    lines = (json.dumps(each, separators=(",", ":"), ensure_ascii=False) for each in objects)
    assert text.decode() == "[" + "\n,".join(lines) + "]\n"


def _shown(name: str, value: Any) -> object:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if MIXED[name][0] == "number":
        return str(int(value)) if value == int(value) else repr(value)
    return int(value) if MIXED[name][0] == "double" and value == int(value) else value


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.datetimes().map(lambda m: m.replace(microsecond=m.microsecond // 1000 * 1000))),
        min_size=1,
        max_size=9,
    )
)
def test_every_moment_is_written_alike(moments: list[datetime | None]) -> None:
    def text(moment: datetime) -> str:
        return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}"

    written = as_json("floating_timestamp", moments, pa.timestamp("us"))
    assert written == [None if moment is None else text(moment) for moment in moments]
    beyond = pa.array([*moments, None], pa.timestamp("us")).cast(pa.timestamp("ms"), safe=False)
    far = pa.concat_arrays([beyond, pa.array([253_402_300_800_000], pa.int64()).cast(pa.timestamp("ms"))])
    assert as_json("floating_timestamp", far, pa.timestamp("ms")) == [*written, None, "10000-01-01T00:00:00.000"]


def test_a_row_of_nulls_is_an_empty_object() -> None:
    assert b"".join(json_stream(answer({"x": ("text", pa.array([None], pa.string()))}))) == b"[{}]\n"


def test_a_stream_that_ends_is_told_once_with_its_size() -> None:
    told: Told = []
    body = json_stream(answer({"x": ("number", pa.array([1, 2]))}, told))
    whole = b"".join(body)
    body.close()
    assert told == [(2, len(whole), "done", None)]


@pytest.mark.parametrize(
    ("ends", "outcome", "reason"),
    [
        (Refused("The agreement was suspended."), "cut", "The agreement was suspended."),
        (Stopped("Stopped."), "cut", "Stopped."),
        (RuntimeError("secret cell"), "failed", "RuntimeError"),
    ],
)
@pytest.mark.parametrize("stream", [json_stream, csv_stream])
def test_a_broken_stream_breaks_the_transfer(stream: Any, ends: Exception, outcome: str, reason: str) -> None:
    told: Told = []
    body = stream(answer({"x": ("number", pa.array([1, 2]))}, told, ends))
    sent = b""
    with pytest.raises(type(ends)):
        for part in body:
            sent += part
    body.close()
    assert not sent.endswith(b"]\n")
    assert told == [(2, len(sent), outcome, reason)]


def test_what_fails_before_the_first_byte_is_an_error_with_its_entry() -> None:
    told: Told = []

    def stopped() -> Iterator[pa.RecordBatch]:
        raise Stopped("The right has ended.")
        yield

    fields = (Field("x", "text"),)
    broken = Answer(fields, stopped(), 1, NOON, None, {"Audit-Id": "an id"}, lambda *end: told.append(end))
    with pytest.raises(Stopped) as error:
        respond(broken, FORMATS["json"])
    assert error.value.headers == {"Audit-Id": "an id"}  # type: ignore[attr-defined]
    assert told == [(0, 0, "cut", "The right has ended.")]


def test_rows_that_were_made_and_not_taken_are_not_counted() -> None:
    told: Told = []
    body = json_stream(answer({"x": ("text", pa.array(["a", "b"]))}, told))
    body.begin()
    body.close()
    assert told == [(0, 0, "cut", "the reader closed the connection")]


def test_a_reader_that_leaves_is_told_once_even_before_the_first_byte() -> None:
    told: Told = []
    body = json_stream(answer({"x": ("number", pa.array([1]))}, told))
    body.close()
    body.close()
    assert told == [(0, 0, "cut", "the reader closed the connection")]
