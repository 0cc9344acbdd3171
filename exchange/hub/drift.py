"""Validate: what a new version would take from the readers of the old one. Anything found stops the run and asks.

A source that is down for an hour must not unpublish a dataset, and a renamed column must not vanish in silence
(portals.md §0.3). A person may accept each kind of finding; the acceptance is kept in the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exchange.values import counted

LARGEST_DROP = 0.2
"""Share of the rows that may vanish without a question."""

NAMED_ROWS = 1_000
"""Rows that a program may delete by naming each, whatever their share: it cannot mean others by mistake."""

VANISHED, RETYPED, DROP, REFUSED, UNDECIDED = "vanished", "retyped", "drop", "refused", "undecided"


def findings(
    *,
    before: Sequence[Mapping[str, Any]] | None,
    after: Sequence[Mapping[str, Any]],
    rows_before: int,
    rows_after: int,
    refused: int,
    decided: frozenset[str] | None = None,
    named: int | None = None,
) -> list[dict[str, Any]]:
    """What a person must accept before this version may appear, each with its kind and words.

    `before` is the schema of the current version or None; `decided` the columns of the agreed classification of a
    public open dataset, None where there is none; `named` how many rows go because each was named, None otherwise.
    """
    lost = () if named is not None and named <= NAMED_ROWS else _rows(rows_before, rows_after)
    found = [*_columns(before or (), after), *lost]
    if refused:
        found.append(
            _finding(REFUSED, f"{counted(refused, 'row does', 'rows do')} not fit the types and would be left out.")
        )
    new = [column["label"] for column in after if decided is not None and column["name"] not in decided]
    if new:
        found.append(
            _finding(UNDECIDED, f"Nobody has classified {', '.join(new)}. If you go on, the dataset leaves the public "
                     "catalogue until its columns are decided and the CDO agrees.")
        )  # fmt: skip
    return found


def _columns(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    types = {column["name"]: column["type"] for column in after}
    found = []
    for column in before:
        name, type_ = column["name"], column["type"]
        if name not in types:
            found.append(
                _finding(
                    VANISHED, f"The column {column['label']} ({name}) is in the current version and not in this one."
                )
            )
        elif types[name] != type_:
            found.append(
                _finding(
                    RETYPED, f"The column {column['label']} was {_type(type_)} and would become {_type(types[name])}."
                )
            )
    return found


def _rows(before: int, after: int) -> list[dict[str, Any]]:
    if before and after < before * (1 - LARGEST_DROP):
        lost = 100 * (before - after) / before
        return [
            _finding(
                DROP,
                f"The current version has {counted(before, 'row', 'rows')}, this one {after:,}: {lost:.0f} % fewer.",
            )
        ]
    return []


def _finding(kind: str, words: str) -> dict[str, Any]:
    return {"kind": kind, "words": words}


def _type(type_: str) -> str:
    return type_.replace("_", " ")
