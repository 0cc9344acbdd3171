"""Which readings disclosed records about a person: looked up in the index, and in what the index does not have yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Insert, bindparam, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from audit.disclosures.keeping import Store
from audit.disclosures.manifest import Ended, Kind, Manifest, NotAManifest
from audit.disclosures.tables import PREFIX, disclosures, manifests

BATCH = 20_000
"""Rows written in one statement's turn; the log's own writers wait no longer than that takes."""


@dataclass(frozen=True)
class Found:
    """A reading that listed the person. `proven` says that its manifest is there, unchanged, and lists them."""

    intent: str
    sha256: str
    kind: Kind
    ended: Ended
    dataset: str
    proven: bool


def find(connection: Connection, store: Store, subjects: Sequence[bytes]) -> tuple[Found, ...]:
    """Every reading that disclosed records about the person whose hashes these are, oldest first.

    What the index does not have yet is looked through as files, drafts of readings that run or broke off among them.
    """
    m, d = manifests.c, disclosures.c
    prefixes = [subject[:PREFIX] for subject in subjects]
    chosen = select(m.intent, m.sha256, m.kind, m.ended, m.dataset).join(disclosures, d.manifest == m.number)
    indexed = [
        Found(row.intent, row.sha256, Kind(row.kind), Ended(row.ended), row.dataset, lists is True)
        for row in connection.execute(chosen.where(d.subject.in_(prefixes)))
        if (lists := _lists(store, row.sha256, subjects)) is not False
    ]
    known = {found.intent for found in indexed}
    loose = [found for found in _loose(store, subjects) if found.intent not in known]
    return tuple(sorted([*indexed, *loose], key=lambda found: found.intent))


def _lists(store: Store, sha256: str, subjects: Iterable[bytes]) -> bool | None:
    """Whether the manifest lists the person; None if it is missing or changed, so that nobody can say."""
    try:
        made = store.read(sha256)
    except NotAManifest:
        return None
    return any(made.lists(subject) for subject in subjects)


def _loose(store: Store, subjects: Sequence[bytes]) -> Iterable[Found]:
    """The newest word on each reading wins: a manifest over its draft."""
    found: dict[str, Found] = {}
    for made in (*store.unfinished(), *_arriving(store)):
        if any(made.lists(subject) for subject in subjects):
            head = made.head
            found[head.intent] = Found(head.intent, made.sha256, head.kind, made.ended, head.dataset, True)
        else:
            found.pop(made.head.intent, None)
    return found.values()


def _arriving(store: Store) -> Iterable[Manifest]:
    for sha256 in store.arriving():
        try:
            yield store.read(sha256)
        except NotAManifest:
            continue


def catch_up(engine: Engine, store: Store) -> int:
    """Take in every manifest that has arrived, drafts of dead processes among them; returns how many."""
    store.salvage()
    count = 0
    for sha256 in list(store.arriving()):
        try:
            take_in(engine, store.read(sha256))
        except NotAManifest:
            continue
        store.indexed(sha256)
        count += 1
    return count


def rebuild(engine: Engine, store: Store) -> int:
    """Make the whole index again from the manifests; returns how many. Raises `NotAManifest` for a bad one."""
    with engine.begin() as connection:
        connection.execute(delete(disclosures))
        connection.execute(delete(manifests))
    count = 0
    for count, sha256 in enumerate(store.every(), start=1):  # noqa: B007
        take_in(engine, store.read(sha256))
        store.indexed(sha256)
    return count


def take_in(engine: Engine, made: Manifest) -> None:
    """Put one manifest into the index; once is enough, and twice does no harm. A whole one replaces a broken one."""
    with engine.begin() as connection:
        number = _number(connection, made)
    prefixes = [subject[:PREFIX] for subject in made.hashes()] if number is not None else []
    for start in range(0, len(prefixes), BATCH):
        rows = [{"subject": prefix, "manifest": number} for prefix in prefixes[start : start + BATCH]]
        with engine.begin() as connection:
            connection.execute(_once(connection.dialect.name), rows)


def _number(connection: Connection, made: Manifest) -> int | None:
    """The number of this manifest; None if another one stands for its reading already."""
    m, head = manifests.c, made.head
    stands = connection.execute(select(m.number, m.sha256, m.ended).where(m.intent == head.intent)).one_or_none()
    if stands is not None and stands.sha256 == made.sha256:
        return int(stands.number)
    if stands is not None:
        if made.ended == Ended.BROKEN:
            return None
        connection.execute(delete(disclosures).where(disclosures.c.manifest == bindparam("n")), {"n": stands.number})
        connection.execute(delete(manifests).where(m.number == bindparam("n")), {"n": stands.number})
    facts = {
        "intent": head.intent, "sha256": made.sha256, "kind": str(head.kind), "ended": str(made.ended),
        "dataset": head.dataset, "namespace": head.namespace, "subjects": made.subjects,
    }  # fmt: skip
    connection.execute(insert(manifests), facts)
    return int(connection.scalar(select(m.number).where(m.intent == head.intent)) or 0)


def _once(dialect_name: str) -> Insert:
    dialect: Any = postgresql if dialect_name == "postgresql" else sqlite
    statement: Insert = dialect.insert(disclosures).on_conflict_do_nothing()
    return statement


def counted(connection: Connection) -> tuple[int, int]:
    """How many manifests and how many persons' disclosures the index holds."""
    held = connection.scalar(select(func.count()).select_from(manifests)) or 0
    return int(held), int(connection.scalar(select(func.sum(manifests.c.subjects))) or 0)


def datasets_with(connection: Connection, namespace: str) -> tuple[str, ...]:
    """The datasets of which readings are known under this kind of key."""
    chosen = select(manifests.c.dataset).where(manifests.c.namespace == namespace).distinct()
    return tuple(sorted(connection.scalars(chosen)))
