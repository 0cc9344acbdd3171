"""Changing what the catalogue says of a dataset: title, words, category, licence; never its rows or its class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy.orm import Session

from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange.catalog.datasets import CATEGORIES, MAX_TITLE
from exchange.catalog.models import Dataset, DatasetState
from exchange.directory.identity import Identity
from exchange.errors import Conflict, Invalid

MAX_TEXT = 20_000
MAX_TAGS, MAX_TAG = 100, 80
MOST = {"row_label": 200, "licence": 120, "attribution": 200, "update_frequency": 40, "description": MAX_TEXT}


@dataclass(frozen=True)
class Changes:
    """What is to be changed; None leaves a field as it is. `columns` maps a field name to its new description."""

    title: str | None = None
    description: str | None = None
    category: str | None = None
    tags: Sequence[str] | None = None
    attribution: str | None = None
    licence: str | None = None
    row_label: str | None = None
    update_frequency: str | None = None
    row_id: str | None = None
    columns: Mapping[str, str] | None = None


def describe(session: Session, by: Identity, dataset: Dataset, changes: Changes, now: datetime) -> list[str]:
    """Apply changes, with an entry that names the fields; returns their names. The caller checks rights, commits.

    Raises `Invalid` for a value that cannot be, `Conflict` for another row identifier once there are rows.
    """
    changed = [
        field.name
        for field in fields(changes)
        if field.name != "columns" and getattr(changes, field.name) is not None
        if _set(dataset, field.name, getattr(changes, field.name))
    ]
    changed += [f"columns.{name}" for name, words in (changes.columns or {}).items() if _column(dataset, name, words)]
    if changed:
        dataset.updated_at = now
        session.flush()
        record(session, Action.DATASET_REGISTRATION_CHANGE, by, dataset, now, changed=sorted(changed))
    return changed


def retire(session: Session, by: Identity, dataset: Dataset, now: datetime) -> None:
    """Take a dataset out of the catalogue for good. Its versions are kept. The caller checks rights, commits."""
    if dataset.state == DatasetState.RETIRED:
        raise Conflict(f"The dataset {dataset.id} is retired already.")
    dataset.state, dataset.updated_at = DatasetState.RETIRED.value, now
    session.flush()
    record(session, Action.DATASET_REGISTRATION_RETIRE, by, dataset, now)


def record(
    session: Session, action: Action, by: Identity, dataset: Dataset, now: datetime, **details: str | list[str]
) -> None:
    """Write the entry of an act upon a dataset's registration, in the caller's transaction."""
    entry = Entry(
        action, Outcome.DONE, actor=by.pseudonym, agency=dataset.agency_id, dataset=dataset.id,
        dataset_class=dataset.class_, details=details, at=now,
    )  # fmt: skip
    ledger.append(session.connection(), entry)


def _set(dataset: Dataset, name: str, value: str | Sequence[str]) -> bool:
    """Set one field; whether it is another value than before."""
    checked = _checked(dataset, name, value)
    if getattr(dataset, name) == checked:
        return False
    setattr(dataset, name, checked)
    return True


def _checked(dataset: Dataset, name: str, value: str | Sequence[str]) -> str | list[str] | None:
    if name == "tags":
        return _tags(value)
    if not isinstance(value, str):
        raise Invalid(f"The {name.replace('_', ' ')} is a text.")
    if name == "title":
        return _title(value)
    if name == "category":
        return _category(value)
    if name == "row_id":
        return _row_id(dataset, value)
    if len(value) > MOST[name]:
        raise Invalid(f"The {name.replace('_', ' ')} has at most {MOST[name]:,} characters.")
    return value.strip()


def _title(value: str) -> str:
    title = " ".join(value.split())
    if not title or len(title) > MAX_TITLE:
        raise Invalid(f"A dataset needs a title of 1 to {MAX_TITLE} characters.")
    return title


def _category(value: str) -> str:
    known = {category.lower(): category for category in CATEGORIES}
    if value.strip().lower() not in known:
        raise Invalid(f"{value[:80]!r} is not a category. The categories are: {', '.join(CATEGORIES)}.")
    return known[value.strip().lower()]


def _tags(value: str | Sequence[str]) -> list[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(tag, str) for tag in value):
        raise Invalid("Tags are a list of texts.")
    tags = list(dict.fromkeys(tag.strip() for tag in value if tag.strip()))
    if len(tags) > MAX_TAGS or any(len(tag) > MAX_TAG for tag in tags):
        raise Invalid(f"A dataset has at most {MAX_TAGS} tags of at most {MAX_TAG} characters.")
    return tags


def _row_id(dataset: Dataset, value: str) -> str | None:
    wanted = value.strip() or None
    if wanted == dataset.row_id:
        return wanted
    if dataset.current_version_id is not None:
        raise Conflict("The dataset has rows already. Another row identifier comes with a publishing run, on /publish.")
    names = [column.name for column in dataset.columns]
    if wanted is not None and wanted not in names:
        raise Invalid(f"There is no column {wanted[:80]} to be the row identifier. There are: {', '.join(names)}.")
    return wanted


def _column(dataset: Dataset, name: str, words: str) -> bool:
    column = next((each for each in dataset.columns if each.name == name), None)
    if column is None:
        raise Invalid(f"There is no column {name[:80]}.")
    if column.description == words:
        return False
    column.description = words[:MAX_TEXT]
    return True
