"""Agreements, their numbered versions, parties, clauses, reviews and signatures.

A version's words, policy and hash are fixed before its first signature (`frozen_at`); from then on its rows are
never changed, and an edit is a new version (invariant 5).
"""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from exchange.db import Model
from exchange.directory.models import Agency, Person, WorkingGroup


class Tier(enum.StrEnum):
    """The statutory OPM memorandum is an E-MOU (CGS 4-67n); a DSA stands under one; a DUL under a DSA."""

    EMOU = "emou"
    DSA = "dsa"
    DUL = "dul"


class State(enum.StrEnum):
    """States of an agreement version (connecticut.md §4.2); `agreements.transitions` says who moves it between them."""

    DRAFT = "draft"
    SOURCE_REVIEW = "source_review"
    LEGAL_REVIEW = "legal_review"
    CHANGES_REQUESTED = "changes_requested"
    REFUSED = "refused"
    SIGNATURE = "signature"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    TERMINATED = "terminated"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class Capacity(enum.StrEnum):
    """As what an agency stands in an agreement (clause C01)."""

    SOURCE = "source"
    RECIPIENT = "recipient"
    OPM = "opm"


class Agreement(Model):
    """An agreement through all its versions. `id` is its public number, such as DSA-2026-0001."""

    __tablename__ = "agreement"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    tier: Mapped[str] = mapped_column(String(8))
    title: Mapped[str] = mapped_column(String(300))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("agreement.id"))
    working_group_id: Mapped[str | None] = mapped_column(ForeignKey("working_group.id"))
    created_at: Mapped[datetime]
    created_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    versions: Mapped[list[AgreementVersion]] = relationship(
        order_by="AgreementVersion.number", back_populates="agreement"
    )
    parent: Mapped[Agreement | None] = relationship(remote_side=[id])
    working_group: Mapped[WorkingGroup | None] = relationship()


class AgreementVersion(Model):
    """One text with its policy. `document` is the canonical text tree, `terms` the compiled policy, frozen together;
    `sha256` is over the canonical bytes of both (`agreements.document`). `round` counts submissions for review, so that
    an approval of an earlier wording does not count for a later one. `terminates_at` is set while a notice of
    termination runs: from that instant the version is no longer in force."""

    __tablename__ = "agreement_version"
    __table_args__ = (UniqueConstraint("agreement_id", "number"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    agreement_id: Mapped[str] = mapped_column(ForeignKey("agreement.id"))
    number: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(20), default=State.DRAFT.value)
    state_since: Mapped[datetime]
    begins: Mapped[date | None] = mapped_column(Date)
    ends: Mapped[date | None] = mapped_column(Date)
    begins_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    document: Mapped[dict[str, Any] | None]
    terms: Mapped[dict[str, Any] | None]
    sha256: Mapped[str | None] = mapped_column(String(64))
    pdf_sha256: Mapped[str | None] = mapped_column(String(64))
    frozen_at: Mapped[datetime | None] = mapped_column(active_history=True)
    terminates_at: Mapped[datetime | None]
    round: Mapped[int] = mapped_column(Integer, default=0)
    reason: Mapped[str] = mapped_column(Text, default="")
    agreement: Mapped[Agreement] = relationship(back_populates="versions")
    parties: Mapped[list[Party]] = relationship(cascade="all, delete-orphan", order_by="Party.id")
    clauses: Mapped[list[AgreementClause]] = relationship(cascade="all, delete-orphan", order_by="AgreementClause.code")
    reviews: Mapped[list[Review]] = relationship(order_by="Review.id")
    signatures: Mapped[list[Signature]] = relationship(order_by="Signature.id")
    events: Mapped[list[AgreementEvent]] = relationship(order_by="AgreementEvent.id")


class Party(Model):
    """An agency in one capacity."""

    __tablename__ = "party"
    __table_args__ = (UniqueConstraint("version_id", "agency_id", "capacity"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("agreement_version.id"))
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    capacity: Mapped[str] = mapped_column(String(12))
    agency: Mapped[Agency] = relationship()


class AgreementClause(Model):
    """A library clause as used here: its code, the library version, and the values of its parameters."""

    __tablename__ = "agreement_clause"
    __table_args__ = (UniqueConstraint("version_id", "code"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("agreement_version.id"))
    code: Mapped[str] = mapped_column(String(4))
    clause_version: Mapped[int] = mapped_column(Integer)
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Review(Model):
    """One agency's answer to one version: approve, change or refuse. A refusal carries its legal citation."""

    __tablename__ = "review"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("agreement_version.id"))
    round: Mapped[int] = mapped_column(Integer, default=1)
    kind: Mapped[str] = mapped_column(String(12))
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    answer: Mapped[str] = mapped_column(String(12))
    citation: Mapped[str] = mapped_column(String(300), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]
    agency: Mapped[Agency] = relationship()
    person: Mapped[Person] = relationship()


class Signature(Model):
    """A re-authenticated official's signature over the version's hash (CGS 1-266 to 1-286)."""

    __tablename__ = "signature"
    __table_args__ = (UniqueConstraint("version_id", "party_id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("agreement_version.id"))
    party_id: Mapped[int] = mapped_column(ForeignKey("party.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    method: Mapped[str] = mapped_column(String(40))
    authenticated_at: Mapped[datetime]
    signed_at: Mapped[datetime]
    entry_id: Mapped[str] = mapped_column(String(36))
    party: Mapped[Party] = relationship()
    person: Mapped[Person] = relationship()


class AgreementEvent(Model):
    """What was done to a version, by whom, for which agency, when: its history. No person means the system."""

    __tablename__ = "agreement_event"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("agreement_version.id"))
    command: Mapped[str] = mapped_column(String(40))
    from_state: Mapped[str] = mapped_column(String(20))
    to_state: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    agency_id: Mapped[str | None] = mapped_column(ForeignKey("agency.id"))
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]
    person: Mapped[Person | None] = relationship()
    agency: Mapped[Agency | None] = relationship()


class AgreementNumber(Model):
    """The last number given out per tier and year, so that numbers have no gaps and no doubles."""

    __tablename__ = "agreement_number"

    series: Mapped[str] = mapped_column(String(12), primary_key=True)
    last: Mapped[int] = mapped_column(Integer, default=0)
