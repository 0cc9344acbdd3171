"""Registers of incidents, of referred records requests, of destruction certificates and of agencies' filings.

Also what a look at published rows found, and two indexes by which the tokens and sessions of one person are found.
Revision 0011; follows 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _at(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _text(name: str, length: int) -> sa.Column:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _recorded() -> list[sa.Column]:
    return [_at("recorded_at"), _text("recorded_by_id", 36)]


def _refers(table: str, **columns: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))
        for column, to in columns.items()
    ]


def upgrade() -> None:
    _incidents()
    _requests()
    _certificates()
    _filings()
    op.create_table(
        "open_scan",
        sa.Column("version_id", sa.Integer(), nullable=False),
        _at("scanned_at"),
        sa.Column("found", sa.JSON(), nullable=False),
        *_refers("open_scan", version_id="dataset_version"),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_open_scan")),
    )
    op.create_index("ix_sign_in_session_person_id", "sign_in_session", ["person_id"])
    op.create_index("ix_token_client_expires", "token", ["client_id", "expires_at"])


def _incidents() -> None:
    op.create_table(
        "incident",
        _text("id", 20),
        _text("agency_id", 80),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("datasets", sa.JSON(), nullable=False),
        sa.Column("identity_numbers", sa.Boolean(), nullable=False),
        _at("discovered_at"),
        *_recorded(),
        *_refers("incident", agency_id="agency", recorded_by_id="person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index("ix_incident_discovered_at", "incident", ["discovered_at"])
    op.create_table(
        "incident_step",
        sa.Column("id", sa.Integer(), nullable=False),
        _text("incident_id", 20),
        _text("kind", 20),
        _at("at"),
        sa.Column("persons", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        *_recorded(),
        *_refers("incident_step", incident_id="incident", recorded_by_id="person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_step")),
    )
    op.create_index("ix_incident_step_incident_id", "incident_step", ["incident_id"])


def _requests() -> None:
    op.create_table(
        "records_request",
        _text("id", 20),
        _text("agency_id", 80),
        sa.Column("received_on", sa.Date(), nullable=False),
        _text("file_number", 80),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.String(length=9), nullable=True),
        *_recorded(),
        *_refers("records_request", agency_id="agency", dataset_id="dataset", recorded_by_id="person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_records_request")),
    )
    op.create_index("ix_records_request_received_on", "records_request", ["received_on"])
    op.create_table(
        "referral",
        _text("request_id", 20),
        _text("agency_id", 80),
        sa.Column("address", sa.Text(), nullable=False),
        _text("telephone", 40),
        sa.Column("referred_on", sa.Date(), nullable=False),
        _text("letter_sha256", 64),
        *_recorded(),
        *_refers("referral", request_id="records_request", agency_id="agency", recorded_by_id="person"),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_referral")),
    )


def _certificates() -> None:
    op.create_table(
        "destruction_certificate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        _text("agency_id", 80),
        _text("certified_by", 200),
        _text("method", 300),
        sa.Column("destroyed_on", sa.Date(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        _text("sha256", 64),
        *_recorded(),
        *_refers(
            "destruction_certificate", version_id="agreement_version", agency_id="agency", recorded_by_id="person"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destruction_certificate")),
        sa.UniqueConstraint("version_id", "agency_id", name=op.f("uq_destruction_certificate_version_id")),
    )


def _filings() -> None:
    op.create_table(
        "agency_filing",
        sa.Column("id", sa.Integer(), nullable=False),
        _text("agency_id", 80),
        _text("kind", 12),
        sa.Column("filed_on", sa.Date(), nullable=False),
        _text("place", 300),
        *_recorded(),
        *_refers("agency_filing", agency_id="agency", recorded_by_id="person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_filing")),
    )
    op.create_index("ix_agency_filing_agency_id_kind", "agency_filing", ["agency_id", "kind"])


def downgrade() -> None:
    op.drop_index("ix_token_client_expires", "token")
    op.drop_index("ix_sign_in_session_person_id", "sign_in_session")
    for table in (
        "open_scan", "agency_filing", "destruction_certificate", "referral", "records_request", "incident_step",
        "incident",
    ):  # fmt: skip
        op.drop_table(table)
