"""What can be read, and what is refused with the place and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.errors import Invalid
from exchange.hub import csv_source
from exchange.hub.extracting import open_source
from exchange.hub.rdf_source import read_rdf
from exchange.hub.recipe import Recipe
from exchange.hub.source import FileGiven, Rows, names_for, tidy_labels
from tests.makers.hub import write_csv


def read_csv(path: Path) -> Rows:
    return open_source(FileGiven(path, path.name), Recipe())


def cells_of(path: Path) -> list[list[str | None]]:
    rows = read_csv(path)
    return [list(rows.labels), *[list(row) for row in rows.rows]]


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        cells_of(path)
    return refused.value.message


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r")), min_size=3, max_size=3), max_size=8
    )
)
def test_every_cell_comes_back_character_for_character(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = write_csv(tmp_path_factory.mktemp("csv") / "a.csv", rows)
    assert cells_of(path) == [["Case", "Town", "Count"], *rows]


def test_line_ends_and_quoted_newlines_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'Place,Note\r\n"Avon, CT\n(41.8, -72.8)","two\r\nlines"\r\n')
    assert cells_of(path)[1] == ["Avon, CT\n(41.8, -72.8)", "two\r\nlines"]


def test_a_formula_cell_is_text_exactly(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [["=1+1", '=HYPERLINK("http://x")', "@SUM(A1)"]])
    assert cells_of(path)[1] == ["=1+1", '=HYPERLINK("http://x")', "@SUM(A1)"]


def test_carriage_returns_alone_end_lines_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"A,B\r1,2\r")
    assert cells_of(path) == [["A", "B"], ["1", "2"]]


def test_a_byte_order_mark_is_no_part_of_the_first_label(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfTown,Count\nAvon,1\n")
    assert cells_of(path)[0] == ["Town", "Count"]


def test_utf_16_is_read_by_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Town,Count\nCafé,1\n", encoding="utf-16")
    assert cells_of(path) == [["Town", "Count"], ["Café", "1"]]


def test_another_encoding_is_guessed_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("Name,Town\nJosé Núñez,Windham\nRenée Côté,Putnam\nFrançois,Killingly\n".encode("cp1252"))
    rows = read_csv(path)
    assert next(iter(rows.rows)) == ["José Núñez", "Windham"]
    assert "not UTF-8" in rows.notes[0]


def test_two_encodings_are_refused_with_both_lines(tmp_path: Path) -> None:
    words = refusal(tmp_path / "a.csv", "Name\nJosé\nAda\n".encode() + "Renée\n".encode("cp1252"))
    assert "line 2 is UTF-8 and line 4 is not" in words


def test_ragged_rows_are_refused_with_their_lines(tmp_path: Path) -> None:
    words = refusal(tmp_path / "a.csv", b"A,B,C\n1,2,3\n1,2\n1,2,3\n1,2,3,4\n")
    assert "The header has 3 columns, but line 3 has 2, line 5 has 4 cells" in words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"A,B\n1,\x00\n", "Line 2 holds a NUL byte"),
        (b'A,B\n"1,2\n3,4\n', "inside a quoted cell"),
        (b'A,B\n"1"x,2\n', "after a closing quotation mark"),
        (b"A;B\n1;2\n", "semicolons"),
        (b'A\n"' + b"x" * 200_000 + b'"\n', "longer than 131,072"),
    ],
)
def test_malformed_files_are_refused_with_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in refusal(tmp_path / "a.csv", content)


def test_a_line_of_a_gigabyte_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(b"A,B\n1,2\n")
        file.truncate(1_000_000_000)
    before = _resident()
    with pytest.raises(Invalid, match=r"Line 3 is longer than 4 megabytes"):
        cells_of(path)
    assert _resident() - before < 10 * csv_source.MAX_LINE


def _resident() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024


def test_a_header_that_names_a_column_twice_is_refused() -> None:
    with pytest.raises(Invalid, match=r"'Town' \(columns 1, 3\)"):
        tidy_labels(["Town", "Count", " Town "])


def test_a_header_without_a_name_is_refused() -> None:
    with pytest.raises(Invalid, match="no name to column 2"):
        tidy_labels(["Town", " ", "Count"])


def test_names_are_socratas_and_never_collide() -> None:
    assert names_for(["Total cases", "Total-Cases", "2015 Rate %", "Zipcode"]) == (
        "total_cases", "total_cases_2", "_2015_rate", "zipcode",
    )  # fmt: skip


RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#"
 xmlns:socrata="http://www.socrata.com/rdf/terms#" xmlns:dsbase="http://data.ct.gov/resource/"
 xmlns:ds="http://data.ct.gov/resource/abcd-1234/">{rows}</rdf:RDF>"""
ONE = """<dsbase:abcd-1234 rdf:about="http://data.ct.gov/resource/abcd-1234/1"><socrata:rowID>1</socrata:rowID>
<ds:zip>06001</ds:zip><ds:place><geo:SpatialThing><geo:lat>41.5</geo:lat><geo:long>-72.7</geo:long></geo:SpatialThing></ds:place>
</dsbase:abcd-1234>"""


def test_rdf_fields_points_and_absent_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.rdf"
    two = '<dsbase:abcd-1234 rdf:about="x"><ds:name>Avon</ds:name></dsbase:abcd-1234>'
    path.write_text(RDF.format(rows=ONE + two), encoding="utf-8")
    rows = read_rdf(path)
    assert rows.labels == ("zip", "place", "name")
    assert list(rows.rows) == [["06001", "(41.5, -72.7)", None], [None, None, "Avon"]]


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + RDF.format(rows=ONE.replace("06001", "&a;")),
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        + RDF.format(rows=ONE.replace("06001", "&b;")),
        RDF.format(rows=ONE)[:-20],
        RDF.format(rows=""),
        "no xml at all",
    ],
)
def test_hostile_or_broken_xml_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.rdf"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(Invalid):
        list(read_rdf(path).rows)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK")
    with pytest.raises(Invalid, match="not a file that can be read"):
        open_source(FileGiven(path, path.name), Recipe())
