"""Registers of what the law asks for around sharing: notices after a breach, referrals of public-records requests,
certificates of destruction, and what agencies filed.

Rows are added and never changed or taken away: what becomes of an incident or of a request is a further row. None of
them names a resident or a requester.
"""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from agreements.models import AgreementVersion
from exchange.db import Model
from exchange.directory.models import Agency, Person


class Incident(Model):
    """Something that may be a breach of security, as it was when it was discovered. `id` is such as INC-2026-0001.

    `agency_id` is where it happened; `datasets` are those concerned. `identity_numbers`: social security or taxpayer
    numbers are among the data, which lengthens what residents are owed (CGS 36a-701b).
    """

    __tablename__ = "incident"
    __table_args__ = (Index("ix_incident_discovered_at", "discovered_at"),)

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    what: Mapped[str] = mapped_column(Text)
    datasets: Mapped[list[str]]
    identity_numbers: Mapped[bool] = mapped_column(Boolean, default=False)
    discovered_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    agency: Mapped[Agency] = relationship()
    recorded_by: Mapped[Person] = relationship()
    steps: Mapped[list[IncidentStep]] = relationship(order_by="IncidentStep.id", back_populates="incident")


class StepKind(enum.StrEnum):
    """What can become of an incident: contained, its extent known, found to be no breach, or one of the notices."""

    CONTAINED = "contained"
    EXTENT = "extent"
    NO_BREACH = "no_breach"
    OWNER = "owner"
    AUDITORS = "auditors"
    COMPTROLLER = "comptroller"
    ATTORNEY_GENERAL = "attorney_general"
    RESIDENTS = "residents"


class IncidentStep(Model):
    """One step: what, when it was done (`at`), by whom recorded. `persons` is how many are affected, for an extent."""

    __tablename__ = "incident_step"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]
    persons: Mapped[int | None] = mapped_column(Integer)
    note: Mapped[str] = mapped_column(Text, default="")
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    incident: Mapped[Incident] = relationship(back_populates="steps")
    recorded_by: Mapped[Person] = relationship()


class RecordsRequest(Model):
    """A request for public records that an agency received for data of another agency (CGS 4-67dd).

    `id` is such as FOI-2026-0001; `file_number` the receiving agency's own, under which it keeps the requester's name.
    """

    __tablename__ = "records_request"
    __table_args__ = (Index("ix_records_request_received_on", "received_on"),)

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    received_on: Mapped[date] = mapped_column(Date)
    file_number: Mapped[str] = mapped_column(String(80))
    about: Mapped[str] = mapped_column(Text)
    dataset_id: Mapped[str | None] = mapped_column(ForeignKey("dataset.id"))
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    agency: Mapped[Agency] = relationship()
    recorded_by: Mapped[Person] = relationship()
    referral: Mapped[Referral | None] = relationship(back_populates="request")


class Referral(Model):
    """The referral of a request to the originating agency, with what the letter to the requester says of that agency.

    `letter_sha256` is of the letter's PDF, which follows from the row.
    """

    __tablename__ = "referral"

    request_id: Mapped[str] = mapped_column(ForeignKey("records_request.id"), primary_key=True)
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    address: Mapped[str] = mapped_column(Text)
    telephone: Mapped[str] = mapped_column(String(40))
    referred_on: Mapped[date] = mapped_column(Date)
    letter_sha256: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    agency: Mapped[Agency] = relationship()
    request: Mapped[RecordsRequest] = relationship(back_populates="referral")
    recorded_by: Mapped[Person] = relationship()


class DestructionCertificate(Model):
    """That a recipient's certificate of destruction was received (clause C31).

    `sha256` is of the certificate's file, which stays with the agreement's papers.
    """

    __tablename__ = "destruction_certificate"
    __table_args__ = (UniqueConstraint("version_id", "agency_id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("agreement_version.id"))
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    certified_by: Mapped[str] = mapped_column(String(200))
    method: Mapped[str] = mapped_column(String(300))
    destroyed_on: Mapped[date] = mapped_column(Date)
    received_on: Mapped[date] = mapped_column(Date)
    sha256: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    version: Mapped[AgreementVersion] = relationship()
    agency: Mapped[Agency] = relationship()
    recorded_by: Mapped[Person] = relationship()


class FilingKind(enum.StrEnum):
    """What an agency files with the Chief Data Officer by the end of each year (CGS 4-67p)."""

    INVENTORY = "inventory"
    PLAN = "plan"


class AgencyFiling(Model):
    """That an agency filed its inventory or its plan: on which legal day, and in which `place` it can be read."""

    __tablename__ = "agency_filing"
    __table_args__ = (Index("ix_agency_filing_agency_id_kind", "agency_id", "kind"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    kind: Mapped[str] = mapped_column(String(12))
    filed_on: Mapped[date] = mapped_column(Date)
    place: Mapped[str] = mapped_column(String(300), default="")
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    agency: Mapped[Agency] = relationship()
    recorded_by: Mapped[Person] = relationship()
