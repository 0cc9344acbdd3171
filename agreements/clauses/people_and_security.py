"""Clauses C08–C16: who may touch the data, how it travels, where it lies, and how people in it are protected."""

from __future__ import annotations

from agreements.clauses.parameters import Parameter, ParameterType
from agreements.clauses.version import ClauseVersion

C08 = ClauseVersion(
    "C08",
    1,
    "Named authorized users",
    "Only these individuals may read or use the data: {persons}. The roster is part of this {instrument} as Exhibit "
    "B.\n\nA person is added by notice to each source and after signing the acknowledgement of this {instrument}, "
    "not before. The departure of a person, or the end of that person's need, is reported within {departure_hours} "
    "hours, and access ends at once. Nobody uses the credentials of another.",
    parameters=(
        Parameter(
            "persons",
            "Authorized users",
            ParameterType.PERSONS,
            help="The individuals, by name. A memorandum may say “any”.",
            unbounded="the individuals whom a data sharing agreement signed under this {instrument} names",
        ),
        Parameter(
            "departure_hours", "Hours to report a departure", ParameterType.INTEGER, help="P20 WIN practice is 24."
        ),
    ),
    rule="persons",
    discharges=("CGS 4-67aa(2)", "45 CFR 164.514(e)(4)(ii)(B)", "20 CFR 603.10"),
    citation="CGS 4-67aa(2)",
)

C09 = ClauseVersion(
    "C09",
    1,
    "Acknowledgement and confidentiality by each user",
    "Before first access each authorized user reads this {instrument} and signs an acknowledgement that he or she "
    "will keep the data confidential, use it only as permitted and report any breach (Exhibit C). The recipient "
    "keeps the signed acknowledgements and shows them on request. The duty of confidence survives the end of "
    "employment and the end of this {instrument}.",
    discharges=("20 CFR 603.9",),
    citation="P20 WIN practice, data sharing agreement Exhibits B and C",
)

C10 = ClauseVersion(
    "C10",
    1,
    "Training",
    "Each authorized user completes training in {topics} before first access and every {months} months after that. "
    "The date and the kind of the training are recorded and shown to a source on request. Access lapses with the "
    "training.",
    parameters=(
        Parameter(
            "topics",
            "Subjects of the training",
            ParameterType.TEXT,
            help="For example: privacy, FERPA, secure handling.",
        ),
        Parameter("months", "Months until training is repeated", ParameterType.INTEGER, help="Twelve is usual."),
    ),
    discharges=("CGS 4-193(a)",),
    citation="CGS 4-193(a)",
)

C11 = ClauseVersion(
    "C11",
    1,
    "Authorized representative",
    "For the audit or evaluation of an education program supported by public funds, the source designates "
    "{representative} as its authorized representative. The representative receives only the personal information "
    "from education records that Schedule A lists, uses it only for the audit or evaluation described as the "
    "purpose, protects it from further disclosure, and destroys it when it is no longer needed for that purpose and "
    "within the time this {instrument} sets.",
    parameters=(
        Parameter(
            "representative",
            "Authorized representative",
            ParameterType.TEXT,
            help="The agency, office or individual that the source designates, other than its own employees.",
        ),
    ),
    discharges=("34 CFR 99.35(a)(3)",),
    citation="34 CFR 99.31(a)(3), 99.35(a)(3)",
)

C12 = ClauseVersion(
    "C12",
    1,
    "Method of transfer",
    "Data is read through the exchange, over an encrypted connection, by a registered client that proves possession "
    "of its key. Where a file has to be delivered, it travels by the State's approved secure file transfer, "
    "encrypted, and named so that the agreement and the request can be told from it. Data never travels by open "
    "e-mail. The recipient asks no more often than {queries_per_day}.",
    parameters=(
        Parameter(
            "queries_per_day",
            "Most queries in a day",
            ParameterType.INTEGER,
            required=False,
            help="Leave empty for no limit.",
            absent="its purpose requires",
        ),
    ),
    rule="rate",
    discharges=("20 CFR 603.10(b)",),
    citation="20 CFR 603.10(b), methods and timing of requests; State secure file transfer policy",
)

C13 = ClauseVersion(
    "C13",
    1,
    "Storage and location",
    "Data is kept only in {location}. It is not copied to or stored in any other location, device or service unless "
    "this {instrument} is amended to approve that location. Working copies and extracts are data and follow the "
    "same rule.",
    parameters=(
        Parameter(
            "location",
            "Approved location",
            ParameterType.TEXT,
            help="The system or place, its operator, and that it lies in the United States.",
        ),
    ),
    discharges=("CGS 4-67aa(4)", "CGS 4-67aa(5)"),
    citation="CGS 4-67aa(4), (5)",
)

C14 = ClauseVersion(
    "C14",
    1,
    "Security controls",
    "The data is handled at the {level} level of confidentiality under the State's data classification policy (FIPS "
    "199). It is encrypted in transit and at rest; access takes multi-factor authentication and follows least "
    "privilege; every access is logged and the logs are reviewed. {further} The recipient keeps its security "
    "program in writing and shows it to a source on request.",
    parameters=(
        Parameter(
            "level",
            "FIPS 199 confidentiality",
            ParameterType.CHOICE,
            choices=(("low", "low"), ("moderate", "moderate"), ("high", "high")),
            help="As the source has classified the data.",
        ),
        Parameter(
            "further",
            "Further controls",
            ParameterType.TEXT,
            required=False,
            help="For example IRS Publication 1075 or CJIS controls.",
            absent="No further controls are agreed.",
        ),
    ),
    discharges=("CGS 4-67aa(5)", "45 CFR 164.514(e)(4)(ii)(C)(2)", "20 CFR 603.9"),
    citation="CGS 4-67aa(5); OPM Data Classification Policy v1.1; IRS Publication 1075 where it applies (to be "
    "confirmed by counsel)",
    unverified=True,
)

C15 = ClauseVersion(
    "C15",
    1,
    "Linking and identifiers",
    "The data may be linked with {link}. Matching is done by {matcher}, on the identifiers needed for it and no "
    "others. Identifiers are replaced by synthetic ones before analysis, and the file that ties the two together is "
    "destroyed before anybody analyses the linked data. Any other linking is an amendment.",
    parameters=(
        Parameter(
            "link",
            "Datasets it may be linked with",
            ParameterType.DATASETS,
            required=False,
            help="Leave empty for none. A memorandum may say “any”.",
            absent="no other dataset",
            unbounded="the datasets that a data sharing agreement signed under this {instrument} names for it",
        ),
        Parameter(
            "matcher",
            "Who matches",
            ParameterType.TEXT,
            required=False,
            help="The party that performs the match.",
            absent="nobody, unless a dataset is named here",
        ),
    ),
    rule="link",
    citation="CGS 4-67n (access, link, analyze and share); P20 WIN practice",
)

C16 = ClauseVersion(
    "C16",
    1,
    "No re-identification and no contact",
    "The recipient does not identify, and does not try to identify, any person, household or business from the "
    "data, and does not contact any person the data describes. If an identity becomes known by accident, the "
    "recipient makes no use of it, tells nobody but the source, and tells the source at once.",
    discharges=("45 CFR 164.514(e)(4)(ii)(C)(5)", "34 CFR 99.31(a)(6)(iii)(C)(3)"),
    citation="45 CFR 164.514(e)(4); 34 CFR 99.31(a)(6)(iii)(C)(3)",
)

CLAUSES = (C08, C09, C10, C11, C12, C13, C14, C15, C16)
