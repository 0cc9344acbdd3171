"""What auditors said of findings. A finding is computed anew each time; only what was said of it is kept."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from audit.tables import metadata

reviews = Table(
    "audit_review",
    metadata,
    Column("entry", String(36), primary_key=True),
    Column("finding", String(64), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("verdict", String(12), nullable=False),
    Column("note", Text, nullable=False),
    Column("actor", String(36), nullable=False),
    Column("t", BigInteger, nullable=False),
)
"""One row per review: `entry` is the id of the log's entry of it, `actor` the auditor's pseudonym, `t` in milliseconds.

The last review of a finding counts. The note stays here; the entry holds its SHA-256, so that a changed note is found.
"""
