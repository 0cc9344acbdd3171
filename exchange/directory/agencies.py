"""Connecticut's agencies and the three working groups, as data (connecticut.md §6.1–6.2).

The key is the legal name without "Department of" or "Office of", never an acronym. An alias is a form under which real
records name the agency: other acronyms, older names, and the misspellings that data.ct.gov's publisher fields contain.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from exchange.directory.models import Agency, WorkingGroup
from exchange.directory.persons import add_agency, add_working_group

DEPARTMENTS = "CGS 4-38c"


@dataclass(frozen=True)
class AgencyFacts:
    """One line of the list; `statute` is what makes it what it is, empty where we have not confirmed one."""

    id: str
    name: str
    acronym: str
    aliases: tuple[str, ...] = ()
    parent_id: str | None = None
    branch: str = "executive"
    statute: str = ""


def _department(id: str, name: str, acronym: str, *aliases: str, parent: str | None = None) -> AgencyFacts:
    return AgencyFacts(id, name, acronym, aliases, parent, "executive", "" if parent else DEPARTMENTS)


def _other(id: str, name: str, acronym: str, *aliases: str, parent: str | None = None) -> AgencyFacts:
    return AgencyFacts(id, name, acronym, aliases, parent)


def _publisher(id: str, name: str, acronym: str, branch: str, *aliases: str, statute: str = "") -> AgencyFacts:
    return AgencyFacts(id, name, acronym, aliases, None, branch, statute)


AGENCIES = (
    _department("administrative-services", "Department of Administrative Services", "DAS", "Administrative Services"),
    _department(
        "aging-and-disability-services",
        "Department of Aging and Disability Services",
        "ADS",
        "Department on Aging",
        "Department of Rehabilitation Services",
        "DORS",
    ),
    _department(
        "agriculture", "Department of Agriculture", "DoAg", "Dept. of Agriculture", "CT Department of Agriculture"
    ),
    _department("banking", "Department of Banking", "DOB", "CT Department of Banking"),
    _department(
        "children-and-families",
        "Department of Children and Families",
        "DCF",
        "Department of Children & Families",
        "Children and Families",
    ),
    _department(
        "consumer-protection",
        "Department of Consumer Protection",
        "DCP",
        "CT Department of Consumer Protection",
        "Dept of Consumer Protection",
        "Department of Consumer Protecton",
    ),
    _department("correction", "Department of Correction", "DOC", "Department of Corrections", "CT DOC"),
    _department("developmental-services", "Department of Developmental Services", "DDS"),
    _department(
        "economic-and-community-development",
        "Department of Economic and Community Development",
        "DECD",
        "Department of Economic & Community Development",
    ),
    _department(
        "education",
        "State Department of Education",
        "SDE",
        "CSDE",
        "Connecticut State Department of Education",
        "Department of Education",
        "State Dept of Education",
        "State Board of Education",
    ),
    _department(
        "emergency-services-and-public-protection",
        "Department of Emergency Services and Public Protection",
        "DESPP",
        "Emergency Services and Public Protection",
        "Public Safety",
    ),
    _department(
        "emergency-management-and-homeland-security",
        "Division of Emergency Management and Homeland Security",
        "DEMHS",
        parent="emergency-services-and-public-protection",
    ),
    _department(
        "scientific-services",
        "Division of Scientific Services",
        "DSS",
        "Forensic Science Laboratory",
        parent="emergency-services-and-public-protection",
    ),
    _department(
        "energy-and-environmental-protection",
        "Department of Energy and Environmental Protection",
        "DEEP",
        "Department of Energy & Environmental Protection",
    ),
    _department(
        "insurance", "Insurance Department", "CID", "Connecticut Insurance Department", "Department of Insurance"
    ),
    _department(
        "labor", "Labor Department", "DOL", "CTDOL", "CT DOL", "Department of Labor", "Connecticut Department of Labor"
    ),
    _department(
        "mental-health-and-addiction-services",
        "Department of Mental Health and Addiction Services",
        "DMHAS",
        "Department of Mental Health & Addiction Services",
    ),
    _department("motor-vehicles", "Department of Motor Vehicles", "DMV", "Departmet of Motor Vehicles", "CT DMV"),
    _department(
        "policy-and-management",
        "Office of Policy and Management",
        "OPM",
        "Oiffce of Policy and Management",
        "CT OPM",
        "Office of Policy & Management",
    ),
    _department(
        "public-health", "Department of Public Health", "DPH", "CT DPH", "Connecticut Department of Public Health"
    ),
    _department(
        "regents-for-higher-education",
        "Board of Regents for Higher Education",
        "BOR",
        "CSCU",
        "Connecticut State Colleges and Universities",
    ),
    _department("revenue-services", "Department of Revenue Services", "DRS", "CT DRS"),
    _department(
        "social-services", "Department of Social Services", "DSS", "CT DSS", "Connecticut Department of Social Services"
    ),
    _department(
        "technical-education",
        "Technical Education and Career System",
        "CTECS",
        "Connecticut Technical Education and Career System",
    ),
    _department(
        "transportation", "Department of Transportation", "DOT", "CTDOT", "Connecticut Department of Transportation"
    ),
    _department("veterans-affairs", "Department of Veterans Affairs", "DVA", "Department of Veterans' Affairs"),
    _other(
        "information-technology-solutions",
        "Bureau of Information Technology Solutions",
        "BITS",
        "BEST",
        "Bureau of Enterprise Systems and Technology",
        parent="administrative-services",
    ),
    _other("early-childhood", "Office of Early Childhood", "OEC"),
    _other("housing", "Department of Housing", "DOH"),
    _other("military", "Military Department", "MIL", "Military Dept", "Connecticut Military Department"),
    _other(
        "chief-medical-examiner", "Office of the Chief Medical Examiner", "OCME", "Office of Chief Medical Examiner"
    ),
    _other("agricultural-experiment-station", "Connecticut Agricultural Experiment Station", "CAES"),
    _other("higher-education", "Office of Higher Education", "OHE"),
    _other("health-strategy", "Office of Health Strategy", "OHS"),
    _other("workforce-strategy", "Office of Workforce Strategy", "OWS"),
    _publisher(
        "auditors-of-public-accounts",
        "Auditors of Public Accounts",
        "APA",
        "legislative",
        "State Auditors",
        statute="CGS 2-90",
    ),
    _publisher("comptroller", "Office of the State Comptroller", "OSC", "constitutional office", "State Comptroller"),
    _publisher(
        "secretary-of-the-state",
        "Office of the Secretary of the State",
        "SOTS",
        "constitutional office",
        "Secretary of the State",
        "Secretary of State",
    ),
    _publisher("general-assembly", "Connecticut General Assembly", "CGA", "legislative", "General Assembly"),
    _publisher("hartford", "City of Hartford", "Hartford", "municipal"),
    _publisher("new-haven", "City of New Haven", "New Haven", "municipal"),
    _publisher("stamford", "City of Stamford", "Stamford", "municipal"),
    _publisher("bridgeport", "City of Bridgeport", "Bridgeport", "municipal"),
)

WORKING_GROUPS = (
    (
        "health-and-human-services",
        "Health and Human Services",
        "Children's behavioral health planning, education, juvenile justice.",
    ),
    ("economic-development", "Economic Development", "The State's long-term economic competitiveness."),
    ("emergency-management", "Emergency Management", "Preparing for, and answering, emergencies and disasters."),
)


def load_agencies(session: Session) -> list[Agency]:
    """Add the agencies that are not there yet, parents first; gives those that were added."""
    missing = [facts for facts in AGENCIES if session.get(Agency, facts.id) is None]
    return [
        add_agency(session, facts.id, facts.name, facts.acronym, aliases=facts.aliases, parent_id=facts.parent_id,
                   branch=facts.branch, statute=facts.statute)
        for facts in sorted(missing, key=lambda facts: facts.parent_id is not None)
    ]  # fmt: skip


def load_working_groups(session: Session) -> list[WorkingGroup]:
    """Add the working groups that are not there yet; gives those that were added."""
    missing = [facts for facts in WORKING_GROUPS if session.get(WorkingGroup, facts[0]) is None]
    return [add_working_group(session, id, name, purpose) for id, name, purpose in missing]
