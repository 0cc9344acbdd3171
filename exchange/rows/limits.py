"""Who asks how much: every request for rows is counted, by its app token or else by its client's address (soda.md §3).

A token is for quota only and proves nobody's identity. The published numbers are settings; 0 turns a quota off. The
headers are those of draft-ietf-httpapi-ratelimit-headers. Cost of a request that passes: a few microseconds, no query.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from flask import Blueprint, Flask, Request, Response, current_app, g, request
from sqlalchemy.orm import Session

from exchange import clock, web
from exchange.db import db
from exchange.errors import CharterError, Refused, TooMany
from exchange.rows import app_tokens
from exchange.rows.quota import WINDOW_S, Counters, SharedCounts, Spent
from exchange.settings import Settings, is_loopback

TOKEN_HEADER = "X-App-Token"  # noqa: S105 - a name, not a token
MAX_TARGET = 16 * 1024
"""Bytes of path and query that a request may have; longer statements are posted (SODA 3)."""

MAX_STATEMENT = 100 * 1024
"""Characters of one query."""

MAX_POSTED = 1024 * 1024
"""Bytes of a posted query with its parameters."""

BELIEVED_S = 30
"""Seconds for which a token that was looked up is taken as it was."""

MAX_KNOWN = 10_000
_SODA_3 = "/api/v3/"


class AddressTooLong(CharterError):
    """The request's address is longer than this server reads."""

    status = 414
    code = "req.url.too-long"


class Limits:
    """The quotas of one process. `session` gives the session of the request that is being answered."""

    def __init__(self, settings: Settings, session: Callable[[], Session], counters: Counters) -> None:
        self._by_address, self._by_token = settings.quota_by_address, settings.quota_by_token
        self._proxies = tuple(ipaddress.ip_network(proxy) for proxy in settings.proxies)
        self._blind = settings.https and not self._proxies
        self._session = session
        self._counters = counters
        self._known: dict[str, tuple[bool, float]] = {}
        self._lock = threading.Lock()

    def admit(self, asked: Request, now_s: float) -> Used | None:
        """Count the request; None where no quota applies. Raises `TooMany`, `Refused`, `AddressTooLong`."""
        if len(asked.query_string) + len(asked.path) > MAX_TARGET:
            raise AddressTooLong(
                f"The address is longer than {MAX_TARGET:,} bytes. Post the query to /api/v3/views/<id>/query.json."
            )
        if asked.path.startswith(_SODA_3):
            asked.max_content_length = MAX_POSTED
        return self.count(token_of(asked), asked.environ, now_s)

    def count(self, token: str, environ: Mapping[str, Any], now_s: float) -> Used | None:
        """Count a request that came with this app token ("" for none). Raises `TooMany`, `Refused`."""
        if token:
            hash_ = app_tokens.hash_of(token)
            if self._is_live(hash_, now_s):
                return self._spend("token", hash_, self._by_token, now_s)
        used = self._spend_by_address(environ, now_s)
        if token:
            raise Refused(
                "Nobody has this app token: it was mistyped, or it has been ended. Leave it out, or make one at"
                " /developers/tokens."
            )
        return used

    def believes(self, token: str, now_s: float) -> bool:
        """Whether this app token was found alive a moment ago, so that counting looks nothing up and refuses nobody."""
        live, since_s = self._known.get(app_tokens.hash_of(token), (False, 0.0))
        return live and now_s - since_s < BELIEVED_S

    def address_of(self, environ: Mapping[str, Any]) -> str | None:
        """Who connected, as far as a quota goes; None where our proxy hides it (no `EXCHANGE_PROXIES`)."""
        hop = self.peer_of(environ)
        return None if self._blind and is_loopback(hop) else narrowed(hop)

    def peer_of(self, environ: Mapping[str, Any]) -> str:
        """The whole address that connected: the last hop before our own proxies, or what the socket says."""
        remote: str = environ.get("REMOTE_ADDR") or ""
        if self._proxies and self._is_proxy(remote):
            for hop in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
                if hop.strip() and not self._is_proxy(hop.strip()):
                    return str(hop.strip())
        return remote

    def _spend_by_address(self, environ: Mapping[str, Any], now_s: float) -> Used | None:
        if not self._by_address:
            return None
        address = self.address_of(environ)
        return None if address is None else self._spend("address", address, self._by_address, now_s)

    def _spend(self, policy: str, key: str, limit: int, now_s: float) -> Used | None:
        if not limit:
            return None
        used = Used(policy, self._counters.spend(f"{policy} {key}", limit, now_s))
        if not used.spent.allowed:
            raise _too_many(used)
        return used

    def _is_live(self, hash_: str, now_s: float) -> bool:
        known = self._known.get(hash_)
        if known is not None and now_s - known[1] < BELIEVED_S:
            return known[0]
        live = app_tokens.is_live(self._session(), hash_)
        with self._lock:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[hash_] = (live, now_s)
        return live

    def _is_proxy(self, address: str) -> bool:
        try:
            return any(ipaddress.ip_address(address) in network for network in self._proxies)
        except ValueError:
            return False


@dataclass(frozen=True)
class Used:
    """What was counted under which policy: "token" or "address"."""

    policy: str
    spent: Spent

    def headers(self) -> dict[str, str]:
        """`RateLimit-Policy` and `RateLimit` of the IETF's draft."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.spent.limit};w={WINDOW_S}',
            "RateLimit": f'"{self.policy}";r={self.spent.left};t={self.spent.wait_s}',
        }


def install(app: Flask) -> None:
    """Give this application its quotas."""
    settings: Settings = app.config["SETTINGS"]
    with app.app_context():
        shared = SharedCounts(db.engine, settings.secret_key)
    app.extensions["limits"] = Limits(settings, web.session, Counters(shared))


def guard(blueprint: Blueprint) -> None:
    """Count every request for this blueprint, and say in every answer what is left."""
    blueprint.before_request(admit)
    blueprint.after_request(say)


def admit() -> None:
    """Count the request that is being answered. Raises `TooMany`, `Refused`, `AddressTooLong`."""
    g.used = None
    g.used = limits_here().admit(request, clock.now().timestamp())


def say(response: Response) -> Response:
    """What is left of the quota, as headers."""
    used: Used | None = g.get("used")
    if used is not None:
        for name, value in used.headers().items():
            response.headers.add(name, value)
    return response


def limits_here() -> Limits:
    """The quotas of this application."""
    return cast(Limits, current_app.extensions["limits"])


@lru_cache(maxsize=4096)
def narrowed(address: str) -> str:
    """The address as a quota sees it: IPv6 by its /64, since a household has a whole one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)


def token_of(asked: Request) -> str:
    """The app token that came with a request; "" where there is none."""
    given: str = asked.headers.get(TOKEN_HEADER, "")
    return given.strip() if given else token_in_address(asked)


def token_in_address(asked: Request) -> str:
    """The app token among the parameters; "" where there is none."""
    if not asked.query_string:
        return ""
    for name, value in asked.args.items():
        lower = name.lower()
        if lower == "$$app_token" or (lower == "app_token" and asked.path.startswith(_SODA_3)):
            return value.strip()
    return ""


def _too_many(used: Used) -> TooMany:
    of_whom = "this app token" if used.policy == "token" else "your address"
    more = "" if used.policy == "token" else " An app token gives more: /developers/tokens."
    error = TooMany(
        f"More than {used.spent.limit:,} requests a minute with {of_whom}. Go on in {used.spent.wait_s} seconds.{more}"
    )
    error.headers = {"Retry-After": str(used.spent.wait_s), **used.headers()}  # type: ignore[attr-defined]
    return error
