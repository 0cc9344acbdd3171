"""How pages name roles, and for whom each kind is held."""

from __future__ import annotations

from exchange.directory.models import Role, RoleKind

FOR_AN_AGENCY = frozenset({RoleKind.DATA_OFFICER, RoleKind.STEWARD, RoleKind.COUNSEL, RoleKind.OFFICIAL})
FOR_A_GROUP = frozenset({RoleKind.MEMBER})

ROLE_WORDS = {
    RoleKind.DRAFTER: "Agreement drafter",
    RoleKind.CDO: "Chief Data Officer",
    RoleKind.DATA_OFFICER: "Agency data officer",
    RoleKind.STEWARD: "Data steward",
    RoleKind.COUNSEL: "Counsel",
    RoleKind.OFFICIAL: "Authorized official",
    RoleKind.MEMBER: "Member",
    RoleKind.AUDITOR: "Auditor",
    RoleKind.ADMINISTRATOR: "Administrator",
}
"""A role's words; where it holds comes after them."""


def in_words(role: Role) -> str:
    """A role with where it holds: "Data steward, Labor Department"."""
    where = role.working_group or role.agency
    words = ROLE_WORDS[RoleKind(role.kind)]
    return f"{words}, {where.name}" if where is not None else words
