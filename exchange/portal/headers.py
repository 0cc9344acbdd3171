"""What every answer carries, errors and downloads too: the security headers of security.md §7 (ASVS V3.4).

In the demo, whose desks open with one click, it also refuses whatever does not come from this machine: another remote
address, another Host (DNS rebinding), or anything that a proxy forwarded.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, make_response, request

from exchange.errors import Refused
from exchange.settings import is_loopback
from exchange.web import settings

CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "script-src 'none'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
))  # fmt: skip

ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
}
"""Set unless the view said something of its own, as open rows do for other sites' scripts."""

HSTS = "max-age=31536000; includeSubDomains"
_ALWAYS = tuple((name, name.lower(), value) for name, value in ALWAYS.items())

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via")
_FORWARDED = tuple("HTTP_" + name.upper().replace("-", "_") for name in FORWARDED)
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def install(app: Flask) -> None:
    """Refuse what may not come near, before anything else looks at it; and dress every answer."""
    app.before_request(refuse_strangers_in_the_demo)
    app.before_request(refuse_other_sites)
    app.after_request(dress)


def refuse_strangers_in_the_demo() -> Response | None:
    """403 for a request to the demo that may come from another machine or under another name."""
    if is_near(request.environ, demo=settings().demo):
        return None
    return make_response(
        ("The demonstration answers this machine only, at its loopback address.\n", 403, {"Content-Type": "text/plain"})
    )


def is_near(environ: Mapping[str, Any], *, demo: bool) -> bool:
    """Whether a request may come near: to the demo only from this machine and by its name, to others always."""
    if not demo:
        return True
    if any(name in environ for name in _FORWARDED):
        return False
    return _is_loopback(environ.get("REMOTE_ADDR") or "", environ.get("HTTP_HOST", ""))


@lru_cache(maxsize=256)
def _is_loopback(address: str, host: str) -> bool:
    return is_loopback(address) and is_loopback(_host_name(host))


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def refuse_other_sites() -> None:
    """Refuse a changing request that a page of another site sent (ASVS V3.5.1), whatever token it carries."""
    if request.method not in CHANGING:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    foreign = site not in ("same-origin", "none") if site else bool(origin) and not _is_our_own(origin or "")
    if foreign:
        raise Refused("This form was sent by a page of another site. Open the page here and send it from there.")


def _is_our_own(origin: str) -> bool:
    return origin in (settings().origin, f"{request.scheme}://{request.host}")


def dress(response: Response) -> Response:
    """Add the headers; pages of a signed-in person, and answers to a token, are kept in no cache."""
    headers = response.headers
    said = {name.lower() for name, _ in headers}
    for name, lower, value in _ALWAYS:
        if lower not in said:
            headers.add(name, value)
    if settings().https:
        headers.setdefault("Strict-Transport-Security", HSTS)
    if g.get("identity") is not None or "HTTP_AUTHORIZATION" in request.environ:
        response.headers["Cache-Control"] = "no-store"
    elif headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/html":
        response.headers.setdefault("Cache-Control", "private, no-cache")
        response.vary.add("Cookie")
    return response
