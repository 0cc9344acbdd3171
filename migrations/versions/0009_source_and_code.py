"""Whose data an entry is about, and a short word for a refusal's reason: columns by which entries are found.

Entries written before have neither member, so their columns stay empty. Revision 0009; follows 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_entry", sa.Column("source", sa.String(length=80), nullable=True))
    op.add_column("audit_entry", sa.Column("code", sa.String(length=40), nullable=True))
    op.create_index("ix_audit_entry_source_t", "audit_entry", ["source", "t"])


def downgrade() -> None:
    op.drop_index("ix_audit_entry_source_t", "audit_entry")
    op.drop_column("audit_entry", "code")
    op.drop_column("audit_entry", "source")
