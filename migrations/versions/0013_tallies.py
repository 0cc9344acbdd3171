"""Tallies: counts over the log by hour and day, kept by the sequencer; and what auditors said of findings.

They begin empty. The sequencer counts the entries that a log holds already in its own rounds, or the operator does it
at once with `flask audit rebuild-tallies`. Revision 0013; follows 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _key(name: str, length: int) -> sa.Column:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _numbers(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _tally(name: str, keys: list[sa.Column], measures: list[sa.Column]) -> None:
    primary = sa.PrimaryKeyConstraint(*(key.name for key in keys), name=f"pk_{name}")
    op.create_table(name, *keys, *measures, primary, sqlite_with_rowid=False)


def upgrade() -> None:
    where = [_key("source", 80), _key("working_group", 80), _key("dataset", 9)]
    access = _numbers("reads", "refusals", "done", "cut", "failed", "rows", "bytes")
    _tally("audit_hour", [*_numbers("hour"), *where], access)
    where = [_key("source", 80), _key("working_group", 80), _key("dataset", 9)]
    act = [_key("action", 40), _key("outcome", 12), _key("code", 40)]
    _tally("audit_day", [*_numbers("day"), *act, *where], _numbers("entries", "rows", "bytes"))
    for name, time in (("audit_actor_hour", "hour"), ("audit_actor_day", "day")):
        active = _numbers("entries", "reads", "refusals", "rows", "bytes", "first_t", "last_t")
        _tally(name, [*_numbers(time), _key("actor", 36), _key("client", 80)], active)
    op.create_index("ix_audit_actor_day_actor", "audit_actor_day", ["actor", "client", "day"])
    _tally("audit_first", [_key("kind", 8), _key("who", 80), _key("dataset", 9)], _numbers("idx", "t", "reads", "last_t"))
    op.create_index("ix_audit_first_t", "audit_first", ["t"])
    op.create_table(
        "audit_tallied",
        sa.Column("log", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log", name="pk_audit_tallied"),
    )
    op.create_table(
        "audit_review",
        sa.Column("entry", sa.String(length=36), nullable=False),
        sa.Column("finding", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("verdict", sa.String(length=12), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=36), nullable=False),
        sa.Column("t", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_audit_review"),
    )
    op.create_index("ix_audit_review_finding", "audit_review", ["finding"])


def downgrade() -> None:
    for name in (
        "audit_review", "audit_tallied", "audit_first", "audit_actor_day", "audit_actor_hour", "audit_day", "audit_hour",
    ):  # fmt: skip
        op.drop_table(name)
