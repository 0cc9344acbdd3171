"""Which signed-in person a request comes from: the session cookie, looked up afresh in every request.

Flask-Login is the loader; its own session keys and its remember-me cookie are not used (security.md §7). The cookie is
`__Host-charter-oak` with Secure where browsers reach us over TLS, and has a plain name on loopback.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Flask, Request, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager, current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from access import sessions
from exchange import clock
from exchange.db import begin_reading_only, db
from exchange.directory.identity import Identity, identify
from exchange.errors import Refused
from exchange.web import settings

COOKIE_OVER_TLS = "__Host-charter-oak"
COOKIE_ON_LOOPBACK = "charter-oak"
RECENT = timedelta(minutes=5)
STEP_UP_REQUIRED = "step_up_required"


@dataclass(frozen=True)
class Visitor:
    """What Flask-Login holds: the identity and nothing else."""

    identity: Identity
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """The person's id, as Flask-Login asks for it."""
        return self.identity.person_id


class FormSessions(SecureCookieSessionInterface):
    """Flask's own sessions, which hold the secrets of forms; without a cookie no signer is made."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of the request."""
        if self.get_cookie_name(app) not in request.environ.get("HTTP_COOKIE", ""):
            return self.session_class()
        return super().open_session(app, request)


def install(app: Flask) -> None:
    """Make Flask-Login ask `visitor_of` for every request, and nothing else."""
    app.config.update(SESSION_PROTECTION=None, REMEMBER_COOKIE_NAME="not-used", SESSION_COOKIE_HTTPONLY=True)
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["SESSION_COOKIE_SECURE"] = app.config["SETTINGS"].https
    app.config["SESSION_COOKIE_NAME"] = "__Host-form" if app.config["SETTINGS"].https else "form"
    app.session_interface = FormSessions()
    manager = LoginManager()
    manager.request_loader(visitor_of)
    app.login_manager = manager  # type: ignore[attr-defined]  # not init_app: its hook opens a cookie session each time


def identity_of_request() -> Identity | None:
    """Who signed in to this request, with the roles in force today; None is the public."""
    g.pop("_login_user", None)
    if not cookie_value():
        return None
    return current_user.identity if current_user.is_authenticated else None


def visitor_of(asking: Request) -> Visitor | None:
    """The person behind the session cookie. Reads in a session of its own, so that no lock is held for the request."""
    value = asking.cookies.get(cookie_name())
    if not value:
        return None
    begin_reading_only(True)
    try:
        identity = _identify(value, clock.now())
    finally:
        begin_reading_only(asking.method in ("GET", "HEAD", "OPTIONS"))
    return Visitor(identity) if identity else None


def require_recent(identity: Identity, now: datetime) -> None:
    """Refuse unless the person proved who they are within five minutes (ASVS V7.5.3)."""
    if now - identity.authenticated_at > RECENT:
        raise Refused(
            "Prove once more who you are: this act needs a proof not older than five minutes.", code=STEP_UP_REQUIRED
        )


def cookie_name() -> str:
    """The session cookie's name in this installation."""
    return COOKIE_OVER_TLS if settings().https else COOKIE_ON_LOOPBACK


def cookie_value() -> str | None:
    """What the browser sent as session cookie."""
    return request.cookies.get(cookie_name())


def set_cookie(response: Response, value: str) -> Response:
    """Hand the browser its new session."""
    response.set_cookie(cookie_name(), value, path="/", secure=settings().https, httponly=True, samesite="Lax")
    return response


def clear_cookie(response: Response) -> Response:
    """Take the session, and the form secrets that belonged to it, from the browser."""
    response.delete_cookie(cookie_name(), path="/", secure=settings().https, httponly=True, samesite="Lax")
    return response


def _identify(value: str, now: datetime) -> Identity | None:
    with Session(db.engine) as session:
        row = sessions.find(session, value, now)
        if row is None:
            return None
        identity = identify(session, row.person, clock.legal_day(now), row.authenticated_at, row.method)
        session.expunge(row)
    sessions.touch(db.engine, row, now)
    return identity
