"""Whose records leave: each reading of a dataset that names its persons writes a manifest (CGS 4-193(c), 34 CFR 99.32).

The engine never holds a person's key here. When a version is opened its subject column is turned into keyed hashes in
memory; the engine gets the place of each row's hash among them, and this number travels beside the answer, behind its
fields. The hashes are durable in the reading's draft before the rows that they belong to are handed on, and the numbers
are taken off before any format sees those rows.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audit.disclosures.keeping import Store, Unkept
from audit.disclosures.manifest import HASH, Head, Kind, Manifest, write
from audit.disclosures.subjects import Secret, SecretUnusable, load, normal
from exchange.errors import Unavailable
from exchange.rows.engine import Batches
from exchange.rows.plan import Plan
from exchange.rows.plan.carrying import carrying, contributing
from exchange.rows.source import Source
from exchange.settings import Settings

SUBJECT = "_subject"
"""The carried column. No dataset has a column of this name: no letter follows a leading `_` (`field_name`)."""

MOST_LISTED = 256 << 20
"""Bytes of hashes that are kept in memory."""

AT_LEAST = 2
"""The smallest cell from which a total is of nobody."""

T = TypeVar("T")
Hashes = npt.NDArray[np.uint8]
"""A hash a row, ascending."""

Numbers = npt.NDArray[np.int32]
"""Places in `Hashes`; -1 for rows about nobody."""

Run = Callable[[Plan], Batches]
"""Starts a plan over the source of this reading."""

UNKEPT = (
    "It cannot be recorded now whose records these are, so none leave. Try again in a minute; if it lasts, tell the "
    "operator: the disk of the disclosure records is full or read-only."
)


@dataclass(frozen=True)
class Subjects:
    """How a dataset names its persons: the column, the kind of key, and the secret of today."""

    column: str
    namespace: str
    secret: Secret

    @property
    def key(self) -> str:
        """Differs wherever the hashes beside the same rows do."""
        return f"{self.namespace}/{self.column}/{self.secret.id}"


def subjects_of(settings: Settings, column: str, namespace: str) -> Subjects:
    """With the secret of today, which the demo makes for itself. Raises `Unavailable` if there is none."""
    try:
        newest, *_ = load(settings.subject_key_file, create=settings.demo)
    except SecretUnusable as problem:
        raise Unavailable(f"Whose records these are cannot be recorded, so none leave: {problem}.") from problem
    return Subjects(column, namespace, newest)


class Listed:
    """The persons of opened versions: their hashes in order, found again by the number that a row carries.

    What was used last is kept, up to `most` bytes; the rest is made again from the version.
    """

    def __init__(self, most: int = MOST_LISTED) -> None:
        self._most = most
        self._lists: OrderedDict[str, Hashes] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, key: str, hashes: Hashes) -> None:
        """Keep the hashes of a version."""
        with self._lock:
            self._lists[key] = hashes
            self._lists.move_to_end(key)
            while len(self._lists) > 1 and sum(each.nbytes for each in self._lists.values()) > self._most:
                self._lists.popitem(last=False)

    def get(self, key: str) -> Hashes | None:
        """The hashes of a version, if they are still here."""
        with self._lock:
            if key in self._lists:
                self._lists.move_to_end(key)
            return self._lists.get(key)


class Persons:
    """The persons of a version's rows. `source` is the version with the number of each row's person beside its
    columns, -1 where the subject column is empty."""

    def __init__(self, whole: Source, subjects: Subjects, listed: Listed) -> None:
        self.subjects = subjects
        self.source = replace(whole, load=lambda: self._opened()[1])
        self._whole, self._listed, self._key = whole, listed, f"{whole.key}/{subjects.key}"

    def hashes(self) -> Hashes:
        """The hash of each number. Opens the version if that is no longer known."""
        known = self._listed.get(self._key)
        return self._opened()[0] if known is None else known

    def _opened(self) -> tuple[Hashes, pa.Table]:
        """Raises `Unavailable` if the version does not have the column."""
        if self._whole.load is None:
            raise ValueError("a restricted version is read in memory only")
        table, column = self._whole.load(), self.subjects.column
        if column not in table.column_names:
            raise Unavailable(
                "This version lacks the column that names the persons, so its rows cannot leave. Ask the agency's "
                "steward to publish it with that column, or to name another."
            )
        hashes, numbers = _numbered(table[column], self.subjects)
        self._listed.put(self._key, hashes)
        return hashes, table.append_column(pa.field(SUBJECT, pa.int32()), numbers)


def _numbered(column: pa.ChunkedArray, subjects: Subjects) -> tuple[Hashes, pa.Array]:
    """The hashes in order, and the place of each row's among them; each distinct key is hashed once."""
    keys = pc.dictionary_encode(column).combine_chunks()
    by_key = [_hash(key, subjects) for key in keys.dictionary.to_pylist()]
    ordered = sorted({found for found in by_key if found is not None})
    places = {found: place for place, found in enumerate(ordered)}
    number_of = pa.array([-1 if found is None else places[found] for found in by_key], pa.int32())
    numbers = pc.fill_null(number_of.take(keys.indices), pa.scalar(-1, pa.int32()))
    return np.frombuffer(b"".join(ordered), np.uint8).reshape(-1, HASH), numbers


