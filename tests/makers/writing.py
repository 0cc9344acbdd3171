"""Builders for programs that write: a steward with a key, a dataset with columns, and requests as programs send them."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from access.api_keys import make_key
from exchange import clock
from exchange.catalog.models import Column, Dataset
from exchange.classification import deciding
from exchange.classification.choices import Choice
from exchange.directory.models import RoleKind
from exchange.settings import Settings
from tests.makers.catalog import make_dataset
from tests.makers.directory import make_identity, make_person

AGENCY = "education"
COLUMNS = (("case_id", "text"), ("town", "text"), ("count", "number"), ("seen", "calendar_date"), ("ok", "checkbox"),
           ("place", "point"), ("site", "url"))  # fmt: skip


@dataclass(frozen=True)
class Key:
    """A key of a steward, as a program holds it."""

    id: str
    secret: str
    person_id: str

    @property
    def basic(self) -> dict[str, str]:
        """The headers of HTTP Basic."""
        return {"Authorization": "Basic " + b64encode(f"{self.id}:{self.secret}".encode()).decode()}

    @property
    def token(self) -> dict[str, str]:
        """The secret alone, as a token."""
        return {"Authorization": f"OAuth {self.secret}"}


def make_writer(session: Session, agency: str = AGENCY, role: RoleKind = RoleKind.STEWARD) -> Key:
    """A steward of this agency with a key. The caller commits."""
    person = make_person(session, "Ada Writer", agency=agency, roles=[(role, agency)])
    made = make_key(session, make_identity(session, person=person), name="nightly job", days=30, now=clock.now())
    return Key(made.key.id, made.secret, person.id)


def make_written(
    session: Session, columns: Sequence[tuple[str, str]] = COLUMNS, *, row_id: str | None = "case_id", **more: Any
) -> Dataset:
    """A draft open dataset with columns and no rows. The caller commits."""
    return make_dataset(session, AGENCY, "Cases", more.pop("class_", "open"), columns=columns, row_id=row_id, **more)


def open_all(session: Session, settings: Settings, dataset: Dataset) -> None:
    """A classification that opens every column, decided by one person and agreed by another. The caller commits."""
    steward = make_identity(session, (RoleKind.STEWARD, dataset.agency_id), name="Sam Steward")
    chief = make_identity(session, RoleKind.CDO, name="Chief Data")
    now = clock.now()
    work = deciding.start(session, steward, dataset, now)
    columns = [column.name for column in session.query(Column).filter_by(dataset_id=dataset.id)]
    deciding.decide(session, steward, work, [Choice(name, "open") for name in columns], now)
    deciding.propose(session, steward, work, now)
    deciding.agree(session, chief, work, now, settings=settings)


def send(client: FlaskClient, key: Key, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """One request; a body that is not bytes or text goes as JSON without a type, as sodapy sends it."""
    data = body if isinstance(body, bytes | str) or body is None else json.dumps(body)
    return client.open(path, method=method, data=data, headers={**key.basic, **headers})


def counts(created: int = 0, updated: int = 0, deleted: int = 0, by_key: int = 0, by_id: int = 0) -> dict[str, int]:
    """The answer of soda.md §9."""
    return {
        "By RowIdentifier": by_key, "Rows Updated": updated, "Rows Deleted": deleted, "Rows Created": created,
        "Errors": 0, "By SID": by_id,
    }  # fmt: skip
