"""What every page may link to: the header's entries by role, the signed-in person, the demo's banner.

An entry whose page is not installed is left out, so that a part of the house can be taken away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, request, url_for

from exchange.directory.identity import Identity, current_identity
from exchange.directory.models import RoleKind
from exchange.web import settings

OFFICIALS = (
    RoleKind.CDO,
    RoleKind.DRAFTER,
    RoleKind.COUNSEL,
    RoleKind.OFFICIAL,
    RoleKind.DATA_OFFICER,
    RoleKind.STEWARD,
)
PUBLISHERS = (RoleKind.STEWARD, RoleKind.DATA_OFFICER, RoleKind.CDO, RoleKind.ADMINISTRATOR)
ASKING = (RoleKind.MEMBER, RoleKind.DATA_OFFICER, RoleKind.CDO, RoleKind.DRAFTER)
TAKES_RECEIPTS = (RoleKind.DATA_OFFICER, RoleKind.STEWARD)
READS_THE_LOG = (RoleKind.AUDITOR,)


@dataclass(frozen=True)
class Place:
    """One entry of the header: its words, its endpoint, and who sees it; no roles means everybody."""

    label: str
    endpoint: str
    roles: tuple[RoleKind, ...] = ()
    signed_in: bool = False

    def seen_by(self, identity: Identity | None) -> bool:
        """Whether this entry is offered to this person. The entrance itself is guarded elsewhere."""
        if identity is None:
            return not self.roles and not self.signed_in
        return not self.roles or identity.holds(*self.roles)


PLACES = (
    Place("Desk", "desks.desk", signed_in=True),
    Place("Data", "portal.catalogue"),
    Place("Register", "register.index"),
    Place("Agreements", "agreements.index", OFFICIALS),
    Place("Requests", "requests.index", ASKING),
    Place("Grants", "grants.index", ASKING),
    Place("Clients", "clients.index", (RoleKind.MEMBER, RoleKind.CDO, RoleKind.ADMINISTRATOR)),
    Place("Publish", "hub.index", PUBLISHERS),
    Place("Classification", "classification.index", (*PUBLISHERS, RoleKind.CDO)),
    Place("Directory", "directory.index", signed_in=True),
    Place("Receipts", "receipts.index", TAKES_RECEIPTS),
    Place("Audit", "audit.index", READS_THE_LOG),
)


@dataclass(frozen=True)
class Link:
    """A place as the template draws it."""

    label: str
    url: str
    current: bool


def links(identity: Identity | None) -> list[Link]:
    """The header's entries for this person on this page, in order."""
    shown = [place for place in PLACES if place.seen_by(identity) and place.endpoint in current_app.view_functions]
    return [Link(place.label, url_for(place.endpoint), _is_here(place)) for place in shown]


def _is_here(place: Place) -> bool:
    if place.endpoint == "portal.catalogue":
        return request.endpoint in ("portal.catalogue", "portal.dataset")
    below = request.path.startswith(url_for(place.endpoint).rstrip("/") + "/")
    return below or request.blueprint == place.endpoint.partition(".")[0]


def offered(endpoint: str) -> bool:
    """Whether this installation has that page; for links from one part of the house to another."""
    return endpoint in current_app.view_functions


def install(app: Flask) -> None:
    """Hand these to every template: `identity`, `navigation`, `demo`, `offered`."""

    @app.context_processor
    def for_every_page() -> dict[str, Any]:
        identity = current_identity()
        return {"identity": identity, "navigation": links(identity), "demo": settings().demo, "offered": offered}
