"""The auditors' saved searches, and partial indexes for what they ask often: refusals, their codes, large reads.

Revision 0014; follows 0013.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PARTIAL = {
    "ix_audit_entry_refused_t": (["t"], "outcome = 'refused'"),
    "ix_audit_entry_code_t": (["code", "t"], "code IS NOT NULL"),
    "ix_audit_entry_large_t": (["t"], "rows >= 10000 OR bytes >= 10000000"),
}


def upgrade() -> None:
    for name, (columns, where) in PARTIAL.items():
        op.create_index(name, "audit_entry", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_table(
        "audit_saved_search",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("question", sa.String(length=40), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("t", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_saved_search"),
    )
    op.create_index("ix_audit_saved_search_owner", "audit_saved_search", ["owner"])


def downgrade() -> None:
    op.drop_table("audit_saved_search")
    for name in PARTIAL:
        op.drop_index(name, "audit_entry")
