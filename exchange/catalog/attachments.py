"""Documents beside an open dataset: a row in the catalogue, and a file `<store>/<4x4>/attachments/<id>`.

What may be served is decided by who asks for it: only documents of datasets that everybody may know are ever handed
out (`exchange.rows.views_api`). A file is written whole before its row, so a row without its bytes does not exist.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from exchange.catalog.models import Attachment, Dataset, DatasetClass
from exchange.errors import Invalid

MAX_BYTES = 100 * 1024 * 1024
MAX_NAME = 200


def attachments_of(session: Session, dataset_id: str) -> Sequence[Attachment]:
    """The documents of a dataset, in the order of their addition."""
    statement = select(Attachment).where(Attachment.dataset_id == dataset_id)
    return session.scalars(statement.order_by(Attachment.added_at, Attachment.id)).all()


def find_attachment(session: Session, asset_id: str, dataset_id: str | None = None) -> Attachment | None:
    """The document with this id, if it is this dataset's (where one is given)."""
    found = session.get(Attachment, asset_id)
    return found if found is not None and dataset_id in (None, found.dataset_id) else None


def file_of(store: Path, attachment: Attachment) -> Path:
    """Where its bytes are; `store` is `<data_dir>/open`."""
    return store / attachment.dataset_id / "attachments" / attachment.id


def attach(
    session: Session, store: Path, dataset: Dataset, filename: str, blocks: Iterable[bytes], now: datetime
) -> Attachment:
    """Keep a document with an open dataset; the caller records the act and commits.

    The dataset's `updated_at` moves, since its description changed. Raises `Invalid` for a restricted dataset, a bad
    name or too large a document.
    """
    if dataset.class_ != DatasetClass.OPEN:
        raise Invalid("Documents can be attached to open datasets only; attach it to the dataset's open cut.")
    attachment = Attachment(id=str(uuid.uuid4()), dataset_id=dataset.id, filename=_checked(filename), added_at=now)
    path = file_of(store, attachment)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        attachment.sha256, attachment.bytes = _write(path, blocks)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    dataset.updated_at = now
    session.add(attachment)
    session.flush()
    return attachment


def _checked(filename: str) -> str:
    name = filename.strip()
    if not name or len(name) > MAX_NAME or any(sign in name for sign in '/\\"') or not name.isprintable():
        raise Invalid(f"A document needs a file name of 1 to {MAX_NAME} characters, without slashes and quotes.")
    return name


def _write(path: Path, blocks: Iterable[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        for block in blocks:
            size += len(block)
            if size > MAX_BYTES:
                raise Invalid(f"A document may have at most {MAX_BYTES // (1024 * 1024)} MB.")
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size
