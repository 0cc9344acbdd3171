"""Disclosures by person: the index of manifests, and which column of a dataset names the person a row is about.

Revision 0010; follows 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_manifest",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("intent", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("ended", sa.String(length=12), nullable=False),
        sa.Column("dataset", sa.String(length=9), nullable=False),
        sa.Column("namespace", sa.String(length=80), nullable=False),
        sa.Column("subjects", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_manifest")),
        sa.UniqueConstraint("intent", name=op.f("uq_audit_manifest_intent")),
    )
    op.create_index(op.f("ix_audit_manifest_namespace"), "audit_manifest", ["namespace"])
    op.create_table(
        "audit_disclosure",
        sa.Column("subject", sa.LargeBinary(length=16), nullable=False),
        sa.Column("manifest", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("subject", "manifest", name=op.f("pk_audit_disclosure")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dataset_subject",
        sa.Column("dataset_id", sa.String(length=9), nullable=False),
        sa.Column("column", sa.String(length=120), nullable=False),
        sa.Column("namespace", sa.String(length=80), nullable=False),
        sa.Column("record", sa.String(length=12), nullable=False),
        sa.Column("named_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_subject_dataset_id_dataset")),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_dataset_subject")),
    )


def downgrade() -> None:
    op.drop_table("dataset_subject")
    op.drop_table("audit_disclosure")
    op.drop_index(op.f("ix_audit_manifest_namespace"), table_name="audit_manifest")
    op.drop_table("audit_manifest")
