"""Who may enter: the functions that `wsgi.ENTRANCES` names. Each passes, or raises with a reason.

They decide about a whole part of the house; finer rules belong to the commands of the domain.
"""

from __future__ import annotations

from flask import g

from exchange.directory.identity import Identity, current_identity
from exchange.directory.models import RoleKind
from exchange.errors import Refused, Unauthenticated

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


def require_identity() -> Identity:
    """The signed-in person; raises `Unauthenticated` for the public."""
    identity = current_identity()
    if identity is None:
        raise Unauthenticated("Please sign in first; then this page opens.")
    return identity
