"""Which law demands which clause: the State's checklist and each federal regime's, in words with the citation.

Sentences marked "to be confirmed by counsel" rest on sources that have not been checked word for word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_CONFIRM = " (to be confirmed by counsel)"

BINDS = (
    "CGS 4-67aa binds agreements under CGS 12-15(b), under CGS 31-225a(j) and under section 269 of PA 21-2 (June "
    "special session). The exchange asks the same of every other agreement, as good practice."
)
"""What the list of CGS 4-67aa binds by law; every agreement here keeps it."""

_LIST = ", binding where that section applies and good practice elsewhere"


@dataclass(frozen=True)
class Regime:
    """A body of law that governs some data. `demands` maps a clause code to the law's sentence."""

    key: str
    name: str
    citation: str
    demands: Mapping[str, str]


@dataclass(frozen=True)
class Bar:
    """Data that may not be shared under a memorandum made by CGS 4-67n, whatever its clauses say."""

    regime: str
    law: str
    sentence: str


STATE_DSA: Mapping[str, str] = MappingProxyType(
    {
        "C01": "CGS 4-67n: the agreement names the parties and the power under which each of them shares data"
        + _CONFIRM
        + ".",
        "C03": f"CGS 4-67aa(1){_LIST}: the agreement states the purposes for which the data may be used.",
        "C05": f"CGS 4-67aa(1){_LIST}: the data is used for those purposes only.",
        "C06": "CGS 4-67n: a response is limited to the data that the agreement authorizes" + _CONFIRM + ".",
        "C07": "CGS 4-193(e): an agency keeps and shares no more personal data than its purpose needs.",
        "C08": f"CGS 4-67aa(2){_LIST}: the agreement names the specific individuals who may access or use the data.",
        "C13": f"CGS 4-67aa(4) and (5){_LIST}: the data is not copied or stored in any location "
        "that the agreement does not approve.",
        "C14": f"CGS 4-67aa(5){_LIST}: the data is stored and accessed securely, as the agreement prescribes.",
        "C17": f"CGS 4-67aa(3){_LIST}: nothing is shared onward unless that party has its own agreement and the source "
        "approves.",
        "C18": "CGS 4-67n: the privacy of protected data is assured, small counts included" + _CONFIRM + ".",
        "C22": "CGS 4-67dd: a request for public records goes to the originating agency, with written notice to the "
        "requester.",
        "C23": "CGS 4-193(c): a record is kept of everybody who obtained access to personal data, and of the reason.",
        "C25": f"CGS 4-67aa(6){_LIST}: the agreement says how each party is told of a breach; CGS 36a-701b "
        "and 4-33a set the clocks.",
        "C28": "CGS 4-67n: a permission has a first and a last day" + _CONFIRM + ".",
        "C33": f"CGS 4-67aa(7){_LIST}: if a provision is held invalid the others stand" + _CONFIRM + ".",
        "C36": "CGS 1-266: an electronic signature binds when the signer intends it" + _CONFIRM + ".",
    }
)
"""The clauses of every data sharing agreement. CGS 4-67aa binds three kinds of them (`BINDS`); all keep its list."""

STATE_EMOU: Mapping[str, str] = MappingProxyType(
    {
        code: STATE_DSA[code]
        for code in (
            "C01",
            "C03",
            "C05",
            "C06",
            "C07",
            "C08",
            "C14",
            "C17",
            "C18",
            "C22",
            "C23",
            "C25",
            "C28",
            "C33",
            "C36",
        )
    }
    | {
        "C02": "CGS 4-67n(a): “data” has its statutory meaning and does not include tax returns and return "
        "information.",
        "C04": "CGS 4-67n: a response is given only as state and federal law permit" + _CONFIRM + ".",
        "C14": "CGS 4-67n: the memorandum provides for proper use, security and confidentiality" + _CONFIRM + ".",
    }
)
"""The clauses of the memorandum between OPM and an executive agency."""


def _regime(key: str, name: str, citation: str, **demands: str) -> tuple[str, Regime]:
    return key, Regime(key, name, citation, MappingProxyType(demands))


def _state_confidential(key: str, name: str, citation: str) -> tuple[str, Regime]:
    """Records that a State statute closes except for the uses it names: the ground, the limit, and no passing on."""
    return _regime(
        key,
        name,
        citation,
        C04=f"{citation}: the ground on which the disclosure rests is named{_CONFIRM}.",
        C05=f"{citation}: the records are used only as the statute permits{_CONFIRM}.",
        C16=f"{citation}: nobody is identified in what is reported{_CONFIRM}.",
        C17=f"{citation}: the records are not passed on{_CONFIRM}.",
    )


