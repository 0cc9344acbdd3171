"""Rows as the reader asked for them: SODA JSON and CSV, streamed (reference: soda.md §6).

A stream that fails or is cut ends in an exception, so that the transfer breaks and no client takes half for whole. What
became of it is told once to `answer.finish`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from exchange.errors import CharterError, Refused, Unauthenticated
from exchange.rows.cells import json_value, plain_text
from exchange.rows.door import Answer, Field
from exchange.rows.engine import Stopped

JSON_TYPE = "application/json;charset=utf-8"
CSV_TYPE = "text/csv;charset=utf-8"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LEFT = "the reader closed the connection"
_CUTS = (Refused, Stopped, Unauthenticated)

Encode = Callable[[tuple[Field, ...], Iterator[pa.RecordBatch]], Iterator[bytes]]


class Body(Iterator[bytes]):
    """The bytes of an answer. `close()` may come at any time, also before the first byte; the end is told once."""

    def __init__(self, answer: Answer, encode: Encode) -> None:
        self._answer = answer
        self._rows = self._given = self._sent = 0
        self._told = False
        self._first = b""
        self._parts = encode(answer.fields, self._counted())

    def _counted(self) -> Iterator[pa.RecordBatch]:
        for batch in self._answer.batches:
            self._rows += batch.num_rows
            yield batch

    def begin(self) -> None:
        """Make the first part now: what fails before the first byte can still be answered as an error."""
        self._first = self._made()

    def __next__(self) -> bytes:
        part, self._first = self._first or self._made(), b""
        self._sent += len(part)
        self._given = self._rows
        return part

    def _made(self) -> bytes:
        try:
            return next(self._parts)
        except StopIteration:
            self._finish("done", None)
            raise
        except Exception as problem:
            reason = problem.message if isinstance(problem, CharterError) else type(problem).__name__
            self._finish("cut" if isinstance(problem, _CUTS) else "failed", reason)
            raise

    def close(self) -> None:
        """The server is done with the body, whether or not it was read to its end."""
        self._finish("cut", LEFT)

    def finish_unread(self) -> None:
        """The headers alone were wanted."""
        self._finish("done", None)

    def _finish(self, outcome: str, reason: str | None) -> None:
        if self._told:
            return
        self._told = True
        try:
            close = getattr(self._answer.batches, "close", None)
            if close is not None:
                close()
        finally:
            self._answer.finish(self._given, self._sent, outcome, reason)

    def __del__(self) -> None:
        self.close()


def json_stream(answer: Answer) -> Body:
    """The answer as SODA JSON: numbers are strings, null cells are left out."""
    return Body(answer, _json)


def csv_stream(answer: Answer, *, byte_order_mark: bool = False) -> Body:
    """The answer as SODA CSV: every value quoted, null is nothing, lines end in a line feed."""
    return Body(answer, _csv_with_mark if byte_order_mark else _csv)


def json_object(fields: tuple[Field, ...], batch: pa.RecordBatch) -> bytes:
    """The first row of a batch as one SODA JSON object."""
    return _json_rows(fields, batch.slice(0, 1))[2:]


def _json(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    yielded = False
    for batch in batches:
        if batch.num_rows:
            rows = _json_rows(fields, batch)
            yield rows if yielded else b"[" + rows[2:]
            yielded = True
    yield b"]\n" if yielded else b"[]\n"


def _json_rows(fields: tuple[Field, ...], batch: pa.RecordBatch) -> bytes:
    """The rows, each as `\\n,{…}`.

    Every cell brings its own comma, and the first of a row loses it again; texts hold no bare line feed, so only the
    start of a row looks like one. (`null_handling="skip"` would be shorter, but Arrow then drops a row of nulls.)
    """
    cells = [
        pc.binary_join_element_wise("," + orjson.dumps(field.name).decode() + ":", json_value(column, field.type), "")
        for field, column in zip(fields, batch.columns, strict=True)
    ]
    joined = pc.binary_join_element_wise("\n,{", *cells, "}", "", null_handling="replace", null_replacement="")
    return _bytes_of(joined).replace(b"\n,{,", b"\n,{")


def _bytes_of(texts: pa.Array) -> bytes:
    """All texts one after the other: an Arrow array keeps them so."""
    length = pc.sum(pc.binary_length(texts)).as_py() or 0
    return texts.buffers()[2].slice(0, length).to_pybytes()  # type: ignore[no-any-return]


def _csv(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    yield (",".join('"' + field.name.replace('"', '""') + '"' for field in fields) + "\n").encode()
    options = pa_csv.WriteOptions(include_header=False, quoting_style="all_valid")
    for batch in batches:
        texts = [plain_text(column, field.type) for field, column in zip(fields, batch.columns, strict=True)]
        out = io.BytesIO()
        pa_csv.write_csv(pa.RecordBatch.from_arrays(texts, names=[field.name for field in fields]), out, options)
        yield out.getvalue()


def _csv_with_mark(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    yield BYTE_ORDER_MARK
    yield from _csv(fields, batches)


@dataclass(frozen=True)
class Format:
    """One way of writing rows."""

    extension: str
    content_type: str


FORMATS = {"json": Format("json", JSON_TYPE), "csv": Format("csv", CSV_TYPE)}
