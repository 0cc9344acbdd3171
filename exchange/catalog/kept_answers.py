"""Whole answers that everybody gets alike, kept in each worker as bytes until the catalogue changes.

    body = kept_answers().get(("view", id), web.session, make)     # make() -> bytes, or Unkept(bytes)

Only what is made of the tables in `exchange.catalog.state.WATCHED`, of stored versions and of settings may be kept; the
key names whatever else the bytes depend on. Whether an answer may be kept for this reader is the caller's matter: a
signed-in person's never is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import cast

from flask import Flask, Response, current_app, request
from sqlalchemy.orm import Session

from exchange.catalog.state import StateReader, catalogue_state, state_of
from exchange.db import is_reading_only
from exchange.kept_bytes import KeptBytes

LIMIT_BYTES = 48 * 1024 * 1024
ETAG_LENGTH = 32
_CONDITIONS = frozenset({"HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"})


@dataclass(frozen=True)
class Unkept:
    """Bytes that are right for this request and perhaps not for the next."""

    body: bytes


@dataclass(frozen=True)
class Kept:
    """An answer's bytes, with an entity tag that is a function of them."""

    body: bytes
    etag: str


class KeptAnswers:
    """The answers of one worker."""

    def __init__(self, state: StateReader, limit_bytes: int = LIMIT_BYTES) -> None:
        self._state = state
        self._bytes = KeptBytes(limit_bytes)

    def get(self, key: Hashable, session: Callable[[], Session], make: Callable[[], bytes | Unkept]) -> Kept:
        """The answer kept under this key since the last change, or the one that `make` makes."""
        now = self._state.current()
        held = self._bytes.get((now, key)) if now is not None else None
        if held is not None:
            return Kept(held[ETAG_LENGTH:], held[:ETAG_LENGTH].decode())
        made = make()
        body = made.body if isinstance(made, Unkept) else made
        etag = hashlib.sha256(body).hexdigest()[:ETAG_LENGTH]
        sure = now is not None and is_reading_only() and not isinstance(made, Unkept)
        if sure and catalogue_state(session()) == now:
            self._bytes.put((now, key), etag.encode() + body)
        return Kept(body, etag)


def kept_answers() -> KeptAnswers:
    """This worker's."""
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
    if "kept_answers" not in app.extensions:
        app.extensions["kept_answers"] = KeptAnswers(state_of(app))
    return cast(KeptAnswers, app.extensions["kept_answers"])


def conditional(kept: Kept, content_type: str) -> Response:
    """The answer, or 304 for who has it already."""
    response = Response(kept.body, content_type=content_type)
    response.headers["ETag"] = f'"{kept.etag}"'
    return only_if_changed(response)


def only_if_changed(response: Response) -> Response:
    """304 in place of an answer whose `ETag` the reader named; a request without conditions costs nothing here."""
    if not _CONDITIONS.isdisjoint(request.environ):
        response.make_conditional(request)
    return response