REGIMES: Mapping[str, Regime] = MappingProxyType(
    dict(
        (
            _regime(
                "FERPA",
                "Student education records, shared for audit or evaluation",
                "20 USC 1232g; 34 CFR 99.31(a)(3), 99.35",
                C03="34 CFR 99.35(a)(3): the written agreement states the purpose of the evaluation" + _CONFIRM + ".",
                C04="34 CFR 99.31(a): the exception to consent on which the disclosure rests is named.",
                C06="34 CFR 99.35(a)(3): the written agreement specifies the information disclosed" + _CONFIRM + ".",
                C11="34 CFR 99.35(a)(3): the written agreement designates the authorized representative.",
                C16="34 CFR 99.35(b): nobody but the representative may identify a student" + _CONFIRM + ".",
                C17="34 CFR 99.33: personal information is not redisclosed" + _CONFIRM + ".",
                C23="34 CFR 99.32: each request and disclosure is recorded as long as the education record is kept.",
                C31="34 CFR 99.35(a)(3): destruction when no longer needed is required, with its time" + _CONFIRM + ".",
            ),
            _regime(
                "FERPA-STUDIES",
                "Student education records, shared for studies",
                "34 CFR 99.31(a)(6)(iii)(C)",
                C03="34 CFR 99.31(a)(6)(iii)(C)(1): the agreement states purpose and scope of the study.",
                C04="34 CFR 99.31(a)(6): the exception to consent on which the disclosure rests is named.",
                C05="34 CFR 99.31(a)(6)(iii)(C)(2): the information is used for the purposes of the study only.",
                C06="34 CFR 99.31(a)(6)(iii)(C)(1): the agreement states the information to be disclosed.",
                C16="34 CFR 99.31(a)(6)(iii)(C)(3): nobody outside may identify parents or students.",
                C23="34 CFR 99.32: each request and disclosure is recorded as long as the education record is kept.",
                C28="34 CFR 99.31(a)(6)(iii)(C)(1): the agreement states the duration of the study.",
                C31="34 CFR 99.31(a)(6)(iii)(C)(4): destruction when no longer needed is required, with its time.",
            ),
            _regime(
                "HIPAA",
                "Protected health information in a limited data set",
                "45 CFR 164.514(e)(4)",
                C03="45 CFR 164.514(e)(4)(ii)(A): the agreement establishes the permitted uses.",
                C05="45 CFR 164.514(e)(4)(ii)(C)(1): the recipient uses the information in no other way.",
                C08="45 CFR 164.514(e)(4)(ii)(B): the agreement says who may use or receive the limited data set.",
                C14="45 CFR 164.514(e)(4)(ii)(C)(2): the recipient uses appropriate safeguards.",
                C16="45 CFR 164.514(e)(4)(ii)(C)(5): the recipient does not identify the information or contact the "
                "individuals.",
                C17="45 CFR 164.514(e)(4)(ii)(C)(4): agents are bound to the same limits.",
                C25="45 CFR 164.514(e)(4)(ii)(C)(3): the recipient reports uses that the agreement does not permit.",
            ),
            _regime(
                "MEDICAID",
                "Information on applicants for and recipients of assistance",
                "CGS 17b-90; 42 CFR 431.300",
                C03="CGS 17b-90: use is limited to purposes directly connected with the administration of the "
                "programs.",
                C05="CGS 17b-90: no other use is made of the information.",
                C17="42 CFR 431.300: the information is not passed on" + _CONFIRM + ".",
            ),
            _regime(
                "PART2",
                "Substance use disorder treatment records",
                "42 USC 290dd-2; 42 CFR 2",
                C03="42 CFR 2.52 and 2.53: the research, audit or evaluation is stated.",
                C04="42 CFR 2.52, 2.53: the ground of the disclosure is named.",
                C16="42 CFR 2.52: patients are not identified in what is reported" + _CONFIRM + ".",
                C17="42 CFR 2.32: a notice that forbids redisclosure goes with each disclosure.",
                C23="42 CFR 2.25: disclosures are accounted for.",
                C25="42 CFR 2.16: breaches are notified" + _CONFIRM + ".",
                C31="42 CFR 2.16: records are destroyed securely" + _CONFIRM + ".",
                C34="42 CFR 2.52: research follows the rules on human subjects" + _CONFIRM + ".",
            ),
            _regime(
                "UC-WAGE",
                "Unemployment compensation and wage records",
                "CGS 31-254; 20 CFR 603.9, 603.10",
                C03="20 CFR 603.10(b): the agreement describes the specific purposes.",
                C06="20 CFR 603.10(b): the agreement describes the specific information to be furnished.",
                C08="20 CFR 603.10(b): access is limited to those who need to know.",
                C12="20 CFR 603.10(b): the agreement describes the methods and timing of requests.",
                C14="20 CFR 603.9: the recipient safeguards the information" + _CONFIRM + ".",
                C17="20 CFR 603.9: redisclosure is limited" + _CONFIRM + ".",
                C24="20 CFR 603.10: the agreement provides for on-site inspection" + _CONFIRM + ".",
                C26="20 CFR 603.10(a): disclosure stops when the safeguards are not kept.",
                C27="20 CFR 603.10: the agreement provides for payment of costs" + _CONFIRM + ".",
                C30="20 CFR 603.10(a): the agreement is terminable if the safeguards are not kept.",
            ),
            _regime(
                "STATE-TAX",
                "State tax returns and return information",
                "CGS 12-15",
                C05="CGS 12-15: return information is used only as that section permits.",
                C17="CGS 12-15: return information is not passed on.",
            ),
            _regime(
                "FTI",
                "Federal tax information",
                "IRC 6103; IRS Publication 1075",
                C05="IRC 6103: return information is used only as that section permits.",
                C08="IRS Publication 1075: each user is identified and has the least privilege needed.",
                C10="IRS Publication 1075: users are trained" + _CONFIRM + ".",
                C14="IRS Publication 1075: its controls are agreed.",
                C17="IRC 6103: return information is not redisclosed.",
                C23="IRS Publication 1075: access is logged and the logs are reviewed.",
                C25="IRS Publication 1075: incidents are reported at once and within 24 hours" + _CONFIRM + ".",
                C31="IRS Publication 1075: disposal is agreed" + _CONFIRM + ".",
            ),
            _regime(
                "CJIS",
                "Criminal justice information",
                "CJIS Security Policy 5.4.7; CGS 54-142r",
                C08="CJIS Security Policy: users are identified one by one" + _CONFIRM + ".",
                C10="CJIS Security Policy: users are trained" + _CONFIRM + ".",
                C14="CJIS Security Policy: its controls are agreed" + _CONFIRM + ".",
                C17="CJIS Security Policy: secondary dissemination is controlled and logged" + _CONFIRM + ".",
                C23="CJIS Security Policy 5.4.7: transactions are logged and the log is kept at least one year.",
                C24="CJIS Security Policy: recipients are audited" + _CONFIRM + ".",
            ),
            _regime(
                "DPPA",
                "Driver and vehicle records",
                "18 USC 2721; CGS 14-10",
                C03="18 USC 2721(b): the permissible use on which the disclosure rests is stated.",
                C17="18 USC 2721(c): what is passed on is limited and recorded" + _CONFIRM + ".",
                C23="18 USC 2721(c): records of redisclosure are kept for five years" + _CONFIRM + ".",
            ),
            _regime(
                "CONF-ID",
                "Confidential information of the State: names, numbers and other identifiers",
                "CGS 4e-70; CGS 36a-701b",
                C14="CGS 4e-70: who holds confidential information of the State keeps a security program.",
                C25="CGS 4e-70 and 36a-701b: the agency and the Attorney General are told of a breach.",
            ),
            _state_confidential("MH-PRIV", "Mental health communications", "CGS 52-146d to 52-146j"),
            _state_confidential("DCF-CONF", "Child protection records", "CGS 17a-28"),
            _state_confidential("DPH-SURV", "Public health studies and surveillance", "CGS 19a-25"),
            _state_confidential("HIV", "HIV-related information", "CGS 19a-583"),
            _state_confidential("VITAL", "Birth and adoption records", "CGS 7-51a, 45a-743"),
            _state_confidential("JUV", "Juvenile matters", "CGS 46b-124"),
        )
    )
)

ALIASES: Mapping[str, str] = MappingProxyType({"CJI": "CJIS", "IDEA-C": "FERPA", "DMV-PII": "DPPA", "SSN": "CONF-ID"})
"""Other names of the same regime."""

UNDER_4_67N: Mapping[str, Bar] = MappingProxyType(
    {
        "STATE-TAX": Bar(
            "STATE-TAX",
            "CGS 4-67n(a), CGS 12-15",
            "Returns and return information, as CGS 12-15 defines them, are not “data” under CGS 4-67n and cannot "
            "be shared under this memorandum. Leave these columns out, or ask the Department of Revenue Services "
            "for an agreement under CGS 12-15(b).",
        ),
    }
)


def regimes_demanding(code: str) -> frozenset[str]:
    """The regimes that demand a clause."""
    return frozenset(regime.key for regime in REGIMES.values() if code in regime.demands)
