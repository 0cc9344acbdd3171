"""The demo's persons. All are invented; none is, or is meant to resemble, anybody who works for the State."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.directory.models import RoleKind

OPM = "policy-and-management"
SDE = "education"
DOL = "labor"
DCF = "children-and-families"
DECD = "economic-and-community-development"
APA = "auditors-of-public-accounts"
HHS_GROUP = "health-and-human-services"
ECONOMY_GROUP = "economic-development"


@dataclass(frozen=True)
class Role:
    """A role with where it holds: an agency's, a working group's, or the State's (both None)."""

    kind: RoleKind
    agency: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class CastMember:
    """One invented person. `desk` is set for the five (and only these five) whom the sign-in page offers first."""

    key: str
    name: str
    title: str
    agency: str
    roles: tuple[Role, ...]
    desk: str | None = None


CAST = (
    CastMember(
        "drafter",
        "Rosalind Hale-Okonjo",
        "Data sharing coordinator",
        OPM,
        (Role(RoleKind.DRAFTER, OPM),),
        "OPM drafter",
    ),
    CastMember(
        "cdo",
        "Bertram Castellane",
        "Chief Data Officer",
        OPM,
        (Role(RoleKind.CDO), Role(RoleKind.OFFICIAL, OPM)),
        "Chief Data Officer",
    ),
    CastMember("opm_counsel", "Ingrid Vantongeren", "Counsel", OPM, (Role(RoleKind.COUNSEL, OPM),)),
    CastMember("opm_steward", "Desmond Kowalczyk-Ahn", "Data steward", OPM, (Role(RoleKind.STEWARD, OPM),)),
    CastMember("administrator", "Tobias Quillfeather", "System administrator", OPM, (Role(RoleKind.ADMINISTRATOR),)),
    CastMember(
        "sde_officer",
        "Marguerite Adeyemi-Stone",
        "Agency data officer",
        SDE,
        (Role(RoleKind.DATA_OFFICER, SDE),),
        "Agency data officer",
    ),
    CastMember("sde_steward", "Lionel Prescott-Wry", "Data steward", SDE, (Role(RoleKind.STEWARD, SDE),)),
    CastMember("sde_counsel", "Philippa Marchetti-Lowe", "Agency counsel", SDE, (Role(RoleKind.COUNSEL, SDE),)),
    CastMember("sde_official", "Cornelius Abernathy-Diaz", "Deputy commissioner", SDE, (Role(RoleKind.OFFICIAL, SDE),)),
    CastMember(
        "dol_officer", "Wilhelmina Tran-Foster", "Agency data officer", DOL, (Role(RoleKind.DATA_OFFICER, DOL),)
    ),
    CastMember("dol_steward", "Auberon Nakagawa-Pell", "Data steward", DOL, (Role(RoleKind.STEWARD, DOL),)),
    CastMember("dol_counsel", "Severine Oduya-Clarke", "Agency counsel", DOL, (Role(RoleKind.COUNSEL, DOL),)),
    CastMember("dol_official", "Hollis Drummond-Reyes", "Deputy commissioner", DOL, (Role(RoleKind.OFFICIAL, DOL),)),
    CastMember("dcf_official", "Evangeline Whitlock-Sosa", "Deputy commissioner", DCF, (Role(RoleKind.OFFICIAL, DCF),)),
    CastMember(
        "analyst",
        "Jasper Lindqvist-Moore",
        "Research analyst",
        DCF,
        (Role(RoleKind.MEMBER, group=HHS_GROUP),),
        "Working-group analyst",
    ),
    CastMember(
        "second_analyst", "Odalys Fairbanks-Yoon", "Research analyst", DCF, (Role(RoleKind.MEMBER, group=HHS_GROUP),)
    ),
    CastMember("economist", "Thaddeus Romero-Finch", "Economist", DECD, (Role(RoleKind.MEMBER, group=ECONOMY_GROUP),)),
    CastMember(
        "auditor", "Constance Ferreira-Boyd", "Principal auditor", APA, (Role(RoleKind.AUDITOR),), "State auditor"
    ),
)


def email_of(member: CastMember) -> str:
    """An address under the reserved domain `example` (RFC 2606)."""
    return f"{member.key.replace('_', '.')}@demo.example"
