"""Recipes: small files that describe an awkward layout, so that the data is read and never edited by hand.

A recipe is JSON or TOML. Every member is optional::

    {"about": "EdSight export with three header lines",
     "delimiter": ",",            one character
     "skip_lines": 0,             records before the header that are not data
     "header_lines": 3,           records that make the header together
     "fill_forward": [1, 2],      header lines (from 1) in which an empty cell repeats the one to its left
     "join": " ",                 what stands between the parts of a merged header
     "keep": ["Grade"],           columns that stay as they are when the others are turned into rows (tidy)
     "tidy": {"key": "Year", "pattern": "(?P<key>[0-9]{4}) (?P<column>.*)"},
     "rename": {"Old": "New"},    labels
     "drop": ["Notes"],           labels
     "empty": ["NULL", "n.d."],   cells that say nothing and become empty
     "sentinels": {"*": "suppressed"},     in every column
     "types": {"Grade": "text"}}  types that the steward has settled

Unknown members are refused: a misspelt instruction must not be ignored in silence.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from exchange.errors import Invalid
from exchange.hub import parsing
from exchange.hub.csv_source import Lines, even_rows
from exchange.hub.meanings import MEANINGS
from exchange.hub.shipped import SHIPPED, shipped_recipes
from exchange.hub.source import Row, Rows

Records = Iterator[tuple[int, list[str]]]


@dataclass(frozen=True)
class Recipe:
    """What a recipe file says; see the module's text for each member."""

    about: str = ""
    delimiter: str = ","
    skip_lines: int = 0
    header_lines: int = 1
    fill_forward: tuple[int, ...] = ()
    join: str = " "
    keep: tuple[str, ...] = ()
    tidy: Mapping[str, str] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    sentinels: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The recipe as kept in the run; `from_members` reads it back."""
        return {f.name: list(v) if isinstance(v := getattr(self, f.name), tuple) else v for f in fields(self)}


_KINDS: Mapping[str, type] = {
    "about": str, "delimiter": str, "skip_lines": int, "header_lines": int, "fill_forward": list, "join": str,
    "keep": list, "tidy": dict, "rename": dict, "drop": list, "empty": list, "sentinels": dict, "types": dict,
}  # fmt: skip


def read_recipe(path: Path) -> Recipe:
    """A recipe from a file, or from one shipped under this name. Raises `Invalid` with what is wrong in it."""
    found = path if path.exists() else SHIPPED / f"{path.name.removesuffix('.json')}.json"
    if not found.exists():
        raise Invalid(f"There is no recipe file {path}. Shipped with the program: {', '.join(shipped_recipes())}.")
    return parse_recipe(found.read_text(encoding="utf-8"), found.suffix)


def parse_recipe(text: str, suffix: str = ".json") -> Recipe:
    """A recipe from the text of a JSON or TOML file."""
    try:
        members = tomllib.loads(text) if suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The recipe is not well-formed {suffix.removeprefix('.').upper()}: {error}.") from error
    if not isinstance(members, dict):
        raise Invalid("A recipe is an object with members such as header_lines and rename.")
    return from_members(members)


def from_members(members: Mapping[str, Any]) -> Recipe:
    """A recipe from its members. Raises `Invalid` for an unknown member or one of the wrong kind."""
    unknown = sorted(set(members) - set(_KINDS))
    if unknown:
        raise Invalid(f"The recipe has no member {', '.join(unknown)}. It may have: {', '.join(_KINDS)}.")
    wrong = sorted(name for name, value in members.items() if not isinstance(value, _KINDS[name]))
    if wrong:
        raise Invalid(f"The recipe's {', '.join(wrong)} is not of the kind that it has to be.")
    values: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in members.items()}
    made = Recipe(**values)
    _check(made)
    return made


def _check(recipe: Recipe) -> None:
    wrong = [
        sentence
        for ok, sentence in (
            (len(recipe.delimiter) == 1, "delimiter is one character"),
            (_count(recipe.skip_lines) and _count(recipe.header_lines), "skip_lines and header_lines are numbers"),
            (recipe.header_lines != 0, "header_lines is at least 1"),
            (
                all(_count(n) and 0 < n <= recipe.header_lines for n in recipe.fill_forward),
                "fill_forward names header lines",
            ),
            (
                _words(recipe.rename) and _words(recipe.types) and _words(recipe.tidy),
                "rename, types and tidy map text to text",
            ),
            (
                all(isinstance(w, str) for w in (*recipe.keep, *recipe.drop, *recipe.empty)),
                "keep, drop and empty list texts",
            ),
            (
                _words(recipe.sentinels) and set(recipe.sentinels.values()) <= set(MEANINGS),
                f"sentinels mean one of {MEANINGS}",
            ),
            (all(type_ in parsing.TYPES for type_ in recipe.types.values()), f"types are {', '.join(parsing.TYPES)}"),
            (not recipe.tidy or set(recipe.tidy) == {"key", "pattern"}, "tidy has key and pattern"),
        )
        if not ok
    ]
    if wrong:
        raise Invalid(f"The recipe cannot be followed: {'; '.join(wrong)}.")
    _check_pattern(recipe)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _words(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(part, str) for pair in value.items() for part in pair)


def _check_pattern(recipe: Recipe) -> None:
    if recipe.tidy and set(_split(recipe.tidy["pattern"], [""]).type.names) != {"key", "column"}:
        raise Invalid("The recipe's tidy pattern needs the two groups (?P<key>…) and (?P<column>…).")


def _split(pattern: str, labels: Sequence[str]) -> pa.StructArray:
    """Key and column of each label that the whole pattern fits, else null. RE2 takes linear time on any pattern."""
    try:
        return pc.extract_regex(pa.array(labels, pa.string()), pattern=rf"\A(?:{pattern})\z")
    except pa.ArrowInvalid as error:
        raise Invalid(f"The recipe's tidy pattern is not a regular expression (RE2): {error}.") from error


def follow(recipe: Recipe, lines: Lines) -> Rows:
    """The header and rows that the recipe makes of a file's records."""
    header = [cells for _, cells in islice(lines.cells, recipe.skip_lines, recipe.skip_lines + recipe.header_lines)]
    if not header:
        raise Invalid("The file is empty: it has no header line.")
    if len(header) < recipe.header_lines:
        raise Invalid(f"The recipe expects {recipe.header_lines} header lines; the file ends before them.")
    width = len(header[-1])
    if any(len(cells) != width for cells in header):
        raise Invalid(f"The {len(header)} header lines have different numbers of cells: {[len(c) for c in header]}.")
    _require_delimiter(header[-1])
    rows = even_rows(lines.cells, width)
    made = Rows(labels=merge_header(recipe, header), rows=rows, notes=lines.notes)
    return rearrange(recipe, made)


