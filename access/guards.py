"""Who may enter: the functions that `wsgi.ENTRANCES` names. Each passes, or raises with a reason.

They decide about a whole part of the house; finer rules belong to the commands of the domain.
"""

from __future__ import annotations

from typing import cast

from flask import current_app, g, request

from exchange import clock
from exchange.db import begin_reading_only
from exchange.directory.identity import Identity, current_identity
from exchange.directory.models import RoleKind
from exchange.errors import Refused, Unauthenticated
from exchange.hub.writing.credentials import Keepers, Presented
from exchange.web import session

PUBLISHERS = (RoleKind.STEWARD, RoleKind.DATA_OFFICER, RoleKind.CDO, RoleKind.ADMINISTRATOR)


def anyone() -> None:
    """Everybody, signed in or not."""


def signed_in() -> None:
    """Persons who signed in."""
    require_identity()


def auditor() -> None:
    """The Auditors of Public Accounts (CGS 2-90)."""
    if not require_identity().holds(RoleKind.AUDITOR):
        raise Refused("Only a state auditor may enter the audit desk. Ask an administrator if you hold that role.")


def record_keeper() -> None:
    """Those who see and carry out retention: auditors, counsel, the Chief Data Officer, administrators."""
    if not require_identity().holds(RoleKind.AUDITOR, RoleKind.COUNSEL, RoleKind.CDO, RoleKind.ADMINISTRATOR):
        raise Refused(
            "Only a state auditor, counsel, the Chief Data Officer or an administrator may enter the retention desk. "
            "Ask one of them."
        )


def accountant() -> None:
    """Those who answer a person that asks who was given their records: auditors, the CDO, agencies' data officers."""
    if not require_identity().holds(RoleKind.AUDITOR, RoleKind.CDO, RoleKind.DATA_OFFICER):
        raise Refused(
            "Only an agency's data officer, the Chief Data Officer or a state auditor may ask for disclosures about a "
            "person. Ask the data officer of the agency that holds the records."
        )


def publisher() -> None:
    """Those who put data in: stewards, agency data officers, the Chief Data Officer, administrators."""
    if not require_identity().holds(*PUBLISHERS):
        raise Refused(
            "Only a steward, an agency data officer, the Chief Data Officer or an administrator may publish. "
            "Ask your agency's data officer to publish it, or to give you the role of steward."
        )


def door() -> None:
    """Rows: the dataset's class decides further in. A browser's session counts for nothing here."""
    g.identity = None


def client_proves_itself() -> None:
    """OAuth: each endpoint authenticates the client itself. A browser's session counts for nothing here."""
    g.identity = None


def receives() -> None:
    """Signed-in persons, and programs with the API key of a steward or data officer: what they fetch, they keep."""
    if current_identity() is None and "Authorization" in request.headers:
        begin_reading_only(False)  # when a key was used last is written
        presented = Presented(request.headers["Authorization"], "Origin" in request.headers, request.path)
        keys = cast(Keepers, current_app.extensions["write_keys"])
        g.identity = keys.writer(session(), presented, clock.now()).identity
        begin_reading_only(True)
    require_identity()


def require_identity() -> Identity:
    """The signed-in person; raises `Unauthenticated` for the public."""
    identity = current_identity()
    if identity is None:
        raise Unauthenticated("Please sign in first; then this page opens.")
    return identity
