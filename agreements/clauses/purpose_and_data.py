"""Clauses C01–C07: who agrees, for what purpose, on what legal basis, about which data."""

from __future__ import annotations

from agreements.clauses.parameters import Parameter, ParameterType
from agreements.clauses.version import ClauseVersion

C01 = ClauseVersion(
    "C01",
    1,
    "Parties and authority",
    "This {instrument} is made between {parties}. The parties share data by the power of CGS 4-67n (to be confirmed "
    "by counsel) and of the statutes that clause C04 names. Each party states that the official who signs for it has "
    "the power to bind it.\n\nA source party answers for the data it holds; it "
    "remains the originating agency of that data. A recipient party is bound for its employees and for everybody "
    "who works on its behalf. {parent}",
    rule="agencies",
    discharges=("CGS 4-67n",),
    citation="CGS 4-67n (memoranda of agreement between OPM and executive agencies; the power to share "
    "to be confirmed by counsel)",
    unverified=True,
)

C02 = ClauseVersion(
    "C02",
    1,
    "Definitions",
    "“Data” has the meaning of CGS 4-67o: statistical or factual information, in its final version, that an agency "
    "regularly creates or keeps in connection with its mission and that is reflected in a list, table, graph, chart "
    "or other form that is not narrative. Under a memorandum made by CGS 4-67n it does not include return and "
    "return information as CGS 12-15 defines them.\n\n“Protected data” is data whose public disclosure would "
    "violate law, endanger the public, hinder the operation of government or impose an undue burden. “Personal "
    "information” is any information that alone, or together with other available information, identifies a natural "
    "person. “Resultant data” is everything made from the data, such as linked files, tables and figures. “Breach” "
    "is any access, use, loss or disclosure that this {instrument} does not permit, and any breach of security as "
    "CGS 36a-701b defines it. “Business day” is a day on which the offices of the State are open. “The exchange” is "
    "the system operated by the Office of Policy and Management through which data is read under this {instrument} "
    "and which records each reading.",
    citation="CGS 4-67o; CGS 4-67n(a); CGS 36a-701b",
)

C03 = ClauseVersion(
    "C03",
    1,
    "Purpose",
    "The data may be used for {purposes}, and for no other purpose.\n\n{purpose}",
    parameters=(
        Parameter(
            "purposes",
            "Purpose codes",
            ParameterType.PURPOSES,
            help="Short codes by which requests name the purpose, such as chronic-absence-planning. A memorandum "
            "may say “any”.",
            unbounded="any purpose that is approved in a data sharing agreement signed under this {instrument}",
        ),
        Parameter(
            "purpose",
            "Purpose in words",
            ParameterType.TEXT,
            help="The question to be answered, and the program or policy it serves.",
        ),
    ),
    rule="purposes",
    discharges=("CGS 4-67aa(1)", "34 CFR 99.35", "34 CFR 99.31(a)(6)(iii)(C)", "45 CFR 164.514(e)(4)", "20 CFR 603.10"),
    citation="CGS 4-67aa(1)",
)

C04 = ClauseVersion(
    "C04",
    1,
    "Legal basis of each disclosure",
    "Each disclosure under this {instrument} rests on the following authority: {basis}\n\nFor education records the "
    "parties rely on {ferpa_exception}. Data under the following regimes is not shared under this {instrument} at "
    "all: {prohibited}. If a party comes to believe that a disclosure is not permitted by law, it says so in "
    "writing with the citation, and the disclosure stops until the question is settled.",
    parameters=(
        Parameter(
            "basis",
            "Authority for each dataset",
            ParameterType.TEXT,
            help="Cite the statute or rule, dataset by dataset.",
        ),
        Parameter(
            "ferpa_exception",
            "FERPA exception",
            ParameterType.CHOICE,
            choices=(
                ("none", "no exception, since no education record is shared"),
                ("audit-evaluation", "the audit and evaluation exception of 34 CFR 99.31(a)(3) and 99.35"),
                ("studies", "the studies exception of 34 CFR 99.31(a)(6)"),
                ("per-agreement", "the exception that each data sharing agreement signed under it names"),
            ),
            help="Which exception to the consent of the student or parent applies.",
        ),
        Parameter(
            "prohibited",
            "Regimes that may not be shared",
            ParameterType.REGIMES,
            required=False,
            help="Codes such as STATE-TAX or FTI.",
            absent="none beyond those that the law itself excludes",
        ),
    ),
    rule="regimes",
    discharges=("34 CFR 99.31", "42 CFR 2.52", "45 CFR 164.514(e)"),
    citation="34 CFR 99.31(a)(3), (a)(6); 42 CFR 2.52, 2.53; 45 CFR 164.514(e)",
)

C05 = ClauseVersion(
    "C05",
    1,
    "Limit of use",
    "The data is used only for the purposes of this {instrument}. Approval for one purpose is not approval for "
    "another, and data received for one request is not used for a second one. The data is not used to decide about, "
    "to investigate or to act against the persons it describes, unless the purpose stated above says so in terms.",
    rule="use",
    discharges=("CGS 4-67aa(1)", "34 CFR 99.31(a)(6)(iii)(C)(2)", "45 CFR 164.514(e)(4)(ii)(C)(1)"),
    citation="CGS 4-67aa(1)",
)

C06 = ClauseVersion(
    "C06",
    1,
    "Data elements",
    "The data is limited to {schedule}. A data element or a row that is not within that description is not shared. "
    "Adding a data element, a dataset or a row to it is an amendment and takes the signatures that this "
    "{instrument} took.",
    parameters=(
        Parameter(
            "schedule",
            "Schedule A: datasets, columns and rows",
            ParameterType.SCHEDULE,
            help="Choose each dataset, its columns and, if wanted, a row filter. A memorandum may say “any”.",
            unbounded="the data elements and rows that Schedule A of a data sharing agreement signed under this "
            "{instrument} lists",
        ),
    ),
    rule="columns",
    discharges=("20 CFR 603.10(b)", "34 CFR 99.35(a)(3)", "34 CFR 99.31(a)(6)(iii)(C)(1)"),
    citation="20 CFR 603.10(b); 34 CFR 99.35(a)(3)",
)

C07 = ClauseVersion(
    "C07",
    1,
    "Least data that answers the question",
    "The parties share the least detail that serves the purpose. The level of detail is {granularity}. {reason} A "
    "recipient that finds it needs less than Schedule A permits asks for less, and a source may review at any time "
    "whether less would serve.",
    parameters=(
        Parameter(
            "granularity",
            "Level of detail",
            ParameterType.CHOICE,
            choices=(
                ("record", "single records"),
                ("aggregate", "counts and other aggregates only; single records are not shared"),
            ),
            help="Whether single records may be read, or only aggregates.",
        ),
        Parameter(
            "reason",
            "Why this level is needed",
            ParameterType.TEXT,
            required=False,
            help="One or two sentences.",
            absent="No further reason is stated.",
        ),
    ),
    rule="granularity",
    discharges=("CGS 4-193(e)",),
    citation="CGS 4-193(e); 45 CFR 164.502(b), minimum necessary (to be confirmed by counsel)",
    unverified=True,
)

CLAUSES = (C01, C02, C03, C04, C05, C06, C07)
