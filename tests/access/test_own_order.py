"""The order of restricted rows tells nothing: it is the grant's own (invariants 4 and 8)."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from access.own_order import in_own_order, own_cut
from exchange import clock
from exchange.rows.source import Source
from exchange.rows.types import ROW, ColumnInfo, SodaType

COLUMNS = (ColumnInfo("name", "Name", SodaType.TEXT), ColumnInfo("town", "Town", SodaType.TEXT))


def _source(rows: int) -> Source:
    table = pa.table({ROW: list(range(rows)), "name": [f"n{i:04d}" for i in range(rows)], "town": ["x"] * rows})
    return Source(key="aaaa-2222/1/abc", published_at=clock.now(), rows=rows, load=lambda: table)


def _order(grant: str, rows: int = 200, installation: str = "s") -> list[str]:
    cut = own_cut(_source(rows), COLUMNS, {"name", "town"}, installation, grant)
    assert cut.load is not None
    return [str(name) for name in cut.load().column("name").to_pylist()]


@given(st.integers(0, 300), st.binary(min_size=32, max_size=32))
def test_the_same_rows_numbered_densely(rows: int, seed: bytes) -> None:
    load = _source(rows).load
    assert load is not None
    mixed = in_own_order(load().drop_columns([ROW]), seed)
    assert sorted(mixed.column("name").to_pylist()) == [f"n{i:04d}" for i in range(rows)]
    assert mixed.column(ROW).to_pylist() == list(range(rows))


def test_invariant_4_two_grants_share_no_order() -> None:
    first, second = _order("grant-a"), _order("grant-b")
    assert sorted(first) == sorted(second)
    same_place = sum(a == b for a, b in zip(first, second, strict=True))
    assert same_place < 10


def test_one_grant_keeps_its_order_on_every_worker() -> None:
    assert _order("grant-a") == _order("grant-a")
    assert _order("grant-a") != _order("grant-a", installation="another")


def test_invariant_8_neighbours_in_the_file_are_not_neighbours_in_the_answer() -> None:
    names = _order("grant-a", 2000)
    places = {name: place for place, name in enumerate(names)}
    together = sum(abs(places[f"n{i:04d}"] - places[f"n{i + 1:04d}"]) == 1 for i in range(1999))
    assert together < 20


def test_a_column_that_is_not_granted_never_reaches_the_engine() -> None:
    cut = own_cut(_source(5), COLUMNS, {"town"}, "s", "g")
    assert cut.load is not None
    assert cut.load().column_names == [ROW, "town"]
    assert cut.key != own_cut(_source(5), COLUMNS, {"town", "name"}, "s", "g").key
