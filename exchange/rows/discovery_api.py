"""`/api/catalog/v1` and what belongs to it: search, completion, counts (reference: soda.md §8)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import orjson
from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from exchange import web
from exchange.catalog.discovery import counting
from exchange.catalog.discovery.assets import Asset
from exchange.catalog.discovery.matching import OURS
from exchange.catalog.discovery.parameters import Wanted, parse
from exchange.catalog.discovery.shape import result
from exchange.catalog.discovery.snapshot import Snapshot, snapshot_for
from exchange.catalog.kept_answers import only_if_changed
from exchange.directory.identity import current_identity
from exchange.errors import CharterError
from exchange.rows import limits, refusing

discovery = Blueprint("discovery", __name__)
refusing.install(discovery)
limits.guard(discovery)

ROOT = "/api/catalog/v1"
JSON_TYPE = "application/json;charset=utf-8"
FOR_EVERYBODY = (
    ("Access-Control-Allow-Origin", "*"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    ("Cache-Control", "public, no-cache"),
    ("Vary", "Cookie"),
)
TIMINGS = b'"timings":{"serviceMillis":0,"searchMillis":[0,0]}'
"""The member is expected; an answer that is the same for everybody measures nothing."""


@discovery.get(ROOT)
def search() -> Response:
    """The assets that match, one page of them."""
    wanted, snapshot = _wanted(), _snapshot()
    matches = snapshot.match(wanted)
    if wanted.show_visibility:
        shown = [snapshot.assets[position] for position in matches.page]
        results = [orjson.dumps(result(asset, web.settings().origin, show_visibility=True)) for asset in shown]
    else:
        results = [snapshot.prepared[position].json for position in matches.page]
    return _answer(results, len(matches.found), snapshot)


@discovery.get(f"{ROOT}/autocomplete")
def autocomplete() -> Response:
    """Titles in which what was typed begins a word."""
    wanted, snapshot = _wanted(), _snapshot()
    assets = snapshot.among(replace(wanted, q=""))
    return _paged(counting.titles(assets, wanted.q, wanted.deduplicate), wanted, snapshot)


@discovery.get(f"{ROOT}/tags/autocomplete")
def complete_tags() -> Response:
    """Tags in which what was typed begins a word."""
    wanted, snapshot = _wanted(), _snapshot()
    return _paged(counting.tags(snapshot.among(replace(wanted, q="")), wanted.q), wanted, snapshot)


@discovery.get(f"{ROOT}/domains")
def domains() -> Response:
    """Our one domain, with its number of assets."""
    snapshot = _snapshot()
    assets = snapshot.among(replace(_wanted(), q=""))
    return _all(counting.domains(assets, urlsplit(web.settings().origin).netloc), snapshot)


@discovery.get(f"{ROOT}/<any(domain_categories, domain_tags, categories, tags):counted>")
def count(counted: str) -> Response:
    """Categories or tags with their numbers of assets."""
    snapshot = _snapshot()
    return _all(counting.counts(counted, snapshot.among(_wanted())), snapshot)


@discovery.get(f"{ROOT}/domain_metadata")
def domain_metadata() -> Response:
    """Custom metadata with numbers of assets."""
    snapshot = _snapshot()
    return _all(counting.custom(snapshot.among(_wanted())), snapshot)


@discovery.get(f"{ROOT}/domains/<domain>/facets")
def facets(domain: str) -> Response:
    """Everything that can be counted, value by value; of our own domain."""
    snapshot = _snapshot()
    assets: Sequence[Asset] = snapshot.among(_wanted()) if _domain(domain) == OURS else ()
    return _json(orjson.dumps(counting.facets(assets)), snapshot)


@discovery.get("/api/search/views")
@discovery.get("/api/search/views.json")
def old_search() -> BaseResponse:
    """The search before this one; its words and paging are the same."""
    return redirect(f"{ROOT}?{request.query_string.decode('ascii', 'replace')}")


@discovery.get("/browse")
def browse() -> BaseResponse:
    """The old portal's page of the catalogue."""
    return redirect(f"/data?{request.query_string.decode('ascii', 'replace')}".rstrip("?"))


@discovery.errorhandler(CharterError)
def on_error(error: CharterError) -> Response:
    """A mistake in the form that clients of this interface know."""
    web.session().rollback()
    body = {"error": error.message, "code": error.code, "message": error.message}
    response = Response(orjson.dumps(body), error.status, content_type=JSON_TYPE)
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(getattr(error, "headers", {}))
    return response


def _wanted() -> Wanted:
    return parse((name, _domain(value) if name in ("domains", "domains[]") else value) for name, value in _given())


def _given() -> list[tuple[str, str]]:
    return list(request.args.items(multi=True))


def _domain(names: str) -> str:
    """The names with `OURS` for each under which this installation is known: its public address, or the one asked."""
    own = {web.settings().origin, f"//{request.host}"}
    known = {name for address in own for name in (urlsplit(address).netloc, urlsplit(address).hostname)}
    return ",".join(OURS if name.strip().lower() in known else name for name in names.split(","))


def _snapshot() -> Snapshot:
    return snapshot_for(web.session, current_identity())


def _paged(results: list[dict[str, Any]], wanted: Wanted, snapshot: Snapshot) -> Response:
    page = results[wanted.offset : wanted.offset + wanted.limit]
    return _answer([orjson.dumps(one) for one in page], len(results), snapshot)


def _all(results: list[dict[str, Any]], snapshot: Snapshot) -> Response:
    return _answer([orjson.dumps(one) for one in results], len(results), snapshot)


def _answer(results: Sequence[bytes], total: int, snapshot: Snapshot) -> Response:
    return _json(b'{"results":[%b],"resultSetSize":%d,%b}' % (b",".join(results), total, TIMINGS), snapshot)


def _json(body: bytes, snapshot: Snapshot) -> Response:
    """The answer; the public's may be read by pages of any site and checked for change."""
    response = Response(body, content_type=JSON_TYPE)
    if current_identity() is not None:
        return response
    for name, value in FOR_EVERYBODY:
        response.headers[name] = value
    response.headers["ETag"] = _etag(snapshot)
    return only_if_changed(response)


def _etag(snapshot: Snapshot) -> str:
    """A function of the catalogue and of what was asked, so that a large answer need not be read once more."""
    asked = f"{request.path}?{request.query_string.decode('latin-1')} {request.host}"
    return f'"{hashlib.blake2b(snapshot.mark + asked.encode(), digest_size=16).hexdigest()}"'