def _require_delimiter(header: Sequence[str]) -> None:
    """One single column that holds a divider is a file divided by something else."""
    if len(header) == 1:
        for mark, name in (("\t", "tabs"), (";", "semicolons"), ("|", "bars")):
            if mark in header[0]:
                raise Invalid(f"The columns seem to be divided by {name}. Say so in a recipe: delimiter = {mark!r}.")


def rearrange(recipe: Recipe, rows: Rows) -> Rows:
    """Everything that a recipe asks for after the header: empty cells, tidy rows, dropped and renamed columns."""
    return _renamed(recipe, _dropped(recipe, _tidied(recipe, _emptied(recipe, rows))))


def merge_header(recipe: Recipe, header: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """One label a column, out of several header lines."""
    filled = [_forward(line) if number in recipe.fill_forward else line for number, line in enumerate(header, 1)]
    parts = zip(*[[cell.strip() for cell in line] for line in filled], strict=True)
    return tuple(recipe.join.join(part for part in column if part) for column in parts)


def _forward(line: Sequence[str]) -> list[str]:
    filled: list[str] = []
    for cell in line:
        filled.append(cell if cell.strip() or not filled else filled[-1])
    return filled


def _emptied(recipe: Recipe, rows: Rows) -> Rows:
    says_nothing = frozenset(recipe.empty)
    if not says_nothing:
        return rows
    return _with(rows, rows.labels, ([None if c in says_nothing else c for c in row] for row in rows.rows))


def _tidied(recipe: Recipe, rows: Rows) -> Rows:
    if not recipe.tidy:
        return rows
    kept = [rows.labels.index(label) for label in _existing(recipe.keep, rows.labels)]
    found: dict[str, dict[str, int]] = {}
    for place, parts in enumerate(_split(recipe.tidy["pattern"], rows.labels).to_pylist()):
        if parts is not None and place not in kept:
            found.setdefault(parts["key"], {})[parts["column"]] = place
    columns = tuple(dict.fromkeys(column for group in found.values() for column in group))
    labels = (*(rows.labels[place] for place in kept), recipe.tidy["key"], *columns)
    return _with(rows, labels, _turn(rows.rows, kept, found, columns))


def _turn(
    rows: Iterator[Row], kept: list[int], found: Mapping[str, Mapping[str, int]], columns: Sequence[str]
) -> Iterator[Row]:
    for row in rows:
        for key, places in found.items():
            cells = [row[places[column]] if column in places else None for column in columns]
            if any(cells):
                yield [*(row[place] for place in kept), key, *cells]


def _dropped(recipe: Recipe, rows: Rows) -> Rows:
    dropped = set(_existing(recipe.drop, rows.labels))
    if not dropped:
        return rows
    places = [place for place, label in enumerate(rows.labels) if label not in dropped]
    return _with(rows, tuple(rows.labels[p] for p in places), ([row[p] for p in places] for row in rows.rows))


def _renamed(recipe: Recipe, rows: Rows) -> Rows:
    _existing(tuple(recipe.rename), rows.labels)
    return _with(rows, tuple(recipe.rename.get(label, label) for label in rows.labels), rows.rows)


def _existing(wanted: tuple[str, ...], labels: Sequence[str]) -> tuple[str, ...]:
    missing = [label for label in wanted if label not in labels]
    if missing:
        raise Invalid(f"The recipe names columns that the file does not have: {', '.join(missing)}.")
    return wanted


def _with(rows: Rows, labels: tuple[str, ...], cells: Iterator[Row]) -> Rows:
    return Rows(labels=labels, rows=cells, declared=rows.declared, notes=rows.notes)
