"""What a look at published rows found, kept so that the auditors' page need not read them again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from exchange.catalog.models import Version
from exchange.db import Model


class OpenScan(Model):
    """One look at a published version. `found` lists the columns with small counts:

    {"column": …, "cells": how many, "least": the smallest, "highest": up to which a count is small, "rule": …}.
    """

    __tablename__ = "open_scan"

    version_id: Mapped[int] = mapped_column(ForeignKey("dataset_version.id"), primary_key=True)
    scanned_at: Mapped[datetime]
    found: Mapped[list[dict[str, Any]]]
    version: Mapped[Version] = relationship()
