"""The auditors' saved searches. They are theirs, not the log's: they can be deleted; each saving is an entry."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, String, Table, Text

from audit.tables import metadata

saved_searches = Table(
    "audit_saved_search",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("owner", String(36), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("question", String(40), nullable=False),
    Column("asked", Text, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("t", BigInteger, nullable=False),
)
"""`owner` is a pseudonym; `question` "entries" or a standing question's key; `asked` the address's query (RFC 3986)."""
