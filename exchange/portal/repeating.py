"""The very same question again: answered before Flask, for a tenth of what a request costs it (decision 0008).

An address that was answered twice from memory, to somebody who brought nothing but a harmless request, is answered a
third time by the headers that left then. What decides stays with those who decide, and is asked each time: who may come
near (`headers.is_near`), the quota (`limits`), whether the version still stands (`OpenDoor.stands`), the bytes
(`Ready.kept`). Whenever one of them does not plainly say yes, the request takes the whole way, as every request does
that brings a header not known here: a proof, a cookie, a condition. Only blueprints that the table of entrances leaves
open to everybody are repeated.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Flask, Response, request

from exchange import clock
from exchange.errors import CharterError
from exchange.portal.headers import is_near
from exchange.rows.limits import Limits, Used, token_in_address
from exchange.rows.open_reading import OpenDoor
from exchange.rows.ready import REPEATABLE, REQUEST_ID, Ready, Repeatable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOST = 4_000
"""Addresses that a worker can repeat; bodies are not kept here."""

LONGEST = 1_000
"""Bytes of path and query together; longer addresses are not repeated."""

TOKEN = "HTTP_X_APP_TOKEN"  # noqa: S105 - a name, not a token
NAMED = ("PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING")
"""What one question is told from another by, besides that all have the method GET and no script name."""

HARMLESS = frozenset({
    *NAMED, TOKEN, "HTTP_USER_AGENT", "HTTP_ACCEPT_LANGUAGE", "HTTP_CONNECTION", "HTTP_REFERER", "HTTP_DNT",
    "HTTP_CACHE_CONTROL", "HTTP_PRAGMA", "HTTP_PRIORITY", "HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE", "HTTP_SEC_FETCH_MODE",
    "HTTP_SEC_FETCH_DEST", "HTTP_SEC_FETCH_USER", "HTTP_UPGRADE_INSECURE_REQUESTS", "HTTP_FORWARDED", "HTTP_VIA",
    "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP",
})  # fmt: skip
"""Headers of a request that change nothing about the answer to a GET, but for those by which it is named or counted."""

_OF_ONE = frozenset({REQUEST_ID.lower(), "ratelimit", "ratelimit-policy"})
_BLUEPRINT = "charter_oak.blueprint"
_APP_TOKEN = "charter_oak.app_token"  # noqa: S105 - a name, not a token
_Name = tuple[Any, ...]


class Known(NamedTuple):
    """A question that was answered: the app token in its address, its answer's headers but for the answer's own."""

    token: str
    headers: list[tuple[str, str]]
    again: Repeatable


class Repeating:
    """A WSGI application before another one."""

    def __init__(self, app: Flask, inner: WSGIApplication, open_to_all: Collection[str]) -> None:
        self._inner = inner
        self._open_to_all = frozenset(open_to_all)
        self._demo = bool(app.config["SETTINGS"].demo)
        self._extensions = app.extensions
        self._known: dict[_Name, Known] = {}
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Repeat, or have it answered."""
        name = name_of(environ)
        if name is None:
            return self._inner(environ, start_response)
        known = self._known.get(name)
        if known is not None:
            body = self._again(known, environ, start_response)
            if body is not None:
                return [body]
        return self._inner(environ, self._noting(name, environ, start_response))

    def _again(self, known: Known, environ: WSGIEnvironment, start_response: StartResponse) -> bytes | None:
        door: OpenDoor = self._extensions["open_door"]
        ready: Ready = self._extensions["ready_answers"]
        version, key = known.again
        if not is_near(environ, demo=self._demo) or not door.stands(version) or key not in ready.kept:
            return None
        counted, used = self._counted(known, environ)
        body = ready.kept.get(key) if counted else None
        if body is None:
            return None
        own = (REQUEST_ID, secrets.token_hex(16))
        start_response("200 OK", [*known.headers, own, *(used.headers().items() if used is not None else ())])
        return body

    def _counted(self, known: Known, environ: WSGIEnvironment) -> tuple[bool, Used | None]:
        """Whether the request was counted and may pass; one that may not is refused on the whole way, uncounted."""
        limits: Limits = self._extensions["limits"]
        now_s = clock.now().timestamp()
        token = environ.get(TOKEN, "").strip() or known.token
        if token and not limits.believes(token, now_s):
            return False, None
        try:
            return True, limits.count(token, environ, now_s)
        except CharterError:
            return False, None

    def _noting(self, name: _Name, environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], object]:
            again = environ.get(REPEATABLE)
            if again is not None and status == "200 OK" and environ.get(_BLUEPRINT) in self._open_to_all:
                kept = [(name, value) for name, value in headers if name.lower() not in _OF_ONE]
                self._keep(name, Known(environ[_APP_TOKEN], kept, again))
            return start_response(status, headers, *more)

        return start

    def _keep(self, name: _Name, known: Known) -> None:
        with self._lock:
            while len(self._known) >= MOST:
                del self._known[next(iter(self._known))]
            self._known[name] = known


def name_of(environ: WSGIEnvironment) -> _Name | None:
    """By what a question is known; None for one that is not repeated."""
    if environ["REQUEST_METHOD"] != "GET" or environ.get("SCRIPT_NAME"):
        return None
    for name in environ:
        if name[:5] == "HTTP_" and name not in HARMLESS:
            return None
    if len(environ["PATH_INFO"]) + len(environ.get("QUERY_STRING", "")) > LONGEST:
        return None
    return tuple(map(environ.get, NAMED))


def install(app: Flask, open_to_all: Collection[str]) -> None:
    """Put it before this application. `open_to_all`: the blueprints that the entrances leave open to everybody."""

    @app.after_request
    def say_whose(response: Response) -> Response:
        if REPEATABLE in request.environ:
            request.environ[_BLUEPRINT] = request.blueprint
            request.environ[_APP_TOKEN] = token_in_address(request)
        return response

    app.wsgi_app = Repeating(app, app.wsgi_app, open_to_all)  # type: ignore[method-assign]
