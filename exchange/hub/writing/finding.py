"""Which row each operation is about, and what all of a body's operations on one row come to, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from exchange.hub.writing.faults import NO_KEY, BadBody, no_key
from exchange.hub.writing.operations import DELETED, ID
from exchange.hub.writing.patch import HAS
from exchange.rows.types import ColumnInfo

NEW = -1
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Folded:
    """A body with one entry for each row that it is about, in order of first mention.

    `target` is the row's place in the version before, or `NEW`; `last` the last operation on it; `take[c]` the
    operation from which column c takes its cell, or the number of operations where an earlier deletion emptied it.
    """

    target: Places
    deleted: NDArray[np.bool_]
    take: dict[str, Places]
    by_id: int
    by_key: int


def fold(
    patch: pa.Table, keys_before: pa.ChunkedArray | None, rows_before: int, columns: Sequence[ColumnInfo],
    row_id: str | None,
) -> Folded:  # fmt: skip
    """Find the rows. `keys_before` is the row identifier's column of the version before. Raises `BadBody`."""
    target, identity = _identities(patch, keys_before, rows_before, row_id)
    first, groups = _grouped(identity)
    deleted = patch[DELETED].to_numpy()
    last = np.array([group[-1] for group in groups], np.int64) if groups is not None else first
    count = patch.num_rows
    take = {column.name: last.copy() for column in columns}
    for place, group in enumerate(groups or ()):
        if len(group) > 1:
            _several(patch, group, deleted, take, place, count)
    places = target[first]
    there, named = places != NEW, ~patch[ID].is_null().to_numpy()[first]
    return Folded(
        places, deleted[last], take, int(np.sum(there & named)), int(np.sum(there & ~named))
    )  # fmt: skip


def _identities(
    patch: pa.Table, keys_before: pa.ChunkedArray | None, rows_before: int, row_id: str | None
) -> tuple[Places, Places]:
    """For each operation the place of its row (or `NEW`), and a number that is the same for the same row."""
    ids = patch[ID].fill_null(NEW).to_numpy()
    beyond = np.flatnonzero(ids >= rows_before)
    if len(beyond):
        raise no_key(int(beyond[0]) + 1, ID, "no row has this :id in the current version.")
    target = ids.copy()
    identity = np.where(ids != NEW, ids, rows_before + np.arange(len(ids), dtype=np.int64))
    rest = ids == NEW
    if row_id is not None and rest.any():
        _by_key(patch, keys_before, rows_before, row_id, rest, target, identity)
    elif row_id is None:
        nameless = np.flatnonzero(rest & patch[DELETED].to_numpy())
        if len(nameless):
            raise no_key(
                int(nameless[0]) + 1, ID, "the dataset has no row identifier, so :id has to name the row to delete."
            )
    return target, identity


def _by_key(
    patch: pa.Table, keys_before: pa.ChunkedArray | None, rows_before: int, row_id: str, rest: NDArray[np.bool_],
    target: Places, identity: Places,
) -> None:  # fmt: skip
    keys = patch[row_id].combine_chunks()
    empty = np.flatnonzero(rest & keys.is_null().to_numpy(zero_copy_only=False))
    if len(empty):
        raise no_key(int(empty[0]) + 1, row_id, f"the row identifier {row_id} is missing or empty.")
    if keys_before is not None:
        before = _comparable(keys_before.combine_chunks(), keys)
        found = pc.index_in(keys.cast(before.type), value_set=before).fill_null(NEW).to_numpy().astype(np.int64)
        target[rest] = found[rest]
    codes = keys.dictionary_encode().indices.fill_null(0).to_numpy().astype(np.int64)
    base = rows_before + len(keys)
    identity[rest] = np.where(target != NEW, target, base + codes)[rest]


def _comparable(before: pa.Array, keys: pa.Array) -> pa.Array:
    both = {before.type, keys.type}
    return before.cast(pa.float64()) if both == {pa.int64(), pa.float64()} else before


def _grouped(identity: Places) -> tuple[Places, list[Places] | None]:
    """The first operation of each row in order, and all of them where some row has several."""
    _, first, inverse = np.unique(identity, return_index=True, return_inverse=True)
    if len(first) == len(identity):
        return np.arange(len(identity), dtype=np.int64), None
    order = np.argsort(inverse, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    in_order = np.argsort(first, kind="stable")
    return np.sort(first).astype(np.int64), [groups[place] for place in in_order]


def _several(
    patch: pa.Table, group: Places, deleted: NDArray[np.bool_], take: dict[str, Places], place: int, count: int
) -> None:
    """Where several operations are about one row: each column takes its cell from the last that gave it."""
    ends = np.flatnonzero(deleted[group])
    living = group[ends[-1] + 1 :] if len(ends) else group
    for name, cells in take.items():
        has = patch[HAS + name]
        given = [int(row) for row in living if has[int(row)].as_py()]
        if given:
            cells[place] = given[-1]
        elif len(ends):
            cells[place] = count


def require_unique(keys: pa.ChunkedArray, row_id: str) -> None:
    """Raise `BadBody` unless every row has its own identifier, as after rows named by `:id` got another one."""
    if keys.null_count or pc.count_distinct(keys).as_py() != len(keys):
        raise BadBody(
            NO_KEY, f"Two rows would have the same {row_id}, or a row none. Nothing was changed.", {"column": row_id}
        )
