"""CSV (RFC 4180) as agencies make it: any encoding, any line end, cells kept character for character.

The file is read twice. The survey reads bytes: which encoding, whether two are mixed, and whether a line is too long to
hold in memory. The reading then yields cells. What is refused is refused with the line and what to do.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from charset_normalizer import from_bytes

from exchange.errors import Invalid
from exchange.hub.source import Row
from exchange.values import counted

MAX_LINE = 4 * 1024 * 1024
"""Longest physical line in bytes; bounds memory against a file without line ends."""

MAX_FIELD = 128 * 1024
"""Longest cell in characters (the csv module's own default); an unclosed quote meets it soon."""

SAMPLE = 256 * 1024
ENCODINGS = ["cp1252", "latin_1", "mac_roman", "cp437", "cp850"]
"""What files in the State's agencies are written in when not in UTF-8; guessing wider guesses worse."""

RAGGED_SHOWN = 5


@dataclass(frozen=True)
class Survey:
    """The encoding, and whether it was guessed (`UTF-8` and byte-order marks are certain)."""

    encoding: str
    guessed: bool = False


@dataclass(frozen=True)
class Lines:
    """Records with the number of the line each ends on, before anything is made of the first ones."""

    cells: Iterator[tuple[int, list[str]]]
    notes: tuple[str, ...]


def read_lines(path: Path, delimiter: str = ",") -> Lines:
    """All records of a CSV file, header lines included; wholly blank lines are left out."""
    found = survey(path)
    notes = (f"The file is not UTF-8. It was read as {found.encoding}, a guess: check names with accents.",)
    return Lines(_records(path, found.encoding, delimiter), notes if found.guessed else ())


def even_rows(records: Iterator[tuple[int, list[str]]], width: int) -> Iterator[Row]:
    """The cells of records that are all `width` wide. Raises `Invalid` at the end, naming the first that are not."""
    ragged: list[str] = []
    uneven = 0
    for line, cells in records:
        if len(cells) == width:
            if not uneven:
                yield cells
            continue
        uneven += 1
        if uneven <= RAGGED_SHOWN:
            ragged.append(f"line {line} has {len(cells)}")
    if uneven:
        raise Invalid(
            f"The header has {counted(width, 'column', 'columns')}, but {', '.join(ragged)} "
            f"{'cell' if ragged[-1].endswith(' has 1') else 'cells'}"
            f"{f', and {uneven - RAGGED_SHOWN:,} more lines differ' if uneven > RAGGED_SHOWN else ''}. "
            "Look for a comma or a quotation mark inside a cell that is not quoted, correct the file and send it again."
        )


def survey(path: Path) -> Survey:
    """Read the whole file as bytes, in bounded memory, and say what it is written in. Raises `Invalid`."""
    with path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if start.startswith(mark):
            if encoding == "utf-16":
                return Survey(encoding)
            break
    else:
        encoding = "utf-8"
    return _survey_lines(path, encoding)


def _survey_lines(path: Path, encoding: str) -> Survey:
    first_utf8 = first_other = 0
    sample = bytearray()
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), 1):
            _refuse_line(line, number)
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
                first_utf8 = first_utf8 or number
            except UnicodeDecodeError:
                first_other = first_other or number
                if len(sample) < SAMPLE:
                    sample += line
            if first_utf8 and first_other:
                raise _mixed(first_utf8, first_other)
    return Survey(_guess(bytes(sample)), guessed=True) if first_other else Survey(encoding)


def _refuse_line(line: bytes, number: int) -> None:
    if len(line) > MAX_LINE:
        raise Invalid(
            f"Line {number} is longer than {MAX_LINE // 1024**2} megabytes. Is this a CSV file, with one row to a line?"
        )
    if b"\x00" in line:
        raise Invalid(f"Line {number} holds a NUL byte, so this is not a text file. Export it again as CSV, UTF-8.")


def _mixed(first_utf8: int, first_other: int) -> Invalid:
    return Invalid(
        f"Two encodings are mixed in this file: line {first_utf8} is UTF-8 and line {first_other} is not. "
        "Letters would be lost, so nothing was read. Export it again in one encoding, UTF-8 by preference."
    )


def _guess(sample: bytes) -> str:
    best = from_bytes(sample, cp_isolation=ENCODINGS).best()
    if best is None:
        raise Invalid("The file's encoding cannot be told. Export it again as CSV, UTF-8.")
    return best.encoding


def _records(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    with path.open("r", encoding=encoding, newline="") as file:
        reader = csv.reader(_bounded(file), delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
        except csv.Error as error:
            raise Invalid(_explain(error, reader.line_num)) from error
        except UnicodeDecodeError as error:
            raise Invalid(f"The file cannot be read as {encoding} after line {reader.line_num}.") from error


def _bounded(file: TextIOWrapper) -> Iterator[str]:
    while line := file.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise csv.Error("line too long")
        yield line


def _explain(error: csv.Error, line: int) -> str:
    words = str(error)
    if "field larger" in words:
        return f"A cell near line {line} is longer than {MAX_FIELD:,} characters. Is a quotation mark not closed?"
    if "unexpected end" in words:
        return f"The file ends, at line {line}, inside a quoted cell. A quotation mark before it is not closed."
    if "too long" in words:
        return f"The line after line {line} is longer than {MAX_LINE // 1024**2} megabytes. Is this a CSV file?"
    if "expected after" in words:
        return f"Line {line} has text after a closing quotation mark. Quotation marks inside a cell are written twice."
    return f"Line {line} is not CSV: {words}."
