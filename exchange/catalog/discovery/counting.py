"""Counts over the matching assets, and completions of titles and tags; always of what the reader may know, no more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from exchange.catalog.discovery.assets import Asset

COUNTED: Mapping[str, tuple[str, Callable[[Asset], Iterable[str]]]] = {
    "domain_categories": ("domain_category", lambda asset: (asset.category,)),
    "domain_tags": ("domain_tag", lambda asset: asset.tags),
    "categories": ("category", lambda asset: (asset.category,)),
    "tags": ("tag", lambda asset: asset.tags),
}
"""Address → the member that names the value, and where the values come from. One domain: both spellings count alike."""


def counts(kind: str, assets: Iterable[Asset]) -> list[dict[str, Any]]:
    """How many assets have each value, most first, then by value."""
    member, values = COUNTED[kind]
    return [{member: value, "count": count} for value, count in _counted(values, assets)]


def domains(assets: Sequence[Asset], domain: str) -> list[dict[str, Any]]:
    """Our one domain with its number of assets; nothing when there are none."""
    return [{"domain": domain, "count": len(assets)}] if assets else []


def custom(assets: Sequence[Asset]) -> list[dict[str, Any]]:
    """Every pair of custom metadata with its number of assets."""
    found = Counter(pair for asset in assets for pair in asset.custom)
    return [
        {"key": key, "value": value, "count": count}
        for (key, value), count in sorted(found.items(), key=lambda item: (item[0][0], -item[1], item[0][1]))
    ]


def facets(assets: Sequence[Asset]) -> list[dict[str, Any]]:
    """Categories, tags, types, provenance and custom metadata, each with its values."""
    found = [
        _facet("categories", _counted(lambda asset: (asset.category,), assets)),
        _facet("tags", _counted(lambda asset: asset.tags, assets)),
        _facet("datatypes", [("dataset", len(assets))] if assets else []),
        _facet("provenance", [("official", len(assets))] if assets else []),
    ]
    keys = sorted({key for asset in assets for key, _ in asset.custom})
    return found + [_facet(key, _counted(lambda asset, key=key: _values(asset, key), assets)) for key in keys]  # type: ignore[misc]


def titles(assets: Sequence[Asset], text: str, deduplicate: bool) -> list[dict[str, Any]]:
    """The assets in whose title every word begins a word, with the places marked in HTML; the rest is escaped."""
    wanted = _beginnings(text)
    shown = [{"title": asset.title, "display_title": _marked(asset.title, wanted), "id": asset.id}
             for asset in assets if _all_begin(text, asset.title)]  # fmt: skip
    if not deduplicate:
        return shown
    once = {one["title"]: one["display_title"] for one in shown}
    return [{"title": title, "display_title": display} for title, display in once.items()]


def tags(assets: Iterable[Asset], text: str) -> list[dict[str, Any]]:
    """The tags in which every word begins a word, with the places, in order."""
    wanted = _beginnings(text)
    found = sorted({tag for asset in assets for tag in asset.tags if _all_begin(text, tag)})
    return [
        {"tag_text": tag, "matches": [{"start": m.start(), "length": len(m[0])} for m in wanted.finditer(tag)]}
        for tag in found
    ]


def _counted(values: Callable[[Asset], Iterable[str]], assets: Iterable[Asset]) -> list[tuple[str, int]]:
    found = Counter(value for asset in assets for value in set(values(asset)) if value)
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def _facet(name: str, values: Sequence[tuple[str, int]]) -> dict[str, Any]:
    return {
        "facet": name,
        "count": sum(count for _, count in values),
        "values": [{"value": value, "count": count} for value, count in values],
    }


def _values(asset: Asset, key: str) -> list[str]:
    return [value for name, value in asset.custom if name == key]


def _beginnings(text: str) -> re.Pattern[str]:
    words = sorted(_words(text), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words)) or '(?!)'})", re.IGNORECASE)


def _all_begin(text: str, title: str) -> bool:
    asked, there = _words(text), " " + " ".join(_words(title, most=None))
    return bool(asked) and all(f" {word}" in there for word in asked)


def _words(text: str, most: int | None = 10) -> list[str]:
    return re.findall(r"\w+", text.lower())[:most]


def _marked(title: str, wanted: re.Pattern[str]) -> str:
    parts: list[str] = []
    end = 0
    for found in wanted.finditer(title):
        parts += [escape(title[end : found.start()]), f"<span class=highlight>{escape(found[0])}</span>"]
        end = found.end()
    return "".join([*parts, escape(title[end:])])
