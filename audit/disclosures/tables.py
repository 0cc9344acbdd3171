"""The index of disclosures: by which readings a person's records left. Made from the manifests, and remade from them.

It holds keyed hashes and numbers only. Nothing rests on it: whoever finds a reading here looks into its manifest.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from audit.tables import metadata

PREFIX = 16
"""Bytes of a subject's hash that are kept here; two persons share them once in 2^64 pairs, and the manifest decides."""

manifests = Table(
    "audit_manifest",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("intent", String(36), nullable=False, unique=True),
    Column("sha256", String(64), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("ended", String(12), nullable=False),
    Column("dataset", String(9), nullable=False),
    Column("namespace", String(80), nullable=False, index=True),
    Column("subjects", BigInteger, nullable=False),
)

disclosures = Table(
    "audit_disclosure",
    metadata,
    Column("subject", LargeBinary(PREFIX), primary_key=True),
    Column("manifest", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
