"""The OAuth addresses. Programs only: no cookie counts here, errors are JSON (RFC 6749 §5.2)."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, jsonify, request
from flask.sansio.blueprints import BlueprintSetupState
from sqlalchemy.exc import SQLAlchemyError

from access.oauth import metadata
from access.oauth.endpoints import FullServer
from access.oauth.entries import refused_beyond
from access.oauth.refusals import RefusalBudget
from access.oauth.server import Context, ascii_only
from access.traces import of_request
from exchange import clock
from exchange.errors import CharterError, Unavailable
from exchange.web import session, settings

oauth = Blueprint("oauth", __name__)

BUDGET = "refusal_budget"


@oauth.record_once
def _give_budget(state: BlueprintSetupState) -> None:
    """One budget for each application, that is for each process."""
    state.app.extensions[BUDGET] = RefusalBudget(state.app.extensions["ledger"], refused_beyond)


@oauth.post("/oauth/token")
def token() -> Response:
    """Give a token for one grant to a client that proves itself."""
    return _committed(_server().token(request))


@oauth.post("/oauth/revoke")
def revoke() -> Response:
    """Take a token back (RFC 7009)."""
    return _committed(_server().revocation(request))


@oauth.post("/oauth/introspect")
def introspect() -> Response:
    """Say what a token allows now (RFC 7662)."""
    return _committed(_server().introspection(request))


@oauth.get("/.well-known/oauth-authorization-server")
def server_metadata() -> Response:
    """RFC 8414."""
    return jsonify(metadata.server_metadata(_origin()))


@oauth.get("/.well-known/oauth-protected-resource")
def resource_metadata() -> Response:
    """RFC 9728."""
    return jsonify(metadata.resource_metadata(_origin()))


@oauth.errorhandler(CharterError)
def as_json(error: CharterError) -> tuple[Response, int]:
    """Our errors in the shape of RFC 6749 §5.2."""
    code = "temporarily_unavailable" if error.status == Unavailable.status else "invalid_request"
    answer = jsonify(error=code, error_description=ascii_only(error.message))
    answer.headers["Cache-Control"] = "no-store"
    return answer, error.status


def _origin() -> str:
    return metadata.issuer(settings(), request.host_url)


def _server() -> FullServer:
    proofs = tuple(request.headers.getlist("DPoP"))
    budget = cast(RefusalBudget, current_app.extensions[BUDGET])
    return FullServer(Context(session(), _origin(), clock.now(), proofs, request.path, budget, of_request()))


def _committed(response: Response) -> Response:
    try:
        session().commit()
    except SQLAlchemyError as error:
        session().rollback()
        raise Unavailable("The log cannot be written now, so nothing was issued. Try again shortly.") from error
    return response
