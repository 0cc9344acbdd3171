"""The auditor's look at the rows of one public dataset: which of its columns show small counts now."""

from __future__ import annotations

import csv
import io

from flask import Blueprint, Response, abort, render_template

from access.evidence import small_cells
from access.evidence.models import OpenScan
from access.evidence.small_cells import SmallCells
from audit.export import safe
from exchange.catalog.datasets import get_dataset
from exchange.catalog.models import Dataset, DatasetClass
from exchange.errors import Unavailable
from exchange.web import session, settings

open_rows = Blueprint("open_rows", __name__)


@open_rows.get("/<four_by_four>")
def show(four_by_four: str) -> str:
    """Look now, and say what the last kept look found."""
    dataset = _dataset(four_by_four)
    kept = session().get(OpenScan, dataset.current_version_id) if dataset.current_version_id else None
    return render_template("access/evidence/open_rows.html", dataset=dataset, found=_look(dataset), kept=kept)


@open_rows.get("/<four_by_four>.csv")
def as_csv(four_by_four: str) -> Response:
    """The same as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("column", "cells", "least", "highest", "rule"))
    for small in _look(_dataset(four_by_four)):
        writer.writerow([safe(cell) for cell in (small.column, small.cells, small.least, small.highest, small.rule)])
    name = f"small-counts-{four_by_four}.csv"
    return Response(
        out.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _dataset(four_by_four: str) -> Dataset:
    dataset = get_dataset(session(), four_by_four)
    if dataset is None or dataset.class_ != DatasetClass.OPEN:
        abort(404)
    return dataset


def _look(dataset: Dataset) -> list[SmallCells]:
    try:
        return small_cells.look(session(), settings().data_dir / "open", dataset)
    except FileNotFoundError as missing:
        raise Unavailable(
            "The rows of this version are not on this machine, so nobody can look at them now. Tell the operator."
        ) from missing
