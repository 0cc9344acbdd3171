"""App tokens, and the counts of requests that web workers share.

Revision 0006; follows 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "app_token",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=True),
        sa.Column("made_from", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_app_token_person_id_person")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_app_token")),
    )
    op.create_index("ix_app_token_made_from", "app_token", ["made_from"])
    op.create_index("ix_app_token_person_id", "app_token", ["person_id"])
    op.create_table(
        "request_count",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("process", sa.String(length=32), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "minute", "process", name=op.f("pk_request_count")),
    )


def downgrade() -> None:
    op.drop_table("request_count")
    op.drop_index("ix_app_token_person_id", "app_token")
    op.drop_index("ix_app_token_made_from", "app_token")
    op.drop_table("app_token")