def _hash(key: object, subjects: Subjects) -> bytes | None:
    text = str(key).strip()
    named = text if text.isascii() else normal(text)  # a column has millions; the plain ones are looked at once
    return subjects.secret.subject(subjects.namespace, key) if named else None


def kind_of(plan: Plan, floor: int, subject: str) -> Kind:
    """What the answer is in law: records of persons, rows derived from them, or totals under a floor.

    An extreme, and a total over rows that were picked by their place, can be one record's own value; a floor counts
    rows, so groups of the `subject` column, or under conditions on it, can be one person's. None of these are totals.
    """
    if plan.totals_only and floor >= AT_LEAST and subject not in plan.columns_used:
        return Kind.TOTALS
    return Kind.DERIVED if carrying(plan, SUBJECT) is None else Kind.RECORDS


class Disclosing:
    """The manifest of one reading. Raises `Unavailable` while what is about to leave cannot be recorded."""

    def __init__(self, store: Store, head: Head, persons: Persons) -> None:
        self._store, self._head, self._persons = store, head, persons
        self._draft = None if head.kind == Kind.TOTALS else _kept(lambda: store.begin(head))
        self._hashes: Hashes = np.empty((0, HASH), np.uint8)
        self._recorded = self._left = np.zeros(0, np.bool_)
        self._derived = np.empty(0, np.int32)
        self._unnamed = 0

    def batches(self, plan: Plan, run: Run) -> Batches:
        """The rows of the plan, each batch after its persons are recorded; their numbers still behind the fields."""
        if self._head.kind == Kind.TOTALS:
            return run(plan)
        carried = carrying(plan, SUBJECT)
        batches = run(carried or contributing(plan, SUBJECT))
        self._hashes = self._persons.hashes()
        self._recorded, self._left = (np.zeros(len(self._hashes) + 1, np.bool_) for _ in range(2))
        if carried is not None:
            return _Recorded(batches, self)
        self._derived = np.concatenate([self._derived, *_drained(batches)])
        self.about_to_leave(self._derived)
        return run(plan)

    def about_to_leave(self, numbers: Numbers) -> None:
        """Durable when this returns."""
        new = np.zeros_like(self._recorded)
        new[numbers] = True
        new &= ~self._recorded
        hashes = self._hashes[new[:-1]].tobytes()  # the last place is that of rows about nobody
        if hashes and self._draft is not None:
            draft = self._draft
            _kept(lambda: draft.add(hashes))
            self._recorded |= new

    def handed(self, part: pa.RecordBatch) -> pa.RecordBatch:
        """The part as the reader gets it; its persons' rows count as gone."""
        if self._head.kind == Kind.RECORDS:
            numbers = _numbers_in(part)
            self._left[numbers] = True
            self._unnamed += int((numbers < 0).sum())
            return part.select(range(part.num_columns - 1))
        if part.num_rows:
            self._left[self._derived] = True
        return part

    def finish(self) -> Manifest:
        """Keep the manifest. Raises `OSError` if that cannot be; the draft then stays, and is found."""
        if self._draft is None:
            return self._store.keep(write(self._head, b""))
        left = self._hashes[self._left[:-1]].tobytes()
        return self._draft.finish(left, self._unnamed)


class _Recorded:
    """Batches whose persons are recorded before anybody sees them."""

    def __init__(self, batches: Batches, disclosing: Disclosing) -> None:
        self._batches, self._disclosing = batches, disclosing

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        batch = next(self._batches)
        self._disclosing.about_to_leave(_numbers_in(batch))
        return batch

    def close(self) -> None:
        """Stop and free everything. May be called twice."""
        self._batches.close()


class Handed:
    """The rows as they are handed on, without their hashes."""

    def __init__(self, rows: Batches, disclosing: Disclosing) -> None:
        self._rows, self._disclosing = rows, disclosing

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        return self._disclosing.handed(next(self._rows))

    def close(self) -> None:
        """Stop and free everything. May be called twice."""
        self._rows.close()


def _numbers_in(batch: pa.RecordBatch) -> Numbers:
    numbers: Numbers = batch.column(batch.num_columns - 1).to_numpy(zero_copy_only=False)
    return numbers


def _drained(batches: Batches) -> list[Numbers]:
    try:
        return [_numbers_in(batch) for batch in batches]
    finally:
        batches.close()


def _kept(act: Callable[[], T]) -> T:
    try:
        return act()
    except Unkept as problem:
        raise Unavailable(UNKEPT) from problem
