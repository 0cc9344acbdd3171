"""Words of a text as search compares them: without accents and case, English stems."""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache

import snowballstemmer

MAX_WORDS = 40
"""Words of a query beyond these are not looked at; a query is typed by a person."""

_WORD = re.compile(r"[^\W_]+")
_stemmer = snowballstemmer.stemmer("english")
_one_at_a_time = threading.Lock()
"""The stemmer keeps the word that it works on in itself."""


def stems(text: str) -> tuple[str, ...]:
    """The stems of a text's words in order, with repetitions."""
    return tuple(_stem(word) for word in _WORD.findall(plain(text)))


def asked_stems(text: str) -> tuple[str, ...]:
    """The different stems of a query, in order of first mention."""
    return tuple(dict.fromkeys(stems(text[: MAX_WORDS * 50])))[:MAX_WORDS]


def plain(text: str) -> str:
    """The text in lower case without accents."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).lower()


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    with _one_at_a_time:
        return str(_stemmer.stemWord(word))
