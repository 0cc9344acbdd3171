"""Full-text search over assets in memory: stems with weights, ranked; built anew when the catalogue changed.

Right for hundreds to tens of thousands of datasets: a query costs as many steps as its words have occurrences.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from exchange.catalog.discovery.assets import Asset
from exchange.catalog.discovery.words import plain, stems

WEIGHTS = {"id": 12.0, "title": 8.0, "tags": 4.0, "agency": 3.0, "category": 3.0, "columns": 2.0, "text": 1.0}
"""How much an occurrence counts by where it stands."""

SATURATION = 4.0
WHOLE_TITLE, IN_TITLE = 3.0, 1.5
"""Factors for a query that is the title, or whose every word stands in it."""

Weighted = Mapping[str, float]


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


class Index:
    """Which assets hold which stems. Positions are those of the assets that it was built of."""

    def __init__(self, assets: Sequence[Asset], weights: Sequence[Weighted]) -> None:
        self._titles = [(plain(asset.title), frozenset(stems(asset.title))) for asset in assets]
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for position, weighted in enumerate(weights):
            for stem, weight in weighted.items():
                self._postings[stem].append((position, weight / (weight + SATURATION)))

    def scores(self, asked: Sequence[str], needed: int, text: str) -> dict[int, float]:
        """The score of each asset that holds at least `needed` of these stems; `text` is the query as typed."""
        scores: dict[int, float] = defaultdict(float)
        held: Counter[int] = Counter()
        for stem in asked:
            postings = self._postings.get(stem, ())
            rarity = math.log(1 + len(self._titles) / (1 + len(postings)))
            for position, weight in postings:
                scores[position] += rarity * weight
                held[position] += 1
        whole, wanted = " ".join(plain(text).split()), frozenset(asked)
        return {
            position: score * self._title_factor(position, whole, wanted)
            for position, score in scores.items()
            if held[position] >= needed
        }

    def _title_factor(self, position: int, whole: str, wanted: frozenset[str]) -> float:
        title, title_stems = self._titles[position]
        if title == whole:
            return WHOLE_TITLE
        return IN_TITLE if wanted <= title_stems else 1.0


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
