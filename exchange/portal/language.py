"""The page of the query language: its functions straight from the table that the engine runs, and its types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, render_template
from sqlalchemy import select
from werkzeug.wrappers import Response

from exchange.catalog.models import Dataset, DatasetClass, DatasetState
from exchange.portal import kept_pages
from exchange.rows.functions import SECTIONS, TABLE, Function
from exchange.rows.types import header_name
from exchange.web import session

language = Blueprint("language", __name__)

_WORDS = {
    "any": "any", "same": "value", "ordered": "value", "first": "as the first", "as_text": "any", "real": "number",
    "geo": "shape", "points": "points", "lines": "lines", "polygons": "polygons", "interval": "duration",
    "zone": "time zone",
}  # fmt: skip
_JOINED = {"AND": "{0} AND {0}", "OR": "{0} OR {0}", "NOT": "NOT {0}", "negate": "-{0}", "count(*)": "count(*)"}
_WRITTEN = {
    "between": "{0} between {1} and {2}", "not_between": "{0} not between {1} and {2}", "in": "{0} in ({1}, …)",
    "not_in": "{0} not in ({1}, …)", "like": "{0} like {1}", "not_like": "{0} not like {1}", "is_null": "{0} is null",
    "is_not_null": "{0} is not null", "case": "case({0}, {1}, …)",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One function with one meaning. `forms` are the ways to call it with what each gives."""

    forms: tuple[tuple[str, str], ...]
    doc: str
    example: str
    url: str | None


@dataclass(frozen=True)
class Section:
    """A heading of the page."""

    title: str
    anchor: str
    entries: tuple[Entry, ...]


@language.get("/developers/soql")
def soql() -> Response | str:
    """Clauses, types, every function with an example that runs, and errors."""
    return kept_pages.page(("soql",), _page)


def _page() -> str:
    sample = (
        session()
        .scalars(
            select(Dataset)
            .where(Dataset.class_ == DatasetClass.OPEN, Dataset.state == DatasetState.PUBLISHED)
            .where(Dataset.current_version_id.is_not(None))
            .order_by(Dataset.updated_at.desc(), Dataset.id)
            .limit(1)
        )
        .first()
    )
    return render_template("exchange/portal/soql.html", sections=sections(sample.id if sample else None), sample=sample)


def sections(dataset_id: str | None) -> list[Section]:
    """The table by heading; functions of one name and meaning are one entry. Examples link to that dataset's rows."""
    return [
        Section(title, title.lower().replace(" ", "-"), tuple(_entries(dataset_id, _of(title)))) for title in SECTIONS
    ]


def _of(title: str) -> list[Function]:
    return [function for function in TABLE if function.section == title]


def _entries(dataset_id: str | None, functions: Sequence[Function]) -> Iterable[Entry]:
    alike: dict[tuple[str, str], list[Function]] = {}
    for function in functions:
        alike.setdefault((function.name, function.doc), []).append(function)
    for (_, doc), overloads in alike.items():
        example = overloads[0].example
        url = f"/resource/{dataset_id}.json?{urlencode({'$query': example})}" if dataset_id else None
        yield Entry(tuple(dict.fromkeys((form(f), words(f.result)) for f in overloads)), doc, example, url)


def words(type_: str) -> str:
    """A type or a class of types, as the page names it."""
    return _WORDS.get(type_, header_name(type_))


def form(function: Function) -> str:
    """How the function is written, with the types of its arguments."""
    arguments = [words(parameter) for parameter in function.parameters]
    pattern = _JOINED.get(function.name) or _WRITTEN.get(function.name)
    if pattern:
        return pattern.format(*arguments)
    if function.name.startswith("::"):
        return f"{arguments[0]}::{words(function.name[2:])}"
    if function.name.startswith("."):
        return f"{arguments[0]}{function.name}"
    if not function.name[0].isalpha():
        return f"{arguments[0]} {function.name} {arguments[1]}"
    more = ", …" if function.repeats else ""
    over = " OVER (…)" if function.window else ""
    return f"{function.name}({', '.join(arguments)}{more}){over}"
