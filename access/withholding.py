"""Why a column is not there for a reader who holds a grant on its dataset: the clause and the exemption, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from sqlalchemy.orm import Session

from access.decision import GrantTerms
from exchange.catalog.models import Dataset
from exchange.classification.withheld import why_withheld
from exchange.rows.soql import Query
from exchange.rows.soql.tree import Name


def why_column(session: Session, dataset: Dataset, terms: GrantTerms) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """For each column of the dataset: why this grant may not give it, and the clauses and exemption behind it."""
    withheld = {each.column: each for each in why_withheld(session, dataset.id)}
    clauses = terms.because.get("columns", ())
    reasons: dict[str, tuple[str, tuple[str, ...]]] = {}
    for column in dataset.columns:
        basis = withheld.get(column.name)
        words = f" {basis.words}" if basis else ""
        exemption = (f"{basis.limb}:{basis.code}",) if basis and basis.code else ()
        if column.name in terms.columns:
            reasons[column.name] = (
                f"“{column.label}” is granted, but this token was asked for fewer columns.",
                clauses,
            )
        else:
            where = f" ({', '.join(clauses)})" if clauses else ""
            reasons[column.name] = (
                f"“{column.label}” is not among the columns that the agreement grants{where}.{words}",
                clauses + exemption,
            )
    return reasons


def names_in(query: Query) -> frozenset[str]:
    """Every name that a query uses anywhere, for a column or for an alias."""
    return frozenset(_names(query))


def _names(part: Any) -> Iterator[str]:
    if isinstance(part, Name):
        yield part.key
    elif isinstance(part, tuple):
        for member in part:
            yield from _names(member)
    elif is_dataclass(part):
        for member in fields(part):
            yield from _names(getattr(part, member.name))
