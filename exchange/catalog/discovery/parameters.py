"""What a program asked the catalogue for, from its query string (soda.md §8).

A parameter given several times, or as `x[]`, is a union; different parameters intersect; a name that is none of ours is
custom metadata, `Set-Name_Key-Name`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from exchange.catalog.discovery.index import words_needed
from exchange.errors import Invalid

DEFAULT_LIMIT = 100
MAX_REACH = 10_000
"""`offset` and `limit` together reach no further; `scroll_id` does."""

DEFAULT_SHOULD_MATCH = "3<60%"
TYPES = (
    "api", "calendar", "chart", "datalens", "dataset", "federated_href", "file", "filter", "form", "href", "link",
    "map", "measure", "story", "visualization",
)  # fmt: skip
"""Every logical type that the interface knows; we hold datasets."""

_PLURALS = {"story": "stories", "datalens": "datalenses", "api": "apis"}
ONLY = {name: name for name in TYPES} | {_PLURALS.get(name, f"{name}s"): name for name in TYPES}

FILTERS = (
    "ids", "domains", "names", "categories", "tags", "only", "attribution", "license", "parent_ids", "derived_from",
    "provenance", "for_user", "shared_to", "column_names", "visibility", "audience", "approval_status",
)  # fmt: skip
SWITCHES = ("public", "published", "explicitly_hidden", "data_json_hidden", "derived")
SINGLE = ("q", "min_should_match", "order", "offset", "limit", "scroll_id", "show_visibility", "deduplicate")
IGNORED = ("search_context", "boostOfficial", "app_token")
"""Known and without effect here: one domain, and every asset is official."""

COMMAS = ("ids", "domains", "only", "parent_ids")
"""Parameters in which a comma separates values."""

ORDERS = {
    "relevance": True, "name": False, "owner": False, "dataset_id": False, "datatype": False, "domain_category": False,
    "createdAt": True, "updatedAt": True, "page_views_total": True, "page_views_last_week": True,
    "page_views_last_month": True,
}  # fmt: skip
"""What results can be sorted by, and whether the largest comes first unless the order says otherwise."""

_TRUTH = {"true": True, "false": False, "": True, "1": True, "0": False}


@dataclass(frozen=True)
class Wanted:
    """A checked query. `order` holds names with whether they descend; `scroll` None means paging by offset."""

    filters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    switches: Mapping[str, bool] = field(default_factory=dict)
    custom: Mapping[str, frozenset[str]] = field(default_factory=dict)
    q: str = ""
    should_match: str = DEFAULT_SHOULD_MATCH
    order: tuple[tuple[str, bool], ...] = (("relevance", True),)
    offset: int = 0
    limit: int = DEFAULT_LIMIT
    scroll: str | None = None
    show_visibility: bool = False
    deduplicate: bool = True


def parse(given: Iterable[tuple[str, str]]) -> Wanted:
    """The checked query. Raises `Invalid` naming the parameter and what it may be."""
    values = _by_name(given)
    offset, limit = _number(values, "offset", 0), _number(values, "limit", DEFAULT_LIMIT)
    if offset + limit > MAX_REACH:
        raise Invalid(
            f"offset and limit together may be at most {MAX_REACH:,}. To go further, give limit and "
            "scroll_id=<the id of the last result>, beginning with an empty scroll_id."
        )
    scroll = _last(values, "scroll_id")
    if scroll is not None and "order" in values:
        raise Invalid("scroll_id goes through the results by their ids, so it cannot be given together with order.")
    return Wanted(
        filters={name: _filter(name, values[name]) for name in FILTERS if name in values},
        switches={name: _switch(name, values[name][-1]) for name in SWITCHES if name in values},
        custom={name: frozenset(found) for name, found in values.items() if _is_custom(name)},
        q=_last(values, "q") or "",
        should_match=_should_match(_last(values, "min_should_match")),
        order=tuple(_order(text) for text in values.get("order", ["relevance"])),
        offset=offset,
        limit=limit,
        scroll=scroll,
        show_visibility="show_visibility" in values and _switch("show_visibility", values["show_visibility"][-1]),
        deduplicate=_switch("deduplicate", _last(values, "deduplicate") or "true"),
    )


def _by_name(given: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in given:
        values.setdefault(name.removesuffix("[]"), []).append(value)
    return values


def _is_custom(name: str) -> bool:
    return not name.startswith("$") and name not in (*FILTERS, *SWITCHES, *SINGLE, *IGNORED)


def _last(values: Mapping[str, list[str]], name: str) -> str | None:
    return values[name][-1].strip() if name in values else None


def _number(values: Mapping[str, list[str]], name: str, otherwise: int) -> int:
    text = _last(values, name)
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(f"{name} must be a whole number from 0, not {text[:40]!r}.")
    return int(text)


def _switch(name: str, value: str) -> bool:
    try:
        return _TRUTH[value.strip().lower()]
    except KeyError:
        raise Invalid(f"{name} is true or false, not {value[:40]!r}.") from None


def _filter(name: str, given: list[str]) -> frozenset[str]:
    values = [part.strip() for text in given for part in (text.split(",") if name in COMMAS else [text])]
    if name == "only":
        unknown = [value for value in values if value.lower() not in ONLY]
        if unknown:
            raise Invalid(f"only takes one of these types, not {unknown[0][:40]!r}: {', '.join(TYPES)}.")
        return frozenset(ONLY[value.lower()] for value in values)
    return frozenset(value.lower() for value in values) if name not in ("attribution", "license") else frozenset(values)


def _should_match(rule: str | None) -> str:
    try:
        words_needed(1, rule or DEFAULT_SHOULD_MATCH)
    except ValueError:
        raise Invalid("min_should_match is a number or a percentage, such as 2, 75% or 3<60%.") from None
    return rule or DEFAULT_SHOULD_MATCH


def _order(text: str) -> tuple[str, bool]:
    name, _, direction = text.strip().partition(" ")
    direction = direction.strip().upper()
    if name not in ORDERS or direction not in ("", "ASC", "DESC"):
        raise Invalid(f"order takes one of these, with ASC or DESC after it or without: {', '.join(ORDERS)}.")
    return name, direction == "DESC" if direction else ORDERS[name]
