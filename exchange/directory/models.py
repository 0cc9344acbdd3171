"""Who takes part: agencies with their aliases, persons, dated roles, working groups.

An agency's key is its legal name as a slug, never an acronym: "DSS" is both Social Services and
the Division of Scientific Services (connecticut.md §6.1).
"""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime

from sqlalchemy import Boolean, Date, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from exchange.db import Model


class RoleKind(enum.StrEnum):
    """What a person may be, for an agency, a working group or the State (connecticut.md §1.3, §4.1)."""

    DRAFTER = "drafter"
    CDO = "cdo"
    DATA_OFFICER = "data_officer"
    STEWARD = "steward"
    COUNSEL = "counsel"
    OFFICIAL = "official"
    MEMBER = "member"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Agency(Model):
    """An organisation that can be party to an agreement or own data."""

    __tablename__ = "agency"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    acronym: Mapped[str] = mapped_column(String(20))
    branch: Mapped[str] = mapped_column(String(40), default="executive")
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("agency.id"))
    statute: Mapped[str] = mapped_column(String(200), default="")
    aliases: Mapped[list[AgencyAlias]] = relationship(back_populates="agency", cascade="all, delete-orphan")


class AgencyAlias(Model):
    """Another spelling under which an agency is found; several agencies may share one."""

    __tablename__ = "agency_alias"

    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"), primary_key=True)
    alias: Mapped[str] = mapped_column(String(200), primary_key=True)
    agency: Mapped[Agency] = relationship(back_populates="aliases")


class WorkingGroup(Model):
    """A standing group of persons from several agencies."""

    __tablename__ = "working_group"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    purpose: Mapped[str] = mapped_column(Text, default="")


class Person(Model):
    """A human being. `pseudonym` is the only name the log knows."""

    __tablename__ = "person"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    pseudonym: Mapped[str] = mapped_column(String(36), unique=True, default=lambda: str(uuid.uuid4()))
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    title: Mapped[str] = mapped_column(String(200), default="")
    agency_id: Mapped[str | None] = mapped_column(ForeignKey("agency.id"))
    left_at: Mapped[datetime | None]
    agency: Mapped[Agency | None] = relationship()
    roles: Mapped[list[Role]] = relationship(back_populates="person")


class Role(Model):
    """What a person is, where, and between which legal days (both included; no end means until changed)."""

    __tablename__ = "role"
    __table_args__ = (Index("ix_role_person_kind", "person_id", "kind"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(String(20))
    agency_id: Mapped[str | None] = mapped_column(ForeignKey("agency.id"))
    working_group_id: Mapped[str | None] = mapped_column(ForeignKey("working_group.id"))
    begins: Mapped[date] = mapped_column(Date)
    ends: Mapped[date | None] = mapped_column(Date)
    primary: Mapped[bool] = mapped_column(Boolean, default=False)
    person: Mapped[Person] = relationship(back_populates="roles")
    agency: Mapped[Agency | None] = relationship()
    working_group: Mapped[WorkingGroup | None] = relationship()
