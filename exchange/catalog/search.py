"""Search and facets over the datasets that the reader may know of, and over no others, for the catalogue's page.

Two ways with one result: by SQL for a signed-in person, in memory for the public (`find_public`). Every word must be
found in the title, description, tags, id, agency (name, acronym, alias) or in a column's name or label. Titles count
most. Counts of a facet are those of the other filters, so each number says what a click would show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from exchange.catalog.discovery.assets import Asset
from exchange.catalog.discovery.snapshot import Snapshot
from exchange.catalog.models import Column, Dataset
from exchange.catalog.visibility import visible
from exchange.directory.identity import Identity
from exchange.directory.models import Agency, AgencyAlias

PAGE_SIZE = 20
MAX_WORDS = 12
"""Words beyond these are not looked at; a query is typed by a person."""


@dataclass(frozen=True)
class Search:
    """What the reader looks for. `page` counts from 1; empty texts filter nothing."""

    text: str = ""
    agency: str = ""
    category: str = ""
    class_: str = ""
    page: int = 1


@dataclass(frozen=True)
class Choice:
    """One value of a facet with the number of datasets it would show."""

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True)
class Listed:
    """A dataset as the list shows it."""

    id: str
    title: str
    description: str
    class_: str
    state: str
    agency: str
    category: str
    updated_at: datetime


@dataclass(frozen=True)
class Found:
    """One page of results. `facets` maps agency, category and class_ to their choices."""

    datasets: Sequence[Listed]
    total: int
    page: int
    pages: int
    facets: dict[str, list[Choice]]


def find(session: Session, identity: Identity | None, search: Search) -> Found:
    """The datasets that match, best first, then by title; one page of them, with the facets of all."""
    total = session.scalar(_matching(select(func.count()).select_from(Dataset), identity, search)) or 0
    page, pages = _page(search, total)
    statement = _matching(select(Dataset), identity, search).options(joinedload(Dataset.agency))
    order = (_rank(search), func.lower(Dataset.title), Dataset.id)
    rows = session.scalars(statement.order_by(*order).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)).all()
    shown = [_listed(row, row.agency.name) for row in rows]
    return Found(shown, total, page, pages, _facets(session, identity, search))


def find_public(snapshot: Snapshot, search: Search) -> Found:
    """The same for the public, from memory; `snapshot` is the public's."""
    words = _words(search.text)
    worded = [one for one in snapshot.prepared if all(one.contains(word) for word in words)]
    found = [one.asset for one in worded if _filtered(one.asset, search)]
    found.sort(key=lambda asset: _asset_rank(asset, words))
    page, pages = _page(search, len(found))
    shown = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    facets = _asset_facets([one.asset for one in worded], search)
    return Found([_listed(asset, asset.agency) for asset in shown], len(found), page, pages, facets)


def newest(session: Session, identity: Identity | None, count: int) -> Sequence[Dataset]:
    """The datasets that changed last, latest first, among those the reader may know of."""
    statement = select(Dataset).where(visible(identity)).options(joinedload(Dataset.agency))
    return session.scalars(statement.order_by(Dataset.updated_at.desc(), Dataset.id).limit(count)).all()


def _page(search: Search, total: int) -> tuple[int, int]:
    pages = max(1, -(-total // PAGE_SIZE))
    return min(max(1, search.page), pages), pages


def _listed(one: Dataset | Asset, agency: str) -> Listed:
    return Listed(one.id, one.title, one.description, one.class_, one.state, agency, one.category, one.updated_at)


def _filtered(asset: Asset, search: Search) -> bool:
    wanted = ((search.agency, asset.agency_id), (search.category, asset.category), (search.class_, asset.class_))
    return all(not value or value == own for value, own in wanted)


def _asset_rank(asset: Asset, words: Sequence[str]) -> tuple[int, str, str]:
    title = asset.title.lower()
    rank = 0 if words and asset.id == words[0] else 1 if all(word in title for word in words) else 2
    return rank, title, asset.id


def _asset_facets(worded: Sequence[Asset], search: Search) -> dict[str, list[Choice]]:
    names = {asset.agency_id: asset.agency for asset in worded}
    agencies = Counter(a.agency_id for a in worded if _filtered(a, replace(search, agency="")))
    categories = Counter(a.category for a in worded if _filtered(a, replace(search, category="")))
    classes = Counter(a.class_ for a in worded if _filtered(a, replace(search, class_="")))
    return _all_choices(agencies, names, categories, classes, search)


def _words(text: str) -> list[str]:
    return text.lower().split()[:MAX_WORDS]


def _matching(statement: Select[Any], identity: Identity | None, search: Search) -> Select[Any]:
    statement = statement.where(visible(identity), *(_contains(word) for word in _words(search.text)))
    if search.agency:
        statement = statement.where(Dataset.agency_id == search.agency)
    if search.category:
        statement = statement.where(Dataset.category == search.category)
    if search.class_:
        statement = statement.where(Dataset.class_ == search.class_)
    return statement


def _contains(word: str) -> ColumnElement[bool]:
    column = exists().where(
        Column.dataset_id == Dataset.id,
        or_(Column.name.icontains(word, autoescape=True), Column.label.icontains(word, autoescape=True)),
    )
    agency = exists().where(
        Agency.id == Dataset.agency_id,
        or_(Agency.name.icontains(word, autoescape=True), func.lower(Agency.acronym) == word),
    )
    alias = exists().where(
        AgencyAlias.agency_id == Dataset.agency_id, AgencyAlias.alias.icontains(word, autoescape=True)
    )
    own = (Dataset.title, Dataset.description, Dataset.id, Dataset.category, cast(Dataset.tags, String))
    return or_(*(field.icontains(word, autoescape=True) for field in own), column, agency, alias)


def _rank(search: Search) -> ColumnElement[int]:
    words = _words(search.text)
    if not words:
        return case((Dataset.id == "", 0), else_=1)
    in_title = and_(*(Dataset.title.icontains(word, autoescape=True) for word in words))
    return case((Dataset.id == words[0], 0), (in_title, 1), else_=2)


def _facets(session: Session, identity: Identity | None, search: Search) -> dict[str, list[Choice]]:
    agencies = _counts(session, identity, replace(search, agency=""), Dataset.agency_id)
    names = dict(session.execute(select(Agency.id, Agency.name).where(Agency.id.in_(agencies))).all())
    categories = _counts(session, identity, replace(search, category=""), Dataset.category)
    classes = _counts(session, identity, replace(search, class_=""), Dataset.class_)
    return _all_choices(agencies, names, categories, classes, search)


def _all_choices(
    agencies: Mapping[str, int],
    names: Mapping[str, str],
    categories: Mapping[str, int],
    classes: Mapping[str, int],
    search: Search,
) -> dict[str, list[Choice]]:
    return {
        "agency": _choices(agencies, names, search.agency),
        "category": _choices(categories, {}, search.category),
        "class_": _choices(classes, {"open": "Open", "restricted": "Restricted"}, search.class_),
    }


def _counts(session: Session, identity: Identity | None, search: Search, field: Any) -> dict[str, int]:
    statement = _matching(select(field, func.count()).select_from(Dataset), identity, search).group_by(field)
    return dict(session.execute(statement).all())


def _choices(counts: Mapping[str, int], names: Mapping[str, str], chosen: str) -> list[Choice]:
    choices = [Choice(value, names.get(value, value), count, value == chosen) for value, count in counts.items()]
    return sorted(choices, key=lambda choice: choice.label.lower())
