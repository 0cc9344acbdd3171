"""Tables of the rows API: app tokens, which are for quota only, and the counts that the web workers share."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from exchange.db import Model


class AppToken(Model):
    """A program that asked for a larger quota. Only the hash of its token is kept; it proves nobody's identity.

    `made_from` is a keyed hash of the address and the day, so that one address makes few tokens a day and none is known
    afterwards.
    """

    __tablename__ = "app_token"
    __table_args__ = (Index("ix_app_token_made_from", "made_from"), Index("ix_app_token_person_id", "person_id"))

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    purpose: Mapped[str] = mapped_column(Text)
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    made_from: Mapped[str] = mapped_column(String(32))
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class RequestCount(Model):
    """Requests that one process answered in one minute for one token or address (as a keyed hash)."""

    __tablename__ = "request_count"

    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    minute: Mapped[int] = mapped_column(Integer, primary_key=True)
    process: Mapped[str] = mapped_column(String(32), primary_key=True)
    requests: Mapped[int] = mapped_column(Integer)
