"""Builders for publishing: files, and runs that go all the way through the real steps."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from audit.ledger import Ledger
from exchange.catalog.models import Dataset
from exchange.hub.models import PublishingRun
from exchange.hub.publishing import publish_file
from exchange.hub.source import FileGiven
from exchange.settings import Settings

NOON = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
HEADER = ("Case", "Town", "Count")
ROWS = (("001", "Hartford", "5"), ("002", "Norwich", "7"), ("003", "Avon", "-9999"))


def write_csv(path: Path, rows: Iterable[Sequence[str]] = ROWS, header: Sequence[str] = HEADER) -> Path:
    """A small CSV file: a code with leading zeros, a word, a number with a sentinel."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def given(path: Path, name: str | None = None) -> FileGiven:
    """A file as a person gives it."""
    return FileGiven(path, name or path.name)


def publish(
    session: Session, ledger: Ledger, settings: Settings, dataset: Dataset, path: Path, **more: Any
) -> PublishingRun:
    """A whole run of a file, proposal taken as it is. Commits."""
    return publish_file(
        session, ledger, settings, None, source=given(path), dataset=dataset, now=more.pop("now", NOON), **more
    )
