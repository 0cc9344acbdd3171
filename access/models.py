"""Sign-in, requests, grants, clients and tokens. Secrets are stored as hashes only."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from agreements.models import AgreementVersion
from exchange.catalog.models import Dataset
from exchange.db import Model
from exchange.directory.models import Person, WorkingGroup


class Account(Model):
    """How a person signs in: Argon2id password hash, TOTP secret, and the last TOTP step used (a code works once)."""

    __tablename__ = "account"

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    totp_secret: Mapped[str] = mapped_column(String(64))
    totp_last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    wait_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship()


class SignInSession(Model):
    """A server-side session; `id_hash` is SHA-256 of the cookie's 256-bit value. Ended ones stay for the record."""

    __tablename__ = "sign_in_session"
    __table_args__ = (Index("ix_sign_in_session_person_id", "person_id"),)

    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    method: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    authenticated_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship()


class RequestState(enum.StrEnum):
    """submitted -> approved (source agency and CDO) -> granted, or refused, or withdrawn. Approved is not yet granted.

    A granted request whose grant was revoked is ended: it takes a new request to read again.
    """

    SUBMITTED = "submitted"
    APPROVED = "approved"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


class AccessRequest(Model):
    """A working group's member asks for named columns of a restricted dataset for a purpose."""

    __tablename__ = "access_request"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    working_group_id: Mapped[str] = mapped_column(ForeignKey("working_group.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"))
    agreement_id: Mapped[str | None] = mapped_column(ForeignKey("agreement.id"))
    columns: Mapped[list[str]]
    purpose: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(12), default=RequestState.SUBMITTED.value)
    submitted_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    decisions: Mapped[list[RequestDecision]] = relationship(order_by="RequestDecision.id")
    working_group: Mapped[WorkingGroup] = relationship()
    person: Mapped[Person] = relationship()
    dataset: Mapped[Dataset] = relationship()


class RequestDecision(Model):
    """One side's answer: the source agency's data officer, or the CDO. They must be two persons."""

    __tablename__ = "request_decision"
    __table_args__ = (UniqueConstraint("request_id", "side"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("access_request.id"))
    side: Mapped[str] = mapped_column(String(12))
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    approved: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]
    person: Mapped[Person] = relationship()


class GrantState(enum.StrEnum):
    """A grant is in force only while active and its agreement version is; ended ones are kept."""

    ACTIVE = "active"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"


class Grant(Model):
    """What one working group may read of one dataset for one purpose under one agreement version.

    `columns`, `rows` (predicate), `min_cell` and the window are the meet of the whole chain, fixed at granting;
    `because` maps each to the clause ids that set it. The window is [not_before, not_after], UTC.
    """

    __tablename__ = "access_grant"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    number: Mapped[int] = mapped_column(Integer, default=1)
    request_id: Mapped[str] = mapped_column(ForeignKey("access_request.id"))
    agreement_version_id: Mapped[int] = mapped_column(ForeignKey("agreement_version.id"))
    working_group_id: Mapped[str] = mapped_column(ForeignKey("working_group.id"))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"))
    purpose: Mapped[str] = mapped_column(String(80))
    columns: Mapped[list[str]]
    rows: Mapped[dict[str, Any] | None]
    persons: Mapped[list[str]]
    min_cell: Mapped[int] = mapped_column(Integer, default=0)
    granularity: Mapped[str] = mapped_column(String(12), default="record")
    rate: Mapped[int | None] = mapped_column(Integer)
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    because: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(12), default=GrantState.ACTIVE.value)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str] = mapped_column(Text, default="")
    agreement_version: Mapped[AgreementVersion] = relationship()
    working_group: Mapped[WorkingGroup] = relationship()
    dataset: Mapped[Dataset] = relationship()


class GrantUse(Model):
    """How many queries a grant answered on a legal day, where its agreement sets a number a day (clause C12)."""

    __tablename__ = "grant_use"

    grant_id: Mapped[str] = mapped_column(ForeignKey("access_grant.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    queries: Mapped[int] = mapped_column(Integer, default=0)


class Client(Model):
    """An OAuth client of one working group, for which one named person answers. Only public keys are kept."""

    __tablename__ = "client"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    working_group_id: Mapped[str] = mapped_column(ForeignKey("working_group.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    jwks: Mapped[dict[str, Any]]
    scopes: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    working_group: Mapped[WorkingGroup] = relationship()
    person: Mapped[Person] = relationship()


class Token(Model):
    """An opaque access token, by SHA-256; bound to a client, one grant and a DPoP key thumbprint (RFC 9449)."""

    __tablename__ = "token"
    __table_args__ = (Index("ix_token_grant", "grant_id"), Index("ix_token_client_expires", "client_id", "expires_at"))

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id"))
    grant_id: Mapped[str] = mapped_column(ForeignKey("access_grant.id"))
    grant_number: Mapped[int] = mapped_column(Integer, default=1)
    jkt: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(200))
    columns: Mapped[list[str]]
    authorization_details: Mapped[list[dict[str, Any]]]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    client: Mapped[Client] = relationship()
    grant: Mapped[Grant] = relationship()


class UsedAssertion(Model):
    """A client assertion's `jti`, so that it works once (RFC 7523 §3, RFC 10070)."""

    __tablename__ = "used_assertion"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime]


class ApiKey(Model):
    """A person's own key for programs that write. `secret_hash` is SHA-256 of its 256 random bits; ended ones stay.

    It carries no right of its own: what it may do is what its person may do at that moment.
    """

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str] = mapped_column(String(120))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship()
