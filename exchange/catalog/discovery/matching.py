"""Which assets a query wants, in which order, and which page of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exchange.catalog.discovery.assets import Asset
from exchange.catalog.discovery.index import Index, words_needed
from exchange.catalog.discovery.parameters import Wanted
from exchange.catalog.discovery.words import asked_stems

OURS = "our own domain"
"""What the entry point writes for a domain that is ours, under whatever name the client knows it."""


@dataclass(frozen=True)
class Matches:
    """Positions of the matching assets, in order; `page` is the asked part of them."""

    found: Sequence[int]
    page: Sequence[int]


def match(assets: Sequence[Asset], index: Index, wanted: Wanted) -> Matches:
    """Find, sort and cut. The number found is always what paging through them yields."""
    found = find(assets, index, wanted)
    if wanted.scroll is not None:
        by_id = sorted(found, key=lambda position: assets[position].id)
        rest = [position for position in by_id if assets[position].id > wanted.scroll]
        return Matches(by_id, rest[: wanted.limit])
    ordered = _ordered(assets, found, wanted)
    return Matches(ordered, ordered[wanted.offset : wanted.offset + wanted.limit])


def find(assets: Sequence[Asset], index: Index, wanted: Wanted) -> dict[int, float]:
    """The positions of the matching assets with their scores, unordered."""
    asked = asked_stems(wanted.q)
    if asked:
        scored = index.scores(asked, words_needed(len(asked), wanted.should_match), wanted.q)
    else:
        scored = dict.fromkeys(range(len(assets)), 0.0)
    tests = _tests(wanted)
    if not tests:
        return scored
    return {position: score for position, score in scored.items() if all(test(assets[position]) for test in tests)}


Test = Callable[[Asset], bool]


def _tests(wanted: Wanted) -> list[Test]:
    tests = [_filter_test(name, values) for name, values in wanted.filters.items()]
    tests += [_switch_test(name, value) for name, value in wanted.switches.items()]
    return tests + [_custom_test(name, values) for name, values in wanted.custom.items()]


_FACTS: Mapping[str, Callable[[Asset], Sequence[str]]] = {
    "ids": lambda asset: (asset.id,),
    "domains": lambda _asset: (OURS,),
    "names": lambda asset: (asset.title.lower(),),
    "categories": lambda asset: (asset.category.lower(),),
    "tags": lambda asset: [tag.lower() for tag in asset.tags],
    "only": lambda _asset: ("dataset",),
    "attribution": lambda asset: (asset.attribution,),
    "license": lambda asset: (asset.licence,),
    "parent_ids": lambda asset: (asset.parent or "",),
    "derived_from": lambda asset: (asset.parent or "",),
    "provenance": lambda _asset: ("official",),
    "for_user": lambda asset: (asset.agency_id,),
    "shared_to": lambda _asset: (),
    "column_names": lambda asset: [name.lower() for column in asset.columns for name in (column.label, column.name)],
    "visibility": lambda asset: ("open" if asset.is_public else "internal",),
    "audience": lambda asset: (audience(asset),),
    "approval_status": lambda asset: ("approved" if asset.is_listed else "not_ready",),
}
"""What each filter compares with; rows are shared by agreements only, never with persons (`shared_to`)."""

_STATES: Mapping[str, Test] = {
    "public": lambda asset: asset.is_public,
    "published": lambda asset: asset.is_listed,
    "explicitly_hidden": lambda _asset: False,
    "data_json_hidden": lambda asset: not asset.is_public,
    "derived": lambda asset: asset.parent is not None,
}


def audience(asset: Asset) -> str:
    """Who may know of it: public, site (whoever holds a role here), private (its agency)."""
    return "public" if asset.is_public else "site" if asset.is_listed else "private"


def _filter_test(name: str, values: frozenset[str]) -> Test:
    fact = _FACTS[name]
    return lambda asset: not values.isdisjoint(fact(asset))


def _switch_test(name: str, value: bool) -> Test:
    state = _STATES[name]
    return lambda asset: state(asset) is value


def _custom_test(name: str, values: frozenset[str]) -> Test:
    return lambda asset: any(key == name and value in values for key, value in asset.custom)


_SORT: Mapping[str, Callable[[Asset], Any]] = {
    "name": lambda asset: asset.title.lower(),
    "owner": lambda asset: asset.agency.lower(),
    "dataset_id": lambda asset: asset.id,
    "datatype": lambda _asset: "dataset",
    "domain_category": lambda asset: asset.category.lower() or None,
    "createdAt": lambda asset: asset.created_at,
    "updatedAt": lambda asset: asset.updated_at,
}
"""Views are not counted, so the orders by page views leave everything in the order of titles."""


def _ordered(assets: Sequence[Asset], found: Mapping[int, float], wanted: Wanted) -> list[int]:
    """Equal ones stay in the order of the assets themselves, title and id, so that pages never overlap."""
    positions = sorted(found)
    for name, descends in reversed(wanted.order):
        if name == "relevance":
            positions.sort(key=found.__getitem__, reverse=descends)
        elif (key := _SORT.get(name)) is not None:
            positions = _sorted(positions, [key(asset) for asset in assets], descends)
    return positions


def _sorted(positions: list[int], keys: list[Any], descends: bool) -> list[int]:
    """What has no value comes last in both directions."""
    with_key = [position for position in positions if keys[position] is not None]
    with_key.sort(key=keys.__getitem__, reverse=descends)
    return with_key + [position for position in positions if keys[position] is None]
