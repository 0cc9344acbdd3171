"""A sample of entries that anybody can draw again from the same log, with the seed and the method alone.

Two methods, named in the address, so that what is drawn does not depend on how it was found:

`ids`    Of all entries that the filter lets through and whose index is at most `through`: those with the smallest
         SHA-256(seed ‖ 0x00 ‖ id), as many as wanted, in the order of that digest.
`draws`  For k = 0, 1, 2, …: the entry whose index is the first eight bytes of SHA-256(seed ‖ 0x00 ‖ k) as a big-endian
         number, modulo `through` + 1; it is taken if the filter lets it through and it was not taken before, until as
         many are taken as wanted. For populations too large to list. (No index is likelier than another by more than
         2^-40.)

Seed and id are UTF-8; k is written in decimal. Later entries change nothing, since their index is above `through`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

from sqlalchemy import Connection, func, select

from audit import tables
from audit.desk.filtering import Filter
from audit.desk.searching import Search, prepare

LISTED = 50_000
"""The largest population that is listed; of a larger one entries are drawn."""

LOOKED = 100_000
"""How many entries are looked through for a population, or drawn from a larger one, before the filter is too wide."""

BATCH = 500
MOST = 500
"""The largest sample: an auditor reads each entry of it."""

METHODS = ("ids", "draws")

e = tables.entries.c


@dataclass(frozen=True)
class Drawn:
    """A sample: the indexes of the entries in the order in which they were drawn.

    `population` is how many entries it was drawn from, None for `draws`; `tried` how many draws it took. `whole` False:
    the filter lets so few through that drawing was given up.
    """

    indexes: tuple[int, ...]
    population: int | None
    tried: int
    whole: bool = True


def method_for(connection: Connection, asked: Filter, through: int) -> str:
    """The method for this population: `ids` if it can be listed."""
    return "ids" if _population(connection, prepare(connection, asked, through)) is not None else "draws"


def draw(connection: Connection, asked: Filter, seed: str, size: int, through: int, method: str) -> Drawn:
    """Draw `size` entries."""
    if method == "draws":
        return _by_draws(connection, asked, seed, size, through)
    found = _population(connection, prepare(connection, asked, through))
    if found is None:
        return Drawn((), None, 0, False)
    chosen = sorted(found, key=lambda pair: _digest(seed, pair[1]))[:size]
    return Drawn(tuple(index for index, _ in chosen), len(found), len(found))


def _population(connection: Connection, search: Search) -> list[tuple[int, str]] | None:
    """Index and id of every entry; None if there are too many, or too many to look through."""
    among = search.within(LOOKED + 1)
    if search.beside is not None and connection.execute(select(func.count()).select_from(among)).scalar_one() > LOOKED:
        return None
    newest = search.newest(LOOKED + 1 if search.beside is not None else LISTED + 1)
    chosen = select(e.idx, e.id).select_from(newest.join(tables.entries, e.idx == newest.c.idx)).limit(LISTED + 1)
    found = [(row[0], row[1]) for row in connection.execute(chosen)]
    return found if len(found) <= LISTED else None


def _by_draws(connection: Connection, asked: Filter, seed: str, size: int, through: int) -> Drawn:
    taken: dict[int, None] = {}
    tried = 0
    for indexes in _draws(seed, through):
        let_through = set(connection.execute(select(e.idx).where(e.idx.in_(indexes), asked.condition())).scalars())
        for index in indexes:
            tried += 1
            if index in let_through:
                taken[index] = None
            if len(taken) == size:
                return Drawn(tuple(taken), None, tried)
    return Drawn(tuple(taken), None, tried, False)


def _draws(seed: str, through: int) -> Iterator[Sequence[int]]:
    """Indexes in the order in which they are drawn, some at a time, until it is given up."""
    numbers = (int.from_bytes(_digest(seed, str(k))[:8], "big") % (through + 1) for k in count())
    rest = islice(numbers, LOOKED if through >= 0 else 0)
    while some := tuple(islice(rest, BATCH)):
        yield some


def _digest(seed: str, text: str) -> bytes:
    return hashlib.sha256(f"{seed}\x00{text}".encode()).digest()
