"""Which columns are open and which are restricted, on what basis, decided and agreed by whom."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from exchange.db import Model


class ClassificationState(enum.StrEnum):
    """draft -> proposed -> agreed, or returned to its author; an agreed one is replaced by a newer agreed one."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    RETURNED = "returned"
    AGREED = "agreed"
    REPLACED = "replaced"


class Classification(Model):
    """One complete set of column decisions for a dataset. Agreed ones are never edited."""

    __tablename__ = "classification"
    __table_args__ = (UniqueConstraint("dataset_id", "number"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"))
    number: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(12), default=ClassificationState.DRAFT.value)
    suppression: Mapped[dict[str, Any] | None]
    proposed_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime | None]
    answered_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    answered_at: Mapped[datetime | None]
    answer_note: Mapped[str] = mapped_column(Text, default="")
    columns: Mapped[list[ColumnDecision]] = relationship(
        back_populates="classification", order_by="ColumnDecision.position", cascade="all, delete-orphan"
    )


class ColumnDecision(Model):
    """Open, or restricted with its exemption basis: EO 39 limb, code, citation, person, date, review date."""

    __tablename__ = "column_decision"
    __table_args__ = (UniqueConstraint("classification_id", "column"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    classification_id: Mapped[str] = mapped_column(ForeignKey("classification.id"))
    column: Mapped[str] = mapped_column(String(120))
    position: Mapped[int] = mapped_column(Integer)
    decision: Mapped[str | None] = mapped_column(String(12))
    limb: Mapped[str | None] = mapped_column(String(2))
    code: Mapped[str | None] = mapped_column(String(20))
    citation: Mapped[str] = mapped_column(String(300), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    decided_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    decided_on: Mapped[date | None] = mapped_column(Date)
    review_on: Mapped[date | None] = mapped_column(Date)
    classification: Mapped[Classification] = relationship(back_populates="columns")
