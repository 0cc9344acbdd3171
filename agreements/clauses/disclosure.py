"""Clauses C17–C25: what may leave the recipient, what is written down, and what happens when something goes wrong."""

from __future__ import annotations

from agreements.clauses.parameters import Parameter, ParameterType
from agreements.clauses.version import ClauseVersion

C17 = ClauseVersion(
    "C17",
    1,
    "Redisclosure and subcontractors",
    "The recipient {onward}. A subcontractor or agent that handles the data is bound in writing to everything that "
    "binds the recipient, and the recipient answers for it.",
    parameters=(
        Parameter(
            "onward",
            "May the data be passed on?",
            ParameterType.CHOICE,
            choices=(
                ("no", "does not pass the data on to anybody"),
                (
                    "with-approval",
                    "passes the data on to nobody, except to a party that has a data sharing agreement of its own for "
                    "it and that the source has approved in writing beforehand",
                ),
            ),
            help="CGS 4-67aa(3) permits passing on only under an agreement of the other party and with the source's "
            "approval.",
        ),
    ),
    rule="onward",
    discharges=("CGS 4-67aa(3)", "34 CFR 99.33", "45 CFR 164.514(e)(4)(ii)(C)(4)"),
    citation="CGS 4-67aa(3); 34 CFR 99.33 (to be confirmed by counsel)",
    unverified=True,
)

C18 = ClauseVersion(
    "C18",
    1,
    "Small cells",
    "No table, figure, map or text made from the data shows a count of persons that is below {min_cell}, or a rate "
    "or total from which such a count can be worked out. The suppression rule is {rule}. Where one hidden cell "
    "could be derived from the others, further cells are hidden until it cannot be. A true zero may be shown unless "
    "the rule forbids it.",
    parameters=(
        Parameter(
            "min_cell",
            "Smallest count that may be shown",
            ParameterType.INTEGER,
            help="For example 6, or 11 for health data.",
        ),
        Parameter(
            "rule",
            "Suppression rule",
            ParameterType.CHOICE,
            choices=(
                ("none", "the count stated here and no other"),
                ("SDE_LE5", "that of the State Department of Education: counts of 5 or fewer are hidden"),
                (
                    "DPH_LT6_POP100K",
                    "that of the Department of Public Health: counts of 1 to 5 are hidden where fewer than 100,000 "
                    "live",
                ),
                ("CMS_1_10", "that of the Centers for Medicare and Medicaid Services: counts of 1 to 10 are hidden"),
                ("DCF_LE10", "that of the Department of Children and Families: counts of 10 or fewer are hidden"),
                ("FTI_STATE", "that for federal tax information (to be confirmed by counsel)"),
            ),
            help="The rule of the source agency.",
        ),
    ),
    rule="min_cell",
    citation="CMS Cell Size Suppression Policy; suppression rules of the source agencies",
)

C19 = ClauseVersion(
    "C19",
    1,
    "Review before publication",
    "Before anything made from the data is published, the recipient sends it to each source, which has {days} "
    "business days to object. A source objects only because the output would disclose protected data, goes beyond "
    "the purpose, or states the data wrongly. What is published carries this notice: {disclaimer}",
    parameters=(
        Parameter("days", "Business days for review", ParameterType.INTEGER, help="Ten is usual."),
        Parameter(
            "disclaimer",
            "Notice on publications",
            ParameterType.TEXT,
            required=False,
            absent="“The conclusions are those of the authors and not of the agencies that supplied the data.”",
            help="Leave empty for the standard notice.",
        ),
    ),
    citation="P20 WIN practice, review by every source agency",
)

C20 = ClauseVersion(
    "C20",
    1,
    "Ownership and quality of the data",
    "The source remains the owner and the custodian of its data; nothing in this {instrument} transfers title. The "
    "data is given as the source holds it, with the description of its columns, and without a promise that it is "
    "complete or fit for the purpose. The source tells the recipient of known limits and of corrections.",
    citation="P20 WIN practice",
)

C21 = ClauseVersion(
    "C21",
    1,
    "Correction of errors",
    "A recipient that finds a likely error tells the source and does not correct the data itself. When a person "
    "contests a record, the source decides under its own law, and sends a correction or the statement of dispute to "
    "every recipient that has read the record under this {instrument}.",
    discharges=("CGS 4-193(h)",),
    citation="CGS 4-193(h)",
)

C22 = ClauseVersion(
    "C22",
    1,
    "Requests for public records",
    "A recipient that is asked for data it received under this {instrument} does not answer the request itself. It "
    "promptly refers the request to the originating agency and tells the requester in writing the name, address and "
    "telephone number of that agency and the date of the referral. Nothing here widens what must be disclosed to "
    "the public.",
    discharges=("CGS 4-67dd",),
    citation="CGS 4-67dd",
)

C23 = ClauseVersion(
    "C23",
    1,
    "Record of access and accounting of disclosures",
    "Every reading of the data, and every refusal, is recorded before the data leaves: who asked and for whom, "
    "under which version of this {instrument} and for which purpose, which dataset and data elements, when, and how "
    "many rows. The record is kept for {years} years or for the life of the record disclosed, whichever is longer, "
    "is open to each source for its own data, and is supplied to a person who has a right to an accounting of "
    "disclosures.",
    parameters=(
        Parameter("years", "Years the record is kept", ParameterType.INTEGER, help="At least five (CGS 4-193(c))."),
    ),
    discharges=("CGS 4-193(c)", "34 CFR 99.32", "42 CFR 2.25"),
    citation="CGS 4-193(c), (d); 34 CFR 99.32; 45 CFR 164.528; 42 CFR 2.25",
)

C24 = ClauseVersion(
    "C24",
    1,
    "Audit and inspection",
    "Each source may inspect, at any time and on site, how the data is kept and used, and may examine the record of "
    "access. The Auditors of Public Accounts have the access that CGS 2-90 gives them. The recipient cooperates, "
    "and mends what an inspection finds within the time the source sets.",
    discharges=("CGS 2-90", "20 CFR 603.9"),
    citation="CGS 2-90; 20 CFR 603.9, 603.10 on-site inspection (to be confirmed by counsel)",
    unverified=True,
)

C25 = ClauseVersion(
    "C25",
    1,
    "Incidents and breaches",
    "A party that learns or suspects a breach tells each source whose data may be touched immediately, and in "
    "writing within {notice_hours} hours, at the contacts of this {instrument}. The notice says what happened and "
    "when, which data and how many persons are touched, what has been done, and who answers for it. The parties "
    "then cooperate to contain the breach and to keep the evidence.\n\nWhere CGS 36a-701b applies, residents and "
    "the Attorney General are told without unreasonable delay and within 60 days. A state agency promptly tells the "
    "Auditors of Public Accounts and the Comptroller (CGS 4-33a). The party at which the breach occurred bears the "
    "cost of notices and of identity protection.",
    parameters=(
        Parameter("notice_hours", "Hours to the written notice", ParameterType.INTEGER, help="Twenty-four is usual."),
    ),
    discharges=("CGS 4-67aa(6)", "CGS 36a-701b", "CGS 4-33a", "CGS 4e-70", "45 CFR 164.514(e)(4)(ii)(C)(3)"),
    citation="CGS 4-67aa(6); CGS 36a-701b; CGS 4-33a; CGS 4e-70",
)

CLAUSES = (C17, C18, C19, C20, C21, C22, C23, C24, C25)
