"""What each step of a publishing run does, apart from the last: files in, one result out (`exchange.hub.publishing`).

A file or database is replaced or merged as its person confirmed it; a program's body (`exchange.hub.writing`) takes the
same steps in the dataset's own types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from exchange import clock
from exchange.catalog.models import DatasetClass
from exchange.errors import Conflict, Invalid
from exchange.hub import drift
from exchange.hub.conforming import conform
from exchange.hub.extracting import extract
from exchange.hub.job import Job
from exchange.hub.merging import ROW_GROUP, Merge, merge
from exchange.hub.source import FileGiven
from exchange.hub.staging import Staging
from exchange.hub.writing import applying, patch
from exchange.rows import store_open, store_restricted
from exchange.rows.object_store import share
from exchange.rows.source import StoredVersion
from exchange.rows.types import columns_from_schema

READY_MADE_ROWS = 10_000
"""Rows up to which a program's write also makes pages and downloads: it waits for its answer, and may come often."""


def _extract(job: Job, staging: Staging) -> dict[str, Any]:
    if job.given is None:
        raise Invalid(
            "The source is not at hand: a database's password is not kept. Give it again to go on with this run."
        )
    if job.body is not None and isinstance(job.given, FileGiven):
        return patch.extract(staging, job.given.path, job.body, job.columns)
    return extract(staging, job.given, job.recipe)


def _conform(job: Job, staging: Staging) -> dict[str, Any]:
    return conform(staging, job.columns) if job.body is None else patch.conform(staging, job.columns)


def _merge(job: Job, staging: Staging) -> dict[str, Any]:
    base = {"base": job.current.id if job.current else None}
    if job.body is not None:
        infos = columns_from_schema((staging.result("conform") or {})["columns"])
        return {**base, **applying.apply(staging, _before(job), infos, job.row_id, job.merge, one_row=job.one_row)}
    before = _rows_of(job) if job.current else None
    return {**base, **merge(staging, before, job.row_id, job.merge)}


def _before(job: Job) -> applying.Before | None:
    """The version that a program's body is merged into: from the open store as it streams, else in memory."""
    if job.current is None:
        return None
    columns = columns_from_schema(job.current.schema)
    if job.current.class_ == DatasetClass.OPEN:
        return applying.Before(columns, file=job.settings.data_dir / "open" / job.current.path)
    return applying.Before(columns, table=_rows_of(job))


def columns_made(staging: Staging) -> list[dict[str, Any]]:
    """The columns of the new version: as merged, where the merge says so, else as conformed."""
    merged, conformed = staging.result("merge") or {}, staging.result("conform") or {}
    columns: list[dict[str, Any]] = merged.get("columns") or conformed["columns"]
    return columns


def _rows_of(job: Job) -> pa.Table:
    current, settings = job.current, job.settings
    if current is None:
        raise Conflict("The dataset has no version yet.")
    if current.class_ == DatasetClass.OPEN:
        return store_open.read_table(settings.data_dir / "open", current.path)
    return store_restricted.read_table(
        settings.data_dir / "restricted", current.path, dataset_id=job.dataset_id, number=current.number,
        sha256=current.sha256, sealed_key=current.sealed_key or {}, key_file=settings.store_key_file,
    )  # fmt: skip


def _validate(job: Job, staging: Staging) -> dict[str, Any]:
    conformed, merged = staging.result("conform") or {}, staging.result("merge") or {}
    rows = pq.read_metadata(staging.path(merged["file"])).num_rows
    found = drift.findings(
        before=job.current.schema if job.current else None,
        after=columns_made(staging),
        rows_before=job.current.rows if job.current else 0,
        rows_after=rows,
        refused=conformed["refused"],
        decided=job.decided,
        named=merged["removed"] if job.body is not None and job.merge is Merge.UPSERT else None,
    )
    return {"rows": rows, "findings": [{**finding, "asks": True} for finding in found]}


def _build(job: Job, staging: Staging) -> dict[str, Any]:
    asked = {finding["kind"] for finding in (staging.result("validate") or {})["findings"]}
    if asked - job.accepted:
        raise Conflict("This run stopped to ask, and nobody has answered.")
    stored = _store(job, staging)
    root = job.settings.data_dir / ("open" if job.class_ == DatasetClass.OPEN else "restricted")
    share(job.settings.object_store, job.dataset_id, job.next_number, stored, root, clock.now())
    return {"number": job.next_number, "path": stored.path, "sha256": stored.sha256, "bytes": stored.bytes,
            "rows": stored.rows, "sealed_key": stored.sealed_key}  # fmt: skip


def _store(job: Job, staging: Staging) -> StoredVersion:
    columns = columns_from_schema(columns_made(staging))
    file = pq.ParquetFile(staging.path((staging.result("merge") or {})["file"]))
    batches = file.iter_batches(batch_size=ROW_GROUP) if file.metadata.num_rows else file.read()
    data = job.settings.data_dir
    if job.class_ == DatasetClass.OPEN:
        return store_open.write_version(
            data / "open",
            job.dataset_id,
            job.next_number,
            batches,
            columns,
            row_id=job.row_id,
            ready_made=job.body is None or file.metadata.num_rows <= READY_MADE_ROWS,
        )
    return store_restricted.write_version(
        data / "restricted", job.dataset_id, job.next_number, batches, columns, key_file=job.settings.store_key_file
    )


WORK: Mapping[str, Callable[[Job, Staging], dict[str, Any]]] = {
    "extract": _extract,
    "conform": _conform,
    "merge": _merge,
    "validate": _validate,
    "build": _build,
}
