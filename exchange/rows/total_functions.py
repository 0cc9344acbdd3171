"""Functions that have a value for every row: what cannot be computed is null, for that row alone.

A query that fails for one row and not for others tells that there is such a row, also where groups are withheld and
where a grant leaves rows out (DESIGN §4.8): so no value of a row may ever decide whether a query fails.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

PLACE = pa.struct([("lat", pa.float64()), ("lon", pa.float64())])
_TYPES: Mapping[str, pa.DataType] = {
    "BLOB": pa.binary(), "DOUBLE": pa.float64(), "BOOLEAN": pa.bool_(), "BIGINT": pa.int64(), "VARCHAR": pa.string(),
}  # fmt: skip
_OF_THE_DATA = (ArithmeticError, LookupError, ValueError, TypeError, shapely.errors.ShapelyError, pa.ArrowException)

Vectorised = Callable[..., pa.Array]


class TooMuch(Exception):
    """A whole group is too large to be computed; the query fails with it."""


def total(function: Vectorised, result: str) -> Vectorised:
    """The same function of columns, with null where it fails. `result` is the engine's name of its type."""
    type_ = _TYPES.get(result, PLACE)

    @functools.wraps(function)  # the engine reads how many columns it takes
    def of_columns(*columns: Any) -> pa.Array:
        whole = [one.combine_chunks() if isinstance(one, pa.ChunkedArray) else one for one in columns]
        with np.errstate(all="ignore"):
            try:
                return function(*whole)
            except _OF_THE_DATA:
                return pa.concat_arrays([_of_row(function, whole, row, type_) for row in range(len(whole[0]))])

    return of_columns


def _of_row(function: Vectorised, columns: list[Any], row: int, type_: pa.DataType) -> pa.Array:
    try:
        return function(*(column.slice(row, 1) for column in columns))
    except _OF_THE_DATA:
        return pa.nulls(1, type_)
