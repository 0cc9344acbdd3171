"""Who may write into these registers, and who may read all of them."""

from __future__ import annotations

from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import Refused

ALWAYS = (RoleKind.CDO, RoleKind.AUDITOR)
"""Who sees every register whole."""


def may_record(by: Identity, agency_id: str) -> bool:
    """Whether this person records for an agency: the Chief Data Officer, and the agency's data officer."""
    return by.holds(RoleKind.CDO) or by.holds(RoleKind.DATA_OFFICER, agency=agency_id)


def require_may_record(by: Identity, agency_id: str) -> None:
    """Raise `Refused` unless the person may record for this agency."""
    if not may_record(by, agency_id):
        raise Refused(
            "Only the Chief Data Officer or the agency's own data officer records this. Ask one of them.",
            because=("role:cdo", "role:data_officer"),
        )


def agencies_recorded_for(by: Identity) -> frozenset[str] | None:
    """The agencies for which the person records; None for all of them."""
    return None if by.holds(RoleKind.CDO) else by.agencies(RoleKind.DATA_OFFICER)
