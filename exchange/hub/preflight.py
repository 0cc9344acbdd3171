"""A look at the source before anything is registered: what cannot be published must leave no trace in the catalogue.

A file is read through to its end, since a fault in its last line is one too. Of a database the connection, the columns
and the first row are tried; the rest can fail only later, and then the run keeps the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from exchange.classification.exemptions import REGIMES
from exchange.errors import Invalid
from exchange.hub.extracting import open_source
from exchange.hub.recipe import Recipe
from exchange.hub.source import Given, SqlGiven, names_for, tidy_labels
from exchange.values import field_name


def look(
    given: Given, recipe: Recipe | None, *, columns: Collection[str] = (), row_id: str | None = None
) -> tuple[str, ...]:
    """The field names of the source, if it can be published.

    `columns` and `row_id` are names or labels that somebody gave and that must exist. Raises `Invalid` or `Unavailable`
    with the reason: no file, no driver, no connection, no such table, a header or a line that cannot be read, no rows.
    """
    rows = open_source(given, recipe or Recipe())
    labels = tidy_labels(rows.labels)
    names = names_for(labels)
    _require_columns(columns, names, labels)
    if row_id and field_name(row_id) not in names:
        raise Invalid(
            f"There is no column {field_name(row_id)} to be the row identifier. There are: {', '.join(names)}."
        )
    found = next(rows.rows, None) is not None
    if not isinstance(given, SqlGiven):
        for _ in rows.rows:
            pass
    if not found:
        raise Invalid("The source has a header and no rows. Nothing was published.")
    return names


def require_regimes(regimes: Iterable[str]) -> None:
    """Raise `Invalid` for a body of law that the vocabulary of exemptions does not have."""
    unknown = sorted(set(regimes) - REGIMES)
    if unknown:
        raise Invalid(f"There is no regime {', '.join(unknown)}. The known ones are: {', '.join(sorted(REGIMES))}.")


def _require_columns(wanted: Collection[str], names: Collection[str], labels: Collection[str]) -> None:
    unknown = [name for name in wanted if name not in names and name not in labels]
    if unknown:
        raise Invalid(f"There is no column {', '.join(unknown)}. The columns are: {', '.join(names)}.")
