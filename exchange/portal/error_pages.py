"""Every error becomes an answer here: a page for people, JSON for programs, and never a stack.

A refusal keeps its reason and what caused it. Two are answered with a way on: somebody unknown is sent to sign in, and
an act that needs a fresh proof of identity to prove it; both come back to where they were.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, flash, jsonify, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from audit.ledger import LogUnavailable
from exchange.errors import CharterError, Unauthenticated, Unavailable
from exchange.rows import refusing
from exchange.web import session

OLD_INTERFACE = ("/resource", "/api/")
"""Addresses whose errors have the form of soda.md §11, whoever met them."""

FOR_PROGRAMS = (
    *OLD_INTERFACE,
    "/oauth",
    "/audit/log",
    "/audit/proof",
    "/.well-known",
    "/healthz",
    "/readyz",
    "/metrics",
)
STEP_UP_REQUIRED = "step_up_required"

TITLES = {
    400: "That could not be understood",
    401: "Please sign in",
    403: "Not permitted",
    404: "Not found",
    405: "Not that way",
    409: "Not possible as things stand",
    413: "Too large",
    429: "Too many at once",
    500: "Something went wrong here",
    503: "Not available just now",
}

SENTENCES = {
    404: "There is nothing at this address, or you may not know of it. Look in the catalogue, or sign in.",
    405: "This address does not take that kind of request. Use the page’s own buttons and forms.",
    413: "What you sent is larger than this address takes. Publish large files from the command line: flask publish.",
}

STALE_FORM = (
    "The form was open too long, came from another page, or your browser does not keep cookies for this site. "
    "Nothing was changed. Go back, reload the page and send it again."
)


CHALLENGE = {"WWW-Authenticate": 'DPoP algs="ES256 Ed25519"'}
"""What a program is told that did not prove itself (RFC 9449 §7.1), unless the error says more."""

RETRY = {"Retry-After": "60"}


def install(app: Flask) -> None:
    """Answer every error of the application by this room."""
    app.register_error_handler(CharterError, on_charter_error)
    app.register_error_handler(LogUnavailable, on_log_unavailable)
    app.register_error_handler(OperationalError, on_database_error)
    app.register_error_handler(CSRFError, on_stale_form)
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(Exception, on_unknown_error)


def on_charter_error(error: CharterError) -> Response:
    """An error that we raised on purpose: its own status, sentence and causes."""
    session().rollback()
    if not for_a_program():
        if isinstance(error, Unauthenticated):
            return redirect(url_for("sign_in.page", next=_way_back()), 303)
        if error.code == STEP_UP_REQUIRED:
            flash("Prove once more who you are; then press the button again.", "info")
            return redirect(url_for("sign_in.again", next=_way_back()), 303)
    shape = error.to_json() if hasattr(error, "to_json") else None
    headers = CHALLENGE if isinstance(error, Unauthenticated) else {}
    return _answer(
        error.status, error.code, error.message, error.because, shape, {**headers, **getattr(error, "headers", {})}
    )


def on_log_unavailable(_error: LogUnavailable) -> Response:
    """What cannot be recorded does not happen (invariant 1)."""
    session().rollback()
    message = "The log cannot record this now, so it was not done. Try again in a minute."
    return _answer(503, Unavailable.code, message, headers=RETRY)


def on_database_error(error: OperationalError) -> Response:
    """The database cannot answer now."""
    session().rollback()
    reference = _keep_for_the_operator(error)
    message = f"The database cannot answer now; nothing was changed. Try again in a minute. Reference: {reference}."
    return _answer(503, Unavailable.code, message, headers=RETRY)


def on_stale_form(_error: CSRFError) -> Response:
    """A form without its token, or with an old one."""
    return _answer(400, "stale-form", STALE_FORM)


def on_http_error(error: HTTPException) -> Response:
    """An error of the protocol: no such address, wrong method, too large. Redirects pass unchanged."""
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After", "WWW-Authenticate")}
    code = (error.name or "error").lower().replace(" ", "-")
    return _answer(status, code, SENTENCES.get(status, error.description or "The request failed."), headers=kept)


def on_unknown_error(error: Exception) -> Response:
    """A mistake of ours. The operator finds it by its reference; the reader sees no more than that."""
    session().rollback()
    reference = _keep_for_the_operator(error)
    message = f"The mistake is ours, and nothing was changed. Tell the operator this reference: {reference}."
    return _answer(500, CharterError.code, message)


def for_a_program() -> bool:
    """Whether the answer is for a program: by its address, its credentials, or since it asks for JSON and no page."""
    if request.path.startswith(FOR_PROGRAMS) or "Authorization" in request.headers:
        return True
    accepts = request.accept_mimetypes
    return accepts["application/json"] > accepts["text/html"]


def _answer(
    status: int,
    code: str,
    message: str,
    because: tuple[str, ...] = (),
    shape: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    if request.path.startswith(OLD_INTERFACE) and shape is None:
        response = refusing.error_elsewhere(status, code, message, because)
    elif for_a_program():
        plain = {"error": True, "code": code, "message": message} | ({"because": list(because)} if because else {})
        response = make_response(jsonify(dict(shape) if shape is not None else plain), status)
    else:
        title = TITLES.get(status, "That did not work")
        response = make_response(
            render_template("errors/error.html", title=title, status=status, message=message, because=because), status
        )
    response.headers.update(headers or {})
    return response


def _keep_for_the_operator(error: Exception) -> str:
    reference = secrets.token_hex(4)
    current_app.logger.error("reference %s: %s %s", reference, request.method, request.path, exc_info=error)
    return reference


def _way_back() -> str:
    """The page to come back to: this one, or, after a form, the page that the form was on."""
    if request.method in ("GET", "HEAD"):
        return request.full_path.rstrip("?")
    came_from = urlsplit(request.referrer or "")
    return came_from.path if came_from.netloc == request.host and came_from.path else url_for("desks.desk")
