"""Sets that may be unbounded: what a clause limits, or says that it does not limit.

An E-MOU fixes no columns and no persons: each agreement under it does. That is said by `EVERYTHING`, an explicit value
that meets as the identity. It can be asked (`in`, `<=`, `&`) and cannot be iterated, so nobody takes it for a list.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import Any, Literal, TypeAlias

from exchange.errors import Invalid

ANY = "any"
"""How an unbounded set is written in a parameter, in a document and in stored terms."""


class Everything(enum.Enum):
    """The unbounded set of texts; `EVERYTHING` is its only member."""

    EVERYTHING = ANY

    def __contains__(self, _member: object) -> bool:
        """Everything is in it."""
        return True

    def __ge__(self, _other: object) -> bool:
        """It holds every other set (so `frozenset <= EVERYTHING` is true)."""
        return True

    def __and__(self, other: Bound) -> Bound:
        """The other set: unbounded is the identity of intersection."""
        return other

    def __rand__(self, other: frozenset[str]) -> frozenset[str]:
        """`frozenset & EVERYTHING`: the other set."""
        return other


EVERYTHING: Literal[Everything.EVERYTHING] = Everything.EVERYTHING

Bound: TypeAlias = frozenset[str] | Everything
"""A set of names, or everything."""


def narrower(first: Bound, second: Bound) -> Bound:
    """What both allow."""
    if isinstance(first, Everything):
        return second
    return first if isinstance(second, Everything) else first & second


def bound_of(value: Collection[str] | str) -> Bound:
    """The bound that a stored value means: the word "any", or a list of names. Raises `Invalid` on another text."""
    if value == ANY:
        return EVERYTHING
    if isinstance(value, str):
        raise Invalid(f"A set is a list of names or the word “{ANY}”, not “{value}”.")
    return frozenset(value)


def to_json(bound: Bound) -> Any:
    """The stored form of a bound: "any", or the sorted list."""
    return ANY if isinstance(bound, Everything) else sorted(bound)
