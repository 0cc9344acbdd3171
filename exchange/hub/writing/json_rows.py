"""A JSON array of rows, or one object, read piece by piece: memory is bounded by the largest row, not by the body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from exchange.hub.writing.cells import Digits
from exchange.hub.writing.faults import malformed, not_an_object

PIECE = 1 << 20
MAX_ROW = 4 * 1024 * 1024
"""Characters of one row at most, as of one line of a CSV."""

_BLANK = " \t\r\n"


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON value")


_DECODER = json.JSONDecoder(parse_float=Digits, parse_int=Digits, parse_constant=_no_constant)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows in order. Raises `BadBody` for what is not JSON or not an array of objects."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _Reader(file).rows()
    except UnicodeDecodeError as error:
        raise malformed("it is not UTF-8") from error


class _Reader:
    """A window over the file: the text from where reading stands."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text, self._at, self._row = "", 0, 0

    def rows(self) -> Iterator[dict[str, Any]]:
        first = self._peek()
        if first != "[":
            yield self._object()
        else:
            self._at += 1
            yield from self._elements()
        if self._peek():
            raise malformed("something follows after its end")

    def _elements(self) -> Iterator[dict[str, Any]]:
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self._object()
            mark = self._peek()
            self._at += 1
            if mark == "]":
                return
            if mark != ",":
                raise malformed(f"a comma or ] is expected after row {self._row:,}")

    def _peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(PIECE):
                return ""

    def _more(self, size: int) -> bool:
        piece = self._file.read(size)
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)

    def _object(self) -> dict[str, Any]:
        self._row += 1
        self._peek()
        size = PIECE
        while True:
            try:
                value, self._at = _DECODER.raw_decode(self._text, self._at)
                break
            except RecursionError as error:
                raise malformed(f"row {self._row:,} is nested too deep") from error
            except ValueError as error:
                if len(self._text) - self._at > MAX_ROW or not self._more(size):
                    raise malformed(f"row {self._row:,}: {_words(error)}") from error
                size *= 2
        if not isinstance(value, dict):
            raise not_an_object(self._row)
        return value


def _words(error: ValueError) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)
