"""Small values that several rooms share: keys and addresses."""

from __future__ import annotations

import hashlib
import re
import secrets

FOUR_BY_FOUR_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"
"""Socrata's own alphabet: digits 2-9, letters without l and o (reference: soql-reference)."""

FOUR_BY_FOUR = re.compile(r"[a-z0-9]{4}-[a-z0-9]{4}\Z")

_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def is_four_by_four(text: str) -> bool:
    """Whether the text is a dataset id as data.ct.gov wrote them."""
    return bool(FOUR_BY_FOUR.match(text))


def mint_four_by_four() -> str:
    """A new, unguessable dataset id."""
    letters = "".join(secrets.choice(FOUR_BY_FOUR_ALPHABET) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def derived_four_by_four(*parts: str) -> str:
    """A dataset id that is a function of its parts: the same parts give the same id."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    letters = "".join(FOUR_BY_FOUR_ALPHABET[byte % 32] for byte in digest[:8])
    return f"{letters[:4]}-{letters[4:]}"


def is_text(text: str) -> bool:
    """Whether every store and format can hold it: no U+0000, and no half of a surrogate pair (JSON can say both)."""
    return _NO_TEXT.search(text) is None


def slug(text: str) -> str:
    """A key for addresses: lower case letters, digits and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def field_name(label: str) -> str:
    """The API field name of a column label, as Socrata made them: lower case, runs of others become one `_`."""
    name = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_") or "column"
    return f"_{name}" if name[0].isdigit() else name


def counted(number: int, one: str, more: str) -> str:
    """The number with the word for one of them or for several: `1 row`, `0 rows`, `1,200 rows`."""
    return f"{number:,} {one if number == 1 else more}"
