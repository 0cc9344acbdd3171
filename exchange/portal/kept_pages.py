"""Pages that look alike for everybody who is not signed in, kept in each worker until the catalogue changes.

A signed-in person's page, and one that has a message of the last act to show, is always made anew: what is kept holds
neither a session nor a form's secret, since the public's pages have none.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import cast

from flask import Flask, Response, current_app, session
from sqlalchemy import select
from sqlalchemy.orm import Session

from exchange import web
from exchange.catalog.kept_answers import Unkept, conditional, kept_answers
from exchange.catalog.models import Dataset
from exchange.catalog.state import Remembered, state_of
from exchange.classification.withheld import agreed
from exchange.directory.identity import current_identity

HTML = "text/html; charset=utf-8"
MAX_REMEMBERED = 10_000


def page(key: tuple[Hashable, ...], make: Callable[[], str | Unkept]) -> Response | str:
    """The page; for the public, the one kept under this key. `key` names everything that the page depends on."""
    if current_identity() is not None or "_flashes" in session:
        made = make()
        return Response(made.body, content_type=HTML) if isinstance(made, Unkept) else made
    kept = kept_answers().get(("page", *key), web.session, lambda: _bytes(make()))
    return conditional(kept, HTML)


def unkept(text: str) -> Unkept:
    """A page that is right now and perhaps not in a moment."""
    return Unkept(text.encode())


def classification_in_force(session: Session, dataset_id: str) -> str | None:
    """What a dataset's page depends on beside the catalogue: for an open cut, the agreed classification behind it."""
    is_cut = _cuts().get(dataset_id, web.session, lambda opened: _is_cut(opened, dataset_id))
    classification = agreed(session, dataset_id) if is_cut else None
    return classification.id if classification is not None else None


def _is_cut(session: Session, dataset_id: str) -> bool:
    return session.scalar(select(Dataset.cut_of_id).where(Dataset.id == dataset_id)) is not None


def _cuts() -> Remembered[bool]:
    """Which datasets are open cuts, as this worker knows."""
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
    if "open_cuts" not in app.extensions:
        app.extensions["open_cuts"] = Remembered[bool](state_of(app), most=MAX_REMEMBERED)
    return cast(Remembered[bool], app.extensions["open_cuts"])


def _bytes(made: str | Unkept) -> bytes | Unkept:
    return made if isinstance(made, Unkept) else made.encode()
