"""Costly statements have a lane of their own: few at once, a short wait, and pages pass by."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from exchange.errors import Unavailable
from exchange.rows.connection import ReaderGone, reader_gone
from exchange.rows.engine import Stopped, TooLarge
from exchange.rows.lanes import Lanes, is_costly
from exchange.rows.plan import Plan, resolve
from exchange.rows.soql import parse_parameters, parse_statement
from exchange.rows.source import Source
from tests.conftest import NOON
from tests.makers.rows import QUAKES

PAGE = {"$limit": "10", "$offset": "900000"}
SORTED = {"$order": "region, depth", "$select": "upper(region) || lower(source)"}


class Rehearsed:
    """An engine that says what it was asked and answers with one batch, or with an error."""

    name = "rehearsed"

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem
        self.runs = 0
        self.closed = 0

    def run(self, plan: Plan, source: Source, **_how: Any) -> Any:
        self.runs += 1
        if self.problem is not None:
            raise self.problem
        return Given(self)


class Given:
    def __init__(self, engine: Rehearsed) -> None:
        self._engine = engine
        self._rows = iter([pa.record_batch({"a": [1]})])

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._rows)

    def close(self) -> None:
        self._engine.closed += 1


def plan_of(parameters: dict[str, str]) -> Plan:
    return resolve(parse_parameters({name: [text] for name, text in parameters.items()}), QUAKES)


def source_of(rows: int) -> Source:
    return Source(key="quakes", published_at=NOON, rows=rows)


def run(lanes: Lanes, parameters: dict[str, str], rows: int = 50_000_000, cancel: threading.Event | None = None) -> Any:
    event = cancel or threading.Event()
    return lanes.run(plan_of(parameters), source_of(rows), deadline_s=1, max_rows=None, cancel=event)


@pytest.mark.parametrize(
    ("parameters", "rows", "costly"),
    [
        (PAGE, 50_000_000, False),
        ({"$limit": "50000"}, 50_000_000, False),
        ({"$where": "depth > 3"}, 50_000_000, True),
        ({"$select": "region, count(*)", "$group": "region"}, 1_000_000, False),
        (SORTED, 2_000, False),
        (SORTED, 50_000_000, True),
    ],
)
def test_what_is_costly(parameters: dict[str, str], rows: int, costly: bool) -> None:
    assert is_costly(plan_of(parameters), source_of(rows)) is costly


def test_joins_multiply_and_small_ones_pass() -> None:
    query = parse_statement("SELECT count(*) FROM @abcd-1234 AS a JOIN @bcde-2345 AS b ON @a.depth < @b.depth")
    plan = resolve(query, QUAKES, tables=lambda _id: QUAKES, name="abcd-1234")
    assert is_costly(plan, source_of(60_000), {"bcde-2345": source_of(60_000)})
    assert not is_costly(plan, source_of(500), {"bcde-2345": source_of(500)})


def test_pages_take_the_fast_lane_and_costly_ones_the_slow() -> None:
    fast, slow = Rehearsed(), Rehearsed()
    lanes = Lanes(fast, slow)
    list(run(lanes, PAGE))
    list(run(lanes, SORTED))
    assert (fast.runs, slow.runs) == (1, 1)


def test_past_its_places_the_slow_lane_refuses_and_pages_go_on() -> None:
    lanes = Lanes(Rehearsed(), Rehearsed(), at_once=2, wait_s=0.1)
    first, _second = run(lanes, SORTED), run(lanes, SORTED)
    with pytest.raises(Unavailable) as refused:
        run(lanes, SORTED)
    assert refused.value.headers["Retry-After"] == "5"  # type: ignore[attr-defined]
    assert run(lanes, PAGE) is not None
    first.close()
    assert list(run(lanes, SORTED))


def test_a_place_comes_back_once_however_the_statement_ends() -> None:
    slow = Rehearsed()
    lanes = Lanes(Rehearsed(), slow, at_once=1, wait_s=0.1)
    for _ in range(3):
        batches = run(lanes, SORTED)
        assert len(list(batches)) == 1
        batches.close()
    slow.problem = TooLarge("too much")
    for _ in range(3):
        with pytest.raises(TooLarge):
            run(lanes, SORTED)
    slow.problem = None
    abandoned = run(lanes, SORTED)
    del abandoned
    assert list(run(lanes, SORTED))
    assert slow.closed == 5


def test_what_needs_more_memory_than_the_fast_lane_has_is_begun_again_in_the_slow() -> None:
    slow = Rehearsed()
    assert list(run(Lanes(Rehearsed(TooLarge("memory")), slow), PAGE)) and slow.runs == 1
    cap = TooLarge("rows", code="req.row-limit-exceeded")
    with pytest.raises(TooLarge):
        run(Lanes(Rehearsed(cap), slow), PAGE)
    assert slow.runs == 1


def test_whoever_hangs_up_while_waiting_waits_no_longer() -> None:
    lanes = Lanes(Rehearsed(), Rehearsed(), at_once=1, wait_s=60)
    _running = run(lanes, SORTED)
    gone = threading.Event()
    gone.set()
    with pytest.raises(Stopped):
        run(lanes, SORTED, cancel=gone)


def test_a_closed_connection_is_seen() -> None:
    here, there = socket.socketpair()
    with here:
        gone = reader_gone({"gunicorn.socket": here})
        assert isinstance(gone, ReaderGone) and not gone.is_set()
        there.sendall(b"GET / HTTP/1.1\r\n")
        assert not gone.is_set()
        there.close()
        assert gone.is_set()
    assert not reader_gone({}).is_set()
