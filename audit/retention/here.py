"""What a request brings to the retention desk, from whoever assembled the program: who acts, the instant, the log."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from flask import current_app, g

from audit.ledger import Ledger
from audit.personal import Sealer
from audit.retention.acting import Acting


def acting() -> Acting:
    """The signed-in person with their duties; none where nobody says who has which."""
    duties_of = current_app.extensions.get("duties_of")
    return cast(Acting, duties_of(g.identity)) if duties_of else Acting(g.identity.pseudonym, frozenset())


def require_fresh_proof() -> None:
    """Have a person refused whose proof of identity is too old for a step like this."""
    require = current_app.extensions.get("require_recent")
    if require is not None:
        require(g.identity, now())


def now() -> datetime:
    """The present instant."""
    return cast(datetime, current_app.extensions["now"]())


def ledger() -> Ledger:
    """The writer of the log."""
    return cast(Ledger, current_app.extensions["ledger"])


def sealer() -> Sealer:
    """The one who seals and opens personal fields."""
    return cast(Sealer, current_app.extensions["sealer"])
