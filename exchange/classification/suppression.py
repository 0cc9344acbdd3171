"""Hiding small cells in an open cut (connecticut.md §3.3): a rule per dataset, written down with its classification.

    {"rule": "SDE_LE5", "columns": ["absent"], "hide_with": ["rate"], "groups": ["district", "year"]}

`columns` hold counts: a count within the rule's bounds becomes a suppressed cell. `hide_with` are columns of the same
row that would give the count away (a rate, a percentage). `groups` name the columns whose equal values make rows add up
to a total that readers may know: where exactly one count of such a group is suppressed, the next smallest is
suppressed with it, since the one alone would follow by subtraction.

This is complementary suppression at its minimum. It does not claim that no interval around a hidden count is narrow,
nor does it look across several published tables: an audit by linear programming is what proves that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from exchange.errors import Invalid
from exchange.rows.types import SEVERAL_PARTS

SUPPRESSED = "suppressed"
CELL = "__cell"
"""The ending of the hidden column that says what an empty cell means (exchange.rows.types)."""


@dataclass(frozen=True)
class Rule:
    """Counts from `lowest` to `highest`, both included, are hidden. Zero is shown unless `lowest` is 0."""

    code: str
    lowest: int
    highest: int
    words: str
    source: str


RULES = {
    rule.code: rule
    for rule in (
        Rule("SDE_LE5", 1, 5, "counts of 1 to 5 are hidden, zero is shown", "State open data handbook; SDE"),
        Rule("DPH_LT6_POP100K", 1, 5, "counts of 1 to 5 are hidden for every area, large or small", "DPH"),
        Rule("CMS_1_10", 1, 10, "counts of 1 to 10 are hidden, zero is shown", "CMS cell size policy"),
        Rule("DCF_LE10", 0, 10, "counts of 10 and fewer are hidden, zero too", "DCF"),
        Rule("FTI_STATE", 0, 9, "counts under 10 are hidden", "IRS Publication 1075 (to be confirmed by counsel)"),
    )
}
"""The thresholds in use. The State's health rule looks at areas under 100,000 people; here it is applied to all."""

MEMBERS = {"rule", "columns", "hide_with", "groups"}


@dataclass(frozen=True)
class Suppression:
    """A checked rule with the columns it speaks of."""

    rule: Rule
    columns: tuple[str, ...]
    hide_with: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def within(self, names: Iterable[str]) -> Suppression:
        """The same, over the columns that are really there: what is withheld anyway needs no hiding."""
        there = set(names)
        kept = (tuple(name for name in part if name in there) for part in (self.columns, self.hide_with, self.groups))
        return Suppression(self.rule, *kept)

    def words(self) -> str:
        """The rule as a sentence for the page of the open cut."""
        also = f" Also hidden in such rows: {', '.join(self.hide_with)}." if self.hide_with else ""
        within = f" Rows are taken together by {', '.join(self.groups)}." if self.groups else ""
        return f"In {', '.join(self.columns)}, {self.rule.words} (rule {self.rule.code}).{also}{within}"


def parse(data: Mapping[str, Any], types: Mapping[str, str]) -> Suppression:
    """Check a rule as stored. `types` are the SODA types by column name. Raises `Invalid`: nothing is ever ignored."""
    unknown = set(data) - MEMBERS
    if unknown or data.get("rule") not in RULES:
        wrong = f"member {sorted(unknown)[0]!r}" if unknown else f"rule {data.get('rule')!r}"
        raise Invalid(f"Unknown {wrong} in the suppression. Rules are {', '.join(RULES)}.")
    named = {part: tuple(data.get(part) or ()) for part in ("columns", "hide_with", "groups")}
    for name in (name for names in named.values() for name in names):
        if name not in types:
            raise Invalid(f"The suppression names a column {name!r} that the dataset does not have.")
    if not named["columns"]:
        raise Invalid("The suppression names no column with counts.")
    for name in named["columns"]:
        if types[name] != "number":
            raise Invalid(f"“{name}” is {types[name]}; only columns of type number hold counts.")
    if set(named["columns"]) & {*named["hide_with"], *named["groups"]}:
        raise Invalid("A column is either a count or something hidden or grouped with it, not both.")
    for name in named["hide_with"]:
        if types[name] == "url" or types[name] in SEVERAL_PARTS:
            raise Invalid(f"“{name}” is {types[name]} and cannot be hidden cell by cell. Withhold the column instead.")
    return Suppression(RULES[data["rule"]], **named)


def columns_named(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that a rule as stored speaks of."""
    return tuple(dict.fromkeys(name for part in ("columns", "hide_with", "groups") for name in data.get(part) or ()))


def apply(table: pa.Table, suppression: Suppression) -> pa.Table:
    """The table with small cells emptied and marked; every column that can be hidden has a companion afterwards.

    A count that the source itself suppressed counts as suppressed, in its group and for what is hidden with it.
    """
    keys = _keys(table, suppression.groups)
    touched: set[int] = set()
    for name in suppression.columns:
        hidden = _hidden(table, name, suppression.rule, keys)
        table = _hide(table, name, hidden)
        touched |= {i for i, meaning in enumerate(_meanings(table, name)) if meaning == SUPPRESSED}
    for name in suppression.hide_with:
        table = _hide(table, name, touched)
    return table


def _hidden(table: pa.Table, name: str, rule: Rule, keys: Sequence[tuple[Any, ...]] | None) -> set[int]:
    values = table.column(name).to_pylist()
    hidden = {i for i, value in enumerate(values) if value is not None and rule.lowest <= value <= rule.highest}
    if keys is None:
        return hidden
    meanings = _meanings(table, name)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    for members in groups.values():
        alone = [i for i in members if i in hidden or meanings[i] == SUPPRESSED]
        if len(alone) == 1:
            hidden |= _partner(values, members, alone[0])
    return hidden


def _partner(values: Sequence[Any], members: Sequence[int], alone: int) -> set[int]:
    """The next smallest count of the group; a zero only where there is nothing else. The first row wins a tie."""
    others = [i for i in members if i != alone and values[i] is not None]
    return set(sorted(others, key=lambda i: (values[i] == 0, values[i], i))[:1])


def _hide(table: pa.Table, name: str, rows: set[int]) -> pa.Table:
    column = table.column(name)
    values = [None if i in rows else value for i, value in enumerate(column.to_pylist())]
    old = column.to_pylist()
    meanings = [
        SUPPRESSED if i in rows and old[i] is not None else meaning for i, meaning in enumerate(_meanings(table, name))
    ]
    table = table.set_column(table.schema.get_field_index(name), name, pa.array(values, column.type))
    companion = pa.array(meanings, pa.string())
    place = table.schema.get_field_index(name + CELL)
    if place >= 0:
        return table.set_column(place, name + CELL, companion)
    return table.append_column(name + CELL, companion)


def _meanings(table: pa.Table, name: str) -> list[str | None]:
    if name + CELL not in table.column_names:
        return [None] * table.num_rows
    meanings: list[str | None] = table.column(name + CELL).to_pylist()
    return meanings


def _keys(table: pa.Table, groups: Sequence[str]) -> list[tuple[Any, ...]] | None:
    if not groups:
        return None
    return list(zip(*(table.column(name).to_pylist() for name in groups), strict=True))
