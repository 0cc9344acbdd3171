"""What lies beside the log and is no part of it: keys of personal fields, requests to destroy them, legal holds.

A key's row stays for ever; what goes is the wrapped key in it. The steps of a request and of a hold are entries of the
log; these rows say where each stands now.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, text

from audit.tables import metadata

_LIVING = text("destroyed_at IS NULL")

subject_keys = Table(
    "audit_subject_key",
    metadata,
    Column("id", String(32), primary_key=True),
    # A person's pseudonym, or "unknown:2026-06-15" for whoever tried to sign in on that day without an account.
    Column("subject", String(80), nullable=False),
    Column("year", Integer, nullable=False),
    Column("master", String(16), nullable=False),
    Column("wrapped", String(120)),
    Column("created_at", BigInteger, nullable=False),
    Column("destroyed_at", BigInteger),
    Column("destroyed_by", String(20)),
    # One living key for each subject and year; a destroyed one may be followed by another.
    Index(
        "uq_audit_subject_key_living", "subject", "year", unique=True, sqlite_where=_LIVING, postgresql_where=_LIVING
    ),
    Index("ix_audit_subject_key_year", "year"),
)

erasures = Table(
    "audit_erasure",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("state", String(12), nullable=False),
    Column("scope", String(12), nullable=False),
    Column("subject", String(80)),
    Column("first_year", Integer, nullable=False),
    Column("last_year", Integer, nullable=False),
    Column("basis", Text, nullable=False),
    Column("schedule", String(80), nullable=False),
    Column("records_ended", Text),
    Column("requested_by", String(36), nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("first_by", String(36)),
    Column("first_as", String(20)),
    Column("first_at", BigInteger),
    Column("second_by", String(36)),
    Column("second_as", String(20)),
    Column("second_at", BigInteger),
    Column("form_number", String(80)),
    Column("form_day", String(10)),
    Column("form_sha256", String(64)),
    Column("form_by", String(36)),
    Column("form_at", BigInteger),
    Column("ended_by", String(36)),
    Column("ended_at", BigInteger),
    Column("ended_because", Text),
    Column("destroyed", Integer),
    Index("ix_audit_erasure_state", "state"),
)

holds = Table(
    "audit_hold",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("scope", String(12), nullable=False),
    Column("value", String(80)),
    Column("first_day", String(10)),
    Column("last_day", String(10)),
    Column("matter", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("placed_by", String(36), nullable=False),
    Column("placed_at", BigInteger, nullable=False),
    Column("lifted_by", String(36)),
    Column("lifted_at", BigInteger),
    Column("lifted_because", Text),
)
