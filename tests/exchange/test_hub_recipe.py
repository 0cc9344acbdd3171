"""Awkward layouts by recipe files; a recipe that cannot be followed is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exchange.errors import Invalid
from exchange.hub.csv_source import Lines
from exchange.hub.extracting import open_source
from exchange.hub.recipe import Recipe, follow, from_members, parse_recipe, read_recipe
from exchange.hub.source import FileGiven

THREE = b",,2015,,2016,2016\n,,Tested,Average,Tested,Average\nGrade,Town,,,,\n3,Avon,50,2432,*,*\n4,Bolton,7,,8,9\n"


def read(tmp_path: Path, recipe: Recipe, content: bytes = THREE) -> tuple[tuple[str, ...], list[list[str | None]]]:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    rows = open_source(FileGiven(path, path.name), recipe)
    return rows.labels, [list(row) for row in rows.rows]


def test_header_lines_merge_with_empty_cells_filled_forward(tmp_path: Path) -> None:
    labels, rows = read(tmp_path, from_members({"header_lines": 3, "fill_forward": [1]}))
    assert labels == ("Grade", "Town", "2015 Tested", "2015 Average", "2016 Tested", "2016 Average")
    assert rows[0] == ["3", "Avon", "50", "2432", "*", "*"]


def test_the_same_file_as_tidy_rows(tmp_path: Path) -> None:
    tidy = {"key": "Year", "pattern": "(?P<key>[0-9]{4}) (?P<column>.*)"}
    recipe = from_members({"header_lines": 3, "fill_forward": [1], "keep": ["Grade", "Town"], "tidy": tidy})
    labels, rows = read(tmp_path, recipe)
    assert labels == ("Grade", "Town", "Year", "Tested", "Average")
    assert rows[:2] == [["3", "Avon", "2015", "50", "2432"], ["3", "Avon", "2016", "*", "*"]]
    assert len(rows) == 4


def test_skip_rename_drop_empty_and_delimiter(tmp_path: Path) -> None:
    recipe = parse_recipe(
        'skip_lines = 1\ndelimiter = ";"\ndrop = ["Note"]\nempty = ["NULL"]\n[rename]\nTwn = "Town"\n', ".toml"
    )
    labels, rows = read(tmp_path, recipe, b"Made on Monday\nTwn;Note;N\nAvon;x;NULL\n")
    assert (labels, rows) == (("Town", "N"), [["Avon", None]])


@pytest.mark.parametrize(
    "members",
    [
        {"header_line": 3}, {"header_lines": 0}, {"header_lines": "3"}, {"skip_lines": -1}, {"delimiter": "||"},
        {"fill_forward": [4]}, {"fill_forward": ["a"]}, {"sentinels": {"*": "hidden"}}, {"types": {"A": "integer"}},
        {"tidy": {"key": "Year"}}, {"tidy": {"key": "Year", "pattern": "("}}, {"tidy": {"key": "Y", "pattern": "x"}},
        {"rename": {"a": 1}}, {"keep": "Grade"}, {"keep": [1]},
    ],
)  # fmt: skip
def test_a_recipe_that_cannot_be_followed_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        from_members(members)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '"x"'])
def test_a_recipe_that_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_recipe(text)


def test_columns_that_the_file_lacks_are_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="does not have: Colour"):
        read(tmp_path, from_members({"drop": ["Colour"]}), b"A,B\n1,2\n")


@pytest.mark.parametrize("name", ["smarter_balanced", "smarter_balanced_tidy"])
def test_shipped_recipes_are_found_by_name_and_read_back(name: str) -> None:
    recipe = read_recipe(Path(name))
    assert recipe.header_lines == 3
    assert from_members(recipe.to_json()) == recipe


def test_an_unknown_recipe_lists_what_there_is() -> None:
    with pytest.raises(Invalid, match="smarter_balanced"):
        read_recipe(Path("nothing.toml"))


def test_a_pattern_that_would_stall_other_engines_ends_at_once() -> None:
    recipe = parse_recipe('{"tidy": {"key": "K", "pattern": "(?P<key>(?:aa|a)+)!(?P<column>.*)"}}')
    rows = follow(recipe, Lines(iter([(1, ["a" * 40 + "b", "aa!x"]), (2, ["1", "2"])]), ()))
    assert rows.labels == ("K", "x")
