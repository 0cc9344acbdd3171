"""Do the tallies say what the entries say? Counted again from the entries' bytes, and compared key by key."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, Table, select

from audit.days import instant_of
from audit.tally import keeping
from audit.tally.counting import HOUR_MS, LAST_HOUR, Counts, Key, Row, count, nothing
from audit.verification import VerificationFailed

ADVICE = "Nothing that was recorded is lost: count anew with: flask audit rebuild-tallies"


class Recount:
    """Counts entries as a check reads them, as far as the tallies went when it began."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counts: Counts = nothing()
        with engine.begin() as connection:
            self._begun = keeping.size_of(connection)
        self._counted = 0

    def add(self, row: Row) -> None:
        """Count one entry; they come in the order of their index."""
        if row["idx"] < self._begun:
            count((row,), self._counts)
            self._counted = row["idx"] + 1

    def compare(self) -> int:
        """How many entries the tallies hold. Raises `VerificationFailed` for the first that is not what was counted.

        The sequencer waits meanwhile: what it added since the beginning is counted too.
        """
        with self._engine.begin() as connection:
            size = keeping.size_of(connection)
            if size < self._begun:
                raise VerificationFailed("the tallies are being counted anew; check again when that is done")
            self._count_newer(connection, size)
            for table in keeping.TALLIES:
                _compare(connection, table, self._counts[table.name])
        return size

    def _count_newer(self, connection: Connection, size: int) -> None:
        while self._counted < size:
            rows = keeping.entries_from(connection, self._counted, min(size - self._counted, keeping.BEHIND))
            if not rows:
                held = self._counted
                raise VerificationFailed(f"the tallies count {size} entries, the database holds {held}. {ADVICE}")
            count(rows, self._counts)
            self._counted = rows[-1]["idx"] + 1


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
    return ", ".join(f"{name} {_said(name, value)}" for name, value in zip(names, values, strict=False))


def _said(name: str, value: str | int) -> str:
    """A value as a person finds it again; an hour or day that no calendar has stays a number."""
    hours = int(value) * {"hour": 1, "day": 24}[name] if name in ("hour", "day") else 0
    if not 0 < hours < LAST_HOUR:
        return repr(value)
    began = instant_of(hours * HOUR_MS)
    return f"{began:%Y-%m-%dT%H}Z" if name == "hour" else f"{began:%Y-%m-%d}"
