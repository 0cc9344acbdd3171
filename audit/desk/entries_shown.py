"""What a page that shows entries needs beside them: names, titles and words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from audit import asking, words
from audit.days import LEGAL_ZONE
from audit.lookup import Line


def naming(lines: Iterable[Line], persons: Iterable[str] = (), datasets: Iterable[str] = ()) -> dict[str, Any]:
    """Names, titles and words for a page; those that were asked for too, though nothing answers."""
    found = [line.members for line in lines]
    actors = {str(each["actor"]) for each in found if each.get("actor")} | set(persons)
    of = {str(each["dataset"]) for each in found if each.get("dataset")} | set(datasets)
    return {
        "names": asking.names_of(actors),
        "titles": asking.titles_of(of),
        "words_for": words.words_for,
        "code_words": words.words_for_code,
        "ending": words.ending,
        "without_actor": words.without_actor,
        "zone": LEGAL_ZONE,
    }
