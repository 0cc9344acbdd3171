"""Tallies with fewer rows: access by the day of one thing at a time, a person's hours as bits of their day.

All are counted anew from the entries, by the sequencer's next rounds or at once by `flask audit rebuild-tallies`.
Revision 0015; follows 0014.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ACTIVE = ("entries", "reads", "refusals", "rows", "bytes", "first_t", "last_t")
COUNTED = ("audit_hour", "audit_day", "audit_first", "audit_tallied")


def _tally(name: str, keys: list[sa.Column], measures: tuple[str, ...]) -> None:
    numbers = [sa.Column(measure, sa.BigInteger(), nullable=False) for measure in measures]
    primary = sa.PrimaryKeyConstraint(*(key.name for key in keys), name=f"pk_{name}")
    op.create_table(name, *keys, *numbers, primary, sqlite_with_rowid=False)


def _keys(time: str, **lengths: int) -> list[sa.Column]:
    words = [sa.Column(name, sa.String(length=length), nullable=False) for name, length in lengths.items()]
    return [sa.Column(time, sa.BigInteger(), nullable=False), *words]


def _forget() -> None:
    for name in COUNTED:
        op.execute(sa.text(f"DELETE FROM {name}"))


def upgrade() -> None:
    op.drop_table("audit_actor_hour")
    op.drop_table("audit_actor_day")
    _tally("audit_actor_day", _keys("day", actor=36, client=80), (*ACTIVE[:5], "hours", *ACTIVE[5:]))
    access = ("reads", "refusals", "done", "cut", "failed", "rows", "bytes")
    _tally("audit_access_day", _keys("day", kind=8, what=80), access)
    _forget()


def downgrade() -> None:
    op.drop_table("audit_access_day")
    op.drop_table("audit_actor_day")
    for name, time in (("audit_actor_hour", "hour"), ("audit_actor_day", "day")):
        _tally(name, _keys(time, actor=36, client=80), ACTIVE)
    op.create_index("ix_audit_actor_day_actor", "audit_actor_day", ["actor", "client", "day"])
    _forget()
