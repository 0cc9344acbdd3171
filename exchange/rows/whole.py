"""Long runs of rows in their own order, read a page at a time.

An engine sorts what it is asked for at once, and the whole of a large table does not fit into the memory of one
request. Rows in their own order need no sorting: each page is a range of row numbers of one immutable version.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from exchange.rows.door import Answer, Ask
from exchange.rows.open_reading import OpenDoor, OpenVersion, Prepared
from exchange.rows.plan import DEFAULT_LIMIT
from exchange.rows.soql import Query, parse_parameters, parse_statement

PAGE_ROWS = 50_000
_BY_ROW = parse_parameters({"$order": ":id"}).order
_COUNT = parse_statement("SELECT count(*)")


def in_own_order(query: Query) -> bool:
    """Whether the query asks for consecutive rows: it selects, but neither filters, groups nor sorts."""
    if query.order not in ((), _BY_ROW) or query.distinct:
        return False
    rest = replace(query, stars=(), selections=(), order=(), limit=None, offset=0, timeout_s=None, system_fields=False)
    return rest == Query()


def is_everything(query: Query, rows: int) -> bool:
    """Whether the query asks for every column of every row, in their own order."""
    limit = DEFAULT_LIMIT if query.limit is None else query.limit
    plain = not query.names_something and not query.system_fields
    return plain and query.offset == 0 and limit >= rows and in_own_order(query)


def answer(door: OpenDoor, prepared: Prepared, ask: Ask) -> Answer:
    """The answer of the open door; a long run of rows is read in pages. Raises what `OpenDoor.answer` raises."""
    query, version = ask.query, prepared.version
    limit = min(DEFAULT_LIMIT if query.limit is None else query.limit, max(0, version.rows - query.offset))
    computes = prepared.plan.grouped or not prepared.plan.stages[-1].is_plain_page
    if limit <= PAGE_ROWS or computes or not in_own_order(query):
        return door.answer(prepared)
    pages = Pages(door, version, ask, range(query.offset, query.offset + limit, PAGE_ROWS), query.offset + limit)
    return Answer(prepared.plan.fields, pages, version.number, version.published_at, prepared.etag)


def count(door: OpenDoor, prepared: Prepared, ask: Ask) -> int:
    """How many rows the query would give without `$limit` and `$offset`. Raises what a query can raise."""
    if in_own_order(ask.query) and prepared.plan.stages[-1].is_plain_page:
        return prepared.version.rows
    counted = replace(_COUNT, source=replace(ask.query, limit=None, offset=0))
    answer_ = door.answer(door.plan(prepared.version, replace(ask, query=counted)))
    return sum(int(batch.column(0)[0].as_py()) for batch in answer_.batches if batch.num_rows)


class Pages(Iterator[pa.RecordBatch]):
    """The batches of consecutive pages; the next page is asked for when the one before is read."""

    def __init__(self, door: OpenDoor, version: OpenVersion, ask: Ask, starts: range, end: int) -> None:
        self._door, self._version, self._ask = door, version, ask
        self._starts, self._end = iter(starts), end
        self._page: Iterator[pa.RecordBatch] | None = self._following()

    def _following(self) -> Iterator[pa.RecordBatch] | None:
        start = next(self._starts, None)
        if start is None:
            return None
        query = replace(self._ask.query, offset=start, limit=min(PAGE_ROWS, self._end - start))
        return self._door.answer(self._door.plan(self._version, replace(self._ask, query=query))).batches

    def __next__(self) -> pa.RecordBatch:
        while self._page is not None:
            batch = next(self._page, None)
            if batch is not None:
                return batch
            self._page = self._following()
        raise StopIteration

    def close(self) -> None:
        """Stop, and free what the page holds. May be called twice."""
        close, self._page = getattr(self._page, "close", None), None
        if close is not None:
            close()
