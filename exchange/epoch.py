"""The epoch: one counter that every change of rights moves, in the same transaction as the change.

A worker that remembers a right also remembers the epoch at which it learnt it; a different
epoch means "ask the database again". It never permits anything by itself (security.md §2.1).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, Integer, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from exchange.db import Model


class Epoch(Model):
    """The single row that holds the counter."""

    __tablename__ = "epoch"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger, default=0)


def bump(session: Session) -> None:
    """Say that somebody's rights changed. The caller commits it together with the change."""
    changed = session.execute(text("UPDATE epoch SET value = value + 1 WHERE id = 1"))
    if changed.rowcount == 0:  # type: ignore[attr-defined]
        session.add(Epoch(id=1, value=1))
        session.flush()


def current(connection: Connection) -> int:
    """The counter as committed; 0 before anything ever changed."""
    return connection.execute(select(Epoch.value).where(Epoch.id == 1)).scalar() or 0
