"""Clauses C26–C36: how the agreement lasts, changes and ends, and what remains to be done afterwards."""

from __future__ import annotations

from agreements.clauses.parameters import Parameter, ParameterType
from agreements.clauses.version import ClauseVersion

C26 = ClauseVersion(
    "C26",
    1,
    "Suspension",
    "A source, or the Office of Policy and Management, may suspend all access at once, without prior notice, when "
    "it suspects that data is not safeguarded as agreed or is used outside the purpose. Access stops at that "
    "moment, also for a reading that is in progress. The party that suspends gives its reason in writing, and "
    "access resumes only when that party says so.",
    discharges=("20 CFR 603.10(a)",),
    citation="20 CFR 603.10(a)",
)

C27 = ClauseVersion(
    "C27",
    1,
    "Fees and costs",
    "{fees} No cost arises without an estimate in writing that the recipient has accepted.",
    parameters=(
        Parameter(
            "fees",
            "Fees",
            ParameterType.TEXT,
            required=False,
            help="Who pays what to whom.",
            absent="No fee is charged; each party bears its own costs.",
        ),
    ),
    discharges=("20 CFR 603.8",),
    citation="20 CFR 603, payment of costs (to be confirmed by counsel)",
    unverified=True,
)

C28 = ClauseVersion(
    "C28",
    1,
    "Term and renewal",
    "This {instrument} begins on {begins} and ends at the close of {ends}, Connecticut time. It begins only when "
    "every party has signed. The parties review it by {review}. It is not renewed by silence: a renewal is a new "
    "version that every party signs.",
    parameters=(
        Parameter("begins", "First day", ParameterType.DATE, help="The first day on which data may be read."),
        Parameter("ends", "Last day", ParameterType.DATE, help="The last day on which data may be read."),
        Parameter(
            "review",
            "Review by",
            ParameterType.DATE,
            required=False,
            help="Leave empty for the last day.",
            absent="the last day",
        ),
    ),
    rule="window",
    discharges=("34 CFR 99.31(a)(6)(iii)(C)(1)",),
    citation="34 CFR 99.31(a)(6)(iii)(C)(1), duration",
)

C29 = ClauseVersion(
    "C29",
    1,
    "Amendment",
    "This {instrument} is changed only in writing, by a new version that the same parties sign. Until then the "
    "version in force binds. A new purpose, dataset, data element or class of users is always an amendment.",
    citation="P20 WIN E-MOU, Appendices 3 and 4",
)

C30 = ClauseVersion(
    "C30",
    1,
    "Termination",
    "A party may end this {instrument} for its own convenience by {notice_days} days' written notice, and at once "
    "when another party has broken it or when the law no longer permits the disclosure. Access ends at the moment "
    "of termination. Duties of confidence, destruction, record-keeping and audit survive.",
    parameters=(Parameter("notice_days", "Days of notice", ParameterType.INTEGER, help="Thirty is usual."),),
    discharges=("20 CFR 603.10(a)",),
    citation="20 CFR 603.10(a)",
)

C31 = ClauseVersion(
    "C31",
    1,
    "Return or destruction",
    "Within {days} days after the end of this {instrument}, or as soon as the data is no longer needed for the "
    "purpose, whichever is earlier, the recipient destroys all data, copies and extracts by a method from which "
    "they cannot be restored, or returns them if the source asks for it. It certifies this on Exhibit F: what was "
    "destroyed, where, by what method, on what day, by whom and before which witness. Files made for matching are "
    "destroyed within five business days after the sources confirm the match.",
    parameters=(Parameter("days", "Days to destroy", ParameterType.INTEGER, help="Thirty is usual."),),
    discharges=("34 CFR 99.35(a)(3)", "34 CFR 99.31(a)(6)(iii)(C)(4)"),
    citation="34 CFR 99.31(a)(6)(iii)(C)(4); 34 CFR 99.35; NIST SP 800-88 (to be confirmed by counsel)",
    unverified=True,
)

C32 = ClauseVersion(
    "C32",
    1,
    "Retention of state records",
    "This {instrument}, its signatures, and the records of access and of destruction are state records and are kept "
    "as the State's schedules require. No state record is destroyed without the signed authorization (Form RC-108) "
    "of the Public Records Administrator. The destruction of a recipient's copies under this {instrument} is not "
    "the destruction of the source's record.",
    discharges=("CGS 11-8a",),
    citation="CGS 11-8a",
)

C33 = ClauseVersion(
    "C33",
    1,
    "Compliance with law, severability, governing law",
    "Nothing in this {instrument} permits a disclosure that the law forbids, and if the law changes the law "
    "prevails. If a provision is held invalid, the others remain in force. The law of Connecticut governs. No party "
    "waives sovereign immunity or any defense.",
    discharges=("CGS 4-67aa(7)",),
    citation="CGS 4-67aa(7), severability (to be confirmed by counsel)",
    unverified=True,
)

C34 = ClauseVersion(
    "C34",
    1,
    "Human subjects",
    "If the use of the data is research with human subjects, it begins only after approval or a determination of "
    "exemption by {board}, which is attached as Exhibit D, and it follows that approval. A lapse or a change of the "
    "approval is told to each source at once.",
    parameters=(
        Parameter(
            "board",
            "Institutional review board",
            ParameterType.TEXT,
            required=False,
            help="The board and its number for this protocol, if there is one.",
            absent="an institutional review board",
        ),
    ),
    discharges=("45 CFR 46", "42 CFR 2.52"),
    citation="45 CFR 46",
)

C35 = ClauseVersion(
    "C35",
    1,
    "Contacts and notices",
    "Each party keeps named contacts for data, law, security and the program: {contacts} A notice is given when it "
    "is sent in writing to the contact. A party tells the others of a change of contact within five business days.",
    parameters=(
        Parameter(
            "contacts",
            "Contacts",
            ParameterType.TEXT,
            required=False,
            help="Office, address and telephone of each contact.",
            absent="the agency data officer and the counsel of each party, as the exchange's directory lists them "
            "on that day.",
        ),
    ),
    citation="State data sharing playbook",
)

C36 = ClauseVersion(
    "C36",
    1,
    "Signatures",
    "Each official who signs states that he or she is authorized to do so and has read this {instrument} with its "
    "schedules and exhibits. Signatures are given electronically, by a person who has just proved his or her "
    "identity anew, over the fingerprint (SHA-256) of this text together with the permissions compiled from it. All "
    "parties sign the same fingerprint; a change of a single letter is a new version and takes new signatures.",
    discharges=("CGS 1-266",),
    citation="CGS 1-266 to 1-286, Connecticut Uniform Electronic Transactions Act (to be confirmed by counsel)",
    unverified=True,
)

CLAUSES = (C26, C27, C28, C29, C30, C31, C32, C33, C34, C35, C36)
