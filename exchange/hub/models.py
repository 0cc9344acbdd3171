"""Publishing runs: what was brought in, from where, how far it got, and with which counts."""

from __future__ import annotations

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from exchange.catalog.models import Dataset
from exchange.db import Model


class RunState(enum.StrEnum):
    """waiting: types proposed, the steward must confirm. stopped: something was found that a person must accept.

    failed: it can be tried again. Every other state says where the run is or how it ended.
    """

    EXTRACTING = "extracting"
    WAITING = "waiting"
    CONFORMING = "conforming"
    VALIDATING = "validating"
    BUILDING = "building"
    PUBLISHED = "published"
    STOPPED = "stopped"
    FAILED = "failed"
    GIVEN_UP = "given_up"


class PublishingRun(Model):
    """One attempt to make one version. Counts are rows: read, added, changed, removed, refused.

    `source` says what was given (never a password); `proposal` the columns, as proposed and then as confirmed;
    `step` is the last finished step and `accepted` the kinds of finding that a person accepted.
    """

    __tablename__ = "publishing_run"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"))
    state: Mapped[str] = mapped_column(String(12))
    step: Mapped[str] = mapped_column(String(12), default="")
    merge: Mapped[str] = mapped_column(String(12), default="replace")
    row_id: Mapped[str | None] = mapped_column(String(120))
    accepted: Mapped[list[str]] = mapped_column(default=list)
    source: Mapped[dict[str, Any]]
    proposal: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    recipe: Mapped[dict[str, Any] | None]
    rows_read: Mapped[int] = mapped_column(BigInteger, default=0)
    rows_added: Mapped[int] = mapped_column(BigInteger, default=0)
    rows_changed: Mapped[int] = mapped_column(BigInteger, default=0)
    rows_removed: Mapped[int] = mapped_column(BigInteger, default=0)
    rows_refused: Mapped[int] = mapped_column(BigInteger, default=0)
    message: Mapped[str] = mapped_column(Text, default="")
    problems: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    version_id: Mapped[int | None] = mapped_column(ForeignKey("dataset_version.id"))
    started_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    dataset: Mapped[Dataset] = relationship()
