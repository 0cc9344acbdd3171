"""Full-text search over assets in memory: stems with weights, ranked; built anew when the catalogue changed.

Right for hundreds to tens of thousands of datasets: a query costs as many steps as its words have occurrences.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange.catalog.discovery.assets import Asset
from exchange.catalog.discovery.words import plain, stems

WEIGHTS = {"id": 12.0, "title": 8.0, "tags": 4.0, "agency": 3.0, "category": 3.0, "columns": 2.0, "text": 1.0}
"""How much an occurrence counts by where it stands."""

SATURATION = 4.0
WHOLE_TITLE, IN_TITLE = 2.0, 1.5
"""Factors for a query that is the title, and for one whose every word stands in it."""

Weighted = Mapping[str, float]
Numbers = NDArray[Any]


def weighted_stems(asset: Asset) -> Weighted:
    """Every stem of one asset with its weight: repeated words count ever less."""
    weights: dict[str, float] = defaultdict(float)
    for place, texts in _texts(asset).items():
        for stem, times in Counter(stems(" ".join(texts))).items():
            weights[stem] += WEIGHTS[place] * (1 + math.log(times))
    return weights


def _texts(asset: Asset) -> dict[str, Sequence[str]]:
    columns = asset.columns
    return {
        "id": (asset.id,),
        "title": (asset.title,),
        "tags": asset.tags,
        "agency": (asset.agency, asset.attribution, *asset.agency_words),
        "category": (asset.category,),
        "columns": [part for column in columns for part in {column.label, column.name.replace("_", " ")}],
        "text": (asset.description, *(column.description for column in columns)),
    }


@dataclass(frozen=True)
class Postings:
    """Where one stem stands: positions of assets, the weight at each, and whether it stands in the title there."""

    positions: Numbers
    weights: Numbers
    in_title: Numbers


class Index:
    """Which assets hold which stems. Positions are those of the assets that it was built of."""

    def __init__(self, assets: Sequence[Asset], weights: Sequence[Weighted]) -> None:
        titles = [frozenset(stems(asset.title)) for asset in assets]
        self._size = len(titles)
        self._whole_titles: dict[str, list[int]] = defaultdict(list)
        for position, asset in enumerate(assets):
            self._whole_titles[" ".join(plain(asset.title).split())].append(position)
        found: dict[str, list[tuple[int, float, bool]]] = defaultdict(list)
        for position, weighted in enumerate(weights):
            for stem, weight in weighted.items():
                found[stem].append((position, weight / (weight + SATURATION), stem in titles[position]))
        self._postings = {stem: _postings(held) for stem, held in found.items()}

    def scores(self, asked: Sequence[str], needed: int, text: str) -> dict[int, float]:
        """The score of each asset that holds at least `needed` of these stems; `text` is the query as typed."""
        scores, held, in_title = np.zeros(self._size), np.zeros(self._size, np.int32), np.zeros(self._size, np.int32)
        for stem in asked:
            if (postings := self._postings.get(stem)) is not None:
                rarity = math.log(1 + self._size / (1 + len(postings.positions)))
                scores[postings.positions] += rarity * postings.weights
                held[postings.positions] += 1
                in_title[postings.positions] += postings.in_title
        scores[in_title == len(asked)] *= IN_TITLE
        scores[self._whole_titles.get(" ".join(plain(text).split()), [])] *= WHOLE_TITLE
        found = np.flatnonzero(held >= needed)
        return dict(zip(found.tolist(), scores[found].tolist(), strict=True))


def _postings(held: Sequence[tuple[int, float, bool]]) -> Postings:
    positions, weights, in_title = zip(*held, strict=True)
    return Postings(np.array(positions, np.int32), np.array(weights), np.array(in_title, np.int32))


def words_needed(number: int, rule: str) -> int:
    """How many of `number` words have to be there, by an Elasticsearch `minimum_should_match` rule.

    "2", "-1", "75%", "-25%", and "3<60% 9<-2": up to 3 words all, above 3 the 60 per cent, above 9 all but two. Raises
    `ValueError` for anything else.
    """
    chosen = None
    for part in rule.split():
        bound, below, condition = part.partition("<")
        if not below:
            return _bounded(number, part)
        if number > int(bound):
            chosen = condition
    return number if chosen is None else _bounded(number, chosen)


def _bounded(number: int, condition: str) -> int:
    share = int(condition.removesuffix("%"))
    wanted = math.trunc(number * share / 100) if condition.endswith("%") else share
    return max(1, min(number, wanted if share >= 0 else number + wanted))
