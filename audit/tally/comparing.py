"""Do the tallies say what the entries say? Counted again from the entries' bytes, and compared key by key."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, Table, select

from audit.tally import keeping
from audit.tally.counting import Counts, Key, Row, count, nothing
from audit.verification import VerificationFailed

ADVICE = "Nothing that was recorded is lost: count anew with: flask audit rebuild-tallies"


class Recount:
    """Counts entries as a check reads them, as far as the tallies went when it began."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counts: Counts = nothing()
        with engine.begin() as connection:
            self._size = keeping.size_of(connection)

    def add(self, row: Row) -> None:
        """Count one entry; they come in the order of their index."""
        if row["idx"] < self._size:
            count((row,), self._counts)

    def compare(self) -> int:
        """How many entries the tallies hold. Raises `VerificationFailed` for the first that is not what was counted.

        The sequencer waits meanwhile: what it added since the beginning is counted too.
        """
        with self._engine.begin() as connection:
            size = keeping.size_of(connection)
            if size < self._size:
                raise VerificationFailed("the tallies are being counted anew; check again when that is done")
            self._count_newer(connection, size)
            for table in keeping.TALLIES:
                _compare(connection, table, self._counts[table.name])
        return size

    def _count_newer(self, connection: Connection, size: int) -> None:
        while self._size < size:
            rows = keeping.entries_from(connection, self._size, min(size - self._size, keeping.BEHIND))
            if not rows:
                raise VerificationFailed(f"the tallies count {size} entries, the database holds {self._size}. {ADVICE}")
            count(rows, self._counts)
            self._size = rows[-1]["idx"] + 1


def _compare(connection: Connection, table: Table, expected: dict[Key, list[int]]) -> None:
    width = len(table.primary_key)
    names = [column.name for column in table.columns]
    for found in connection.execute(select(table)):
        values = tuple(found)
        counted = expected.pop(values[:width], None)
        if counted is None or list(values[width:]) != counted:
            raise VerificationFailed(_difference(table, names, values, counted))
    for key, counted in expected.items():
        raise VerificationFailed(f"the tally {table.name} lacks {_named(names, (*key, *counted))}. {ADVICE}")


def _difference(table: Table, names: list[str], held: Key, counted: list[int] | None) -> str:
    width = len(table.primary_key)
    key, says = _named(names, held[:width]), _named(names[width:], held[width:])
    entries = _named(names[width:], tuple(counted)) if counted else "nothing of it"
    return f"the tally {table.name} of {key} says {says}; the entries say {entries}. {ADVICE}"


def _named(names: list[str], values: Key) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in zip(names, values, strict=False))
