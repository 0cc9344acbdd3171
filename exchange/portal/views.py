"""Pages for everybody: front page, catalogue, a dataset, the page for developers, the feed for other catalogues."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from exchange.catalog import metadata
from exchange.catalog.cuts import cut_of
from exchange.catalog.datasets import current_version
from exchange.catalog.discovery.snapshot import snapshot_for
from exchange.catalog.kept_answers import Unkept, conditional, kept_answers
from exchange.catalog.models import Dataset, Version
from exchange.catalog.search import Search, find, find_public, newest
from exchange.catalog.visibility import may_know
from exchange.classification.withheld import Withheld, why_withheld
from exchange.directory.identity import current_identity
from exchange.portal import kept_pages
from exchange.portal.addresses import Address, Example, downloads, examples, rows_addresses
from exchange.portal.dates import in_words, moment_in_words
from exchange.portal.preview import Preview, open_door, preview
from exchange.web import session, settings

portal = Blueprint("portal", __name__)
portal.add_app_template_filter(in_words, "day")
portal.add_app_template_filter(moment_in_words, "moment")

NEWEST = 6
"""Datasets on the front page."""


@dataclass(frozen=True)
class DatasetPage:
    """Everything that a dataset's page shows. `source`: what an open cut was cut from, if the reader may know of it."""

    dataset: Dataset
    version: Version | None
    versions: list[Version]
    withheld: dict[str, Withheld]
    preview: Preview | None
    addresses: list[Address]
    downloads: list[Address]
    examples: list[Example]
    cut: Dataset | None
    source: Dataset | None


@portal.get("/")
def home() -> Response | str:
    """What this is, in one screen; always as the public sees it."""
    return kept_pages.page(("home",), _home)


def _home() -> str:
    return render_template(
        "exchange/portal/home.html",
        newest=newest(session(), None, NEWEST),
        total=len(snapshot_for(session, None).assets),
    )


@portal.get("/data")
def catalogue() -> Response | str:
    """The datasets that the reader may know of: search, filters, pages."""
    search = Search(
        text=request.args.get("q", "").strip()[:200],
        agency=request.args.get("agency", ""),
        category=request.args.get("category", ""),
        class_=request.args.get("class", ""),
        page=request.args.get("page", 1, type=int),
    )
    return kept_pages.page(("catalogue", search), lambda: _catalogue(search))


@portal.get("/data/<four_by_four>")
def dataset(four_by_four: str) -> Response | str:
    """One dataset. What may not be known answers as what does not exist."""
    key = ("dataset", four_by_four, kept_pages.classification_in_force(session(), four_by_four))
    return kept_pages.page(key, lambda: _dataset(four_by_four))


@portal.get("/favicon.ico")
def favicon() -> Response:
    """The picture that browsers ask for here when the answer is no page and so cannot name it."""
    return redirect(url_for("static", filename="logo/favicon.svg"))


@portal.get("/developers")
def developers() -> str:
    """How programs read the data."""
    shown = newest(session(), None, 1)
    sample = shown[0].id if shown else "abcd-1234"
    column = shown[0].columns[0].name if shown and shown[0].columns else "town"
    return render_template(
        "exchange/portal/developers.html",
        origin=settings().origin,
        sample=sample,
        column=column,
        examples=examples(settings().origin, sample, column, 1000),
    )


@portal.get("/data.json")
def feed() -> Response:
    """The public catalogue as DCAT-US 1.1, the same for whoever asks."""
    return conditional(kept_answers().get("feed", session, _feed), "application/json")


def _feed() -> bytes:
    datasets = metadata.public_datasets(session())
    return orjson.dumps(metadata.catalogue(datasets, settings().origin), option=orjson.OPT_SORT_KEYS)


def _catalogue(search: Search) -> str:
    identity = current_identity()
    found = find_public(snapshot_for(session, None), search) if identity is None else find(session(), identity, search)
    return render_template("exchange/catalog/list.html", search=search, found=found)


def _dataset(four_by_four: str) -> str | Unkept:
    found = session().get(Dataset, four_by_four)
    if found is None or not may_know(current_identity(), found):
        abort(404)
    page = _page(found)
    text = render_template("exchange/catalog/dataset.html", page=page)
    return kept_pages.unkept(text) if page.preview is not None and page.preview.problem else text


def _page(dataset: Dataset) -> DatasetPage:
    version = current_version(session(), dataset)
    readable = dataset.class_ == "open" and version is not None
    rows = version.rows if version else 0
    origin = settings().origin
    cut = cut_of(session(), dataset)
    source = session().get(Dataset, dataset.cut_of_id) if dataset.cut_of_id else None
    return DatasetPage(
        dataset=dataset,
        version=version,
        versions=sorted(dataset.versions, key=lambda one: -one.number),
        withheld={one.column: one for one in why_withheld(session(), dataset.id)},
        preview=preview(open_door(), dataset) if readable else None,
        addresses=rows_addresses(origin, dataset.id),
        downloads=downloads(dataset.id, rows) if readable else [],
        examples=examples(origin, dataset.id, dataset.columns[0].name, rows) if readable and dataset.columns else [],
        cut=cut if cut is not None and may_know(current_identity(), cut) else None,
        source=source if source is not None and may_know(current_identity(), source) else None,
    )
