"""Who may see an agreement's working pages. The public has the register, which is derived from what is signed.

A version on its way is seen by those who draft, review or sign it, and by the auditors. Once signed it is also seen by
the members of its working group. For everybody else it does not exist (invariant 6).
"""

from __future__ import annotations

from agreements.models import AgreementVersion, State
from agreements.transitions import parties_as
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import NotFound

ALWAYS = (RoleKind.DRAFTER, RoleKind.CDO, RoleKind.AUDITOR)
FOR_A_PARTY = (RoleKind.DATA_OFFICER, RoleKind.STEWARD, RoleKind.COUNSEL, RoleKind.OFFICIAL)
SIGNED = frozenset({State.ACTIVE, State.SUSPENDED, State.EXPIRED, State.TERMINATED, State.SUPERSEDED})
"""States of a version that every party has signed."""


def may_see(identity: Identity | None, version: AgreementVersion) -> bool:
    """Whether this person may open this version's pages."""
    if identity is None:
        return False
    if identity.holds(*ALWAYS) or identity.agencies(*FOR_A_PARTY) & parties_as(version):
        return True
    return State(version.state) in SIGNED and version.agreement.working_group_id in identity.groups()


def require_sight(identity: Identity | None, version: AgreementVersion) -> None:
    """Raise `NotFound`, in the words used for an agreement that does not exist, unless the person may see it."""
    if not may_see(identity, version):
        raise no_such_version(version.agreement_id, version.number)


def no_such_version(agreement_id: str, number: int) -> NotFound:
    """The one answer for a version that does not exist and for one that the asker may not see."""
    return NotFound(
        f"There is no version {number} of an agreement {agreement_id} that you may see. "
        "Signed agreements are in the public register."
    )
