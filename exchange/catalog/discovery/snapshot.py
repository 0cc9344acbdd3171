"""The catalogue as one reader knows it, ready for search: assets, their index, their JSON.

The public's is kept in each worker until the catalogue changes; a signed-in person's is read for each request, under
the same rule of visibility. What did not change since the last time keeps its stems and its JSON.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app
from sqlalchemy.orm import Session

from exchange.catalog.discovery.assets import Asset, read_assets
from exchange.catalog.discovery.index import Index, Weighted, weighted_stems
from exchange.catalog.discovery.matching import Matches, find, match
from exchange.catalog.discovery.parameters import Wanted
from exchange.catalog.discovery.shape import fragment
from exchange.catalog.state import Remembered, state_of
from exchange.directory.identity import Identity


@dataclass(frozen=True)
class Prepared:
    """What is made of one asset alone: weighted stems, JSON and its digest, and all its words in lower case."""

    asset: Asset
    stems: Weighted
    json: bytes
    digest: bytes
    text: str

    def contains(self, word: str) -> bool:
        """Whether this text in lower case is a part of any of the asset's words, or its agency's acronym."""
        return word in self.text or word == self.asset.agency_words[0].lower()


@dataclass(frozen=True)
class Snapshot:
    """Assets by title and id. Positions in `index` and `prepared` are theirs; `mark` changes when any of them does."""

    assets: Sequence[Asset]
    index: Index
    prepared: Sequence[Prepared]
    mark: bytes

    def match(self, wanted: Wanted) -> Matches:
        """The positions that a query wants, and the page of them."""
        return match(self.assets, self.index, wanted)

    def among(self, wanted: Wanted) -> list[Asset]:
        """All assets that a query wants, by title."""
        return [self.assets[position] for position in sorted(find(self.assets, self.index, wanted))]


def make_snapshot(assets: Sequence[Asset], origin: str, before: Mapping[str, Prepared] | None = None) -> Snapshot:
    """Prepare assets for search; `before` is what was prepared last time, by id."""
    known = before or {}
    prepared = [_prepare(asset, origin, known.get(asset.id)) for asset in assets]
    mark = hashlib.sha256()
    for one in prepared:
        mark.update(one.digest)
    return Snapshot(assets, Index(assets, [one.stems for one in prepared]), prepared, mark.digest())


def _prepare(asset: Asset, origin: str, before: Prepared | None) -> Prepared:
    if before is not None and before.asset == asset:
        return before
    json = fragment(asset, origin)
    return Prepared(asset, weighted_stems(asset), json, hashlib.sha256(json).digest(), _text(asset))


def _text(asset: Asset) -> str:
    own = (asset.title, asset.description, asset.id, asset.category, *asset.tags, asset.agency, *asset.agency_words[1:])
    columns = (part for column in asset.columns for part in (column.name, column.label))
    return "\n".join((*own, *columns)).lower()


class PublicCatalogue:
    """The public's snapshot in this worker."""

    def __init__(self, app: Flask) -> None:
        self._origin = app.config["SETTINGS"].origin
        self._kept: Remembered[Snapshot] = Remembered(state_of(app), most=1)
        self._before: Mapping[str, Prepared] = {}

    def get(self, session: Callable[[], Session]) -> Snapshot:
        """The snapshot of the catalogue as committed by now."""
        return self._kept.get("public", session, self._read)

    def _read(self, session: Session) -> Snapshot:
        snapshot = make_snapshot(read_assets(session, None), self._origin, self._before)
        self._before = {one.asset.id: one for one in snapshot.prepared}
        return snapshot


def snapshot_for(session: Callable[[], Session], identity: Identity | None) -> Snapshot:
    """The catalogue as this reader may know it; None is the public."""
    if identity is None:
        return _public_catalogue().get(session)
    return make_snapshot(read_assets(session(), identity), current_app.config["SETTINGS"].origin)


def _public_catalogue() -> PublicCatalogue:
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
    if "public_catalogue" not in app.extensions:
        app.extensions["public_catalogue"] = PublicCatalogue(app)
    return cast(PublicCatalogue, app.extensions["public_catalogue"])
