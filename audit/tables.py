"""The log's own tables, on their own metadata: it can be lifted out of this program with them.

`audit_queue` is where an entry becomes durable; the sequencer moves it, byte for byte, to `audit_entry` with its
index in the tree. `audit_replay` holds one-time keys (DPoP proofs) used with an entry.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    Label,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    event,
    text,
    type_coerce,
)
from sqlalchemy.types import NullType

from audit.kept import create_triggers

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

REFUSED = "outcome = 'refused'"
CODED = "code IS NOT NULL"
LARGE = "rows >= 10000 OR bytes >= 10000000"
"""What the partial indexes hold. SQLite uses one only where a statement says the same words."""


def _partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


queue = Table(
    "audit_queue",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
    # An entry that no bundle can hold must not get as far as the sequencer.
    CheckConstraint("length(body) BETWEEN 1 AND 65535", name="body_fits"),
)

replay = Table(
    "audit_replay",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
)

entries = Table(
    "audit_entry",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False, unique=True),
    Column("t", BigInteger, nullable=False),
    Column("action", String(40), nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("actor", String(36)),
    Column("client", String(80)),
    Column("working_group", String(80)),
    Column("agency", String(80)),
    Column("source", String(80)),
    Column("dataset", String(9)),
    Column("agreement", String(20)),
    Column("agreement_version", Integer),
    Column("purpose", String(80)),
    Column("ref", String(36)),
    Column("rows", BigInteger),
    Column("bytes", BigInteger),
    Column("code", String(40)),
    Column("reason", Text),
    Column("body", LargeBinary, nullable=False),
    Index("ix_audit_entry_t", "t"),
    Index("ix_audit_entry_dataset_t", "dataset", "t"),
    Index("ix_audit_entry_actor_t", "actor", "t"),
    Index("ix_audit_entry_action_t", "action", "t"),
    Index("ix_audit_entry_agreement_t", "agreement", "t"),
    Index("ix_audit_entry_working_group_t", "working_group", "t"),
    Index("ix_audit_entry_source_t", "source", "t"),
    Index("ix_audit_entry_ref", "ref"),
    # Few entries are refusals or large, and both are asked for: partial indexes cost the other entries nothing.
    _partial("ix_audit_entry_refused_t", "t", where=REFUSED),
    _partial("ix_audit_entry_code_t", "code", "t", where=CODED),
    _partial("ix_audit_entry_large_t", "t", where=LARGE),
)

checkpoints = Table(
    "audit_checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", String(64), nullable=False),
    Column("note", Text, nullable=False),
    Column("t", BigInteger, nullable=False),
)


@event.listens_for(metadata, "after_create")
def _with_triggers(_metadata: MetaData, connection: Connection, **made: Any) -> None:
    if made.get("tables"):
        create_triggers(connection)


def body_of(table: Table) -> Label[Any]:
    """The column `body` as it lies there, for `as_bytes`."""
    return type_coerce(table.c.body, NullType()).label("body")


def as_bytes(body: Any) -> bytes:
    """An entry's bytes. SQLite lets somebody with a shell store text; that is tampering to report, not to trip over."""
    return body.encode("utf-8", "surrogateescape") if isinstance(body, str) else bytes(body or b"")
