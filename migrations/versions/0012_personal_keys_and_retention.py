"""Keys of the log's personal fields, requests to destroy them, legal holds.

Revision 0012; follows 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit_subject_key",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("master", sa.String(length=16), nullable=False),
        sa.Column("wrapped", sa.String(length=120), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("destroyed_at", sa.BigInteger(), nullable=True),
        sa.Column("destroyed_by", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_subject_key"),
    )
    living = sa.text("destroyed_at IS NULL")
    op.create_index(
        "uq_audit_subject_key_living",
        "audit_subject_key",
        ["subject", "year"],
        unique=True,
        sqlite_where=living,
        postgresql_where=living,
    )
    op.create_index("ix_audit_subject_key_year", "audit_subject_key", ["year"])
    op.create_table(
        "audit_erasure",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=True),
        sa.Column("first_year", sa.Integer(), nullable=False),
        sa.Column("last_year", sa.Integer(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("schedule", sa.String(length=80), nullable=False),
        sa.Column("records_ended", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.String(length=36), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("first_by", sa.String(length=36), nullable=True),
        sa.Column("first_as", sa.String(length=20), nullable=True),
        sa.Column("first_at", sa.BigInteger(), nullable=True),
        sa.Column("second_by", sa.String(length=36), nullable=True),
        sa.Column("second_as", sa.String(length=20), nullable=True),
        sa.Column("second_at", sa.BigInteger(), nullable=True),
        sa.Column("form_number", sa.String(length=80), nullable=True),
        sa.Column("form_day", sa.String(length=10), nullable=True),
        sa.Column("form_sha256", sa.String(length=64), nullable=True),
        sa.Column("form_by", sa.String(length=36), nullable=True),
        sa.Column("form_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=36), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.Column("destroyed", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_erasure"),
    )
    op.create_index("ix_audit_erasure_state", "audit_erasure", ["state"])
    op.create_table(
        "audit_hold",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("value", sa.String(length=80), nullable=True),
        sa.Column("first_day", sa.String(length=10), nullable=True),
        sa.Column("last_day", sa.String(length=10), nullable=True),
        sa.Column("matter", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_by", sa.String(length=36), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_by", sa.String(length=36), nullable=True),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_hold"),
    )


def downgrade() -> None:
    op.drop_table("audit_hold")
    op.drop_index("ix_audit_erasure_state", table_name="audit_erasure")
    op.drop_table("audit_erasure")
    op.drop_index("ix_audit_subject_key_year", table_name="audit_subject_key")
    op.drop_index("uq_audit_subject_key_living", table_name="audit_subject_key")
    op.drop_table("audit_subject_key")
