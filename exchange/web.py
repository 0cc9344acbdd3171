"""What every entry point is handed: the settings, the log and the database session of this request."""

from __future__ import annotations

from typing import cast

from flask import current_app
from sqlalchemy.orm import Session

from audit.ledger import Ledger
from exchange.db import db
from exchange.settings import Settings


def settings() -> Settings:
    """The operator's settings, as given to `create_app`."""
    return cast(Settings, current_app.config["SETTINGS"])


def ledger() -> Ledger:
    """This process's writer of the log."""
    return cast(Ledger, current_app.extensions["ledger"])


def session() -> Session:
    """This request's database session; the view commits it, once."""
    return cast(Session, db.session)
