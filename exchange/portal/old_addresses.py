"""Addresses of data.ct.gov that persons and programs keep: they lead to where the thing is now.

Nothing is led to that the reader may not know of: such an address answers as one that never was.
"""

from __future__ import annotations

from flask import Blueprint, abort, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from exchange import web
from exchange.catalog.models import Dataset
from exchange.catalog.visibility import may_know
from exchange.directory.identity import current_identity
from exchange.directory.models import Person
from exchange.errors import CharterError, NotFound, Refused
from exchange.rows.open_reading import open_version_of

old_addresses = Blueprint("old_addresses", __name__)

ID = "<string(length=9):four_by_four>"


@old_addresses.get(f"/d/{ID}")
@old_addresses.get(f"/d/{ID}/<any(data, about_data, explore):view>")
@old_addresses.get(f"/dataset/<string:name>/{ID}")
@old_addresses.get(f"/<string:category>/<string:name>/{ID}")
@old_addresses.get(f"/<string:category>/<string:name>/{ID}/<any(data, about_data, explore):view>")
def page(four_by_four: str, category: str = "", name: str = "", view: str = "") -> Response:
    """The short address, and the readable ones with category and title, lead to the dataset's page."""
    dataset = web.session().get(Dataset, four_by_four)
    if dataset is None or not may_know(current_identity(), dataset):
        abort(404)
    return redirect(url_for("portal.dataset", four_by_four=dataset.id))


@old_addresses.get(f"/api/geospatial/{ID}")
def shapes(four_by_four: str) -> Response:
    """The whole dataset as GeoJSON, the one of the old shape formats that is written here."""
    version = open_version_of(web.session(), four_by_four)
    if version is None:
        raise NotFound(f"No dataset has the id {four_by_four}.", code="soda.dataset.not-found")
    wanted = request.args.get("format", "GeoJSON")
    if wanted.lower() != "geojson":
        raise _NotWritten(f"Shapes can be had as GeoJSON only, not as {wanted[:40]}: leave format out.")
    return redirect(f"/resource/{version.dataset_id}.geojson?$limit={max(version.rows, 1)}")


@old_addresses.get("/api/users/current.json")
@old_addresses.get("/api/users/current")
def current_user() -> Response:
    """Who is signed in, for programs in a signed-in browser."""
    identity = current_identity()
    person = web.session().get(Person, identity.person_id) if identity is not None else None
    if identity is None or person is None:
        raise Refused(
            "You must be logged in to access this resource. Sign in at /sign-in.", code="authentication_required"
        )
    return jsonify(
        id=person.id,
        displayName=person.name,
        email=person.email,
        title=person.title,
        type="interactive",
        rights=sorted({role.kind.value for role in identity.roles}),
        flags=[],
    )


class _NotWritten(CharterError):
    """A format that we do not write."""

    status = 406
    code = "soda.schema-invalid-for-mime-type"
