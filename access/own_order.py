"""A grant sees a version through a cut of its own: only its columns, in an order of its own.

The order of a file tells what its columns do not: rows of one person stand together, a list sorted by a withheld name
gives the name away, and two grants that saw the same order could be joined row by row without clause C15 (invariant
4). So each grant gets its own permutation, drawn from a secret of the installation: stable for its pages, equal on
every worker, and unrelated to the file's and to every other grant's. `:id` counts in that order.
"""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Collection, Sequence
from dataclasses import replace

import pyarrow as pa

from exchange.rows.source import Source
from exchange.rows.types import ROW, ColumnInfo, physical_fields


def own_cut(
    source: Source,
    columns: Sequence[ColumnInfo],
    wanted: Collection[str],
    secret: str,
    grant_id: str,
    beside: Sequence[str] = (),
) -> Source:
    """The version as this grant may see it; made when the engine first needs it, and kept by the engine under its key.

    `wanted` are the granted columns and those that the row filter reads; `beside` are further ones of the table, which
    are no columns of the dataset and leave the order as it is.
    """
    names = [field.name for column in columns if column.name in wanted for field in physical_fields(column)]
    key = f"{source.key}/{grant_id}/{hashlib.sha256(','.join(sorted(names)).encode()).hexdigest()[:16]}"
    seed = hmac.digest(secret.encode(), f"row order {key}".encode(), hashlib.sha256)
    load = source.load
    if load is None:
        raise ValueError("a restricted version is read in memory only")

    def cut() -> pa.Table:
        return in_own_order(load().select([*names, *beside]), seed)

    return replace(source, key=key, load=cut)


def in_own_order(table: pa.Table, seed: bytes) -> pa.Table:
    """The rows in the order of the seed, numbered anew from 0 in `_row`."""
    order = list(range(table.num_rows))
    random.Random(seed).shuffle(order)  # noqa: S311  (seeded with 256 secret bits; what is seen is the order alone)
    numbers = pa.array(range(table.num_rows), pa.int64())
    return table.take(pa.array(order, pa.int64())).add_column(0, pa.field(ROW, pa.int64(), nullable=False), numbers)
