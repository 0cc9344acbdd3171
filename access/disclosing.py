"""Whose records leave: each reading of a dataset that names its persons writes a manifest (CGS 4-193(c), 34 CFR 99.32).

The engine never holds a person's key here. When a version is opened its subject column is turned into keyed hashes in
memory, and these travel beside the answer, behind its fields. They are durable in the reading's draft before the rows
that they belong to are handed on, and are taken off before any format sees those rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from audit.disclosures.keeping import Draft, Store, Unkept
from audit.disclosures.manifest import HASH, Head, Kind, Manifest, write
from audit.disclosures.subjects import Secret, SecretUnusable, load
from exchange.errors import Unavailable
from exchange.rows.engine import Batches
from exchange.rows.plan import Plan
from exchange.rows.plan.carrying import carrying, contributing
from exchange.rows.source import Source
from exchange.settings import Settings

SUBJECT = "_subject"
"""The carried column. No dataset has a column of this name: no letter follows a leading `_` (`field_name`)."""

AT_LEAST = 2
"""The smallest cell from which a total is of nobody."""

T = TypeVar("T")
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


def with_subjects(source: Source, subjects: Subjects) -> Source:
    """The version with each row's keyed hash beside its columns; null where the subject column is empty.

    Raises `Unavailable`, when it is opened, if the version does not have the column.
    """
    opened = source.load
    if opened is None:
        raise ValueError("a restricted version is read in memory only")

    def hashed() -> pa.Table:
        table = opened()
        if subjects.column not in table.column_names:
            raise Unavailable(
                "This version lacks the column that names the persons, so its rows cannot leave. Ask the agency's "
                "steward to publish it with that column, or to name another."
            )
        return table.append_column(pa.field(SUBJECT, pa.binary(HASH)), _hashes(table[subjects.column], subjects))

    return replace(source, load=hashed)


def _hashes(column: pa.ChunkedArray, subjects: Subjects) -> pa.Array:
    """Each distinct key is hashed once."""
    keys = pc.dictionary_encode(column).combine_chunks()
    hashes = [_hash(key, subjects) for key in keys.dictionary.to_pylist()]
    return pa.array(hashes, pa.binary(HASH)).take(keys.indices)


def _hash(key: object, subjects: Subjects) -> bytes | None:
    return subjects.secret.subject(subjects.namespace, key) if str(key).strip() else None


def kind_of(plan: Plan, floor: int) -> Kind:
    """What the answer is in law: records of persons, rows derived from them, or totals under a floor."""
    if plan.grouped and floor >= AT_LEAST:
        return Kind.TOTALS
    return Kind.DERIVED if carrying(plan, SUBJECT) is None else Kind.RECORDS


class Disclosing:
    """The manifest of one reading. Raises `Unavailable` while what is about to leave cannot be recorded."""

    def __init__(self, store: Store, head: Head) -> None:
        self._store, self._head = store, head
        self._draft: Draft | None = None
        self._derived: frozenset[bytes] = frozenset()
        self._left: set[bytes] = set()
        self._unnamed = 0
        if head.kind != Kind.TOTALS:
            self._draft = _kept(lambda: store.begin(head))

    def batches(self, plan: Plan, run: Run) -> Batches:
        """The rows of the plan, each batch after its persons are recorded; hashes still behind the fields."""
        if self._head.kind == Kind.TOTALS:
            return run(plan)
        carried = carrying(plan, SUBJECT)
        if carried is not None:
            return _Recorded(run(carried), self)
        self._derived = frozenset(_named(run(contributing(plan, SUBJECT))))
        self.about_to_leave(self._derived)
        return run(plan)

    def about_to_leave(self, subjects: Iterable[bytes]) -> None:
        """Durable when this returns."""
        draft = self._draft
        if draft is not None:
            _kept(lambda: draft.add(subjects))

    def handed(self, part: pa.RecordBatch) -> pa.RecordBatch:
        """The part as the reader gets it; its persons' rows count as gone."""
        if self._head.kind == Kind.RECORDS:
            subjects = part.column(part.num_columns - 1)
            self._left.update(subjects.drop_null().to_pylist())
            self._unnamed += subjects.null_count
            return part.select(range(part.num_columns - 1))
        if part.num_rows:
            self._left.update(self._derived)
        return part

    def finish(self) -> Manifest:
        """Keep the manifest. Raises `OSError` if that cannot be; the draft then stays, and is found."""
        if self._draft is None:
            return self._store.keep(write(self._head, ()))
        return self._draft.finish(self._left, self._unnamed)


class _Recorded:
    """Batches whose persons are recorded before anybody sees them."""

    def __init__(self, batches: Batches, disclosing: Disclosing) -> None:
        self._batches, self._disclosing = batches, disclosing

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        batch = next(self._batches)
        self._disclosing.about_to_leave(_subjects_in(batch))
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


def _subjects_in(batch: pa.RecordBatch) -> list[bytes]:
    found: list[bytes] = batch.column(batch.num_columns - 1).drop_null().to_pylist()
    return found


def _named(batches: Batches) -> Iterator[bytes]:
    try:
        for batch in batches:
            yield from _subjects_in(batch)
    finally:
        batches.close()


def _kept(act: Callable[[], T]) -> T:
    try:
        return act()
    except Unkept as problem:
        raise Unavailable(UNKEPT) from problem
