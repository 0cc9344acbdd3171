"""What there is: datasets, their columns, their immutable versions."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from exchange.db import Model
from exchange.directory.models import Agency


class DatasetClass(enum.StrEnum):
    """Which door a dataset's rows leave by. It is the dataset's, never the reader's."""

    OPEN = "open"
    RESTRICTED = "restricted"


class DatasetState(enum.StrEnum):
    """draft: being registered and classified. published: listed. retired: no longer listed."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class Dataset(Model):
    """A table of data with an owner. An open cut is a dataset too: `cut_of_id` names what it was derived from.

    While `withdrawn_at` is set its steward keeps it private: neither a new version nor a classification lists it.
    `engine` is the engine ordered for its rows; null where their number decides (`exchange.rows.routing`).
    """

    __tablename__ = "dataset"

    id: Mapped[str] = mapped_column(String(9), primary_key=True)
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    title: Mapped[str] = mapped_column(String(300))
    description: Mapped[str] = mapped_column(Text, default="")
    class_: Mapped[str] = mapped_column("class", String(12))
    state: Mapped[str] = mapped_column(String(12), default=DatasetState.DRAFT.value)
    category: Mapped[str] = mapped_column(String(80), default="Government")
    tags: Mapped[list[str]] = mapped_column(default=list)
    row_label: Mapped[str] = mapped_column(String(200), default="")
    row_id: Mapped[str | None] = mapped_column(String(120))
    licence: Mapped[str] = mapped_column(String(120), default="Public Domain")
    attribution: Mapped[str] = mapped_column(String(200), default="")
    update_frequency: Mapped[str] = mapped_column(String(40), default="As needed")
    regimes: Mapped[list[str]] = mapped_column(default=list)
    cut_of_id: Mapped[str | None] = mapped_column(ForeignKey("dataset.id"))
    current_version_id: Mapped[int | None] = mapped_column(Integer)
    withdrawn_at: Mapped[datetime | None]
    engine: Mapped[str | None] = mapped_column(String(12))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    agency: Mapped[Agency] = relationship()
    columns: Mapped[list[Column]] = relationship(order_by="Column.position", back_populates="dataset")
    versions: Mapped[list[Version]] = relationship(order_by="Version.number", back_populates="dataset")


class Column(Model):
    """One column as readers see it. `name` is the API field name; `type` is a SODA type of `exchange.rows.types`."""

    __tablename__ = "dataset_column"
    __table_args__ = (UniqueConstraint("dataset_id", "name"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"))
    name: Mapped[str] = mapped_column(String(120))
    label: Mapped[str] = mapped_column(String(300))
    type: Mapped[str] = mapped_column(String(24))
    description: Mapped[str] = mapped_column(Text, default="")
    position: Mapped[int] = mapped_column(Integer)
    has_meanings: Mapped[bool] = mapped_column(Boolean, default=False)
    dataset: Mapped[Dataset] = relationship(back_populates="columns")


class SubjectColumn(Model):
    """The column of a restricted dataset whose values name the person a row is about; one at most.

    `namespace` says what kind of key it is: datasets with the same one name the same persons by the same keys. `record`
    is the kind of record in law: "education", "health" or "other".
    """

    __tablename__ = "dataset_subject"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"), primary_key=True)
    column: Mapped[str] = mapped_column(String(120))
    namespace: Mapped[str] = mapped_column(String(80))
    record: Mapped[str] = mapped_column(String(12))
    named_at: Mapped[datetime]


class Version(Model):
    """One immutable state of a dataset's rows.

    `path` is relative to the store of the dataset's class; `sha256` is of the file as stored. `schema` lists
    `{"name", "label", "type", "has_meanings"}` in order, so that an old version still explains itself.
    """

    __tablename__ = "dataset_version"
    __table_args__ = (UniqueConstraint("dataset_id", "number"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"))
    number: Mapped[int] = mapped_column(Integer)
    class_: Mapped[str] = mapped_column("class", String(12))
    path: Mapped[str] = mapped_column(String(300))
    sha256: Mapped[str] = mapped_column(String(64))
    rows: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    schema: Mapped[list[dict[str, Any]]]
    sealed_key: Mapped[dict[str, Any] | None]
    run_id: Mapped[str | None] = mapped_column(String(36))
    published_at: Mapped[datetime]
    dataset: Mapped[Dataset] = relationship(back_populates="versions")


class Attachment(Model):
    """A document beside a dataset, such as a manual. Its bytes are a file of the open store (`catalog.attachments`)."""

    __tablename__ = "attachment"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"), index=True)
    filename: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int] = mapped_column(BigInteger)
    added_at: Mapped[datetime]


class CatalogueState(Model):
    """The one row with the counter that triggers move at every change of the catalogue (`exchange.catalog.state`)."""

    __tablename__ = "catalogue_state"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
