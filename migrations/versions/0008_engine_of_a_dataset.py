"""The engine ordered for a dataset's rows.

Revision 0008; follows 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dataset", sa.Column("engine", sa.String(length=12), nullable=True))


def downgrade() -> None:
    op.drop_column("dataset", "engine")
